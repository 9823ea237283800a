"""The app in a real browser: one person's whole way (issue 24), and what must hold for every page."""

import json
import os

import pytest
from browsers import browser
from databases import sql
from page_checks import (LAYOUT_SHIFT, TRANSFER, check_contrast, check_focus_order, check_names, check_narrow)
from server import wait_until

PASSWORD = "correct horse battery staple"
# What the first visit loads, compressed, with its header fields.
FIRST_LOAD_BYTES_MAX = 60_000


@pytest.fixture
def email():
    return f"{os.urandom(6).hex()}@example.com"


def sessions(server):
    return sql(server, "select count(*) from sessions where sealed_stash is not null")


@pytest.mark.alone
def test_a_persons_whole_way(server, folder, email):
    downloads = folder / "downloads"
    downloads.mkdir()
    with browser(server.address, folder / "first") as first, browser(server.address, folder / "second") as second:
        # The first visit: small, without movement, and offline from then on.
        first.set_clock(days_ago=11)
        first.open()
        first.find("add-habit")
        loaded = first.script(TRANSFER)
        assert loaded["bytes"] < FIRST_LOAD_BYTES_MAX, loaded
        assert first.promise(LAYOUT_SHIFT) == 0
        first.promise("await navigator.serviceWorker.ready")

        # Twelve days without an account.
        first.add_habit("Read")
        for ago in reversed(range(12)):
            first.set_clock(ago)
            first.open()
            first.tap("Read")
        assert first.streak("Read") == 12 and first.attribute("status", "data-state") == "here"
        wait_until(lambda: sessions(server) != "0")
        # The server saw the session begin when its clock showed another time than this browser's.
        sql(server, "update sessions set anchor = anchor - interval '11 days' where anchor is not null")

        # What will count is told before, and is what comes.
        first.go("account")
        assert "12" in first.text("counts") and not first.has("counts-not")
        first.sign_up(email, PASSWORD)
        first.find("habit", name="Read")
        first.wait_saved()
        assert first.streak("Read") == 12

        # A second browser has the same, and both change the same note.
        second.open()
        second.sign_in(email, PASSWORD)
        second.find("habit", name="Read")
        second.wait_saved()
        assert second.streak("Read") == 12
        today = int(second.attribute("date", "data-day"))
        for each, note in ((first, "by the river"), (second, "in bed")):
            each.set_offline(True)
            each.click("open")
            each.find("calendar")
            each.set_day(today, note=note)
        for each in (first, second):
            each.set_offline(False)
            each.wait_saved()
        first.go("notices")
        first.find("notice", kind="note")
        shown = {first.text("kept-value"), first.text("other-value")}
        assert shown == {"by the river", "in bed"}
        first.click("take-both")
        first.wait_saved()
        first.until(lambda: not first.has("notice", kind="note"))

        # An offline day: the page opens, takes taps, and sends them later.
        second.go("today")
        second.set_offline(True)
        second.reload()
        second.add_habit("Walk")
        second.tap("Walk")
        second.until(lambda: second.attribute("status", "data-state") in ("offline", "sending"))
        second.set_offline(False)
        second.wait_saved()
        first.go("today")
        first.find("habit", name="Walk")

        # Export, checked before it is offered; import of another app's table.
        first.go("data")
        first.click("make-export")
        first.find("save-export")
        first.save_downloads(downloads)
        first.click("save-export")
        document = json.loads(wait_until(lambda: next(downloads.glob("streak-*.json"), None)).read_text())
        assert {habit["name"] for habit in document["habits"]} == {"Read", "Walk"}
        table = folder / "habits.csv"
        table.write_text("Date,Swim\n2026-01-05,1\n2026-01-06,1\n2026-01-07,0\n")
        first.find("file").send_keys(str(table))
        first.click("carry-out")
        first.find("imported")
        first.wait_saved()
        first.go("today")
        first.find("habit", name="Swim")
        second.until(lambda: second.has("habit", name="Swim"))

        # The end of the account, here and on the other device.
        first.go("account")
        first.click("delete-account")
        first.write("delete-email", email)
        first.click("delete-confirm")
        first.find("erased")
        assert not first.has("habit")
        second.until(lambda: second.has("erased") and not second.has("habit"), 20)
        for each in (first, second):
            assert [line for line in each.console() if not is_expected(line)] == []


def is_expected(line):
    """Chromium itself reports requests that found no network, and refused ones, as errors."""
    return "net::ERR_INTERNET_DISCONNECTED" in line or "the server responded with a status of 401" in line


@pytest.mark.alone
def test_every_page_can_be_read_and_used_by_keyboard(server, folder, email):
    with browser(server.address, folder / "profile") as page:
        page.open()
        page.find("add-habit")
        for check in (check_contrast, check_names, check_focus_order, check_narrow):
            check(page)
        page.add_habit("Read")
        page.tap("Read")
        places = ["today", "account", "settings", "data", "notices"]
        for is_signed_in in (False, True):
            if is_signed_in:
                page.sign_up(email, PASSWORD)
                page.find("habit", name="Read")
                page.wait_saved()
            for place in places:
                page.go(place)
                page.until(lambda: page.script("return document.querySelector('main h1') !== null"))
                for check in (check_contrast, check_names, check_focus_order, check_narrow):
                    check(page)
            page.go("today")
            page.click("open")
            page.find("calendar")
            for check in (check_contrast, check_names, check_focus_order, check_narrow):
                check(page)
        assert page.console() == []


@pytest.mark.alone
def test_a_forgetful_browser_gets_the_session_back(server, folder):
    with browser(server.address, folder / "profile") as page:
        page.open()
        page.add_habit("Read")
        page.tap("Read")
        page.until(lambda: page.driver.get_cookie("__Host-streak-session"), 20)
        cookie = page.driver.get_cookie("__Host-streak-session")
        assert cookie["httpOnly"] and cookie["secure"] and cookie["sameSite"] == "Strict" and cookie["path"] == "/"
        assert page.script("return document.cookie") == ""
        # The copy has the tap once the page says so.
        page.go("settings")
        page.until(lambda: "sealed copy" in page.text("state"), 60)
        page.wipe()
        page.open()
        page.find("habit", name="Read")
        assert page.streak("Read") == 1
        # Without the cookie it is another browser.
        page.wipe(cookies=True)
        page.open()
        page.find("add-habit")
        assert not page.has("habit")
        assert page.console() == []

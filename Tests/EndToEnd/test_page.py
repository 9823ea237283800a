"""The app in a real browser: one person's whole way (issue 24), and what must hold for every page."""

import json
import os
import re

import pytest
from browsers import browser
from databases import sql
from page_checks import (LAYOUT_SHIFT, TRANSFER, check_contrast, check_focus_order, check_names, check_narrow, check_page,
                         check_right_to_left)
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
        assert len(set(first.sign_up(email, PASSWORD))) == 8
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

        # A deletion is announced on every device, and any of them takes it back.
        first.go("account")
        first.click("delete-account")
        first.write("delete-email", email)
        first.write("delete-password", PASSWORD)
        first.click("delete-confirm")
        first.find("deletion")
        second.go("account")
        second.find("deletion")
        second.click("keep-account")
        second.until(lambda: not second.has("deletion"))

        # The end of the account, here and on the other device.
        first.click("delete-account")
        first.write("delete-email", email)
        first.write("delete-password", PASSWORD)
        first.click("delete-at-once")
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
        check_page(page)
        page.add_habit("Read")
        page.tap("Read")
        places = ["today", "account", "settings", "data", "notices"]
        for is_signed_in in (False, True):
            if is_signed_in:
                page.go("account")
                page.find("sign-up")
                page.enter(email, PASSWORD)
                page.find("recovery-codes")
                check_page(page)
                page.keep_codes()
                page.find("habit", name="Read")
                page.wait_saved()
            for place in [*places, "codes"] if is_signed_in else [*places, "forgot", "forgot/code", "forgot/device", "mail/forgot"]:
                page.go(*place.split("/"))
                page.until(lambda: page.script("return document.querySelector('main h1') !== null && location.hash === arguments[0]", f"#/{place}"))
                check_page(page)
            page.go("today")
            page.click("open")
            page.find("calendar")
            check_page(page)
        assert page.console() == []


@pytest.mark.alone
def test_a_forgotten_password_is_no_lost_account(server, folder, email):
    with browser(server.address, folder / "first") as first, browser(server.address, folder / "second") as second:
        first.open()
        first.add_habit("Read")
        first.tap("Read")
        codes = first.sign_up(email, PASSWORD)
        first.find("habit", name="Read")
        first.wait_saved()

        # Another device signs in by the digits that both show.
        second.open()
        second.go("account")
        second.click("switch")
        second.write_field("email", email)
        second.click("forgot-password")
        second.click("way-device")
        second.click("ask-submit")
        digits = second.text("approval-digits")
        first.go("account")
        first.find("approval", digits=digits)
        first.click("approve")
        second.find("habit", name="Read")
        second.wait_saved()
        assert second.streak("Read") == 1 and not first.has("approval")

        # A code signs in without any device, with a new password, and signs the others out.
        second.tap("Read")
        second.wait_saved()
        second.go("account")
        second.click("sign-out")
        second.until(lambda: not second.has("habit") and second.has("add-habit"))
        second.go("forgot", "code")
        second.find("recover")
        for name, text in (("email", email), ("code", "AAAAA-AAAAA"), ("fresh", "another horse battery")):
            second.write_field(name, text)
        second.click("recover-submit")
        second.find("failure")
        second.write_field("code", codes[3].lower().replace("-", " "))
        second.click("recover-submit")
        second.find("habit", name="Read")
        second.wait_saved()
        assert second.streak("Read") == 0
        first.until(lambda: first.attribute("status", "data-state") == "signIn", 60)

        # With the last code the page offers new ones.
        second.go("account")
        second.until(lambda: "7" in second.text("codes-left"))
        second.go("today")
        second.find("habit", name="Read")
        assert not second.has("few-codes")
        found = sql(server, f"select user_id from emails where email_key = '{email}'")
        sql(server, f"delete from recovery_codes where ctid in (select ctid from recovery_codes where user_id = '{found}' and used_at is null limit 6)")
        second.go("account")
        second.until(lambda: "1" in second.text("codes-left"))
        second.go("today")
        assert "1 recovery code is left" in second.text("few-codes")
        second.click("to-codes")
        second.find("codes-form")
        second.write_field("proof", "another horse battery")
        second.click("codes-submit")

        # The new codes are shown once; one of them proves the person where the password is needed.
        fresh = second.keep_codes()
        assert len(set(fresh) - set(codes)) == 8
        second.find("habit", name="Read")
        assert not second.has("few-codes")
        second.go("codes")
        second.find("codes-form")
        assert not second.has("recovery-codes")
        second.click("proof-switch")
        second.write_field("proof", fresh[0])
        second.click("codes-submit")
        assert set(second.keep_codes()).isdisjoint(fresh)
        for each in (first, second):
            assert [line for line in each.console() if not is_expected(line)] == []


@pytest.mark.alone
def test_each_check_of_a_page_finds_its_fault(server, folder):
    faults = {
        check_contrast: ".soft { color: #999 !important }",
        check_focus_order: ":focus-visible { outline: none !important }",
        check_narrow: ".card { min-width: 21rem !important }",
        check_right_to_left: "main p { text-align: left !important }",
    }
    with browser(server.address, folder / "profile") as page:
        page.open()
        page.add_habit("Read")
        page.find("habit", name="Read")
        check_page(page)
        for check, rule in faults.items():
            page.script("const sheet = new CSSStyleSheet(); sheet.replaceSync(arguments[0]); document.adoptedStyleSheets = [sheet]", rule)
            with pytest.raises(AssertionError):
                check(page)
            page.script("document.adoptedStyleSheets = []")
            check(page)
        # A stop of the tab key out of order, and a button without a name.
        page.script("document.querySelector('[data-test=add]').tabIndex = 1")
        with pytest.raises(AssertionError):
            check_focus_order(page)
        page.script("document.querySelector('[data-test=add]').removeAttribute('tabindex'); document.querySelector('[data-test=tap]').removeAttribute('aria-label')")
        with pytest.raises(AssertionError):
            check_names(page)
        # Something that pushes the rest down, without a person's input.
        page.open()
        page.find("habit", name="Read")
        assert page.promise(LAYOUT_SHIFT) == 0
        page.script("const each = document.createElement('p'); each.textContent = 'pushed'; document.querySelector('main').prepend(each)")
        page.until(lambda: page.promise(LAYOUT_SHIFT) > 0)


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


@pytest.mark.alone
def test_a_database_that_the_browser_takes_away_is_opened_anew(server, folder):
    with browser(server.address, folder / "profile") as page:
        page.open()
        page.add_habit("Read")
        page.find("habit", name="Read")
        # iOS ends the process that holds the database. The handle is dead; the tap is stored all
        # the same.
        page.script("const { transaction } = IDBDatabase.prototype; window.deaths = 0;"
                    "IDBDatabase.prototype.transaction = function (...parts) {"
                    "  IDBDatabase.prototype.transaction = transaction; window.deaths += 1; this.close(); return transaction.apply(this, parts); }")
        page.tap("Read")
        assert page.script("return window.deaths") == 1
        page.reload()
        assert page.streak("Read") == 1
        assert page.console() == []


@pytest.mark.alone
def test_every_page_opens_offline_after_the_first_visit(server, folder):
    with browser(server.address, folder / "profile") as page:
        page.open()
        page.find("add-habit")
        page.promise("await navigator.serviceWorker.ready")
        page.set_offline(True)
        page.open()
        page.add_habit("Read")
        page.tap("Read")
        for language in ("de", "en"):
            page.go("settings")
            page.until(lambda: page.script("const each = document.getElementById('language'); if (!each) return false;"
                                           "each.value = arguments[0]; each.dispatchEvent(new Event('change')); return true", language))
            page.until(lambda: page.script("return document.documentElement.lang") == language)
            for place in ("account", "forgot", "forgot/code", "mail/forgot", "settings", "data", "notices", "migrate", "codes", "today"):
                page.go(*place.split("/"))
                page.until(lambda: page.script("return document.querySelector('main h1')?.checkVisibility() && document.getElementById('toast').innerText === ''"))
                # Every text is there, and not its key.
                assert not re.search(r"\b[a-z]+(\.[a-zA-Z]+)+\b", page.script("return document.getElementById('main').innerText").replace("e.g.", ""))
        page.click("open")
        page.find("calendar")
        assert [line for line in page.console() if not is_expected(line)] == []


@pytest.mark.alone
def test_a_page_without_https_says_what_it_cannot_do(server, folder):
    host = f"insecure.example:{server.port}"
    with browser(host, folder / "profile", "--host-resolver-rules=MAP insecure.example 127.0.0.1") as page:
        page.open()
        page.find("insecure")
        assert not page.script("return isSecureContext")
        page.add_habit("Read")
        page.tap("Read")
        page.reload()
        assert page.streak("Read") == 1
        page.go("account")
        page.find("insecure")
        assert not page.has("sign-up") and not page.has("sign-in")
        # Chromium reports that it ignores the field on such an origin.
        assert [line for line in page.console() if "Cross-Origin-Opener-Policy header has been ignored" not in line] == []

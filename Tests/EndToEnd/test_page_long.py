"""The page under what browsers do to it: tabs killed at random, the network cut at every request,
storage wiped between visits; and in other browsers. Run by scripts/check --long."""

import base64
import contextlib
import datetime
import json
import os
import random
import shutil
import time
import zoneinfo

import pytest
from browsers import browser
from databases import sql
from firefox import Firefox
from request_cutter import RequestCutter
from scripted_page import selector
from server import Server
from tap_times import tap_times
from webkit import WebKit

pytestmark = pytest.mark.alone
PASSWORD = "correct horse battery staple"
TABS = 8
TAPS = 1_000
TAPS_PER_ROUND = 50
# Longest time of a round of one tab, on a machine with much else to do.
ROUND_SECONDS = 300
MEASURED_TAPS = 40
SEED = 24
# A call that is cut is repeated by the page; a sync that failed comes back within this time.
REPEAT_SECONDS = 90


@pytest.fixture
def email():
    return f"{os.urandom(6).hex()}@example.com"


@pytest.fixture
def report(capfd):
    """Prints a figure that no test asserts."""
    def show(text):
        with capfd.disabled():
            print(text, flush=True)
    return show


def user(server, email):
    return sql(server, f"select user_id from emails where email_key = '{email}'")


# Tabs

# Taps days of a tab's own habit, one after the other, through the page's modules, as buttons do.
# `window.acknowledged` is what a person has seen as done.
TAPPER = """
const [habit, first, count, today] = [%s, %d, %d, %d];
const [{ Store }, { Client }, { systemClock }] = await Promise.all([import("/modules/store.js"), import("/modules/client.js"), import("/modules/clock.js")]);
window.client ??= new Client({ store: new Store(), clock: systemClock, wake: () => new BroadcastChannel("streakd").postMessage({ type: "wake" }) });
for (let number = first; number < first + count; number += 1) {
  await window.client.tap(habit, true, { day: today - number });
  window.acknowledged = number + 1;
}
"""


def test_taps_in_eight_tabs_that_are_killed_at_random_are_neither_lost_nor_doubled(server, folder, email, report):
    chance = random.Random(SEED)
    with browser(server.address, folder / "profile") as page:
        page.open()
        for name in ("Measured", *(f"Tab {number}" for number in range(TABS))):
            page.add_habit(name)
        page.sign_up(email, PASSWORD)
        page.wait_saved()
        page.go("today")
        report(f"a tap in an account without a history: {tap_times(page, MEASURED_TAPS)}")
        measured, *habits = page.until(lambda: page.script(
            "return [...document.querySelectorAll('[data-test=habit] [data-test=open]')].map((each) => decodeURIComponent(each.hash.split('/')[2]))"))
        assert len(habits) == TABS
        today = int(page.attribute("date", "data-day"))
        driver = page.driver
        done = [0] * TABS
        tabs = {0: driver.current_window_handle}

        def show(tab):
            if tab not in tabs:
                driver.switch_to.window(next(iter(tabs.values())))
                driver.switch_to.new_window("tab")
                tabs[tab] = driver.current_window_handle
                page.open()
            driver.switch_to.window(tabs[tab])

        kills = 0
        begun = time.monotonic()
        while min(done) < TAPS:
            report(f"{sum(done)} taps, {time.monotonic() - begun:.0f} s")
            for tab in range(TABS):
                if done[tab] >= TAPS:
                    continue
                show(tab)
                count = min(TAPS_PER_ROUND, TAPS - done[tab])
                # Not waited for: the tab may die in the middle of it.
                page.script(f"window.acknowledged = {done[tab]}; (async () => {{ {TAPPER % (json.dumps(habits[tab]), done[tab], count, today)} }})()"
                            ".catch((error) => { window.tapError = String(error); })")
                if chance.random() < 0.25 and len(tabs) > 1:
                    driver.execute_script("return new Promise((resolve) => setTimeout(resolve, arguments[0]))", chance.randrange(30))
                    done[tab] = page.script("return window.acknowledged")
                    driver.close()
                    del tabs[tab]
                    kills += 1
                else:
                    wanted = done[tab] + count
                    done[tab] = page.until(lambda: page.script("if (window.tapError) throw window.tapError; return window.acknowledged") == wanted and wanted, ROUND_SECONDS)
        assert kills > 20, kills
        report(f"{TABS} tabs x {TAPS:,} taps, {kills} tabs killed: {time.monotonic() - begun:.0f} s")
        show(0)
        page.open()
        page.wait_saved(seconds=REPEAT_SECONDS)
        report(f"everything is sent: {time.monotonic() - begun:.0f} s")
        found = user(server, email)
        for habit in habits:
            identifier = base64.b64decode(habit).hex()
            rows = sql(server, f"select count(*), count(*) filter (where done), min(day), max(day) from cells where user_id = '{found}' and habit_id = '{identifier}'")
            assert rows == f"{TAPS}|{TAPS}|{today - TAPS + 1}|{today}", rows
        # No day was stated twice, and all tabs were one device.
        measured = base64.b64decode(measured).hex()
        assert sql(server, f"select count(*) from cell_history where user_id = '{found}' and habit_id <> '{measured}'") == "0"
        assert sql(server, f"select count(*) from devices where user_id = '{found}'") == "1"
        assert sql(server, f"select count(*) from notices where user_id = '{found}'") == "0"
        report(f"a tap beside a history of {TABS * TAPS:,} days: {tap_times(page, MEASURED_TAPS)}")
        assert page.console() == []


# The network

@pytest.mark.parametrize("where", ["before", "after"])
def test_the_network_may_be_cut_at_every_request_of_a_sign_up_and_of_a_sync(server, folder, where):
    with RequestCutter(server.port) as cutter, browser(cutter.address, folder / "profile") as page:
        number = 0
        while True:
            number += 1
            email = f"{os.urandom(6).hex()}@example.com"
            cutter.cut(0, "")
            page.open()
            page.add_habit("Read")
            page.tap("Read")
            page.go("settings")
            page.until(lambda: "sealed copy" in page.text("state"), REPEAT_SECONDS)
            # When: the call with this number of the sign-up, and of what follows it, is cut.
            cutter.cut(number, where)
            page.go("account")
            page.find("sign-up")
            page.enter(email, PASSWORD)

            def is_in():
                if page.has("failure") and page.has("sign-up"):
                    # The person tries again, with the same address.
                    page.click("enter")
                if page.has("recovery-codes"):
                    page.click("codes-done")
                return page.has("habit", name="Read") and page.attribute("status", "data-state") == "everywhere"
            page.until(is_in, REPEAT_SECONDS)
            made = list(cutter.calls)
            # Then: there is one account, with the one day, and nothing twice.
            found = user(server, email)
            assert found.count("\n") == 0 and found, email
            assert sql(server, f"select count(*), count(*) filter (where done) from cells where user_id = '{found}'") == "1|1"
            assert sql(server, f"select count(*) from habits where user_id = '{found}'") == "1"
            assert page.streak("Read") == 1

            # The same for a sync.
            cutter.cut(number, where)
            page.tap("Read")
            page.tap("Read")
            page.add_habit("Walk")
            page.until(lambda: page.attribute("status", "data-state") == "everywhere" and cell_counts(server, found) == "2|1", REPEAT_SECONDS)
            synced = list(cutter.calls)
            cutter.cut(0, "")
            page.wipe(cookies=True)
            if len(made) < number and len(synced) < number:
                break
        assert number > 2, made


def cell_counts(server, found):
    """Habits, and days that are done."""
    return sql(server, f"select (select count(*) from habits where user_id = '{found}'), (select count(*) from cells where user_id = '{found}' and done)")


# The server

def test_a_server_that_is_away_is_told_calmly_and_its_return_too(database, folder, email):
    name = database.rpartition("=")[2]
    with contextlib.ExitStack() as servers:
        server = servers.enter_context(Server(database=database))
        listen = ("--listen", server.address)
        page = servers.enter_context(browser(server.address, folder / "profile"))
        page.open()
        page.promise("await navigator.serviceWorker.ready")
        page.add_habit("Read")
        page.sign_up(email, PASSWORD)
        page.find("habit", name="Read")
        page.wait_saved()

        def check_away():
            """The page says since when, what is safe, and nothing else; it takes taps and opens."""
            taps = page.streak("Read")
            page.tap("Read")
            page.wait_saved("offline", REPEAT_SECONDS)
            assert page.streak("Read") == 1 - taps
            assert page.text("status").startswith("Offline since")
            assert page.script("return document.getElementById('toast').innerText") == ""
            page.go("settings")
            page.until(lambda: "It is sent as soon as the server can be reached" in page.text("state"))
            page.go("account")
            page.click("sync")
            page.find("signed-in")
            page.wait_saved("offline")
            assert page.script("return document.getElementById('toast').innerText") == ""
            page.go("today")
            page.find("habit", name="Read")

        def check_back(done):
            page.wait_saved(seconds=REPEAT_SECONDS)
            assert sql(database, "select count(*), count(*) filter (where done) from cells") == f"1|{done}"
            assert page.streak("Read") == done

        # The machine is not there. The page opens all the same.
        server.kill()
        check_away()
        page.reload()
        page.wait_saved("offline", REPEAT_SECONDS)
        assert page.streak("Read") == 1
        servers.enter_context(Server(database=database, arguments=listen))
        check_back(done=1)

        # The machine is there, and answers that its storage is not.
        sql(database, f"alter database {name} set default_transaction_read_only = on")
        sql(database, f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}' and pid <> pg_backend_pid()")
        check_away()
        sql(database, f"begin; set transaction read write; alter database {name} set default_transaction_read_only = off; commit")
        sql(database, f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}' and pid <> pg_backend_pid()")
        check_back(done=0)


# Clocks and zones

def test_a_person_who_travels_keeps_the_streak_in_every_zone(server, folder, email):
    """Westward around the Earth in a week, from one side of the date line to the other."""
    zones = ["Pacific/Auckland", "Asia/Tokyo", "Asia/Kathmandu", "Europe/Berlin", "America/St_Johns", "America/New_York", "Pacific/Honolulu"]
    with browser(server.address, folder / "profile") as page:
        taps = 0
        for ago, zone in zip(reversed(range(len(zones))), zones):
            page.set_clock(ago)
            page.set_zone(zone)
            page.open()
            if taps == 0:
                page.add_habit("Read")
            page.find("habit", name="Read")
            offset = datetime.datetime.now(zoneinfo.ZoneInfo(zone)).utcoffset()
            assert page.script("return new Date().getTimezoneOffset()") == -offset.total_seconds() / 60
            # The day that the page shows is the zone's own.
            shown = int(page.attribute("date", "data-day"))
            assert shown == page.script(
                "const parts = new Intl.DateTimeFormat('en-CA', { dateStyle: 'short' }).format(Date.now()); return Date.parse(parts + 'T00:00Z') / 86400000")
            if not page.script("return document.querySelector('[data-test=tap]').getAttribute('aria-pressed') === 'true'"):
                page.tap("Read")
                taps += 1
            assert page.streak("Read") == taps, zone
        # The days were up to 23 hours longer in sum: one date may have come twice.
        assert taps >= len(zones) - 1
        # The server saw the session begin when its clock showed another time than this browser's.
        page.go("settings")
        page.until(lambda: "sealed copy" in page.text("state"), REPEAT_SECONDS)
        sql(server, "update sessions set anchor = anchor - interval '7 days' where anchor is not null")
        page.sign_up(email, PASSWORD)
        page.find("habit", name="Read")
        page.wait_saved()
        assert page.streak("Read") == taps
        found = user(server, email)
        assert sql(server, f"select count(*) from cells where user_id = '{found}' and done") == str(taps)
        page.click("open")
        page.click("why-open")
        page.until(lambda: "same" in page.text("why-server"))
        assert page.console() == []


# No room

def test_a_tap_for_which_there_is_no_room_is_told_and_not_shown(server, folder):
    with browser(server.address, folder / "profile") as page:
        page.open()
        page.add_habit("Read")
        page.find("habit", name="Read")
        page.set_quota(1)

        # Chromium uses for some seconds the room that it has found before.
        def is_told():
            before = page.streak("Read")
            page.script("document.querySelector('[data-test=habit] [data-test=tap]').click()")
            page.until(lambda: page.streak("Read") != before or page.attribute("status", "data-state") == "broken")
            return page.attribute("status", "data-state") == "broken" and page.streak("Read") == before
        page.until(is_told, REPEAT_SECONDS)
        kept = page.streak("Read")
        assert "not saved" in page.script("return document.getElementById('toast').innerText")
        page.reload()
        assert page.streak("Read") == kept
        # With room again, the next tap is stored.
        page.set_quota(None)

        def is_stored():
            page.script("document.querySelector('[data-test=habit] [data-test=tap]').click()")
            return page.streak("Read") != kept
        page.until(is_stored, REPEAT_SECONDS)
        assert page.attribute("status", "data-state") != "broken"
        page.reload()
        assert page.streak("Read") != kept
        assert page.console() == []


# Wiped storage

def test_storage_that_is_wiped_between_visits_comes_back_with_the_streak(server, folder):
    days = 10
    with browser(server.address, folder / "profile") as page:
        for ago in reversed(range(days)):
            page.set_clock(ago)
            page.open()
            if ago == days - 1:
                page.add_habit("Read")
            page.find("habit", name="Read")
            page.tap("Read")
            assert page.streak("Read") == days - ago
            page.go("settings")
            page.until(lambda: "sealed copy" in page.text("state"), REPEAT_SECONDS)
            page.wipe()
        page.set_clock(0)
        page.open()
        page.find("habit", name="Read")
        assert page.streak("Read") == days
        assert page.console() == []


# Other browsers

@pytest.mark.parametrize("kind", [
    pytest.param(Firefox, marks=pytest.mark.skipif(not shutil.which("firefox-esr"), reason="no Firefox")),
    pytest.param(WebKit, marks=pytest.mark.skipif(not shutil.which("WebKitWebDriver"), reason="no WebKitGTK"))])
def test_another_browser_keeps_signs_up_and_shares_every_day(server, folder, email, kind):
    with kind(server.address, folder / "first") as first, kind(server.address, folder / "second") as second:
        first.open()
        first.find("add-habit")
        first.add_habit("Read")
        first.tap("Read")
        assert first.streak("Read") == 1
        # The days survive the page, and its storage where the browser keeps the cookie.
        first.open()
        first.find("habit", name="Read")
        if kind is Firefox:
            first.go("settings")
            first.until(lambda: "sealed copy" in first.text("state"), REPEAT_SECONDS)
            first.wipe()
            first.open()
            first.find("habit", name="Read")
            assert first.streak("Read") == 1
        first.sign_up(email, PASSWORD)
        first.find("habit", name="Read")
        first.wait_saved()
        second.open()
        second.sign_in(email, PASSWORD)
        second.find("habit", name="Read")
        assert second.streak("Read") == 1
        # What one enters, the other shows.
        second.add_habit("Walk")
        second.tap("Walk")
        second.wait_saved()
        first.find("habit", name="Walk")
        first.until(lambda: first.streak("Walk") == 1)
        first.go("data")
        first.click("make-export")
        assert first.attribute("save-export", "download").endswith(".json")
        first.go("account")
        first.click("delete-account")
        first.put(selector("delete-email"), email)
        first.put(selector("delete-password"), PASSWORD)
        first.click("delete-at-once")
        first.click("delete-confirm")
        first.find("erased")
        second.find("erased")
        assert [line for each in (first, second) for line in each.problems if "401" not in line] == []

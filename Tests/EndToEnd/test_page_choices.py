"""What the page tells a person and lets the person choose (issue 24), in Chromium: a migration with its
preview, a healed streak, rejected operations, unsent days at a sign-out; and what makes it sync at once."""

import os

import pytest
from browsers import browser
from databases import sql

pytestmark = pytest.mark.alone
PASSWORD = "correct horse battery staple"


@pytest.fixture
def email():
    return f"{os.urandom(6).hex()}@example.com"


def signed_up(page, email):
    page.open()
    page.add_habit("Read")
    page.tap("Read")
    page.sign_up(email, PASSWORD)
    page.find("habit", name="Read")
    page.wait_saved()
    return int(page.attribute("date", "data-day"))


def signed_in(page, email):
    page.open()
    page.sign_in(email, PASSWORD)
    page.find("habit", name="Read")
    page.wait_saved()


def note_day(page, day, note=None):
    page.click("open")
    page.find("calendar")
    page.set_day(day, note=note)
    page.go("today")


def test_days_of_a_device_go_into_an_account_as_the_preview_says(server, folder, email):
    with browser(server.address, folder / "first") as first, browser(server.address, folder / "second") as second:
        today = signed_up(first, email)
        note_day(first, today, "by the river")
        first.wait_saved()
        # given: a device with days of its own: one conflicts, one is new, and another habit
        second.open()
        second.add_habit("Read")
        second.tap("Read")
        note_day(second, today, "in bed")
        note_day(second, today - 1)
        second.add_habit("Walk")
        second.tap("Walk")
        second.sign_in(email, PASSWORD)
        # then: the plan pairs the habits by name, and shows what comes and what conflicts
        second.find("planned", match="HABIT_MATCH_NAME")
        second.find("planned", match="HABIT_MATCH_NEW")
        assert "1 " in second.text("migrate.daysConflicting")
        assert "1 now, 2 then" in second.text("migrate.streak")
        assert second.has("planned") and not first.has("habit", name="Walk")
        # when: it is carried out
        second.until(lambda: second.script("return !document.querySelector('[data-test=migrate]').disabled"))
        second.click("migrate")
        second.find("habit", name="Walk")
        second.wait_saved()
        # then: it is what was told, on both devices, and the conflict is a choice
        first.until(lambda: first.has("habit", name="Walk") and first.streak("Read") == 2)
        assert second.streak("Read") == 2
        first.go("notices")
        first.find("notice", kind="note")
        assert {first.text("kept-value"), first.text("other-value")} == {"by the river", "in bed"}
        first.click("keep-value")
        first.until(lambda: not first.has("notice"))
        assert first.console() == second.console() == []


def test_a_healed_streak_is_told(server, folder, email):
    with browser(server.address, folder / "first") as first, browser(server.address, folder / "second") as second:
        today = signed_up(first, email)
        note_day(first, today - 2)
        first.wait_saved()
        assert first.streak("Read") == 1
        signed_in(second, email)
        note_day(second, today - 1)
        second.wait_saved()
        first.until(lambda: first.streak("Read") == 3)
        first.go("notices")
        assert "closed a gap. The streak is 3 days now." in first.text("notice", kind="streak_healed")
        first.click("seen")
        first.until(lambda: not first.has("notice"))
        first.wait_saved()
        second.until(lambda: second.streak("Read") == 3)
        assert first.console() == second.console() == []


def test_a_rejected_day_is_listed_with_its_reason(server, folder, email):
    with browser(server.address, folder / "profile") as page:
        signed_up(page, email)
        # given: a day that the server does not accept, by a clock that is two days ahead
        page.set_clock(-2)
        page.open()
        page.tap("Read")
        page.go("notices")
        page.find("rejected")
        assert page.attribute("rejected-operation", "data-reason") in ("CLOCK_SKEW", "FUTURE_DAY")
        assert "Read" in page.text("rejected-operation")
        page.script("document.querySelector('[data-test=rejected-operation] button').click()")
        page.until(lambda: not page.has("rejected"))
        assert page.console() == []


def test_a_sign_out_warns_of_days_that_are_not_sent(server, folder, email):
    with browser(server.address, folder / "profile") as page:
        signed_up(page, email)
        page.set_offline(True)
        page.tap("Read")
        page.go("account")
        page.click("sign-out")
        # A person who does not go on loses nothing.
        assert "1" in page.text("dialog")
        page.script("document.querySelector('dialog').close()")
        page.until(lambda: not page.has("dialog"))
        assert page.has("signed-in")
        page.set_offline(False)
        page.wait_saved()
        page.click("sign-out")
        page.until(lambda: page.has("add-habit") and not page.has("habit"))
        assert [line for line in page.console() if "net::ERR_INTERNET_DISCONNECTED" not in line] == []


SYNCS = "return performance.getEntriesByType('resource').filter((entry) => entry.name.endsWith('/streak.v1.SyncService/Sync')).length"


@pytest.mark.parametrize("event", [
    "dispatchEvent(new Event('online'))", "document.dispatchEvent(new Event('visibilitychange'))"], ids=["online", "visibilitychange"])
def test_the_page_syncs_at_once_when_the_network_or_the_person_returns(server, folder, email, event):
    with browser(server.address, folder / "profile") as page:
        signed_up(page, email)
        # At the start, too: a page that is opened syncs without a tap.
        page.open()
        page.wait_saved()
        page.until(lambda: page.script(SYNCS) > 0)
        found = sql(server, f"select user_id from emails where email_key = '{email}'")
        assert sql(server, f"select count(*) from devices where user_id = '{found}'") == "1"
        before = page.script(SYNCS)
        page.script(event)
        page.until(lambda: page.script(SYNCS) > before, 10)
        assert page.console() == []


def test_the_browser_is_asked_once_to_keep_what_is_stored(server, folder):
    with browser(server.address, folder / "profile") as page:
        page.open()
        page.add_habit("Read")
        page.script("window.asked = 0; navigator.storage.persist = async () => { window.asked += 1; return true; }")
        for _ in range(3):
            page.tap("Read")
        assert page.script("return window.asked") == 1
        assert page.console() == []


def test_a_browser_that_has_forgotten_its_account_says_that_there_was_one(server, folder, email):
    with browser(server.address, folder / "profile") as page:
        page.open()
        page.add_habit("Read")
        page.tap("Read")
        page.go("settings")
        page.until(lambda: "sealed copy" in page.text("state"), 60)
        page.sign_up(email, PASSWORD)
        page.find("habit", name="Read")
        page.wait_saved()
        # when: the browser clears what the page has stored, and keeps the cookie
        page.wipe()
        page.open()
        # then: it is said, also later, when the server does not say it any more
        assert "You had an account here" in page.text("forgot")
        assert page.driver.get_cookie("__Host-streak-session") is None
        page.reload()
        page.find("forgot")
        signed_in(page, email)
        assert page.streak("Read") == 1 and not page.has("forgot")
        # A refusal that the browser itself reports.
        assert [line for line in page.console() if "TakeStash" not in line] == []

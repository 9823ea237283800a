"""kill -9 of the app at random moments, while it taps, syncs and watches: every entry that it has
acknowledged is there, once."""

import os
import random
import statistics
import subprocess
import time

from app import App, iso
from operator_tools import sql
from person import today
from server import Server

# 1,000 with scripts/check --long.
KILLS = 60 if os.environ.get("STREAKD_SEED_FACTOR") is None else 1_000
DAYS = 30


def test_no_tap_is_lost_or_doubled(folder):
    seed = int(os.environ.get("STREAKD_SEED", random.randrange(1 << 32)))
    choice = random.Random(seed)
    with Server(folder=folder) as server:
        phone = App(folder / "phone", server)
        habits = [f"h{number:02}" for number in range(KILLS // DAYS + 1)]
        for habit in habits:
            phone.run("habit", "add", habit, "--offline")
        # Each day of each habit is tapped once, so that any second one was doubled.
        cells = [(habit, today() - ago) for ago in range(DAYS) for habit in habits]
        choice.shuffle(cells)
        email = f"{os.urandom(8).hex()}@example.com"
        told, tapped = set(), set()
        watching = None
        usual = statistics.median(timed(lambda: phone.run("habit", "list")) for _ in range(5))
        begun = time.monotonic()
        for number in range(KILLS):
            if number == KILLS // 3:
                phone.sign_up(email)
            if number >= KILLS // 3 and number % 20 == 0:
                if watching:
                    watching.kill()
                    watching.communicate()
                watching = phone.start("sync", "--watch")
            if choice.random() < 0.75 or number < KILLS // 3:
                habit, day = cells.pop()
                tapped.add((habit, day))
                victim = phone.start("done", habit, "--on", iso(day), "--note", f"n{number}")
            else:
                habit = None
                victim = phone.start("sync")
            # So that some are killed before they have begun, many during their work, some after it.
            try:
                victim.wait(choice.uniform(0, 4 * usual))
            except subprocess.TimeoutExpired:
                pass
            victim.kill()
            said, _ = victim.communicate()
            if habit and said.endswith("\n"):
                told.add((habit, day))
        if watching:
            watching.kill()
            watching.communicate()
        phone.run("sync")
        tablet = App(folder / "tablet", server)
        tablet.log_in(email)
        user = "(SELECT user_id FROM users WHERE email = '" + email + "')"
        rows = sql(folder / "data", f"""
            SELECT habits.name, cells.day, cells.done FROM cells JOIN habits USING (user_id, habit_id) WHERE user_id = {user}""").splitlines()
        found = {(row.split("|")[0], int(row.split("|")[1])) for row in rows}
        assert len(rows) == len(found) and all(row.endswith("|t") for row in rows)
        assert told <= found, f"seed {seed}: lost {told - found}"
        assert found <= tapped, f"seed {seed}: nobody tapped {found - tapped}"
        # After the sign-up each tap was sent once: numbers without gaps, and no tap with two
        # numbers.
        doubled = sql(folder / "data", f"""
            SELECT count(*), count(DISTINCT seq), coalesce(max(seq), 0) FROM operations WHERE user_id = {user}""")
        count, distinct, last = map(int, doubled.split("|"))
        migrated = int(sql(folder / "data", f"""SELECT count(*) FROM cells WHERE user_id = {user}
            AND source_id IN (SELECT migration_id FROM migrations WHERE user_id = {user})"""))
        assert count == distinct == last == len(found) - migrated, f"seed {seed}: {doubled}, {len(found)} found, {migrated} migrated"
        print(f"{KILLS} kills in {time.monotonic() - begun:.0f} s: {len(tapped)} taps begun, {len(told)} told, {len(found)} recorded")


def timed(body) -> float:
    """Seconds."""
    begun = time.monotonic()
    body()
    return time.monotonic() - begun

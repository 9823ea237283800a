"""A new user's journey: an anonymous session, an account, days, history, export, another sign-in."""

import hashlib
import json
import os
import pathlib
import sqlite3

import pytest
from google.protobuf import json_format
from person import Person, captured_session, local_time, today
from streak.v1 import account_pb2, common_pb2, export_pb2, migration_pb2, session_pb2, streak_pb2

PROJECT = pathlib.Path(__file__).resolve().parents[2]
REAL = PROJECT.parent / "shared" / "data" / "loop.db"
WINDOW_DAYS = 30
MIDNIGHT_STEP = 86_400_000


def make_database(path):
    """A small database in the format of a well-known habit tracker: days as UTC midnights in
    milliseconds."""
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE Habits (Id INTEGER PRIMARY KEY, archived INTEGER, color INTEGER, description TEXT,"
                         " name TEXT, position INTEGER)")
        database.execute("CREATE TABLE Repetitions (Id INTEGER PRIMARY KEY, habit INTEGER, timestamp INTEGER)")
        runs = {
            ("Wake up early", 0): [*range(100, 141), *range(143, 181)],  # a gap, then 38 days up to the last
            ("Stretch 🧘", 0): [150, 151, 152, 170, 171, 178, 179],  # ends the day before the last
            ("Café without sugar", 0): [120, 121, 177],  # broken
            ("Old habit", 1): [10, 11, 12],  # archived, long ago
            ("Never done", 0): [],
        }
        for position, ((name, archived), days) in enumerate(runs.items()):
            database.execute("INSERT INTO Habits VALUES (?, ?, ?, ?, ?, ?)",
                             (position + 1, archived, 0x336699, f"About {name}", name, position))
            database.executemany("INSERT INTO Repetitions (habit, timestamp) VALUES (?, ?)",
                                 [(position + 1, (17_000 + day) * MIDNIGHT_STEP) for day in days])
    return path


def read_database(path):
    """The captured habits, and the days of each, shifted so that the last one is today."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        last, = database.execute("SELECT max(timestamp) FROM Repetitions").fetchone()
        shift = today() - last // MIDNIGHT_STEP
        habits, days = [], {}
        rows = database.execute("SELECT Id, name, coalesce(description, ''), archived, position FROM Habits ORDER BY Id")
        for number, name, description, archived, position in rows.fetchall():
            habit = common_pb2.Habit(id=os.urandom(16), name=name, description=description, archived=bool(archived),
                                     position=position, color=number)
            habits.append(habit)
            found = database.execute("SELECT timestamp FROM Repetitions WHERE habit = ?", (number,))
            days[habit.id] = sorted({timestamp // MIDNIGHT_STEP + shift for timestamp, in found})
    return habits, days


def expected_streak(days, now):
    """Current, longest, total and last day, counted day by day."""
    days, longest, current, run = set(days), 0, 0, 0
    for day in range(min(days, default=now), now + 1):
        run = run + 1 if day in days else 0
        longest = max(longest, run)
    day = now if now in days else now - 1
    while day in days:
        current, day = current + 1, day - 1
    return current, longest, len(days), max(days, default=0)


def as_tuple(streak):
    return streak.current, streak.longest, streak.total, streak.last_day


def claim_of(person, anchored, capture):
    if anchored:
        key = os.urandom(16)
        started = person.sessions.StartSession(session_pb2.StartSessionRequest(idempotency_key=key), timeout=30)
        again = person.sessions.StartSession(session_pb2.StartSessionRequest(idempotency_key=key), timeout=30)
        assert started == again
        identity = dict(session_id=started.session_id, session_secret=started.session_secret)
    else:
        identity = dict(session_id=os.urandom(16), session_secret=os.urandom(32), unanchored=True)
    return migration_pb2.SessionClaim(migration_id=os.urandom(16), captured=capture, **identity)


def sources():
    return ["own", "real"] if REAL.exists() else ["own"]


@pytest.mark.parametrize("anchored", [False, True], ids=["begun offline", "begun just now"])
@pytest.mark.parametrize("source", sources())
def test_the_whole_journey(server, folder, source, anchored):
    habits, days = read_database(REAL if source == "real" else make_database(folder / "habits.db"))
    now = today()
    # A session that the server saw begin just now can have at most two days.
    countable = 2 if anchored else WINDOW_DAYS
    counted = {habit: [day for day in all_days if day > now - countable] for habit, all_days in days.items()}
    entries = [migration_pb2.CapturedEntry(habit_id=habit, day=day, done=True, note=f"day {day}", client_time=local_time(day))
               for habit, all_days in days.items() for day in all_days]
    capture = captured_session([migration_pb2.CapturedHabit(habit=habit) for habit in habits], entries)

    with Person(server) as person:
        request = person.sign_up_request(claim_of(person, anchored, capture))
        first = person.accounts.SignUp(request, timeout=120)
        again, call = person.accounts.SignUp.with_call(request, timeout=120)
        assert first.SerializeToString(deterministic=True) == again.SerializeToString(deterministic=True)
        assert ("streak-replayed", "true") in [tuple(pair) for pair in call.trailing_metadata()]
        person.use(first.tokens)

        # The streaks are those of the counted days; the others are stored.
        migrated = {habit.captured_habit_id: habit for habit in first.migration.habits}
        assert set(migrated) == set(days)
        for habit, all_days in days.items():
            assert as_tuple(migrated[habit].streak) == expected_streak(counted[habit], now)
            assert migrated[habit].days_counted == len(counted[habit])
            assert migrated[habit].days_quarantined == len(all_days) - len(counted[habit])
        ids = {captured: habit.habit_id for captured, habit in migrated.items()}
        for habit in days:
            assert as_tuple(person.streak(ids[habit])) == expected_streak(counted[habit], now)

        # Every day is in the history, page by page, latest first.
        cells = person.history(page_size=7)
        assert sorted((cell.habit_id, cell.day) for cell in cells) == sorted(
            (ids[habit], day) for habit, all_days in days.items() for day in all_days)
        order = [(-cell.day, cell.habit_id) for cell in cells]
        assert order == sorted(order)
        for cell in cells:
            trusted = cell.day > now - countable
            assert (cell.trust == common_pb2.CELL_TRUST_COUNTED) == trusted
            outside = cell.day <= now - WINDOW_DAYS
            assert trusted or cell.quarantine_reason == (
                common_pb2.QUARANTINE_REASON_OVER_LIMIT if outside else common_pb2.QUARANTINE_REASON_ANCHOR)
        assert len(person.history(trust=common_pb2.CELL_TRUST_QUARANTINED)) == sum(
            len(all_days) - len(counted[habit]) for habit, all_days in days.items())

        # Today for a second habit.
        second = person.put_habit("Second habit")
        recorded = person.record(second, note="the first time")
        assert recorded.cell.trust == common_pb2.CELL_TRUST_COUNTED
        assert as_tuple(recorded.streak) == (1, 1, 1, now)
        undone = person.streaks.UndoCompletion(
            streak_pb2.UndoCompletionRequest(habit_id=second, day=now, client_time=local_time()), metadata=person.metadata, timeout=30)
        assert not undone.cell.done and undone.streak.current == 0
        assert undone.cell.note == "the first time"
        assert as_tuple(person.record(second, note="again").streak) == (1, 1, 1, now)

        check_export(person, {(ids[habit], day) for habit, all_days in days.items() for day in all_days} | {(second, now)})

        # Another sign-in: the same data.
        old = person.metadata
        signed_in = person.sign_in()
        assert signed_in.account.user_id == first.account.user_id
        assert person.metadata != old
        for habit in days:
            assert as_tuple(person.streak(ids[habit])) == expected_streak(counted[habit], now)


def check_export(person, expected):
    document, manifest = person.export()
    assert manifest.document_bytes == len(document)
    exported = json.loads(document)
    assert exported["schemaVersion"] == manifest.schema_version
    assert len(exported["account"]) == 1
    assert exported["account"][0]["email"] == person.email
    cells = [json_format.ParseDict(record, export_pb2.ExportedCell()) for record in exported["ledger"]]
    assert {(cell.cell.habit_id, cell.cell.day) for cell in cells} == expected
    assert len(exported["habits"]) == person.accounts.GetAccount(
        account_pb2.GetAccountRequest(), metadata=person.metadata, timeout=30).account.habit_count
    assert len(exported["migrations"]) == 1
    for section in manifest.sections:
        assert len(exported[section.name]) == section.count, section.name
    # A section's hash covers each record's text and one line feed.
    lines = document.decode().split("\n")
    for section in manifest.sections:
        records = section_lines(lines, section.name)
        assert hashlib.sha256("".join(record + "\n" for record in records).encode()).digest() == section.sha256, section.name
    binary, binary_manifest = person.export(export_pb2.EXPORT_FORMAT_BINARY)
    assert binary_manifest.document_bytes == len(binary)
    assert [(section.name, section.count) for section in binary_manifest.sections if section.name != "audit"] == [
        (section.name, section.count) for section in manifest.sections if section.name != "audit"]


def section_lines(lines, name):
    """The records of one section, each on a line of its own."""
    start = next(number for number, line in enumerate(lines) if line.strip().startswith(f'"{name}"'))
    records = []
    for line in lines[start + 1:]:
        text = line.strip().removesuffix(",")
        if not text.startswith("{"):
            break
        records.append(text)
    return records

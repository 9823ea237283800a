"""The terminal app, and so StreakClient, with real servers: journeys, cuts, restores, and wrong
input."""

import contextlib
import json
import os
import pty
import sqlite3
import stat
import subprocess

from app import PASSWORD, STREAK, App, iso
from cutting_proxy import CuttingProxy
from operator_tools import Keys, sql, streakctl
from person import Person, today
from server import PROGRAMS, PROJECT, Server, open_folder, wait_until
from streak.v1 import account_pb2, sync_pb2


def new_email():
    return f"{os.urandom(8).hex()}@example.com"


def test_the_whole_life(folder):
    """Offline taps, sign-up, a second device, conflicts shown on both, a server that dies and
    returns in a new epoch, export."""
    email = new_email()
    phone, tablet = App(folder / "phone"), App(folder / "tablet")
    phone.run("habit", "add", "reading")
    for ago in range(5):
        phone.done("reading", ago)
    with Server(folder=folder) as server:
        phone.connect(server)
        tablet.connect(server)
        assert "5 days count" in phone.sign_up(email)
        tablet.log_in(email)
        assert tablet.marks("reading") == 5

        # Both write a note on the same day while the server is unreachable.
        phone.run("done", "reading", "--note", "on the phone", "--offline")
        tablet.run("done", "reading", "--note", "on the tablet", "--offline")
        for device in (phone, tablet, phone):
            device.run("sync")
        for device in (phone, tablet):
            told = device.run("conflicts")
            assert "on the phone" in told and "on the tablet" in told
        phone.run("conflicts", "--seen", "all")
        assert phone.run("conflicts") == ""
        assert "two notes" in tablet.run("conflicts"), "the other device shows it until it has acknowledged it, too"

        keys = Keys(folder)
        streakctl("backup", "run", "--folder", folder / "backups", "--data-folder", folder / "data", "--recipient", keys.recipient)
        phone.run("habit", "add", "after the backup")
        phone.done("after")
        tablet.run("sync")
        before = tablet.run("status")
        server.kill()
        assert "Streak: 5 days" in phone.done("reading", 2, "--note", "while it was away")
        assert "cannot be reached" in phone.run("sync", code=69)
    with open_folder() as other:
        streakctl("backup", "restore", "--folder", folder / "backups", "--identity", keys.identity, "--into", other / "data")
        with Server(folder=other) as server:
            for device in (phone, tablet):
                device.connect(server)
            for device in (phone, tablet, phone, tablet):
                device.run("sync")
            assert phone.marks("after") == tablet.marks("after") == 1, "acknowledged after the backup, and back"
            assert tablet.run("status") == before
            assert sql(other / "data", "SELECT count(*) = count(DISTINCT (device_id, seq)) FROM operations") == "t"
            out = folder / "mine.json"
            phone.run("export", "--out", out)
            text = json.dumps(json.loads(out.read_text()))
            assert "while it was away" in text and "after the backup" in text


def queued(device):
    """The operations that wait on a device, as they will be sent."""
    with contextlib.closing(sqlite3.connect(device.folder / "streak.db")) as database:
        # Operations: 20, the user's id, the number. The value: when it was decided (-1: not yet), a
        # length, the message, whether it was refused.
        rows = database.execute("SELECT value FROM records WHERE hex(key) LIKE '14%' ORDER BY key").fetchall()
    waiting = [value for (value,) in rows if value.startswith(b"\xff" * 8)]
    return [sync_pb2.Operation.FromString(value[12:12 + int.from_bytes(value[8:12])]) for value in waiting]


def test_a_choice_in_a_conflict_is_a_resolution_offline_too_and_ends_it_on_both_devices(server, folder):
    phone, tablet = App(folder / "phone", server), App(folder / "tablet", server)
    email = new_email()
    for habit in ("reading", "running"):
        phone.run("habit", "add", habit)
    phone.sign_up(email)
    tablet.log_in(email)
    for device, note in ((phone, "on the phone"), (tablet, "on the tablet")):
        for habit in ("reading", "running"):
            device.run("done", habit, "--note", note, "--offline")
    for device in (phone, tablet, phone):
        device.run("sync")
    first, second = phone.json("conflicts")
    # The choices are made while the server is unreachable, and are seen at once.
    phone.environment["STREAK_SERVER"] = "127.0.0.1:1"
    phone.run("conflicts", "--take-other", first["id"], "--keep", second["id"])
    assert [(operation.WhichOneof("change"), operation.resolve_conflict.notice_id.hex(), operation.resolve_conflict.take_losing)
            for operation in queued(phone)] == [
        ("resolve_conflict", told["id"].replace("-", ""), takes_losing) for told, takes_losing in ((first, True), (second, False))]
    chosen = {first["habit"]: first["losing_value"], second["habit"]: second["winning_value"]}
    assert notes(phone) == chosen
    phone.connect(server)
    for device in (phone, tablet):
        device.run("sync")
        assert notes(device) == chosen
    assert phone.json("conflicts") == [] and queued(phone) == []
    # The other device is told how it ended.
    assert {told["habit"]: told["winning_value"] for told in tablet.json("conflicts") if told["resolved"]} == chosen


def notes(device):
    """Today's note of each habit."""
    return {habit["id"]: day["note"] for habit in device.json("status")["habits"] for day in habit["days"] if day["note"]}


def test_a_damaged_copy_is_noticed_and_repaired(server, folder):
    """The digest is computed from the content: a day that is missing or was changed on this device
    alone returns."""
    phone = App(folder / "phone", server)
    phone.run("habit", "add", "reading")
    phone.sign_up(new_email())
    for ago in range(3):
        phone.done("reading", ago)
    assert phone.marks("reading") == 3
    database = sqlite3.connect(folder / "phone" / "streak.db")
    # Received days: 18, the user's id, the habit's, the day.
    days = database.execute("SELECT key FROM records WHERE hex(key) LIKE '12%' ORDER BY key").fetchall()
    assert len(days) == 3
    database.execute("DELETE FROM records WHERE key = ?", days[0])
    database.commit()
    database.close()
    assert phone.marks("reading") == 2
    phone.run("sync")
    assert phone.marks("reading") == 3


def test_a_sign_up_whose_answer_is_lost_is_repeated_to_the_same_account(server, folder):
    email, phone = new_email(), App(folder / "phone")
    phone.run("habit", "add", "reading")
    phone.done("reading")
    with CuttingProxy(server.port) as proxy:
        proxy.plan = ("commit", 0)
        phone.connect(proxy)
        phone.run("signup", email, input=PASSWORD + "\n", code=69)
        assert phone.marks("reading") == 1
        phone.done("reading", 1)
        phone.connect(server)
        phone.sign_up(email)
    tablet = App(folder / "tablet", server)
    tablet.log_in(email)
    assert tablet.marks("reading") == 2, "what was in the sign-up, and what was tapped while its answer was missing"


def test_a_lost_sign_up_and_then_a_login_brings_everything_once(server, folder):
    email, phone = new_email(), App(folder / "phone")
    phone.run("habit", "add", "reading")
    phone.done("reading")
    with CuttingProxy(server.port) as proxy:
        proxy.plan = ("commit", 0)
        phone.connect(proxy)
        phone.run("signup", email, input=PASSWORD + "\n", code=69)
    phone.done("reading", 1)
    phone.connect(server)
    assert "Brought along" in phone.log_in(email, "--migrate")
    assert phone.run("habit", "list") == "reading\n"
    assert phone.marks("reading") == 2
    assert "everything is sent" in phone.run("status")


def test_account_switch_c93(server, folder):
    ann, bob, phone = new_email(), new_email(), App(folder / "phone", server)
    phone.sign_up(ann)
    phone.run("habit", "add", "Ann's")
    phone.done("Ann's", 0, "--offline")
    phone.run("logout", "--server", "127.0.0.1:1")
    assert "No habits" in phone.run("status") and "1 changes of other accounts" in phone.run("status")
    phone.run("habit", "add", "Nobody's")
    phone.sign_up(bob)
    assert phone.run("habit", "list") == "Nobody's\n"
    phone.run("logout")
    phone.log_in(ann)
    assert phone.run("habit", "list") == "Ann's\n" and phone.marks("Ann's") == 1
    tablet = App(folder / "tablet", server)
    tablet.log_in(ann)
    assert tablet.marks("Ann's") == 1
    other = App(folder / "other", server)
    other.log_in(bob)
    assert other.run("habit", "list") == "Nobody's\n"


def test_an_account_erased_elsewhere_is_gone_here(server, folder):
    """C43: the device gets the reason, and keeps none of the data."""
    email, phone = new_email(), App(folder / "phone", server)
    phone.run("habit", "add", "reading")
    phone.sign_up(email)
    person = Person(server, email)
    tokens = person.accounts.SignIn(account_pb2.SignInRequest(email=email, password=PASSWORD, device=person.device)).tokens
    person.accounts.DeleteAccount(account_pb2.DeleteAccountRequest(email=email, confirmation="delete my account", immediately=True,
                                                                   proof=account_pb2.PersonProof(password=PASSWORD)),
                                  metadata=[("authorization", f"Bearer {tokens.access_token}")])
    assert "erased" in phone.run("sync", code=1)
    assert "No account" in phone.run("status") and phone.run("habit", "list", "--all") == ""


def test_watch_is_notified_of_another_device_at_once(server, folder):
    email, phone, tablet = new_email(), App(folder / "phone", server), App(folder / "tablet", server)
    phone.run("habit", "add", "reading")
    phone.sign_up(email)
    tablet.log_in(email)
    watching = tablet.start("sync", "--watch")
    try:
        assert watching.stdout.readline().startswith("Watching")
        phone.done("reading")
        assert "Changed" in watching.stdout.readline()
        # Long before the timer; the other programs on this device see the received state.
        wait_until(lambda: tablet.marks("reading") == 1)
    finally:
        watching.kill()
        watching.communicate()


def test_a_session_that_the_server_saw_begin_is_held_to_that(server, folder):
    """C7 and C8: with an anchor only the days since then count, and one before."""
    known, unknown = App(folder / "known", server), App(folder / "unknown")
    for device in (known, unknown):
        device.run("habit", "add", "reading")
        for ago in range(20):
            device.done("reading", ago)
    assert "2 days count, 18 are kept without counting" in known.sign_up(new_email())
    unknown.connect(server)
    assert "20 days count" in unknown.sign_up(new_email())


def test_the_program_in_the_clients_readme(server, folder):
    """The unchanged text, as a program of its own: built with everything else, and run."""
    readme = (PROJECT / "Sources/StreakClient/README.md").read_text()
    text = readme.split("```swift\n")[1].split("```")[0]
    assert text == (PROJECT / "Tests/ReadmeApp/main.swift").read_text(), "copy the README's program to Tests/ReadmeApp"
    email = new_email()
    app = subprocess.Popen(["stdbuf", "-oL", PROGRAMS / "readme-app", folder / "file", server.address, email], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        app.stdin.write(PASSWORD + "\n")
        app.stdin.flush()
        while app.stdout.readline() != "in sync\n":
            assert app.poll() is None
        tablet = App(folder / "tablet", server)
        tablet.log_in(email)
        assert tablet.marks("reading") == 1
        tablet.done("reading", 1)
        while app.stdout.readline() != "reading 2\n":
            assert app.poll() is None
    finally:
        app.kill()
        app.communicate()


class Loop:
    """A small database in the format of Loop Habit Tracker."""

    def __init__(self, path, newer=False):
        self.path = path
        database = sqlite3.connect(path)
        extra = ", type INTEGER, target_value REAL" if newer else ""
        values = ", value INTEGER, notes TEXT" if newer else ""
        database.execute(f"CREATE TABLE Habits (Id INTEGER PRIMARY KEY, archived INTEGER, color INTEGER, description TEXT, name TEXT, position INTEGER{extra})")
        database.execute(f"CREATE TABLE Repetitions (Id INTEGER PRIMARY KEY, habit INTEGER, timestamp INTEGER{values})")
        for number, name in enumerate(["Run", "Tea", "Run"]):
            row = [number + 1, number == 1, -16742021, f"about {name}", name, number] + ([number, 2.0] if newer else [])
            database.execute(f"INSERT INTO Habits VALUES ({','.join('?' * len(row))})", row)
        for ago in range(4):
            moment = (today() - ago) * 86_400_000
            if newer:
                # Habit 1 was checked every second day; habit 2 has numbers, and some days reach its
                # target.
                database.execute("INSERT INTO Repetitions (habit, timestamp, value, notes) VALUES (1, ?, ?, 'n')", (moment, 2 if ago % 2 == 0 else 1))
                database.execute("INSERT INTO Repetitions (habit, timestamp, value) VALUES (2, ?, ?)", (moment, ago * 1000))
            else:
                database.execute("INSERT INTO Repetitions (habit, timestamp) VALUES (1, ?)", (moment,))
        database.commit()
        database.close()


def tickmate(path):
    database = sqlite3.connect(path)
    database.execute('CREATE TABLE tracks (_id INTEGER PRIMARY KEY, name TEXT, description TEXT, enabled INTEGER, "order" INTEGER)')
    database.execute("CREATE TABLE ticks (_id INTEGER PRIMARY KEY, _track_id INTEGER, year INTEGER, month INTEGER, day INTEGER)")
    database.execute("INSERT INTO tracks VALUES (1, 'Swim', '', 1, 0)")
    # Months count from 0; there is no 31 February.
    for month, day in ((0, 31), (1, 29), (1, 31), (11, 31)):
        database.execute("INSERT INTO ticks (_track_id, year, month, day) VALUES (1, 2024, ?, ?)", (month, day))
    database.commit()
    database.close()


def test_import_of_other_trackers(server, folder):
    phone = App(folder / "phone")
    Loop(folder / "loop.db")
    told = phone.run("import", folder / "loop.db")
    assert "3 habits made, 4 days added, 0 known" in told
    assert phone.run("habit", "list", "--all") == "Run\nTea (archived)\nRun\n", "of two with one name each is its own"
    assert phone.marks("Run") == 4
    assert "0 habits made, 0 days added, 4 known" in phone.run("import", folder / "loop.db"), "again, it adds nothing"
    Loop(folder / "newer.db", newer=True)
    other = App(folder / "other")
    assert "3 habits made, 4 days added" in other.run("import", folder / "newer.db")
    assert other.marks("Run") == 2 and other.marks("Tea") == 2

    tickmate(folder / "tickmate.db")
    assert "Swim: 3 days from 2024-01-31 to 2024-12-31" in phone.run("import", folder / "tickmate.db")
    (folder / "bull.csv").write_text(
        "HabitName,HabitDescription,HabitCategory,CalendarDate,Value,CommentText\r\n"
        f'"Tea, green","say ""ah""",C,{iso(today())},1,"two\nlines"\r\nTea,,C,2/29/2020,1,\r\nTea,,C,2/29/2020x,1,\r\nSkip,,C,2020-01-01,0,\r\n')
    assert "Tea, green: 1 days" in phone.run("import", folder / "bull.csv")
    (folder / "Checkmarks.csv").write_text(f"Date,Run,Walk,\n{iso(today() - 9)},YES_MANUAL,YES_AUTO,\n{iso(today() - 8)},2,0,\n")
    assert "Run: 2 days" in phone.run("import", "--dry-run", folder / "Checkmarks.csv")
    assert "1 habits made, 2 days added" in phone.run("import", folder / "Checkmarks.csv")

    # Imported days migrate with the session, by its rules: only the last 30 days count.
    for device in (phone, other):
        device.connect(server)
    told = phone.sign_up(new_email())
    assert "7 days count, 4 are kept without counting" in told
    # In an account each day is an operation, and the server judges it.
    other.sign_up(new_email())
    told = other.run("import", folder / "tickmate.db")
    assert "3 days added" in told and "Of the days added 0 count in this account" in told
    other.run("sync")
    assert "No day counts yet" in other.run("status", "Swim")


def test_what_an_import_promises_comes(server, folder):
    """A1, C123: the number in the preview equals the result, with a known server and without,
    before an import and after it."""
    # A day nearer the end would be outside the window if midnight passed meanwhile; the file has no
    # such day.
    days = "".join(f"{iso(today() - ago)},YES_MANUAL,\n" for ago in range(0, 400) if ago != 29)
    (folder / "Checkmarks.csv").write_text(f"Date,Read,\n{days}")
    told = "29 count in an account that you make today.\n370 of them are too old to count"
    for known in (True, False):
        phone = App(folder / f"phone{known}", server if known else None)
        assert told in phone.run("import", "--dry-run", folder / "Checkmarks.csv")
        assert phone.run("habit", "list", "--all") == "", "a dry run changes nothing"
        assert told in phone.run("import", folder / "Checkmarks.csv")
        phone.run("done", "Read", "--note", "after it")
        phone.connect(server)
        phone.run("done", "Read", "--note", "again")
        assert "29 days count, 370 are kept without counting" in phone.sign_up(new_email())
    # A session that the server has seen begin is limited by its begin, and the import's preview
    # says so.
    phone = App(folder / "anchored", server)
    phone.run("habit", "add", "Read")
    phone.run("sync", code=1)
    for arguments in (["--dry-run"], []):
        assert "2 count in an account that you make today.\n397 of them" in phone.run("import", *arguments, folder / "Checkmarks.csv")
    assert "2 days count, 397 are kept without counting" in phone.sign_up(new_email())
    # In an account only fresh days count.
    tablet = App(folder / "tablet", server)
    tablet.sign_up(new_email())
    assert "3 count in this account.\n396 of them" in tablet.run("import", folder / "Checkmarks.csv")
    tablet.run("sync")
    assert tablet.marks("Read") == 3


def test_what_a_file_does_not_say_is_asked_and_what_does_not_come_is_listed(folder):
    phone = App(folder / "phone")
    (folder / "bull.csv").write_text("HabitName,HabitDescription,HabitCategory,CalendarDate,Value,CommentText\nRun,,,01/02/2024,1,\nRun,,,03/04/2024,1,\n")
    assert "--dates day-first" in phone.run("import", folder / "bull.csv", code=65)
    assert "2024-02-01 to 2024-04-03" in phone.run("import", "--dry-run", "--dates", "day-first", folder / "bull.csv")
    assert "2024-01-02 to 2024-03-04" in phone.run("import", "--dry-run", "--dates", "month-first", folder / "bull.csv")
    phone.run("import", "--dates", "sometimes", folder / "bull.csv", code=64)
    (folder / "Checkmarks.csv").write_text("Date,Value,Notes\n2024-01-03,YES_MANUAL,\n2024-01-02,SKIP,\"flu, in \x1b[31mbed\"\nnever,NO,\n")
    assert "--name NAME" in phone.run("import", folder / "Checkmarks.csv", code=65)
    told = phone.run("import", "--name", "Walk", folder / "Checkmarks.csv")
    assert "Walk: 1 days from 2024-01-03" in told and "2024-01-02, line 3: flu, in  [31mbed" in told and "line 4: never" in told
    # On a terminal the person is asked.
    master, slave = pty.openpty()
    process = subprocess.Popen([STREAK, "import", "--dry-run", folder / "bull.csv"], env=phone.environment, stdin=slave, stdout=subprocess.PIPE, stderr=slave, text=True)
    os.close(slave)
    shown = b""
    while not shown.endswith(b"[day/month] "):
        shown += os.read(master, 1000)
    # An answer that is none of these is no answer: the person is asked again.
    os.write(master, b"march\n")
    shown = b""
    while not shown.endswith(b"day, month. "):
        shown += os.read(master, 1000)
    os.write(master, b"month\n")
    assert "2024-01-02 to 2024-03-04" in process.communicate(timeout=60)[0] and process.returncode == 0
    os.close(master)


def test_a_database_in_wal_mode_is_left_as_it_is(folder):
    """Also one that another program has open, and so with a log: days in the log are read, nothing
    is written beside the file."""
    (folder / "backup").mkdir()
    Loop(folder / "backup" / "loop.db")
    database = sqlite3.connect(folder / "backup" / "loop.db")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("INSERT INTO Repetitions (habit, timestamp) VALUES (1, 1704067200000)")
    database.commit()
    phone, names = App(folder / "phone"), {path.name for path in (folder / "backup").iterdir()}
    assert "loop.db-wal" in names
    assert "Run: 5 days from 2024-01-01" in phone.run("import", folder / "backup" / "loop.db")
    assert {path.name for path in (folder / "backup").iterdir()} == names
    database.close()
    (folder / "backup").chmod(0o555)
    assert [path.name for path in (folder / "backup").iterdir()] == ["loop.db"]
    assert "5 known" in phone.run("import", folder / "backup" / "loop.db")
    assert [path.name for path in (folder / "backup").iterdir()] == ["loop.db"]


def test_our_own_export_is_imported(server, folder):
    phone = App(folder / "phone")
    phone.run("habit", "add", "Read", "--description", "a page")
    phone.done("Read", 0, "--note", "día, \"1\"")
    phone.done("Read", 40)
    phone.connect(server)
    phone.sign_up(new_email())
    phone.run("export", "--out", folder / "mine.json")
    (folder / "sorted.json").write_text(json.dumps(json.loads((folder / "mine.json").read_text()), sort_keys=True), encoding="utf-8-sig")
    for name in ("mine.json", "sorted.json"):
        other = App(folder / name.removesuffix(".json"))
        told = other.run("import", folder / name)
        assert "Streak's own export: 1 habits" in told and "2 days added" in told and "Of the days added 1 count" in told
        assert other.marks("Read") == 2 and "0 days added, 2 known" in other.run("import", folder / name)


def test_an_import_that_cannot_be_understood_changes_nothing(folder):
    phone = App(folder / "phone")
    (folder / "other.csv").write_text("a,b\n1,2\n")
    (folder / "open.csv").write_text('HabitName,"never ends\n')
    (folder / "empty.csv").write_text("")
    sqlite3.connect(folder / "other.db").execute("CREATE TABLE t (v)").connection.close()
    (folder / "torn.db").write_bytes(b"SQLite format 3\0" + os.urandom(5000))
    (folder / "cut.json").write_text('{"habits": [{"id": "a"')
    (folder / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + os.urandom(3000))
    for name in ("other.csv", "open.csv", "empty.csv", "other.db", "torn.db", "cut.json", "photo.png"):
        assert name in phone.run("import", folder / name, code=65)
    phone.run("import", folder / "nowhere.db", code=66)
    assert "is a folder" in phone.run("import", folder, code=66)
    assert phone.run("habit", "list", "--all") == ""


def test_usage_and_messages(server, folder):
    phone = App(folder / "phone")
    for command in ([], ["done"], ["habit", "add"], ["status"], ["signup"], ["login"], ["logout"], ["sync"], ["conflicts"], ["export"], ["import"], ["undo"]):
        assert "USAGE: streak" in phone.run(*command, "--help")
    phone.run("done", code=64)
    phone.run("done", "x", "--on", "yesterday", code=64)
    phone.run("status", "--weeks", 0, code=64)
    phone.run("status", "--weeks", 54, code=64)
    assert "habit add" in phone.run("done", "x", code=1)
    assert "say --server" in phone.run("login", "a@example.com", code=64)
    phone.run("habit", "add", "reading")
    phone.run("habit", "add", "running")
    assert "may be any of" in phone.run("done", "r", code=1)
    assert "reading" in phone.run("done", "rea")
    assert "future" in phone.run("done", "reading", "--on", iso(today() + 3), code=1)
    assert "only the last 30 days count" in phone.done("reading", 40)
    assert "not done on" in phone.run("undo", "reading", "--on", iso(today() - 40)), "without an account nothing is sealed"
    phone.connect(server)
    assert "no account" in phone.run("sync", code=1)
    phone.run("signup", new_email(), input="password\n", code=1)
    assert "no password" in phone.run("signup", new_email(), input="", code=64)
    phone.run("login", new_email(), input=PASSWORD + "\n", code=1)
    phone.sign_up(new_email())
    phone.run("export", "--out", "/nowhere/out", code=73)
    # Only the owner may read these files, which include credentials.
    for file in (folder / "phone").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0 or file.suffix != ".db", file
    assert stat.S_IMODE((folder / "phone").stat().st_mode) == 0o700
    (folder / "broken").mkdir()
    (folder / "broken" / "streak.db").write_text("this is something else")
    App(folder / "broken").run("status", code=74)


def test_a_password_is_asked_for_without_echo(server, folder):
    phone = App(folder / "phone", server)
    master, slave = pty.openpty()
    process = subprocess.Popen([STREAK, "signup", new_email()], env=phone.environment, stdin=slave, stdout=subprocess.PIPE, stderr=slave)
    os.close(slave)
    shown = b""
    for prompt in (b"at least): ", b"Again: "):
        while not shown.endswith(prompt):
            shown += os.read(master, 100)
        os.write(master, PASSWORD.encode() + b"\n")
    assert process.wait(timeout=60) == 0
    assert PASSWORD.encode() not in shown
    process.stdout.close()
    os.close(master)


def test_notes_names_and_the_day_start(folder):
    phone = App(folder / "phone")
    phone.run("habit", "add", "reading", "--description", "a page or more")
    phone.run("done", "reading", "--note", "20 pages")
    phone.run("note", "reading", "ill", "--on", iso(today() - 1))
    assert phone.run("note", "reading") == f"{iso(today())}  20 pages\n{iso(today() - 1)} (not done)  ill\n"
    details = phone.run("status", "reading")
    assert "a page or more" in details and "20 pages" in details and "not done" in details
    phone.run("note", "reading", "--clear")
    assert "20 pages" not in phone.run("note", "reading") and phone.marks("reading") == 1
    phone.run("habit", "add", "running")
    assert "nothing was renamed" in phone.run("habit", "rename", "running", "READING", code=1)
    assert "begins at 00:00" in phone.run("day-start")
    assert "begins at 04:30" in phone.run("day-start", "04:30") and "begins at 04:30" in phone.run("day-start")
    for wrong in ("24:00", "4", "04:60", "-1:00"):
        phone.run("day-start", wrong, code=64)


def test_output_about_days_accounts_and_the_day_start(server, folder):
    """A2, A4, H10: whether a day counts is printed at once; after a logout the remaining data is
    listed; the day start is the account's."""
    email, phone, tablet = new_email(), App(folder / "phone", server), App(folder / "tablet", server)
    phone.sign_up(email)
    phone.run("habit", "add", "reading")
    assert "does not count" in phone.done("reading", 5) and "does not count" in phone.done("reading", 6, "--offline")
    assert "does not count" not in phone.done("reading", 1)
    phone.run("day-start", "03:00")
    phone.run("sync")
    tablet.log_in(email)
    assert "begins at 03:00" in tablet.run("day-start")
    assert "does not count" in tablet.run("status", "reading")
    assert email in phone.run("logout")
    status = phone.run("status")
    assert f"streak login {email}" in status and "No habits yet" not in status

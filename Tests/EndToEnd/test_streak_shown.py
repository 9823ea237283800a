"""The terminal app's output: calendars, lines for programs, previews, sentences instead of codes."""

import fcntl
import json
import os
import pty
import shutil
import struct
import subprocess
import termios

import pytest
from app import PASSWORD, STREAK, App, iso
from operated import Operated
from person import today


def new_email():
    return f"{os.urandom(8).hex()}@example.com"


def shown_on_terminal(app, columns, *arguments, **environment):
    """Its output on a terminal of that width."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([STREAK, *map(str, arguments)], env={**app.environment, **environment}, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    shown = b""
    while True:
        try:
            part = os.read(master, 65_536)
        except OSError:
            break
        if not part:
            break
        shown += part
    assert process.wait(timeout=60) == 0
    os.close(master)
    return shown


def test_the_result_of_a_sign_up_is_shown_before_the_password(server, folder):
    """A1: a person with 400 days, with and without a known server; the number in the preview equals
    the result."""
    days = "".join(f"{iso(today() - ago)},YES_MANUAL,\n" for ago in range(400) if ago != 29)
    (folder / "Checkmarks.csv").write_text(f"Date,Read,\n{days}")
    for known in (True, False):
        phone = App(folder / f"phone{known}", server if known else None)
        phone.run("import", folder / "Checkmarks.csv")
        assert "29 will count" in phone.run("status") and "370 are kept" in phone.run("status")
        phone.connect(server)
        process = phone.start("signup", new_email())
        told = process.communicate(timeout=60)[0]
        assert process.returncode == 64 and f"29 will count, those from {iso(today() - 29)} on; 370 are kept" in told
        told = phone.sign_up(new_email())
        assert "29 will count" in told and "29 days count, 370 are kept" in told
        assert phone.json("status")["habits"][0]["current"] == 29
    # A device whose registration the server has recorded shows at once which days will not count.
    phone = App(folder / "seen", server)
    phone.run("habit", "add", "Read")
    phone.run("done", "Read")
    assert "does not count" not in phone.done("Read", 1)
    told = phone.done("Read", 4)
    assert "does not count in an account" in told and f"only days from {iso(today() - 1)} on" in told
    assert "3 days recorded here: 2 will count" in phone.run("status")
    assert "2 days count, 1 are kept" in phone.sign_up(new_email())


def test_a_year_of_weeks_fits_the_terminal(folder):
    """A12: in columns of two or one, and in several blocks if even that is too wide."""
    phone = App(folder / "phone")
    phone.run("habit", "add", "reading")
    for ago in (0, 1, 200, 364):
        phone.done("reading", ago)
    for columns in (200, 112, 111, 80, 59, 58, 40, 20, 7):
        lines = phone.run("status", "--weeks", 53, environment={"COLUMNS": str(columns)}).split("\n")
        calendar = lines[1:lines.index("")]
        assert max(map(len, calendar)) <= max(columns, 7), (columns, calendar)
        assert sum(line.count("#") for line in calendar) == 4, columns
        assert len(calendar) % 8 == 0 and all(line.startswith("  Sun") for line in calendar[7::8])
    assert len(phone.run("status", "--weeks", 53, environment={"COLUMNS": "80"}).split("\n\n")[0].split("\n")) == 9, "one block in 80 columns"
    text = shown_on_terminal(phone, 80, "status", "--weeks", "53", LC_ALL="C.UTF-8", NO_COLOR="1").decode()
    assert max(len(line) for line in text.split("\r\n")[1:9]) <= 80
    assert "# done" in text, "a legend for every sign"
    assert "■ done" in shown_on_terminal(phone, 80, "status", LC_ALL="C.UTF-8").decode()


def test_in_a_locale_of_ascii_nothing_else_is_written(folder):
    """A12: including text that a person wrote in other letters, in every output."""
    phone = App(folder / "phone")
    phone.run("habit", "add", "café 🍵", "--description", "naïve")
    phone.run("done", "café 🍵", "--note", "größer")
    commands = (["status"], ["status", "café"], ["today"], ["habit", "list"], ["note", "café"], ["status", "--json"], ["--help"], ["import", "--help"])
    for locale in ({"LC_ALL": "C"}, {"LC_ALL": "POSIX", "LANG": "de_DE.UTF-8"}, {}):
        for command in commands:
            done = subprocess.run([STREAK, *command], env={**phone.environment, **locale}, capture_output=True)
            assert done.returncode == 0 and done.stdout.isascii(), (locale, command, done.stdout)
        refused = subprocess.run([STREAK, "done", "tée"], env={**phone.environment, **locale}, capture_output=True)
        assert refused.returncode == 1 and refused.stderr.isascii()
        assert shown_on_terminal(phone, 80, "status", **locale).isascii()
    assert "caf\\u{e9}" in phone.run("today")
    for locale in ({"LC_ALL": "C.UTF-8"}, {"LC_CTYPE": "en_US.utf8"}, {"LANG": "en_US.UTF-8"}):
        assert "café 🍵" in phone.run("today", environment=locale)
    assert phone.json("today")[0]["name"] == "café 🍵"


def test_today_is_short_and_json_is_for_programs(folder):
    phone = App(folder / "phone")
    assert "habit add" in phone.run("today") and phone.json("today") == []
    for name in ("reading", "run"):
        phone.run("habit", "add", name)
    phone.done("reading", 1)
    phone.run("done", "run", "--note", "5 \"km\"\n\x01")
    assert phone.run("today") == "o reading  1 day, at risk\n# run      1 day\n1 of 2 done.\n"
    run, reading = phone.json("today")[1], phone.json("today")[0]
    assert run["doneToday"] and not reading["doneToday"] and reading["state"] == "atRisk" and run["current"] == 1
    status = phone.json("status")
    assert status["account"] is None and status["signUp"] == {"daysCounted": 2, "daysKept": 0, "firstDay": iso(today() - 29)}
    assert status["habits"][1]["days"] == [{"day": iso(today()), "done": True, "counts": True, "note": "5 \"km\"\n\x01"}]
    assert phone.json("note", "run")[0]["note"] == "5 \"km\"\n\x01" and "\x01" not in phone.run("note", "run")
    assert [view["name"] for view in phone.json("habit", "list")] == ["reading", "run"]
    assert phone.json("conflicts") == []


def test_habits_are_ordered_described_and_never_of_one_name(folder):
    """A6 and A12."""
    phone = App(folder / "phone")
    for name in "abcd":
        phone.run("habit", "add", name)
    for arguments, order in ((["d", "--first"], "dabc"), (["d", "--after", "b"], "abdc"), (["c", "--before", "a"], "cabd"), (["c", "--last"], "abdc")):
        assert phone.run("habit", "move", *arguments) == "".join(f"{name}\n" for name in order)
        assert phone.run("habit", "list") == "".join(f"{name}\n" for name in order)
    for arguments in (["a"], ["a", "--first", "--last"]):
        phone.run("habit", "move", *arguments, code=64)
    phone.run("habit", "move", "a", "--before", "a", code=1)
    phone.run("habit", "edit", "a", "--description", "the first letter", "--color", "33aa77")
    assert "the first letter" in phone.run("status", "a") and phone.json("status", "a")["habits"][0]["color"] == 0x33AA77
    phone.run("habit", "edit", "a", "--color", "red", code=64)
    phone.run("habit", "edit", "a", code=64)
    # All ways in which two habits could get one name.
    phone.run("habit", "archive", "b")
    assert "archived" in phone.run("habit", "rename", "a", "B", code=1) and "archived" in phone.run("habit", "add", "b", code=1)
    assert "active again" in phone.run("habit", "archive", "--undo", "b")
    assert phone.run("habit", "list") == "a\nb\nd\nc\n"


def test_two_habits_of_one_name_are_distinguished(server, folder):
    """A6: two devices may make the same name while they are offline; no command chooses one of them
    silently."""
    email, phone, tablet = new_email(), App(folder / "phone", server), App(folder / "tablet", server)
    phone.sign_up(email)
    tablet.log_in(email)
    for device in (phone, tablet):
        device.run("habit", "add", "tea", "--offline")
    for device in (phone, tablet, phone):
        device.run("sync")
    told = phone.run("done", "tea", code=1)
    assert "may be any of" in told and told.count("(@") == 2
    ids = [view["id"] for view in phone.json("habit", "list")]
    phone.run("habit", "archive", f"@{ids[0]}")
    assert "done on" in phone.run("done", "tea")
    assert "rename one first" in phone.run("habit", "archive", "--undo", "tea", code=1)
    phone.run("habit", "rename", f"@{ids[0]}", "green tea")
    phone.run("habit", "archive", "--undo", "green tea")


def test_an_export_without_an_account_is_read_back(server, folder):
    """A5."""
    phone = App(folder / "phone")
    phone.run("habit", "add", "Read", "--description", "a page", "--color", "33aa77")
    phone.done("Read", 0, "--note", "día, \"1\"")
    phone.done("Read", 40)
    phone.run("note", "Read", "ill", "--on", iso(today() - 2))
    phone.run("habit", "add", "Swim")
    phone.run("habit", "archive", "Swim")
    assert "of this device" in phone.run("export", "--out", folder / "mine.json")
    document = json.loads((folder / "mine.json").read_text())
    assert document["schemaVersion"] == 2 and [habit["name"] for habit in document["habits"]] == ["Read", "Swim"]
    other = App(folder / "other")
    assert "2 habits made, 2 days added" in other.run("import", folder / "mine.json")
    (view,) = other.json("status", "Read", "--weeks", 53)["habits"]
    assert view["description"] == "a page" and view["color"] == 0x33AA77 and [day["note"] for day in view["days"] if day["note"]][-1] == "día, \"1\""
    assert other.run("habit", "list", "--all") == "Read\nSwim (archived)\n"
    assert "0 days added, 2 known" in other.run("import", folder / "mine.json")
    # With an account it is the server's document, or with --local this device's, without a server.
    phone.connect(server)
    phone.sign_up(new_email())
    phone.run("done", "Read", "--on", iso(today() - 1), "--offline")
    phone.environment["STREAK_SERVER"] = "127.0.0.1:1"
    phone.run("export", "--out", folder / "all.json", code=69)
    phone.run("export", "--local", "--out", folder / "local.json")
    assert [cell["date"] for cell in json.loads((folder / "local.json").read_text())["ledger"]].count(iso(today() - 1)) == 1
    phone.run("export", "--local", "--out", "/nowhere/out", code=73)


def test_the_account_is_managed_in_the_app(server, folder):
    """A11: password, devices, deletion; refusals are sentences."""
    email, phone, tablet = new_email(), App(folder / "phone", server), App(folder / "tablet", server)
    phone.sign_up(email)
    tablet.log_in(email)
    told = phone.run("account", "devices")
    assert told.count("\n") == 2 and "this device" in told and "signed in" in told
    other = next(device for device in phone.json("account", "devices") if not device["thisDevice"])
    mine = next(device for device in phone.json("account", "devices") if device["thisDevice"])
    assert "streak logout" in phone.run("account", "sign-out", mine["id"], code=1)
    assert "signed out" in phone.run("account", "sign-out", other["id"][:8])
    assert "Sign in again" in tablet.run("sync", code=77)
    tablet.log_in(email)
    assert "is not right" in phone.run("account", "password", input=f"wrong password\nanother {PASSWORD}\n", code=1)
    assert "guessed first" in phone.run("account", "password", input=f"{PASSWORD}\npassword123\n", code=1)
    assert "1 other device was" in phone.run("account", "password", input=f"{PASSWORD}\nanother {PASSWORD}\n")
    phone.run("sync")
    tablet.run("sync", code=77)
    tablet.log_in(email, code=1)
    assert "Nothing was changed" in App(folder / "other", server).run("signup", email, input=PASSWORD + "\n", code=1)
    assert "Nothing was deleted" in phone.run("account", "delete", email, input="yes\n", code=1)
    assert "nothing was deleted" in phone.run("account", "delete", new_email(), input="delete my account\n", code=1)
    assert "deleted" in phone.run("account", "delete", email, "--immediately", input=f"delete my account\nanother {PASSWORD}\n")
    assert "No account" in phone.run("status") and phone.run("habit", "list", "--all") == ""
    for text in (phone.run("login", email, input=PASSWORD + "\n", code=1), phone.run("signup", "nonsense", input=PASSWORD + "\n", code=1),
                 phone.run("signup", new_email(), input="short\n", code=1)):
        assert "_" not in text and "Nothing was changed" in text, text


def test_what_was_lost_comes_back_in_the_app(server, folder):
    """A11: requested, fulfilled by the operator, previewed, confirmed; a server without backups
    refuses in words."""
    phone = App(folder / "elsewhere", server)
    phone.sign_up(new_email())
    assert "keeps no backups" in phone.run("recover", "list", code=1)
    with Operated(folder) as operated:
        phone = App(folder / "phone", operated)
        phone.sign_up(new_email())
        phone.run("habit", "add", "reading")
        phone.run("done", "reading")
        phone.run("sync")
        operated.back_up()
        phone.run("habit", "delete", "reading", "--yes")
        assert "no such moment" in phone.run("recover", "request", "nothing", code=1)
        point = phone.run("recover", "list").split()[0]
        told = phone.run("recover", "request", point)
        recovery = told.split()[0]
        assert "waits for the operator" in told and "cannot do that now" in phone.run("recover", "show", recovery, code=1)
        operated.fulfil()
        assert "ready" in phone.run("recover", "list")
        assert "reading: comes back" in phone.run("recover", "show", recovery)
        assert "--yes" in phone.run("recover", "confirm", recovery, code=1)
        assert "Merged" in phone.run("recover", "confirm", recovery, "--yes")
        assert phone.marks("reading") == 1
        assert "0 recoveries" in phone.run("recover", "show", "zz", code=1)
        assert "cannot do that now" in phone.run("recover", "cancel", recovery, code=1)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_the_habits(folder, shell):
    """A12: the script calls the program, which prints the names."""
    phone = App(folder / "phone")
    phone.run("habit", "add", "reading")
    assert "done" in phone.run("--generate-completion-script", shell)
    done = subprocess.run([STREAK, "---completion", "done", "--", "positional@0", "2", "0", "streak", "done", ""],
                          env={**phone.environment, "SAP_SHELL": shell}, capture_output=True, text=True)
    assert "reading" in done.stdout, done


def test_a_copy_of_a_device_with_a_long_history_is_not_stuck(server, folder):
    """R2: the result of 300 habits does not fit into a refusal's details; the other copy continues
    nevertheless, and nothing is stored twice."""
    names = [f"habit number {number} with a name of some length" for number in range(300)]
    (folder / "many.csv").write_text(f"date,{','.join(names)}\n{iso(today())},{','.join('1' for _ in names)}\n")
    email, phone = new_email(), App(folder / "phone")
    phone.run("import", folder / "many.csv")
    shutil.copytree(folder / "phone", folder / "copy")
    copy = App(folder / "copy", server)
    phone.connect(server)
    assert "300 days count" in phone.sign_up(email)
    copy.done(names[0], 1)
    assert "Brought along" in copy.log_in(email, "--migrate")
    phone.run("sync")
    for device in (phone, copy):
        assert len(device.json("habit", "list", "--all")) == 300 and device.marks(names[0]) == 2
        assert "everything is sent" in device.run("status", names[0])

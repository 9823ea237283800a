"""Backups with the real pg_dump, zstd, age and PostgreSQL: restores, and the detection of damage."""

import json
import os
import pathlib
import pty
import random
import shutil
import signal
import subprocess
import time

import pytest
from clusters import real_initdb
from device import Device, completion, edit
from operator_tools import STREAKCTL, Keys, fill, fingerprints, sql, streakctl
from person import Person, today
from server import Server, open_folder, wait_until

PEOPLE, DAYS = 200, 100


class Place:
    """A database with users, a pair of keys, and one backup."""

    def __init__(self, folder, server):
        self.folder, self.server = folder, server
        self.data = folder / "data"
        self.backups = folder / "backups"
        self.keys = Keys(folder)
        fill(self.data, PEOPLE, DAYS)
        self.person = Person(server)
        self.person.sign_up()
        self.habit = self.person.put_habit("Swim")
        for ago in range(5):
            self.person.record(self.habit, today() - ago, note=f"día {ago}\t\\.")
        self.name = self.run().strip()

    def options(self):
        return ["--folder", self.backups, "--data-folder", self.data, "--recipient", self.keys.recipient]

    def run(self):
        return streakctl("backup", "run", *self.options())

    def restore(self, into, name=None, *arguments, check=True, **options):
        return streakctl("backup", "restore", "--folder", options.pop("backups", self.backups), "--identity",
                         options.pop("identity", self.keys.identity), "--into", into, *([name] if name else []), *arguments, check=check, **options)

    def copy(self, folder):
        """A copy of the backup folder, for a test that damages it."""
        shutil.copytree(self.backups, folder / "backups")
        return folder / "backups"


@pytest.fixture(scope="module")
def place():
    with open_folder() as folder, Server(folder=folder) as server:
        yield Place(folder, server)


def test_a_backup_restores_to_the_same_and_the_service_goes_on(place, folder):
    """C102, and a complete restore on an empty machine: with the backup folder and the key only."""
    exported, _ = place.person.export()
    before = fingerprints(place.data)
    name = place.run().strip()
    place.restore(folder / "data", name)
    with Server(folder=folder) as server:
        assert fingerprints(folder / "data") == before
        manifest = json.loads((place.backups / name / "manifest.json").read_text())
        assert int(manifest["epoch"]) == 1 and manifest["postgresVersion"] >= 15
        counts = {table["name"]: int(table.get("rowCount", 0)) for table in manifest["tables"]}
        assert counts["public.cells"] == PEOPLE * DAYS + 5
        epoch = int(sql(folder / "data", "SELECT epoch FROM service_state"))
        assert epoch >= time.time() - 600
        person = Person(server, email=place.person.email)
        person.sign_in()
        streak = person.streak(place.habit)
        assert streak == place.person.streak(place.habit)
        ledger = [json.loads(line.rstrip(",")) for line in person.export()[0].decode().splitlines() if '"cell":' in line]
        assert ledger == [json.loads(line.rstrip(",")) for line in exported.decode().splitlines() if '"cell":' in line] != []
        person.record(person.put_habit("new"))
        person.close()
    # Again, from the restored one: an epoch never repeats.
    place.restore(folder / "again", name)
    with Server(folder=folder, arguments=("--data-folder", str(folder / "again"))):
        assert int(sql(folder / "again", "SELECT epoch FROM service_state")) > 1


def test_what_was_acknowledged_after_the_backup_comes_back_from_the_devices(folder):
    """The epoch rises; the devices detect it, pull anew and send their stored operations again:
    once."""
    with Server(folder=folder) as server:
        phone = Device(server)
        habit = phone.new_habit()
        tablet = Device(server, of=phone)
        for device, note in ((phone, "before"), (tablet, "before, too")):
            device.make(**completion(habit, today() - (device is tablet), note=note))
            device.sync()
        keys = Keys(folder)
        streakctl("backup", "run", "--folder", folder / "backups", "--data-folder", folder / "data", "--recipient", keys.recipient)
        phone.make(**completion(habit, note="after"))
        phone.make(**edit(os.urandom(16), "made after the backup"))
        tablet.make(**completion(habit, today() - 2, note="after, too"))
        for device in (phone, tablet, phone):
            device.sync()
        digest = phone.digest()
    with open_folder() as other:
        streakctl("backup", "restore", "--folder", folder / "backups", "--identity", keys.identity, "--into", other / "data")
        with Server(folder=other) as server:
            for device in (phone, tablet):
                device.connect(server)
            epoch = phone.cursor.epoch
            for device in (phone, tablet) * 3:
                device.sync()
            assert phone.cursor.epoch > epoch
            assert phone.digest() == tablet.digest() == digest
            assert not phone.notices and not tablet.notices
            made = sql(other / "data", "SELECT count(*), count(DISTINCT (device_id, seq)) FROM operations")
            assert made == f"{phone.decided + tablet.decided}|{phone.decided + tablet.decided}"
            assert phone.streak(habit).current == 3


def test_list_and_verify(place):
    listed = streakctl("backup", "list", "--folder", place.backups)
    assert f"{place.name}  " in listed and "verified" in listed
    assert streakctl("backup", "verify", "--folder", place.backups, place.name) == f"{place.name}  good\n"
    assert streakctl("backup", "verify", "--folder", place.backups, place.name, "--identity", place.keys.identity) == f"{place.name}  good\n"


@pytest.mark.parametrize("damage", ["a byte short", "a flipped bit", "empty", "missing", "a byte more"])
def test_damage_is_noticed_and_named(place, folder, damage):
    """C101"""
    backups = place.copy(folder)
    file = backups / place.name / "dump.sql.zst.age"
    data = bytearray(file.read_bytes())
    match damage:
        case "a byte short": file.write_bytes(data[:-1])
        case "a byte more": file.write_bytes(data + b"\0")
        case "empty": file.write_bytes(b"")
        case "missing": file.unlink()
        case "a flipped bit":
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
            file.write_bytes(data)
    done = streakctl("backup", "verify", "--folder", backups, place.name, check=False)
    assert done.returncode == 1 and "damaged" in done.stdout and str(file) in done.stdout
    assert "damaged" in streakctl("backup", "list", "--folder", backups)
    refused = place.restore(folder / "data", place.name, check=False, backups=backups)
    assert refused.returncode == 1 and str(file) in refused.stderr
    assert not (folder / "data").exists()


def test_damage_that_the_manifest_hides_is_noticed_by_the_data(place, folder):
    """A manifest with another hash, or with other counts, does not make a damaged backup good."""
    import hashlib
    import base64
    backups = place.copy(folder)
    file, manifest = backups / place.name / "dump.sql.zst.age", backups / place.name / "manifest.json"
    described = json.loads(manifest.read_text())
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    described.update(sha256=base64.b64encode(hashlib.sha256(whole[:-1]).digest()).decode(), fileBytes=str(len(whole) - 1))
    manifest.write_text(json.dumps(described))
    refused = place.restore(folder / "data", place.name, "--allow-unsigned", check=False, backups=backups)
    assert refused.returncode == 1 and "age" in refused.stderr and not (folder / "data").exists()

    backups = shutil.copytree(place.backups, folder / "others")
    described = json.loads((backups / place.name / "manifest.json").read_text())
    next(table for table in described["tables"] if table["name"] == "public.cells")["rowCount"] = "3"
    (backups / place.name / "manifest.json").write_text(json.dumps(described))
    refused = place.restore(folder / "data", place.name, "--allow-unsigned", check=False, backups=backups)
    assert refused.returncode == 1 and "public.cells has" in refused.stderr and not (folder / "data").exists()


def test_how_a_database_writes_values_by_default_changes_no_fingerprint(place, folder):
    """Zone, bytea and dates as text: the dump's database and the restored one have different
    defaults."""
    settings = {"timezone": "Asia/Kathmandu", "bytea_output": "escape", "datestyle": "German", "extra_float_digits": "0", "intervalstyle": "iso_8601"}
    for name, value in settings.items():
        sql(place.data, f"ALTER DATABASE postgres SET {name} = '{value}'")
    try:
        name = place.run().strip()
    finally:
        for setting in settings:
            sql(place.data, f"ALTER DATABASE postgres RESET {setting}")
    assert streakctl("backup", "verify", "--folder", place.backups, name, "--identity", place.keys.identity) == f"{name}  good\n"
    plain = place.run().strip()
    tables = [{table["name"]: table["fingerprint"] for table in json.loads((place.backups / backup / "manifest.json").read_text())["tables"]}
              for backup in (name, plain)]
    for table in ("public.cells", "public.users", "public.audit_events"):  # times, bytes; backup_runs has grown
        assert tables[0][table] == tables[1][table] != "0"


def test_backups_of_the_first_layout_go_on(place, folder):
    """Their fingerprints were sums of PostgreSQL's own hashes."""
    backups = place.copy(folder)
    manifest = backups / place.name / "manifest.json"
    described = json.loads(manifest.read_text())
    assert described["layoutVersion"] == 2
    place.restore(folder / "restored", place.name)
    with Server(folder=folder, arguments=("--data-folder", str(folder / "restored"))):
        for table in described["tables"]:
            table["fingerprint"] = sql(folder / "restored", "SELECT coalesce(sum(hash_record_extended(t, 0)), 0) FROM ONLY %s t" % table["name"])
    described["layoutVersion"] = 1
    manifest.write_text(json.dumps(described))
    done = streakctl("backup", "verify", "--folder", backups, place.name, "--identity", place.keys.identity, "--allow-unsigned", check=False)
    # The restore has raised the epoch and the server has made its test write: everything else is
    # equal.
    others = "; ".join(f"public.{table} has other rows" for table in ("server_probes", "service_state", "timelines"))
    assert done.stdout == f"{place.name}  damaged: {others}\n"
    table = next(table for table in described["tables"] if table["name"] == "public.cells")
    table["fingerprint"] = str(int(table["fingerprint"]) + 1)
    manifest.write_text(json.dumps(described))
    done = streakctl("backup", "verify", "--folder", backups, place.name, "--identity", place.keys.identity, "--allow-unsigned", check=False)
    assert done.returncode == 1 and "public.cells has other rows" in done.stdout


def test_a_wrong_key_is_named_and_says_nothing_against_the_backup(place, folder):
    other = Keys(folder)
    done = streakctl("backup", "verify", "--folder", place.backups, place.name, "--identity", other.identity, check=False)
    assert done.returncode == 1 and "age" in done.stderr and "identity" in done.stderr
    refused = place.restore(folder / "data", place.name, check=False, identity=other.identity)
    assert refused.returncode == 1 and "age" in refused.stderr and not (folder / "data").exists()
    assert "damaged" not in streakctl("backup", "list", "--folder", place.backups)


def test_nothing_is_restored_over_something(place, folder):
    target = folder / "data"
    target.mkdir()
    (target / "precious").write_text("x")
    refused = place.restore(target, place.name, check=False)
    assert refused.returncode == 1 and "not empty" in refused.stderr and (target / "precious").exists()
    done = streakctl("backup", "restore", "--folder", place.backups, "--identity", place.keys.identity, "--database",
                     f"host={place.data}/socket user=streakd dbname=postgres", check=False)
    assert done.returncode == 1 and "not empty" in done.stderr


def test_a_restore_without_its_ledger_is_refused(place, folder):
    backups = place.copy(folder)
    (backups / "erasures").unlink()
    refused = place.restore(folder / "data", place.name, check=False, backups=backups)
    assert refused.returncode == 1 and "erasure ledger" in refused.stderr


def test_into_an_empty_database(place):
    """A database beside the private cluster's own stands for one on another machine."""
    sql(place.data, "CREATE DATABASE empty")
    address = f"host={place.data}/socket user=streakd dbname=empty"
    streakctl("backup", "restore", "--folder", place.backups, "--identity", place.keys.identity, "--database", address, place.name)
    count = subprocess.run(["psql", "-XAtq", address, "-c", "SELECT count(*) FROM cells"], capture_output=True, text=True, check=True).stdout
    assert int(count) == PEOPLE * DAYS + 5
    with Server(database=address):
        pass
    sql(place.data, "DROP DATABASE empty")


def kill_at_random(arguments, seconds, environment=None):
    """Starts streakctl, waits a random part of the time and kills it. Returns whether it was still
    running."""
    process = subprocess.Popen([STREAKCTL, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        process.wait(random.random() * seconds)  # waits for its end, which may come before
        return False
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True


def test_a_killed_backup_leaves_nothing_that_looks_like_one(place, folder):
    backups = place.copy(folder)
    options = ["--folder", backups, "--data-folder", place.data, "--recipient", place.keys.recipient]
    started = time.monotonic()
    streakctl("backup", "run", *options)
    seconds = time.monotonic() - started
    killed = sum(kill_at_random(["backup", "run", *options], seconds) for _ in range(3))
    assert killed
    good = [line.split()[0] for line in streakctl("backup", "list", "--folder", backups).splitlines()]
    streakctl("backup", "verify", "--folder", backups, "all")
    assert place.name in good
    name = streakctl("backup", "run", *options).strip()
    assert name and not [entry for entry in os.listdir(backups) if entry.startswith(".")]


def test_a_killed_restore_leaves_nothing_that_looks_like_a_database(place, folder):
    arguments = ["backup", "restore", "--folder", place.backups, "--identity", place.keys.identity, "--into", folder / "data", place.name]
    for _ in range(3):
        # A folder that is there is whole, as the last lines check: it appears under its name at the
        # end.
        if not kill_at_random(arguments, 2.5) or (folder / "data").exists():
            break
    if not (folder / "data").exists():
        place.restore(folder / "data", place.name)
    with Server(folder=folder):
        assert int(sql(folder / "data", "SELECT count(*) FROM cells")) == PEOPLE * DAYS + 5


def test_a_restore_killed_while_its_cluster_is_made_blocks_no_later_one(place, folder):
    """initdb's own PostgreSQL works in the folder: the next restore ends it before it removes the
    folder, and initdb ends with our program."""
    def at_work():
        """Processes of PostgreSQL in the unfinished cluster."""
        return [entry for entry in os.listdir("/proc") if entry.isdigit() and links(entry) == f"{folder}/data.restoring/cluster.new"]

    def links(entry):
        try:
            return os.readlink(f"/proc/{entry}/cwd")
        except OSError:
            return None

    arguments = ["backup", "restore", "--folder", place.backups, "--identity", place.keys.identity, "--into", folder / "data", place.name]
    for _ in range(3):
        with real_initdb():
            process = subprocess.Popen([STREAKCTL, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        wait_until(lambda: at_work() or process.poll() is not None)
        assert process.poll() is None
        process.kill()
        process.wait()
    place.restore(folder / "data", place.name)
    assert at_work() == []


def test_a_full_disk_is_named_and_the_last_backup_stays(place, folder):
    """The disk is one of 256 KiB, in a mount namespace of its own."""
    backups = folder / "small"
    backups.mkdir()
    script = (f"mount -t tmpfs -o size=256k tmpfs {backups} && cp -r {place.backups}/erasures {backups}/ && "
              f"{STREAKCTL} backup run --folder {backups} --data-folder {place.data} --recipient {place.keys.recipient}; echo code $?; "
              f"ls -A {backups}; {STREAKCTL} backup list --folder {backups}")
    own = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    done = subprocess.run([*own, "sh", "-c", script], capture_output=True, text=True, timeout=120)
    assert "No space left on device" in done.stderr and "code 1" in done.stdout, done.stdout + done.stderr
    assert ".unfinished" not in done.stdout and "Z-" not in done.stdout


def test_a_full_disk_ends_a_restore_and_leaves_nothing(place, folder):
    """Room for an empty cluster, but not for the rows and their log."""
    small = folder / "small"
    small.mkdir()
    restore = f"{STREAKCTL} backup restore --folder {place.backups} --identity {place.keys.identity} --into {small}/data {place.name}"
    script = f"mount -t tmpfs -o size=44m,mode=755 tmpfs {small} && {restore}; echo code $?; ls -A {small}"
    own = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    done = subprocess.run([*own, "sh", "-c", script], capture_output=True, text=True, timeout=120)
    assert "No space left on device" in done.stderr and done.stdout == "code 1\n", done.stdout + done.stderr


def test_a_trial_that_cannot_be_made_leaves_a_backup_that_is_not_verified(place, folder):
    backups = folder / "backups"
    (folder / "file").write_text("")
    done = streakctl("backup", "run", *place.options()[2:], "--folder", backups, "--scratch-folder", folder / "file", check=False)
    assert done.returncode == 1 and "not verified" in done.stderr
    name = done.stdout.strip()
    assert f"{name}  " in streakctl("backup", "list", "--folder", backups)
    assert "not verified" in streakctl("backup", "list", "--folder", backups)


def test_a_full_scratch_disk_is_named_and_the_backup_is_kept_as_not_verified(place, folder):
    """Room for an empty cluster there, but not for the rows and their log: psql stops in the middle
    of the dump, while the dump continues into the file."""
    small, backups = folder / "small", folder / "backups"
    small.mkdir()
    run = f"{STREAKCTL} backup run --folder {backups} --data-folder {place.data} --recipient {place.keys.recipient} --scratch-folder {small}"
    script = f"mount -t tmpfs -o size=44m,mode=755 tmpfs {small} && {run}; echo code $?; ls -A {small}"
    own = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    done = subprocess.run([*own, "sh", "-c", script], capture_output=True, text=True, timeout=120)
    assert "not verified" in done.stderr and "No space left on device" in done.stderr, done.stdout + done.stderr
    name, code = done.stdout.splitlines()
    assert code == "code 1" and "not verified" in streakctl("backup", "list", "--folder", backups)
    # Nothing is wrong with it, as a check with the key and enough room shows.
    assert streakctl("backup", "verify", "--folder", backups, name, "--identity", place.keys.identity) == f"{name}  good\n"


@pytest.mark.parametrize("left_out, said", [
    (r"/^COPY public.cells /{print; getline; next} {print}", f"{PEOPLE * DAYS + 4} rows of public.cells, the database {PEOPLE * DAYS + 5}"),
    (r"/^COPY public.habits /{skip=1} !skip{print} /^\\\.$/{skip=0}", "lacks the table public.habits")])
def test_a_dump_that_lacks_something_is_no_backup(place, folder, left_out, said):
    """With a pg_dump that leaves it out: its output restores without errors, so the database is
    asked for its row counts."""
    real = pathlib.Path(subprocess.run(["find", "/usr/lib/postgresql", "-name", "pg_dump"], capture_output=True, text=True, check=True)
                        .stdout.split()[-1]).parent
    programs = folder / "programs"
    programs.mkdir()
    for program in real.iterdir():
        (programs / program.name).symlink_to(program)
    (programs / "pg_dump").unlink()
    (programs / "pg_dump").write_text(f"#!/bin/sh\n{real}/pg_dump \"$@\" | awk '{left_out}'\n")
    (programs / "pg_dump").chmod(0o755)
    done = streakctl("backup", "run", *place.options()[2:], "--folder", folder / "backups", check=False,
                     env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"})
    assert done.returncode == 1 and said in done.stderr, done
    assert [name for name in os.listdir(folder / "backups") if "Z-" in name] == []


def test_old_backups_are_removed_but_the_last_good_one(place, folder):
    backups = place.copy(folder)
    for other in backups.glob("*Z-*"):  # made by other tests
        if other.name != place.name:
            shutil.rmtree(other)

    def aged(days):
        """A copy that began so many days ago, as its name says: its manifest is not the signed one."""
        name = time.strftime("%Y%m%dT%H%M%SZ-aaaaaa", time.gmtime(time.time() - days * 86_400))
        shutil.copytree(backups / place.name, backups / name)
        manifest = json.loads((backups / name / "manifest.json").read_text())
        (backups / name / "manifest.json").write_text(json.dumps({**manifest, "name": name}))
        return name

    younger, older = aged(29), aged(31)
    assert streakctl("backup", "prune", "--folder", backups) == f"removed {older}\n"
    assert streakctl("backup", "prune", "--folder", backups, "--retention-days", "28") == f"removed {younger}\n"
    aged(400)
    (backups / place.name / "dump.sql.zst.age").write_bytes(b"")
    done = streakctl("backup", "prune", "--folder", backups, check=False)
    assert done.returncode == 1 and f"damaged {place.name}" in done.stdout and "removed" not in done.stdout
    for wrong in ("0", "36501"):
        assert streakctl("backup", "prune", "--folder", backups, "--retention-days", wrong, check=False).returncode == 64


def test_two_runs_at_once(place):
    """Two programs at the same time: one makes a backup, the other reports that it is running, or
    comes after it."""
    runs = [subprocess.Popen([STREAKCTL, "backup", "run", *map(str, place.options())], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True) for _ in range(3)]
    ended = [(run.communicate(timeout=120), run.returncode) for run in runs]
    codes = sorted(code for _, code in ended)
    assert codes[0] == 0 and set(codes) <= {0, 75}, ended


def test_secrets_do_not_stand_in_arguments_and_progress_shows_on_a_terminal(place):
    """A password in the address reaches the children by their environment: checked while they run."""
    ours, theirs = pty.openpty()
    address = f"host={place.data}/socket user=streakd dbname=postgres password=sesame-{os.getpid()}"
    process = subprocess.Popen([STREAKCTL, "backup", "run", "--folder", str(place.backups), "--recipient", place.keys.recipient],
                               env={**os.environ, "STREAKD_DATABASE": address}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs, text=True)
    seen, programs = "", set()
    while process.poll() is None:
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    arguments = open(f"/proc/{entry}/cmdline").read()
                except OSError:
                    continue
                if "pg_dump" in arguments or "psql" in arguments:
                    programs.add(arguments.split("\0")[0])
                seen += arguments
    assert process.returncode == 0 and programs
    assert f"sesame-{os.getpid()}" not in seen
    os.close(theirs)
    shown = os.read(ours, 100_000)
    assert b"dumping" in shown and b" s" in shown
    os.close(ours)

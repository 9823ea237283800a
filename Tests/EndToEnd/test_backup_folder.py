"""The backup folder decides about backups and erasures: an empty, unmounted or truncated one is
detected."""

import json
import os
import re
import shutil
import time
import urllib.request

import pytest
from erasure import delete
from operator_tools import Keys, streakctl
from person import Person
from server import Server, wait_until


def metric(server, name):
    admin = next(found[1] for line in server.lines if (found := re.search(r"address=(127\.0\.0\.1:\d+)", line)))
    text = urllib.request.urlopen(f"http://{admin}/metrics", timeout=10).read().decode()
    return float(re.search(rf"^{name} (\S+)$", text, re.MULTILINE)[1])


def options(folder, *more):
    return ("--backup-folder", str(folder / "backups"), "--admin-listen", "127.0.0.1:0", *more)


def test_the_last_good_backup_is_the_one_in_the_folder(folder):
    """O13: also if this server makes none itself, and independent of the table's rows."""
    with Server(folder=folder, arguments=options(folder)) as server:
        assert metric(server, "streakd_backup_last_good_timestamp_seconds") == 0
        streakctl("backup", "run", "--folder", folder / "backups", "--data-folder", folder / "data", "--recipient", Keys(folder).recipient)
        wait_until(lambda: metric(server, "streakd_backup_last_good_timestamp_seconds") > time.time() - 600)
        for backup in (folder / "backups").glob("*Z-*"):
            shutil.rmtree(backup)
        wait_until(lambda: metric(server, "streakd_backup_last_good_timestamp_seconds") == 0)
        # Not mounted any more: reported, and no new folder is made in its place.
        (folder / "backups").rename(folder / "away")
        wait_until(lambda: metric(server, "streakd_backup_failing") == 1)
        assert not (folder / "backups").exists()
        (folder / "away").rename(folder / "backups")
        wait_until(lambda: metric(server, "streakd_backup_failing") == 0)


def test_only_a_whole_and_signed_backup_of_the_past_counts_as_the_last_good_one(folder):
    """What can write the folder can neither claim a backup nor hide that one is gone."""
    backups, name = folder / "backups", "streakd_backup_last_good_timestamp_seconds"
    with Server(folder=folder, arguments=options(folder)) as server:
        made = streakctl("backup", "run", "--folder", backups, "--data-folder", folder / "data", "--recipient", Keys(folder).recipient).strip()
        wait_until(lambda: metric(server, name) > 0)
        began = metric(server, name)
        forged = shutil.copytree(backups / made, backups / "20990101T000000Z-forged")
        described = json.loads((forged / "manifest.json").read_text())
        described.update(name=forged.name, beganAt="2099-01-01T00:00:00Z")
        (forged / "manifest.json").write_text(json.dumps(described))
        (backups / made / "dump.sql.zst.age").rename(folder / "dump")
        # The forged one is not taken for it.
        wait_until(lambda: metric(server, name) == 0)
        assert "dump.sql.zst.age is missing" in streakctl("backup", "list", "--folder", backups)
        (folder / "dump").rename(backups / made / "dump.sql.zst.age")
        wait_until(lambda: metric(server, name) == began)


def test_a_clean_up_does_not_believe_a_manifest_that_nothing_known_has_signed(folder):
    backups = folder / "backups"
    with Server(folder=folder):
        made = streakctl("backup", "run", "--folder", backups, "--data-folder", folder / "data", "--recipient", Keys(folder).recipient).strip()
    stranger = {**os.environ, "STREAKD_BACKUP_SIGNING_KEY": str(folder / "other-key")}
    refused = streakctl("backup", "prune", "--folder", backups, check=False, env=stranger)
    assert refused.returncode == 1 and "--signer" in refused.stderr, refused
    signer = streakctl("backup", "signer", env=stranger).strip()
    old = backups / "20200101T000000Z-oldone"
    shutil.copytree(backups / made, old)
    done = streakctl("backup", "prune", "--folder", backups, "--signer", signer, check=False)
    assert done.returncode == 1 and "no backup is known to be good" in done.stderr and old.exists(), done
    assert streakctl("backup", "prune", "--folder", backups) == f"removed {old.name}\n"
    assert (backups / made).exists()


@pytest.mark.parametrize("reason", ["a backup", "an erasure"])
def test_an_expected_erasure_ledger_that_is_missing_stops_the_start_unless_told_otherwise(folder, reason):
    with Server(folder=folder, arguments=options(folder)) as server, Person(server) as person:
        if reason == "a backup":
            streakctl("backup", "run", "--folder", folder / "backups", "--data-folder", folder / "data", "--recipient", Keys(folder).recipient)
        else:
            person.sign_up()
            delete(person)
    shutil.move(folder / "backups", folder / "away")
    with pytest.raises(RuntimeError) as refused:
        Server(folder=folder, arguments=options(folder))
    assert "erasure ledger" in str(refused.value) and "mounted" in str(refused.value) and "--new-backup-folder" in str(refused.value)
    # A start as root makes the folder for the user that serves, before the database is asked. It
    # stays empty.
    assert not (folder / "backups").exists() or not any((folder / "backups").iterdir())
    with Server(folder=folder, arguments=options(folder, "--new-backup-folder")):
        assert (folder / "backups" / "erasures").exists()
    with Server(folder=folder, arguments=options(folder)):
        pass


def test_a_ledger_with_a_torn_last_line_is_reported_and_one_with_too_few_people_is_refused(folder):
    keys, backups = Keys(folder), folder / "backups"
    run = ["backup", "run", "--folder", backups, "--data-folder", folder / "data", "--recipient", keys.recipient]
    restore = ["backup", "restore", "--folder", backups, "--identity", keys.identity]
    with Server(folder=folder, arguments=options(folder)) as server:
        for _ in range(2):
            with Person(server) as person:
                person.sign_up()
                delete(person)
        streakctl(*run)
        assert '"erasedCount": "2"' in next(backups.glob("*Z-*/manifest.json")).read_text()
    ledger = backups / "erasures"
    whole = ledger.read_bytes()
    torn = whole + b"person 0123"
    ledger.write_bytes(torn)
    done = streakctl(*restore, "--into", folder / "restored", check=False)
    number = whole.count(b"\n") + 1
    assert done.returncode == 0 and f"line {number} of the erasure ledger {ledger} was cut short" in done.stderr, done
    with Server(folder=folder, arguments=options(folder)) as server:
        assert any(f"line {number} of the erasure ledger" in line for line in server.lines)
    ledger.write_bytes(whole.splitlines(keepends=True)[0])
    done = streakctl(*restore, "--into", folder / "again", check=False)
    assert done.returncode == 1 and "holds 0 people, and held 2" in done.stderr and not (folder / "again").exists()
    streakctl(*restore, "--into", folder / "again", "--without-ledger")


def test_a_new_folder_is_not_made_in_silence(folder):
    recipient = Keys(folder).recipient
    with Server(folder=folder):
        done = streakctl("backup", "run", "--folder", folder / "backups", "--data-folder", folder / "data", "--recipient", recipient, check=False)
        assert done.returncode == 0 and "new backup folder" in done.stderr
        done = streakctl("backup", "run", "--folder", folder / "backups", "--data-folder", folder / "data", "--recipient", recipient, check=False)
        assert done.returncode == 0 and done.stderr == ""

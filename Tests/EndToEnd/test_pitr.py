"""Point-in-time recovery with the real pgBackRest."""

import os
import re
import shutil
import subprocess
import urllib.error
import urllib.request

from erasure import delete, rows_of
from metrics import ADMIN, Metrics, get
from operator_tools import STREAKCTL, sql, streakctl
from person import Person
from server import Server, wait_until


def test_back_to_a_moment_before_a_bad_statement(folder):
    """Data acknowledged before the moment is there; the bad statement, and users erased after it,
    are not."""
    data, backups = folder / "data", folder / "backups"
    with Server(folder=folder, arguments=("--backup-folder", str(backups))) as server:
        printed = streakctl("pitr", "setup", "--data-folder", data, "--repository", folder / "repository")
        assert "pgbackrest.conf" in printed
        assert "already" in streakctl("pitr", "setup", "--data-folder", data, "--repository", folder / "other", check=False).stderr
        with Person(server) as person, Person(server) as erased:
            person.sign_up()
            habit = person.put_habit("Swim")
            person.record(habit, note="before")
            user_id = erased.sign_up().account.user_id
            erased.put_habit("gone")
            # pgBackRest stores the end of its backup in seconds: the moment must be in a later
            # second.
            sql(data, "SELECT pg_sleep(2)")
            moment = sql(data, "SELECT clock_timestamp()")
            sql(data, "SELECT pg_sleep(1)")
            delete(erased)
            sql(data, "UPDATE cells SET note = 'bad'")
            sql(data, "DELETE FROM habits")
            sql(data, "SELECT pg_switch_wal()")
        streakctl("pitr", "backup", "--data-folder", data)
        assert "status: ok" in streakctl("pitr", "list", "--data-folder", data)
        streakctl("pitr", "verify", "--data-folder", data)
        shutil.copy(data / "pgbackrest.conf", folder / "conf")
    text = (folder / "conf").read_text()
    assert "aes-256-cbc" in text
    shutil.rmtree(data)

    restore = ["pitr", "restore", "--config", folder / "conf", "--into", data]
    done = streakctl(*restore, "--to", moment, check=False)
    assert done.returncode == 64 and "ledger" in done.stderr
    done = streakctl(*restore, "--to", "2020-01-01 00:00:00+00", "--ledger", backups / "erasures", check=False)
    assert done.returncode == 1 and not data.exists(), done
    assert "epoch" in streakctl(*restore, "--to", moment, "--ledger", backups / "erasures")
    with Server(folder=folder, arguments=("--backup-folder", str(backups))) as server, Person(server, email=person.email) as back:
        back.sign_in()
        assert [cell.note for cell in back.history()] == ["before"] and back.streak(habit).total == 1
        assert set(rows_of(data, user_id).values()) == {0}
        assert int(sql(data, "SELECT epoch FROM service_state")) > 1
        assert sql(data, "SHOW archive_mode") == "off"


def archiving(data):
    return sql(data, "SELECT current_setting('archive_mode') || ' ' || current_setting('archive_command')")


def test_a_setup_that_fails_half_way_leaves_nothing_and_the_next_one_works_on_any_path(folder):
    """O8: with a repository on a disk that is too small; then with spaces, quotes and per cent
    signs in every path; then a restore to the end of the log."""
    home = folder / "my 'odd' data" / "100%s"
    home.mkdir(parents=True)
    data, backups, repository = home / "data", home / "backups", home / "re po%p"
    small = folder / "small"
    small.mkdir()
    with Server(folder=home, arguments=("--backup-folder", str(backups))) as server:
        script = (f'mount -t tmpfs -o size=1m,mode=755 tmpfs {small} && "$0" pitr setup --data-folder "$1" --repository {small}/repository; echo code $?; '
                  f'ls -A {small}')
        own = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
        done = subprocess.run([*own, "sh", "-c", script, STREAKCTL, str(data)], capture_output=True, text=True, timeout=180)
        assert done.stdout == "code 1\n" and done.stderr, done
        assert archiving(data).startswith("off") and not list(data.glob("pgbackrest*")), done
        assert sql(data, "SELECT count(*) FROM pg_file_settings WHERE name LIKE 'archive%'") == "0"

        (folder / "full").mkdir()
        (folder / "full" / "precious").write_text("x")
        refused = streakctl("pitr", "setup", "--data-folder", data, "--repository", folder / "full", check=False)
        assert refused.returncode == 1 and "not empty" in refused.stderr and (folder / "full" / "precious").exists()

        streakctl("pitr", "setup", "--data-folder", data, "--repository", repository)
        with Person(server) as person:
            person.sign_up()
            person.record(person.put_habit("Swim"), note="last")
        sql(data, "SELECT pg_switch_wal()")
        wait_until(lambda: sql(data, "SELECT last_archived_time > now() - interval '1 minute' FROM pg_stat_archiver") == "t")
        listed = streakctl("pitr", "list", "--data-folder", data)
        assert re.search(r"restorable from \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00 to about \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00\n", listed), listed
        shutil.copy(data / "pgbackrest.conf", folder / "conf")

        restore = ["pitr", "restore", "--config", folder / "conf", "--ledger", backups / "erasures", "--into", home / "back 50%"]
        ahead = sql(data, "SELECT now() + interval '10 minutes'")
        done = streakctl(*restore, "--to", ahead, check=False)
        assert done.returncode == 1 and "ends before" in done.stderr and "--to latest" in done.stderr, done.stderr
        assert not (home / "back 50%").exists()
    streakctl(*restore, "--to", "latest")
    arguments = ("--backup-folder", str(backups), "--data-folder", str(home / "back 50%"))
    with Server(folder=home, arguments=arguments) as server, Person(server, email=person.email) as back:
        back.sign_in()
        assert [cell.note for cell in back.history()] == ["last"]


def test_a_setup_that_was_killed_is_undone_by_the_next_one(folder):
    data = folder / "data"
    with Server(folder=folder):
        (data / "pgbackrest.conf").write_text("[global]\n")
        (data / "pgbackrest.setup").write_text(str(folder / "repository"))
        (folder / "repository" / "archive").mkdir(parents=True)
        sql(data, "ALTER SYSTEM SET archive_mode = on")
        sql(data, "ALTER SYSTEM SET archive_command = 'false'")
        streakctl("pitr", "setup", "--data-folder", data, "--repository", folder / "repository")
        assert "status: ok" in streakctl("pitr", "list", "--data-folder", data)
        assert not (data / "pgbackrest.setup").exists()


def test_a_missing_archive_is_reported_everywhere(folder):
    """A repository that cannot be reached: metric, readiness, exit code; and all of them when it is
    back."""
    data, repository = folder / "data", folder / "repository"
    with Server(folder=folder, arguments=("--admin-listen", "127.0.0.1:0")) as server:
        admin = wait_until(lambda: next((found[1] for line in server.lines if (found := re.search(r"address=(127\.0\.0\.1:\d+)", line))), None))

        def page(name):
            try:
                return urllib.request.urlopen(f"http://{admin}/{name}", timeout=10).read().decode()
            except urllib.error.HTTPError as error:
                return error.read().decode()

        assert "streakd_archive" not in page("metrics")
        streakctl("pitr", "setup", "--data-folder", data, "--repository", repository)
        wait_until(lambda: "\nstreakd_archive_failing 0\n" in page("metrics"))
        assert "warning" not in page("readyz")
        repository.rename(folder / "away")
        wait_until(lambda: "\nstreakd_archive_failing 1\n" in page("metrics"))
        ready = page("readyz")
        assert ready.startswith("ready\n") and "warning: the archive of the log" in ready and str(repository) in ready
        done = streakctl("pitr", "list", "--data-folder", data, check=False)
        assert done.returncode == 1 and str(repository) in done.stderr
        assert streakctl("pitr", "restore", "--config", data / "pgbackrest.conf", "--to", "latest", "--without-ledger", "--into", folder / "x",
                         check=False).returncode == 1
        (folder / "away").rename(repository)
        wait_until(lambda: "\nstreakd_archive_failing 0\n" in page("metrics"))
        assert streakctl("pitr", "list", "--data-folder", data).startswith("restorable from ")


def test_archiving_goes_on_where_the_sockets_folder_changes_with_each_start(folder):
    """If a data folder's path is too long for a socket, the socket is in /tmp, under another name
    after each start."""
    home = folder / ("d" * 70)
    home.mkdir()
    data = home / "data"
    assert len(str(data / "socket/.s.PGSQL.5432")) > 107
    with Server(folder=home):
        streakctl("pitr", "setup", "--data-folder", data, "--repository", folder / "repository")
    with Server(folder=home):
        streakctl("pitr", "backup", "--data-folder", data)
        assert "status: ok" in streakctl("pitr", "list", "--data-folder", data)


def test_a_part_of_the_log_that_was_dropped_is_told_until_the_next_backup(folder):
    """pgBackRest drops the log beyond archive-push-queue-max and tells PostgreSQL that it is stored."""
    data, repository = folder / "data", folder / "repository"
    with Server(folder=folder, arguments=ADMIN) as server:
        streakctl("pitr", "setup", "--data-folder", data, "--repository", repository)
        wait_until(lambda: Metrics(server).values("streakd_archive_failing") == [0])
        settings = (data / "pgbackrest.conf").read_text()

        def archive_a_piece(text):
            (data / "pgbackrest.conf").write_text(text)
            last = sql(data, "SELECT last_archived_wal FROM pg_stat_archiver")
            sql(data, "CREATE TABLE IF NOT EXISTS log_filler (n integer)")
            sql(data, "INSERT INTO log_filler VALUES (1)")
            sql(data, "SELECT pg_switch_wal()")
            wait_until(lambda: sql(data, "SELECT last_archived_wal FROM pg_stat_archiver") != last)
            return sql(data, "SELECT last_archived_wal FROM pg_stat_archiver")

        kept = archive_a_piece(settings)
        assert list(repository.rglob(f"{kept}-*")) and Metrics(server).value("streakd_archive_failing") == 0
        dropped = archive_a_piece(settings.replace("archive-push-queue-max=8GiB", "archive-push-queue-max=1"))
        assert not list(repository.rglob(f"{dropped}-*"))
        # Before anything follows it, and afterwards.
        wait_until(lambda: Metrics(server).value("streakd_archive_failing") == 1)
        archive_a_piece(settings)
        ready = wait_until(lambda: (text := get(server, "/readyz")[2]) if "is missing" in (text := get(server, "/readyz")[2]) else None)
        assert ready.startswith("ready\n") and dropped in ready and "pitr backup" in ready
        assert Metrics(server).value("streakd_archive_failing") == 1
        done = streakctl("pitr", "list", "--data-folder", data, check=False)
        assert done.returncode == 1 and dropped in done.stderr and done.stdout.count("restorable from ") == 1
        streakctl("pitr", "backup", "--data-folder", data)
        wait_until(lambda: Metrics(server).value("streakd_archive_failing") == 0)
        archive_a_piece(settings)
        listed = streakctl("pitr", "list", "--data-folder", data)
        ranges = re.findall(r"^restorable from (\S+ \S+) to about (\S+ \S+)$", listed, re.MULTILINE)
        # Each ends before the next begins.
        assert len(ranges) == 2 and sorted(sum(ranges, ())) == list(sum(ranges, ())), listed
        assert list(repository.rglob("*.backup*"))

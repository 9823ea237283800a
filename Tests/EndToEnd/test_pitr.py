"""Point-in-time recovery with the real pgBackRest."""

import shutil
import subprocess

import grpc
import pytest
from operations import sql, streakctl
from person import Person, details
from server import Server
from test_erasure import delete, rows_of


def test_back_to_a_moment_before_a_bad_statement(folder):
    """What was acknowledged before the moment is there, the bad statement is not, and neither is who was erased after it."""
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
            # pgBackRest knows the second in which its backup ended: the moment must lie in a later one.
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

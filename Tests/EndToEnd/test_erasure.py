"""Erased users: removed at once, with the reason for their devices, and absent after every kind of
restore."""

import hashlib
import os
import shutil
import subprocess
import time

import grpc
import pytest
from erasure import ERASED, PHRASE, claim, delete, rows_of
from operator_tools import Keys, sql, streakctl
from person import Person, details
from refusals import refusal
from server import Server, wait_until
from streak.v1 import account_pb2, export_pb2, migration_pb2, streak_pb2



def test_deletion_asks_for_email_and_phrase_and_leaves_nothing(folder):
    """C98, C43"""
    with Server(folder=folder) as server, Person(server) as person:
        started, session = claim(person)
        request = person.sign_up_request(session)
        user_id = person.accounts.SignUp(request, timeout=30).account.user_id
        person.sign_in()
        person.put_habit("Swim")
        for email, phrase, field in (("other@example.com", PHRASE, "email"), (person.email, "delete", "confirmation"),
                                     (person.email, PHRASE.upper(), "confirmation"), ("nobody", PHRASE, "email")):
            with pytest.raises(grpc.RpcError) as caught:
                delete(person, email, phrase)
            information, violations = details(caught.value)
            assert information.reason == "INVALID_FIELD" and [violation.field for violation in violations] == [field]
        assert person.history()
        assert delete(person, person.email.upper()).erased_at.seconds > 0
        assert set(rows_of(folder / "data", user_id).values()) == {0}

        assert refusal(delete, person) == ERASED
        assert refusal(person.streaks.ListHabits, streak_pb2.ListHabitsRequest(), metadata=person.metadata, timeout=30) == ERASED
        assert refusal(person.accounts.Refresh, account_pb2.RefreshRequest(refresh_token=person.tokens.refresh_token), timeout=30) == ERASED
        retried = migration_pb2.MigrateRequest(session=session)
        assert refusal(person.migrations.Migrate, retried, metadata=person.metadata, timeout=30) == ERASED
        # The session's device, and the repeated migration.
        assert refusal(person.accounts.SignUp, request, timeout=30) == ERASED
        request.session.session_secret = os.urandom(32)
        assert refusal(person.accounts.SignUp, request, timeout=30) == (grpc.StatusCode.UNAUTHENTICATED, "SESSION_INVALID")
        assert refusal(person.sign_in) == (grpc.StatusCode.UNAUTHENTICATED, "SIGN_IN_REFUSED")

        person.sign_up()
        assert person.history() == [] and not person.streaks.ListHabits(
            streak_pb2.ListHabitsRequest(), metadata=person.metadata, timeout=30).habits
        # The audit's record of an erasure does not identify the user.
        kept = sql(folder / "data", "SELECT DISTINCT user_id, peer_address, device_id IS NULL FROM audit_events "
                                    "WHERE method = 'AccountService/DeleteAccount' AND outcome = 'OK'")
        assert kept == "00000000-0000-0000-0000-000000000000||t"


def test_a_row_that_a_call_left_after_an_erasure_goes_without_a_backup_folder_too(folder):
    with Server(folder=folder) as server, Person(server) as person:
        user_id = person.sign_up().account.user_id
        delete(person)
        sql(folder / "data", f"INSERT INTO audit_events VALUES ('{user_id.hex()}', 7, gen_random_uuid(), now(), '', '', '', NULL, '192.0.2.1', '', NULL)")
        assert sum(rows_of(folder / "data", user_id).values()) == 1
        wait_until(lambda: set(rows_of(folder / "data", user_id).values()) == {0})


def test_open_streams_of_an_erased_person_end(folder):
    with Server(folder=folder, arguments=("--loops", "2")) as server, Person(server) as person, Person(server) as other:
        user_id = person.sign_up().account.user_id
        habit = person.put_habit("Read")
        # More than fits into the buffers: the stream stays open while it is not read.
        sql(folder / "data", f"""
            INSERT INTO cells (user_id, habit_id, day, done, note, quarantine_reason, version, occurred_at, zone, utc_offset_seconds,
              day_start_minutes, recorded_at, first_version, source_id, seq, changed_time)
            SELECT '{user_id.hex()}', '{habit.hex()}', 10957 + d, true, repeat(md5(d::text), 60), 0, 1, now(), 'UTC', 0, 0, now(), 1,
              '{habit.hex()}', 1, 0
            FROM generate_series(0, 9999) d""")
        stream = person.exports.Export(export_pb2.ExportRequest(), metadata=(*person.metadata, ("grpc-accept-encoding", "identity")),
                                       timeout=120)
        next(stream)
        other.metadata = person.metadata
        delete(other, person.email)
        with pytest.raises(grpc.RpcError) as caught:
            for _ in stream:
                pass
        assert (caught.value.code(), details(caught.value)[0].reason) == ERASED


def test_an_erased_person_is_absent_after_a_restore(folder):
    """C96"""
    keys, backups = Keys(folder), folder / "backups"
    options = ["--folder", backups, "--data-folder", folder / "data", "--recipient", keys.recipient]
    arguments = ("--backup-folder", str(backups))
    with Server(folder=folder, arguments=arguments) as server, Person(server) as mira, Person(server) as other:
        started, session = claim(mira)
        request = mira.sign_up_request(session)
        signed_up = mira.accounts.SignUp(request, timeout=30)
        mira.use(signed_up.tokens)
        other.sign_up()
        habit = other.put_habit("Swim")
        streamed = streakctl("backup", "run", *options).strip()
        delete(mira)
        ledger = (backups / "erasures").read_text()
        assert signed_up.account.user_id.hex() in ledger and started.session_id.hex() in ledger
        assert mira.email not in ledger
    shutil.rmtree(folder / "data")
    printed = streakctl("backup", "restore", "--folder", backups, "--identity", keys.identity, "--into", folder / "data", streamed)
    assert "1 erased people removed" in printed
    with Server(folder=folder, arguments=arguments) as server:
        assert set(rows_of(folder / "data", signed_up.account.user_id).values()) == {0}
        # The other kind, into an empty database: one beside it stands for one on another machine.
        sql(folder / "data", "CREATE DATABASE empty")
        address = f"host={folder}/data/socket user=streakd dbname=empty"
        printed = streakctl("backup", "restore", "--folder", backups, "--identity", keys.identity, "--database", address, streamed)
        assert "1 erased people removed" in printed
        assert set(rows_of(folder / "data", signed_up.account.user_id, database="empty").values()) == {0}
        with Person(server, email=mira.email) as back, Person(server, email=other.email) as still:
            back.use(signed_up.tokens)
            assert refusal(back.streaks.ListHabits, streak_pb2.ListHabitsRequest(), metadata=back.metadata, timeout=30) == ERASED
            assert refusal(back.accounts.SignUp, request, timeout=30) == ERASED
            back.sign_up()
            still.use(other.tokens)
            assert still.streak(habit).total == 0


def test_a_database_that_came_back_by_another_way_is_made_right_before_the_port_opens(folder):
    """A restore by other means, here of a copy of the data folder: the server applies its ledger
    before it serves."""
    backups = folder / "backups"
    arguments = ("--backup-folder", str(backups))
    with Server(folder=folder, arguments=arguments) as server, Person(server) as person:
        user_id = person.sign_up().account.user_id
        person.put_habit("Swim")
    subprocess.run(["cp", "-a", str(folder / "data"), str(folder / "copy")], check=True)  # owners too
    with Server(folder=folder, arguments=arguments) as server:
        with Person(server, email=person.email) as again:
            again.use(person.tokens)
            delete(again)
    shutil.rmtree(folder / "data")
    os.rename(folder / "copy", folder / "data")
    with Server(folder=folder, arguments=arguments) as server, Person(server) as again:
        again.use(person.tokens)
        assert refusal(again.streaks.ListHabits, streak_pb2.ListHabitsRequest(), metadata=again.metadata, timeout=30) == ERASED
        assert set(rows_of(folder / "data", user_id).values()) == {0}
        assert any("erased people were removed" in line for line in server.lines)


def test_a_damaged_ledger_stops_the_start(folder):
    backups = folder / "backups"
    backups.mkdir()
    (backups / "erasures").write_text("streakd erasures 1\nperson 00 0 00000000\n")
    with pytest.raises(RuntimeError, match="damaged in line 2"):
        Server(folder=folder, arguments=("--backup-folder", str(backups)))


def test_a_line_of_the_ledger_that_no_server_signed_erases_no_account(folder):
    backups = folder / "backups"
    arguments = ("--backup-folder", str(backups))
    with Server(folder=folder, arguments=arguments) as server, Person(server) as person, Person(server) as other:
        user_id = person.sign_up().account.user_id
        other.sign_up()
        delete(other)
    ledger = backups / "erasures"
    content = f"person {user_id.hex()} {int(time.time())}"
    line = f"{content} {hashlib.sha256(content.encode()).hexdigest()[:8]}\n"
    with ledger.open("a") as file:
        file.write(line)
    with Server(folder=folder, arguments=arguments) as server:
        assert any("has no signature" in line for line in server.lines)
        assert rows_of(folder / "data", user_id)["users"] == 1 and line not in ledger.read_text()
    ledger.write_text("streakd erasures 1\n" + line)
    with pytest.raises(RuntimeError, match="streakctl backup sign-ledger"):
        Server(folder=folder, arguments=arguments)
    assert "1 people" in streakctl("backup", "sign-ledger", "--folder", backups)
    with Server(folder=folder, arguments=arguments) as server:
        assert rows_of(folder / "data", user_id)["users"] == 0


def test_daily_backups_by_themselves(folder):
    """The first one at once; two servers on one database make one backup."""
    keys, backups = Keys(folder), folder / "backups"
    arguments = ("--backup-folder", str(backups), "--backup-recipient", keys.recipient)
    with Server(folder=folder, arguments=arguments) as first:
        database = f"host={folder}/data/socket user=streakd dbname=postgres"
        with Server(database=database, arguments=arguments):
            wait_until(lambda: "|" in sql(folder / "data", "SELECT began_at, backup, failure FROM backup_runs"), 60)
        assert len(streakctl("backup", "list", "--folder", backups).splitlines()) == 1
        assert "verified" in streakctl("backup", "list", "--folder", backups)

"""Changes of the database: a promoted standby, the return of the old primary, a pooler in between."""

import os
import subprocess

import grpc
import pytest
from faults import ADMIN, expect_unavailable, log, readiness, refusal_to_start
from person import Person, today
from postgres import DATABASE, Postgres, own
from server import Server, wait_until
from streak.v1 import account_pb2, sync_pb2, sync_pb2_grpc

STREAMING = ("wal_level=replica", "max_wal_senders=5", "hot_standby=on")


def epoch(postgres):
    return postgres.sql("SELECT epoch, epoch_bits FROM service_state", database=DATABASE).split("|")


def cursor_epoch(person, user) -> int:
    """The epoch in a device's cursor."""
    response = sync_pb2_grpc.SyncServiceStub(person.channel).Sync(
        sync_pb2.SyncRequest(user_id=user), metadata=person.metadata, timeout=30)
    return response.cursor.epoch


def is_recorded(person, habit, day=None) -> bool:
    try:
        person.record(habit, day)
        return True
    except grpc.RpcError as error:
        assert error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN), error
        return False


def caught_up(standby, primary):
    position = primary.sql("SELECT pg_current_wal_lsn()")
    wait_until(lambda: standby.sql(f"SELECT pg_last_wal_replay_lsn() >= '{position}'") == "t")


def test_a_promoted_standby_begins_one_epoch_for_all_servers_and_the_old_primary_is_not_used(folder):
    with Postgres(folder / "postgres", 6001, settings=STREAMING) as primary:
        with Postgres(folder / "postgres", 6002, settings=STREAMING, source=primary) as standby:
            hosts = f"host={folder}/postgres,{folder}/postgres port=6001,6002"
            database = f"{hosts} {primary.database.split(' ', 2)[2]}"
            with Server(database=database, arguments=(*ADMIN, "--loops", "2")) as one, \
                    Server(database=database, arguments=ADMIN) as two, Person(one) as person:
                user = person.sign_up().account.user_id
                habit = person.put_habit()
                person.record(habit)
                before = epoch(primary)
                assert cursor_epoch(person, user) == int(before[0]) == 1
                caught_up(standby, primary)
                primary.kill()
                standby.promote()
                # Before any checkpoint of the new timeline.
                wait_until(lambda: is_recorded(person, habit, today() - 1))
                after = epoch(standby)
                assert int(after[0]) > int(before[0]) and after[1] != before[1]
                assert cursor_epoch(person, user) == int(after[0])
                for server in (one, two):
                    wait_until(lambda: readiness(server)[0] == 200)
                    wait_until(lambda: log(server, "the database has a new epoch"))
                    assert len(log(server, "the database has a new epoch")) == 1
                assert epoch(standby) == after
                assert standby.sql("SELECT timeline FROM timelines ORDER BY 1", database=DATABASE) == "1\n2"

                # The old primary is writable, and the first of the hosts.
                primary.start()
                standby.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'streakd'")
                wait_until(lambda: "6001 is not used: an old primary: its timeline is 1" in readiness(one)[1])
                wait_until(lambda: is_recorded(person, habit, today() - 2))
                # Its other loop may still be on the way.
                wait_until(lambda: readiness(one)[0] == 200)
                assert readiness(one)[1].startswith("ready\nwarning: ")
                assert primary.sql("SELECT count(*) FROM cells", database=DATABASE) == "1"
                assert standby.sql("SELECT count(*) FROM cells", database=DATABASE) == "3"
                assert epoch(standby) == after
                # While only the old primary can be reached, calls are refused with the reason.
                standby.stop()
                expect_unavailable(lambda: person.record(habit, today() - 3))
                wait_until(lambda: readiness(one)[0] == 503 and "an old primary" in readiness(one)[1])
                wait_until(lambda: log(one, "an old primary"))
                standby.start()
                wait_until(lambda: is_recorded(person, habit, today() - 3))
                assert primary.sql("SELECT count(*) FROM cells", database=DATABASE) == "1"


def test_a_standby_first_in_the_list_is_left_when_another_server_can_write(folder):
    with Postgres(folder / "postgres", 6001, settings=STREAMING) as primary, Server(database=primary.database):
        with Postgres(folder / "postgres", 6002, settings=STREAMING, source=primary) as standby:
            hosts = f"host={folder}/postgres,{folder}/postgres port=6002,6001"
            place = f"{hosts} {primary.database.split(' ', 2)[2]}"
            with Server(database=place, arguments=ADMIN) as server, Person(server) as person:
                person.sign_up()
                habit = person.put_habit()
                primary.kill()
                # The standby alone: it can be read.
                wait_until(lambda: readiness(server)[0] == 503)
                expect_unavailable(lambda: person.record(habit))
                wait_until(lambda: person.streak(habit).current == 0)
                standby.promote()
                wait_until(lambda: is_recorded(person, habit))
                # Not by an older session, which would not have checked the new timeline.
                assert int(epoch(standby)[0]) > 1
                wait_until(lambda: readiness(server)[0] == 200)


def test_an_erasure_that_a_failover_lost_is_repeated_before_a_call_is_served(folder):
    with Postgres(folder / "postgres", 6001, settings=STREAMING) as primary:
        with Postgres(folder / "postgres", 6002, settings=STREAMING, source=primary) as standby:
            hosts = f"host={folder}/postgres,{folder}/postgres port=6001,6002"
            place = f"{hosts} {primary.database.split(' ', 2)[2]}"
            arguments = (*ADMIN, "--backup-folder", str(folder / "backups"))
            with Server(database=place, arguments=arguments) as server, Person(server) as person, Person(server) as other:
                person.sign_up()
                habit = person.put_habit()
                other.sign_up()
                caught_up(standby, primary)
                standby.stop()
                other.accounts.DeleteAccount(
                    account_pb2.DeleteAccountRequest(email=other.email, confirmation="delete my account", immediately=True,
                                                     proof=account_pb2.PersonProof(password=other.password)),
                    metadata=other.metadata, timeout=60)
                primary.kill()
                standby.start()
                found = "SELECT count(*) FROM emails"
                # It can be read before all that it had received is replayed.
                wait_until(lambda: standby.sql(found, database=DATABASE) == "2")
                standby.promote()
                wait_until(lambda: is_recorded(person, habit))
                assert standby.sql(found, database=DATABASE) == "1"
                wait_until(lambda: log(server, "erased people were removed"))


def test_a_database_of_another_system_is_not_used(folder):
    with Postgres(folder / "one", 6001) as first, Postgres(folder / "two", 6001) as other:
        link = folder / "link"
        link.symlink_to(folder / "one")
        place = first.database.replace(str(folder / "one"), str(link))
        with Server(database=place, arguments=ADMIN) as server, Person(server) as person:
            person.sign_up()
            habit = person.put_habit()
            link.unlink()
            link.symlink_to(folder / "two")
            first.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'streakd'")
            expect_unavailable(lambda: person.record(habit))
            wait_until(lambda: "another database: its system identifier is" in readiness(server)[1])
            link.unlink()
            link.symlink_to(folder / "one")
            wait_until(lambda: is_recorded(person, habit))
            wait_until(lambda: readiness(server) == (200, "ready\n"))


def test_a_database_that_hides_its_identity_is_served_all_the_same(folder):
    with Postgres(folder / "postgres") as postgres:
        for function in ("pg_control_system()", "pg_current_wal_insert_lsn()"):
            postgres.sql(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC", database=DATABASE)
        with Server(database=postgres.database) as server, Person(server) as person:
            person.sign_up()
            assert person.record(person.put_habit())
            assert postgres.sql("SELECT count(*) FROM timelines", database=DATABASE) == "0"
            wait_until(lambda: log(server, "the database's identity is not checked"))


class Bouncer:
    """A PgBouncer on a Unix socket in front of a server."""

    def __init__(self, folder, postgres, mode):
        self.folder = folder
        own(folder)
        folder.chmod(0o711)
        users = folder / "users"
        users.write_text('"keeper" ""\n')
        settings = folder / "pgbouncer.ini"
        settings.write_text(f"""[databases]
* = host={postgres.folder} port={postgres.port}
[pgbouncer]
listen_port = 6432
unix_socket_dir = {folder}
auth_type = trust
auth_file = {users}
pool_mode = {mode}
default_pool_size = 40
""")
        for file in (users, settings):
            file.chmod(0o644)
        prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        self.process = subprocess.Popen([*prefix, "/usr/sbin/pgbouncer", str(settings)], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, cwd="/")
        wait_until(lambda: (folder / ".s.PGSQL.6432").exists())
        self.database = f"host={folder} port=6432 user=keeper dbname={DATABASE}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=30)


def test_pgbouncer_with_session_pooling_serves(folder):
    with Postgres(folder / "postgres") as postgres, Bouncer(folder / "bouncer", postgres, "session") as bouncer:
        with Server(database=bouncer.database, arguments=ADMIN) as server, Person(server) as person:
            person.sign_up()
            habit = person.put_habit()
            assert person.record(habit)
            assert readiness(server) == (200, "ready\n")
            # The settings of each session were sent after connecting.
            modes = postgres.sql("SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'streakd'")
            assert modes == "t"


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_pgbouncer_with_another_pooling_is_refused_at_the_start_in_words(folder, mode):
    with Postgres(folder / "postgres") as postgres, Bouncer(folder / "bouncer", postgres, mode) as bouncer:
        assert "need session pooling: pool_mode = session" in refusal_to_start(bouncer.database)

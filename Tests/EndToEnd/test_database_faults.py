"""A database that cannot write, or cannot be used at all: clients get a retry delay, operators the
reason."""

import os
import re

import grpc
import pytest
from faults import ADMIN, expect_unavailable, log, readiness, refusal_to_start, retry_seconds
from grpc_health.v1 import health_pb2, health_pb2_grpc
from person import Person, details, local_time, today
from postgres import DATABASE, ROLE, Disk, Postgres
from server import Server, wait_until
from streak.v1 import streak_pb2



def is_serving(server) -> bool:
    with grpc.insecure_channel(server.address) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
    return answer.status == health_pb2.HealthCheckResponse.SERVING


def test_c127_a_read_only_database_is_unavailable_and_the_server_recovers_by_itself(folder):
    with Postgres(folder / "postgres") as postgres, Server(database=postgres.database, arguments=ADMIN) as server:
        with Person(server) as person:
            person.sign_up()
            habit = person.put_habit()
            person.record(habit)
            assert readiness(server) == (200, "ready\n") and is_serving(server)
            postgres.set("default_transaction_read_only", "on")
            # Every session of the database has the new setting.
            status, text = wait_until(lambda: (page := readiness(server))[0] == 503 and page)
            for _ in range(20):
                expect_unavailable(lambda: person.record(habit, today() - 1))
            # Reads still work.
            assert person.streak(habit).current == 1
            assert "25006" in text and "read-only transaction" in text
            assert not is_serving(server)
            failed = [line for line in log(server, "a statement failed") if "sqlstate=25006" in line]
            assert failed and all("cannot execute" in line and ".swift:" in line for line in failed)
            # Of each statement; the sweep of erased people may fail in the same second.
            seconds = [re.search(r"\d\d:\d\d:\d\d", line)[0] + re.search(r"\w+\.swift:\d+", line)[0] for line in failed]
            assert len(seconds) == len(set(seconds)), "once in a second"
            postgres.set("default_transaction_read_only", "off")
            wait_until(lambda: readiness(server)[0] == 200 and is_serving(server))
            person.record(habit, today() - 1)
            assert person.streak(habit).current == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_c127_a_full_disk_is_unavailable_and_the_server_recovers_by_itself(folder):
    with Disk(folder / "disk", 128) as disk, Postgres(folder / "postgres", data=disk.folder / "data") as postgres:
        with Server(database=postgres.database, arguments=ADMIN) as server, Person(server) as person:
            person.sign_up()
            habit = person.put_habit()
            person.record(habit)
            disk.fill()
            day = today()

            def is_refused():
                nonlocal day
                day -= 1
                try:
                    person.record(habit, day, note=os.urandom(500).hex())
                except grpc.RpcError as error:
                    return error

            refused = wait_until(is_refused)
            assert (refused.code(), details(refused)[0].reason) == (grpc.StatusCode.UNAVAILABLE, "STORAGE_UNAVAILABLE")
            assert retry_seconds(refused) > 0
            wait_until(lambda: [line for line in log(server, "a statement failed")
                                if "sqlstate=53100" in line and "No space left" in line])
            status, text = wait_until(lambda: (page := readiness(server))[0] == 503 and page)
            assert "53100" in text
            assert not is_serving(server)
            disk.free()
            wait_until(lambda: readiness(server)[0] == 200 and is_serving(server))
            person.record(habit, day, note="again")


def test_c127_no_connection_to_be_had_is_unavailable_and_the_server_recovers_by_itself(folder):
    with Postgres(folder / "postgres") as postgres, Server(database=postgres.database, arguments=ADMIN) as server:
        with Person(server) as person:
            person.sign_up()
            habit = person.put_habit()
            postgres.sql(f"ALTER ROLE {ROLE} CONNECTION LIMIT 0")
            postgres.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{ROLE}'")
            expect_unavailable(lambda: person.record(habit))
            status, text = wait_until(lambda: (page := readiness(server))[0] == 503 and "53300" in page[1] and page, 30)
            assert "too many connections for role" in text
            wait_until(lambda: log(server, "the database cannot be reached"))
            postgres.sql(f"ALTER ROLE {ROLE} CONNECTION LIMIT -1")
            wait_until(lambda: readiness(server)[0] == 200 and is_serving(server))
            assert person.record(habit)


def test_a_commit_that_no_synchronous_standby_confirms_is_not_acknowledged(folder):
    with Postgres(folder / "postgres") as postgres, Server(database=postgres.database, arguments=ADMIN) as server:
        with Person(server) as person:
            person.sign_up()
            habit = person.put_habit()
            postgres.set("synchronous_standby_names", "nobody")
            # The checkpointer applies the setting; a commit before that does not wait.
            status, text = wait_until(lambda: (page := readiness(server))[0] == 503 and page)
            assert "has not confirmed a write" in text
            assert not is_serving(server)
            call = person.streaks.RecordCompletion.future(
                completion(habit), metadata=person.metadata, timeout=60)

            def cancel_waiting():
                postgres.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
                return call.done()

            wait_until(cancel_waiting)
            error = call.exception()
            assert (error.code(), details(error)[0].reason) == (grpc.StatusCode.UNKNOWN, "OUTCOME_UNKNOWN")
            postgres.set("synchronous_standby_names", "")
            wait_until(lambda: readiness(server)[0] == 200 and is_serving(server))
            # The primary has committed it: repeating the request finds it.
            assert person.record(habit)
            assert person.streak(habit).current == 1


def completion(habit):
    return streak_pb2.RecordCompletionRequest(habit_id=habit, day=today(), client_time=local_time())


def test_a_database_that_cannot_be_used_is_refused_at_the_start_in_words(folder):
    with Postgres(folder / "postgres") as postgres:
        postgres.sql(f"CREATE DATABASE latin OWNER {ROLE} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        place = postgres.place()
        assert "The database's encoding is LATIN1." in refusal_to_start(f"{place} dbname=latin")
        assert 'database "nowhere" does not exist' in refusal_to_start(f"{place} dbname=nowhere")
        assert "The database cannot be reached" in refusal_to_start(f"host={folder} port=1 dbname=x connect_timeout=2")
        postgres.sql("CREATE DATABASE others")
        assert f"The role {ROLE} may not create tables in the schema public" in refusal_to_start(f"{place} dbname=others")
        postgres.sql("CREATE TABLE users (name text); CREATE TABLE habits (name text)", database="others")
        postgres.sql(f"GRANT ALL ON SCHEMA public TO {ROLE}", database="others")
        assert "tables that streakd did not make: habits, users." in refusal_to_start(f"{place} dbname=others")
        with Server(database=postgres.database):
            pass
        postgres.sql("INSERT INTO schema_versions (number, name) VALUES (999, 'later')", database=DATABASE)
        assert "version 999, made by a newer streakd" in refusal_to_start(postgres.database)
        secret = refusal_to_start(f"host={folder} port=1 dbname=x user=y password=hunter2 connect_timeout=2")
        assert "hunter2" not in secret

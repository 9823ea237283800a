"""The serving role has the rights that serving needs, and no others; the audit trail shows what a
database owner has done to it."""

import os
import subprocess

import pytest
from databases import sql
from person import Person
from server import PROGRAMS, Server

FORBIDDEN = [
    "UPDATE audit_events SET outcome = 'OK'", "DELETE FROM audit_events", "TRUNCATE audit_events",
    "INSERT INTO audit_events SELECT * FROM audit_events", "UPDATE audit_heads SET number = 0", "DELETE FROM audit_heads",
    "INSERT INTO audit_heads SELECT * FROM audit_heads", "INSERT INTO schema_versions (number, name) VALUES (77, 'x')",
    "DELETE FROM schema_versions", "UPDATE server_key SET sealed = ''", "TRUNCATE users", "DROP TABLE cells",
    "ALTER TABLE users ADD COLUMN x integer", "CREATE TABLE x (y integer)", "CREATE TEMPORARY TABLE x (y integer)", "CREATE SCHEMA x",
    "CREATE FUNCTION x() RETURNS integer LANGUAGE sql AS 'SELECT 1'", "CREATE ROLE x", "CREATE DATABASE x",
    "ALTER TABLE audit_events DISABLE TRIGGER ALL", "CREATE INDEX ON users (email)", "COPY users TO PROGRAM 'cat'",
    "COPY users TO '/tmp/x'", "SELECT pg_read_file('/etc/passwd')", "ALTER ROLE streakd_serving SUPERUSER", "SET ROLE streakd",
    "ALTER FUNCTION append_audit_event OWNER TO streakd_serving", "ALTER TABLE audit_events OWNER TO streakd_serving",
    "SELECT erase_audit_trail(user_id) FROM users",
]


def attempt(place, text):
    return subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", place, "-c", text], capture_output=True, text=True)


def verify(place, *arguments):
    return subprocess.run([str(PROGRAMS / "streakctl"), "audit", "verify", "--database", place, *arguments], capture_output=True,
                          text=True, timeout=60)


def test_the_serving_role_of_the_private_cluster_cannot_rewrite_history_or_the_schema(folder):
    with Server(folder=folder) as server, Person(server) as person:
        person.sign_up()
        person.record(person.put_habit())
        socket = folder / "data" / "socket"
        place = f"host={socket} user=streakd_serving dbname=postgres"
        owner = f"host={socket} user=streakd dbname=postgres"
        before = sql(owner, "select count(*) from audit_events")
        for statement in FORBIDDEN:
            refused = attempt(place, statement)
            assert refused.returncode != 0, statement
            assert any(word in refused.stderr for word in ("permission denied", "must be", "still there")), (statement, refused.stderr)
        assert sql(owner, "select count(*) from audit_events") == before
        used = sql(owner, "select distinct usename from pg_stat_activity where application_name = 'streakd'")
        assert used == "streakd_serving"


def test_streakctl_names_the_first_broken_event(folder):
    with Server(folder=folder) as server, Person(server) as person, Person(server) as other:
        user = person.sign_up().account.user_id
        other.sign_up()
        for _ in range(3):
            person.sign_in()
        owner = f"host={folder / 'data' / 'socket'} user=streakd dbname=postgres"
        whole = verify(owner)
        assert whole.returncode == 0, whole
        assert "2 people, 5 events, 0 broken chains" in whole.stdout
        sql(owner, f"delete from audit_events where user_id = '{user.hex()}' and number = 2")
        broken = verify(owner)
        assert broken.returncode == 1
        assert f"{user.hex()}: event 2 is missing" in broken.stdout
        assert verify(owner, "--user", user.hex()).returncode == 1
        assert verify("host=/nowhere user=x").returncode == 69


@pytest.fixture
def database():
    """An empty database on the test PostgreSQL, with a role without rights."""
    shared = os.environ["STREAKD_TEST_POSTGRES"]
    name = f"e2e_{os.urandom(6).hex()}"
    sql(shared, f"create database {name}")
    sql(shared, f'create role "{name} serves" login')
    owner = shared.replace("dbname=postgres", f"dbname={name}")
    yield owner, owner.replace("user=postgres", f"user='{name} serves'")
    sql(shared, f"drop database {name} with (force)")
    sql(shared, f'drop role "{name} serves"')


def test_with_an_owner_a_given_database_is_served_under_a_role_of_less(database):
    owner, serving = database
    with Server(database=serving, arguments=["--database-owner", owner]) as server, Person(server) as person:
        person.sign_up()
        person.record(person.put_habit())
        person.export()
    with Server(database=serving, arguments=["--database-owner", owner]) as again, Person(again, email=person.email) as same:
        same.sign_in()
        for statement in ("DELETE FROM audit_events", "CREATE TABLE x (y integer)", "DROP TABLE cells", "DELETE FROM schema_versions"):
            assert attempt(serving, statement).returncode != 0, statement
        assert verify(owner).returncode == 0


def test_an_owner_that_is_the_serving_role_keeps_its_rights(database):
    """O6: a warning, and no right is removed."""
    owner, serving = database
    name = owner.partition("dbname=")[2].split()[0]
    sql(os.environ["STREAKD_TEST_POSTGRES"], f'alter database {name} owner to "{name} serves"')
    for _ in range(2):
        with Server(database=serving, arguments=["--database-owner", serving]) as server, Person(server) as person:
            person.sign_up()
            person.record(person.put_habit())
            assert any("same role" in line for line in server.lines)
    sql(serving, "create table public.mine (x integer); drop table public.mine; delete from schema_versions where number < 0")

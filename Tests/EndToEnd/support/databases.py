"""Queries of databases, and empty databases on the PostgreSQL that all tests share."""

import contextlib
import os
import subprocess

import pytest


def sql(where, statement, database="postgres") -> str:
    """A query's result. `where`: libpq's connection string, a streakd on a PostgreSQL of its own,
    or the data folder of one."""
    if not (isinstance(where, str) and "=" in where):
        folder = str(getattr(where, "data", where)).replace("\\", "\\\\").replace("'", "\\'")
        where = f"host='{folder}/socket' user=streakd dbname={database}"
    done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", where, "-c", statement], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{statement}\n{done.stderr}"
    return done.stdout.strip()


@contextlib.contextmanager
def empty_database():
    """On the test PostgreSQL."""
    shared = os.environ["STREAKD_TEST_POSTGRES"]
    name = f"e2e_{os.urandom(6).hex()}"
    sql(shared, f"create database {name}")
    try:
        yield shared.replace("dbname=postgres", f"dbname={name}")
    finally:
        sql(shared, f"drop database {name} with (force)")


@pytest.fixture
def database():
    """An empty database on the test PostgreSQL."""
    with empty_database() as address:
        yield address

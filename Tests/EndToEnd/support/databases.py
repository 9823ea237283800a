"""Queries of databases, and empty databases on the PostgreSQL that all tests share."""

import contextlib
import os

import pytest
from libpq import QueryError, query


def sql(where, statement, database="postgres") -> str:
    """A query's rows, a line each, with "|" between the columns. `where`: libpq's connection string, a streakd on a PostgreSQL of its own,
    or the data folder of one."""
    if not (isinstance(where, str) and "=" in where):
        folder = str(getattr(where, "data", where)).replace("\\", "\\\\").replace("'", "\\'")
        where = f"host='{folder}/socket' user=streakd dbname={database}"
    try:
        rows = query(where, statement)
    except QueryError as error:
        raise AssertionError(f"{statement}\n{error}") from error
    return "\n".join("|".join(row) for row in rows).strip()


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

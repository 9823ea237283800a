"""Rows that a test holds locked, so that calls stop at a known statement."""

import contextlib
import subprocess

from databases import sql
from server import wait_until


@contextlib.contextmanager
def locked(database, statement):
    """Runs a locking statement in a transaction that is open until the end of the block."""
    session = subprocess.Popen(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        session.stdin.write(f"begin;\n{statement};\n\\echo locked\n")
        session.stdin.flush()
        while (line := session.stdout.readline().strip()) != "locked":
            assert session.poll() is None, line
        yield
    finally:
        session.stdin.close()
        session.wait(timeout=30)


def wait_for_blocked(database, count):
    """Until so many connections wait for a lock."""
    wait_until(lambda: sql(database, "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'") == str(count))

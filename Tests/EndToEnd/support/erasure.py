"""The end of an account, and the rows of a user."""

import os

import grpc
from operator_tools import sql
from person import captured_session, local_time, today
from streak.v1 import account_pb2, common_pb2, migration_pb2, session_pb2

PHRASE = "delete my account"
TABLES = {"users": "user_id", "emails": "user_id", "devices": "user_id", "recovery_codes": "user_id", "sessions": "claimed_by", "habits": "user_id", "cells": "user_id",
          "cell_history": "user_id", "rejected_entries": "user_id", "migrations": "user_id", "audit_events": "user_id"}


def proof(person):
    return account_pb2.PersonProof(password=person.password)


def delete(person, email=None, confirmation=PHRASE):
    return person.accounts.DeleteAccount(
        account_pb2.DeleteAccountRequest(email=email or person.email, confirmation=confirmation, immediately=True, proof=proof(person)),
        metadata=person.metadata, timeout=60)


ERASED = (grpc.StatusCode.UNAUTHENTICATED, "ACCOUNT_ERASED")


def claim(person):
    """A session begun on a device, with a habit done today."""
    started = person.sessions.StartSession(session_pb2.StartSessionRequest(idempotency_key=os.urandom(16)), timeout=30)
    habit = common_pb2.Habit(id=os.urandom(16), name="Read")
    captured = captured_session(
        [migration_pb2.CapturedHabit(habit=habit)],
        [migration_pb2.CapturedEntry(habit_id=habit.id, day=today(), done=True, client_time=local_time())])
    return started, migration_pb2.SessionClaim(
        session_id=started.session_id, session_secret=started.session_secret, migration_id=os.urandom(16), captured=captured)


def rows_of(data, user_id, database="postgres"):
    return {table: int(sql(data, f"SELECT count(*) FROM {table} WHERE {column} = '{user_id.hex()}'", database))
            for table, column in TABLES.items()}

"""Anonymous sessions, their content, and their migration into accounts."""

import os

from databases import sql
from person import captured_session, local_time, today
from streak.v1 import common_pb2, migration_pb2, session_pb2


def habit(name="Read", id=None, claim=None, **fields):
    return migration_pb2.CapturedHabit(
        habit=common_pb2.Habit(id=id or os.urandom(16), name=name, **fields), claim=claim)


def entry(captured, day, done=True, note="", seconds=0):
    made = local_time(day)
    made.occurred_at.seconds += seconds
    return migration_pb2.CapturedEntry(habit_id=captured.habit.id, day=day, done=done, note=note, client_time=made)


def days(captured, count, ending=0):
    """That many days, the last of them `ending` days ago."""
    return [entry(captured, today() - ending - ago) for ago in reversed(range(count))]


class Session:
    """An anonymous session: started on the server or, unanchored, without it."""

    def __init__(self, person, anchored=True):
        self.person, self.unanchored = person, not anchored
        self.id, self.secret = os.urandom(16), os.urandom(32)
        if anchored:
            started = person.sessions.StartSession(
                session_pb2.StartSessionRequest(idempotency_key=os.urandom(16)), timeout=60)
            self.id, self.secret = started.session_id, started.session_secret

    def age(self, server, days_ago):
        sql(server, f"update sessions set anchor = anchor - {days_ago} * interval '1 day' where session_id = '{self.id.hex()}'")

    def claim(self, habits, entries, migration_id=None, secret=None, unanchored=None):
        return migration_pb2.SessionClaim(
            session_id=self.id, session_secret=secret or self.secret, migration_id=migration_id or os.urandom(16),
            unanchored=self.unanchored if unanchored is None else unanchored, captured=captured_session(habits, entries))

    def keep(self):
        import base64
        token = base64.urlsafe_b64encode(self.id + self.secret).decode().rstrip("=")
        return self.person.sessions.KeepSession(
            session_pb2.KeepSessionRequest(), metadata=[("authorization", f"Bearer session.{token}")], timeout=30)


def migrate(person, claim, **fields):
    request = migration_pb2.MigrateRequest(session=claim, **fields)
    return person.migrations.Migrate(request, metadata=person.metadata, timeout=60).migration


def preview(person, claim, **fields):
    request = migration_pb2.PreviewMigrationRequest(session=claim, **fields)
    return person.migrations.PreviewMigration(request, metadata=person.metadata, timeout=60).preview


def undo(person, migration_id):
    return person.migrations.UndoMigration(
        migration_pb2.UndoMigrationRequest(migration_id=migration_id), metadata=person.metadata, timeout=60)


def listed(person):
    return person.migrations.ListMigrations(
        migration_pb2.ListMigrationsRequest(), metadata=person.metadata, timeout=60)

"""A person with a device: a stock grpcio client of the service."""

import datetime
import hashlib
import os
import struct
import time

import grpc
from google.protobuf import timestamp_pb2
from google.rpc import error_details_pb2, status_pb2
from streak.v1 import (account_pb2, account_pb2_grpc, common_pb2, credential_pb2_grpc, export_pb2, export_pb2_grpc, migration_pb2,
                       migration_pb2_grpc, session_pb2_grpc, streak_pb2, streak_pb2_grpc)

DAY_SECONDS = 86_400

# A zone where it is around noon, so that no test passes midnight.
OFFSET_HOURS = 12 - datetime.datetime.now(datetime.timezone.utc).hour
ZONE = f"Etc/GMT{-OFFSET_HOURS:+d}" if OFFSET_HOURS else "Etc/UTC"


def today() -> int:
    """The day number in the zone of this test's people."""
    return int(time.time() + OFFSET_HOURS * 3600) // DAY_SECONDS


def local_time(day=None) -> common_pb2.LocalTime:
    """Now, or the same time of another day."""
    seconds = int(time.time()) + ((day - today()) * DAY_SECONDS if day is not None else 0)
    return common_pb2.LocalTime(
        occurred_at=timestamp_pb2.Timestamp(seconds=seconds), zone=ZONE, utc_offset_seconds=OFFSET_HOURS * 3600)


def capture_hash(habits, entries) -> bytes:
    """The hash of a `CaptureManifest`, by its description."""
    def text(value):
        data = value.encode()
        return struct.pack(">i", len(data)) + data

    parts = [b"streak.v1.capture.1\0", struct.pack(">i", len(habits))]
    for captured in habits:
        habit = captured.habit
        parts += [habit.id, text(habit.name), text(habit.description), struct.pack(">I", habit.color),
                  struct.pack(">i", habit.position), bytes([habit.archived])]
    parts.append(struct.pack(">i", len(entries)))
    for entry in entries:
        made = entry.client_time
        parts += [entry.habit_id, struct.pack(">i", entry.day), bytes([entry.done]),
                  struct.pack(">qiii", made.occurred_at.seconds, made.occurred_at.nanos, made.utc_offset_seconds,
                              made.day_start_minutes), text(made.zone), text(entry.note)]
    return hashlib.sha256(b"".join(parts)).digest()


def captured_session(habits, entries) -> migration_pb2.CapturedSession:
    return migration_pb2.CapturedSession(
        habits=habits, entries=entries, captured_at=local_time(),
        manifest=migration_pb2.CaptureManifest(
            habit_count=len(habits), entry_count=len(entries), sha256=capture_hash(habits, entries)))


class Person:
    password = "correct horse battery staple"
    # Further options of gRPC's channel.
    channel_options = ()

    def __init__(self, server, email=None):
        self.connect(server)
        self.email = email or f"{os.urandom(8).hex()}@example.com"
        self.device = common_pb2.Device(device_id=os.urandom(16), name="test device", platform="pytest")
        self.metadata = ()

    def connect(self, server):
        self.channel = grpc.insecure_channel(
            server.address, options=[("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1), *self.channel_options])
        self.accounts = account_pb2_grpc.AccountServiceStub(self.channel)
        self.credentials = credential_pb2_grpc.CredentialServiceStub(self.channel)
        self.sessions = session_pb2_grpc.SessionServiceStub(self.channel)
        self.streaks = streak_pb2_grpc.StreakServiceStub(self.channel)
        self.migrations = migration_pb2_grpc.MigrationServiceStub(self.channel)
        self.exports = export_pb2_grpc.ExportServiceStub(self.channel)

    def sign_up_request(self, session=None):
        return account_pb2.SignUpRequest(
            idempotency_key=os.urandom(16), email=self.email, password=self.password, device=self.device, session=session)

    def sign_up(self, session=None):
        response = self.accounts.SignUp(self.sign_up_request(session), timeout=60)
        self.use(response.tokens)
        return response

    def sign_in(self):
        response = self.accounts.SignIn(
            account_pb2.SignInRequest(email=self.email, password=self.password, device=self.device), timeout=60)
        self.use(response.tokens)
        return response

    def use(self, tokens):
        self.tokens = tokens
        self.metadata = (("authorization", f"Bearer {tokens.access_token}"),)

    def put_habit(self, name="Read", **fields) -> bytes:
        habit = common_pb2.Habit(id=os.urandom(16), name=name, **fields)
        self.streaks.PutHabit(streak_pb2.PutHabitRequest(habit=habit), metadata=self.metadata, timeout=30)
        return habit.id

    def record(self, habit_id, day=None, note=""):
        day = today() if day is None else day
        return self.streaks.RecordCompletion(
            streak_pb2.RecordCompletionRequest(habit_id=habit_id, day=day, note=note, client_time=local_time(day)),
            metadata=self.metadata, timeout=30)

    def streak(self, habit_id) -> common_pb2.Streak:
        request = streak_pb2.GetStreakRequest(habit_id=habit_id)
        return self.streaks.GetStreak(request, metadata=self.metadata, timeout=30).streak

    def history(self, page_size=0, **conditions):
        """Every cell, page by page."""
        token, cells = "", []
        while True:
            page = self.streaks.GetHistory(
                streak_pb2.GetHistoryRequest(
                    filter=streak_pb2.HistoryFilter(**conditions), page_size=page_size, page_token=token),
                metadata=self.metadata, timeout=30)
            assert len(page.cells) <= (page_size or 100)
            cells += page.cells
            token = page.next_page_token
            if not token:
                return cells

    def export(self, format=export_pb2.EXPORT_FORMAT_JSON):
        """The document's bytes and its manifest."""
        chunks, manifest = [], None
        for response in self.exports.Export(export_pb2.ExportRequest(format=format), metadata=self.metadata, timeout=60):
            assert manifest is None, "the manifest comes last"
            if response.HasField("manifest"):
                manifest = response.manifest
                assert not response.chunk
            elif response.snapshot:
                assert not chunks and not response.chunk, "the snapshot's name comes first"
            else:
                chunks.append(response.chunk)
        assert manifest is not None
        return b"".join(chunks), manifest

    def bring_in(self, document, format=export_pb2.EXPORT_FORMAT_JSON, import_id=None, piece=65_536):
        """Imports a document."""
        def requests():
            yield export_pb2.ImportRequest(begin=export_pb2.ImportBegin(import_id=import_id or os.urandom(16), format=format))
            for start in range(0, len(document), piece):
                yield export_pb2.ImportRequest(chunk=document[start:start + piece])

        return self.exports.Import(requests(), metadata=self.metadata, timeout=60)

    def close(self):
        self.channel.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def details(error: grpc.RpcError):
    """The ErrorInfo and the field violations of a refusal."""
    packed = dict(error.trailing_metadata()).get("grpc-status-details-bin", b"")
    status = status_pb2.Status.FromString(packed)
    information, request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        detail.Unpack(information)
        detail.Unpack(request)
    return information, list(request.field_violations)

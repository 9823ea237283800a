"""A person's first day by any client: a session, an account, a habit, a day, its streak, a refusal
and a stream."""

import dataclasses
import json
import os

from google.protobuf import message_factory
from person import Person, local_time, today
from streak.v1 import account_pb2, common_pb2, export_pb2, session_pb2, streak_pb2, sync_pb2

FILES = (account_pb2, export_pb2, session_pb2, streak_pb2, sync_pb2)


class Refused(Exception):
    """A refused call. A client that does not show details leaves the reason empty."""

    def __init__(self, code, reason):
        super().__init__(f"{code} {reason}")
        self.code, self.reason = code, reason


@dataclasses.dataclass(frozen=True)
class Method:
    service: str
    name: str
    request: type
    response: type

    @property
    def path(self):
        return f"/{self.service}/{self.name}"


def method(name):
    """A method of the service, by its name."""
    found, = [found for file in FILES for service in file.DESCRIPTOR.services_by_name.values() for found in service.methods if found.name == name]
    return Method(found.containing_service.full_name, name, message_factory.GetMessageClass(found.input_type),
                  message_factory.GetMessageClass(found.output_type))


def refusal(call, *arguments):
    try:
        call(*arguments)
    except Refused as refused:
        return refused.code, refused.reason
    raise AssertionError("the call was not refused")


def travel(client):
    """`client.unary(method, request, token)` returns the response; `client.stream` the responses.
    Both raise `Refused`."""
    key = os.urandom(16)
    start, request = method("StartSession"), session_pb2.StartSessionRequest(idempotency_key=key)
    session = client.unary(start, request, None)
    assert len(session.session_id) == 16 and client.unary(start, request, None).session_id == session.session_id
    token = client.unary(method("SignUp"), account_pb2.SignUpRequest(
        idempotency_key=os.urandom(16), email=f"{os.urandom(8).hex()}@example.com", password=Person.password,
        device=common_pb2.Device(device_id=os.urandom(16), name="a device", platform="pytest")), None).tokens.access_token
    habit = common_pb2.Habit(id=os.urandom(16), name="Schwimmen im See")
    client.unary(method("PutHabit"), streak_pb2.PutHabitRequest(habit=habit), token)
    client.unary(method("RecordCompletion"), streak_pb2.RecordCompletionRequest(habit_id=habit.id, day=today(), client_time=local_time()), token)
    get = method("GetStreak")
    assert client.unary(get, streak_pb2.GetStreakRequest(habit_id=habit.id), token).streak.current == 1
    code, reason = refusal(client.unary, get, streak_pb2.GetStreakRequest(habit_id=os.urandom(16)), token)
    assert code == "not_found" and reason == ("HABIT_NOT_FOUND" if client.shows_details else "")
    export, request = method("Export"), export_pb2.ExportRequest(format=export_pb2.EXPORT_FORMAT_JSON)
    answers = client.stream(export, request, token)
    document = b"".join(answer.chunk for answer in answers)
    assert len(document) == answers[-1].manifest.document_bytes
    assert habit.name in json.dumps(json.loads(document), ensure_ascii=False)
    assert refusal(client.stream, export, request, "access.nonsense") == ("unauthenticated", "CREDENTIALS_INVALID")

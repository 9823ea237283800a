"""Malformed input: each kind gets the right answer, other calls are not affected, memory stays
bounded."""

import base64
import os
import socket

import grpc
import h2.config
import h2.connection
import h2.events
import pytest
import sanitizer
from google.rpc import error_details_pb2, status_pb2
from person import Person, details, local_time, today
from raw_client import HEALTH, RawClient, frame, status_of
from streak.v1 import account_pb2, common_pb2, streak_pb2

SIGN_IN = "/streak.v1.AccountService/SignIn"
GET_STREAK = "/streak.v1.StreakService/GetStreak"
RESIDENT_GROWTH_KIB_MAX = sanitizer.memory(200 * 1024)


@pytest.fixture
def raw(server):
    with RawClient(server) as client:
        yield client


def test_an_unknown_method_is_unimplemented(raw):
    for path in ["/streak.v1.StreakService/Nonsense", "/no.such.Service/Get", "/", "/streak.v1.StreakService/",
                 "/" + "x" * 4000]:
        assert raw.call(path, frame(b""))["grpc-status"] == status_of(grpc.StatusCode.UNIMPLEMENTED), path
    raw.check_alive()


@pytest.mark.parametrize("content_type", ["application/xml", "text/html", "application/grpcx", "application/json-seq", ""])
def test_another_content_type_is_answered_with_http_415(raw, content_type):
    assert raw.call(HEALTH, frame(b""), content_type=content_type)[":status"] == "415"


@pytest.mark.parametrize("method, has_body", [("GET", True), ("HEAD", False)])
@pytest.mark.parametrize("path, expected", [(HEALTH, ("405", "POST")), ("/no-such-page", ("404", None))])
def test_a_request_that_is_not_a_call_gets_an_error_in_words(raw, method, has_body, path, expected):
    stream = raw.headers(path, replaced={":method": method}, end=True)
    answer = raw.answer(stream)
    assert (answer[":status"], answer.get("allow")) == expected
    body = b"".join(event.data for event in raw.events if isinstance(event, h2.events.DataReceived) and event.stream_id == stream)
    assert body.startswith(b"This server speaks gRPC") == has_body
    raw.check_alive()


@pytest.mark.parametrize("body", [b"\0", b"\0\0\0\0", frame(b"abc", length=100)],
                         ids=["one byte", "four bytes", "short message"])
def test_a_truncated_frame_is_refused(raw, body):
    assert raw.call(HEALTH, body)["grpc-status"] == status_of(grpc.StatusCode.INTERNAL)
    raw.check_alive()


def test_no_message_and_two_messages_are_refused(raw):
    for body in (b"", frame(b"") + b"\0\0", frame(b"") + frame(b"")):
        assert raw.call(HEALTH, body)["grpc-status"] == status_of(grpc.StatusCode.UNIMPLEMENTED)
    raw.check_alive()


def varint(number):
    count = max(1, (number.bit_length() + 6) // 7)
    return bytes(number >> 7 * place & 0x7F | (0x80 if place < count - 1 else 0) for place in range(count))


def test_a_frame_that_announces_4_gib_is_refused_before_it_is_sent(raw):
    assert raw.call(SIGN_IN, frame(b"abc", length=0xFFFF_FFFF))["grpc-status"] == status_of(
        grpc.StatusCode.RESOURCE_EXHAUSTED)
    raw.check_alive()


def test_a_content_length_of_1_gib_is_refused_before_the_body_is_sent(raw):
    """A message of Connect has no frame: the length of the body announces its own."""
    stream = raw.headers(SIGN_IN, [("content-length", str(1 << 30))], content_type="application/proto")
    assert raw.answer(stream)[":status"] == "429"
    raw.check_alive()


def test_a_body_of_64_mib_is_refused_and_memory_stays_bounded(server, raw):
    before = server.resident_kib()
    for _ in range(3):
        answer = raw.call(SIGN_IN, frame(b"\x0a" * (64 << 20)))
        assert answer["grpc-status"] == status_of(grpc.StatusCode.RESOURCE_EXHAUSTED)
        raw.check_alive()
    assert server.resident_kib() - before < RESIDENT_GROWTH_KIB_MAX


@pytest.mark.parametrize(("path", "mib"), [
    (SIGN_IN, 4), ("/streak.v1.SyncService/Sync", 4), ("/streak.v1.AccountService/SignUp", 15)])
def test_a_message_at_its_methods_limit_is_read_and_one_byte_more_is_refused(server, path, mib):
    count = mib << 20
    # One unknown field, 1000, of which the number takes 2 bytes and the length 4.
    whole = frame(b"\xc2\x3e" + varint(count - 6) + bytes(count - 6))
    assert RawClient(server).call(path, whole)["grpc-status"] != status_of(grpc.StatusCode.RESOURCE_EXHAUSTED)
    # The announced length is enough for a refusal.
    assert RawClient(server).call(path, frame(b"abc", length=count + 1))["grpc-status"] == status_of(grpc.StatusCode.RESOURCE_EXHAUSTED)


@pytest.mark.parametrize("text", [b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"a\xc0\x80"],
                         ids=["no UTF-8", "cut short", "surrogate", "long NUL"])
def test_bad_utf8_is_an_invalid_argument(raw, text):
    body = b"\x0a" + bytes([len(text)]) + text
    assert raw.call(SIGN_IN, frame(body))["grpc-status"] == status_of(grpc.StatusCode.INVALID_ARGUMENT)
    raw.check_alive()


def reason(answer):
    """The reason and its domain in the details of a status; None: it has no details."""
    packed = answer.get("grpc-status-details-bin")
    if packed is None:
        return None
    for found in status_pb2.Status.FromString(base64.b64decode(packed + "=" * (-len(packed) % 4))).details:
        information = error_details_pb2.ErrorInfo()
        if found.Unpack(information):
            return information.domain, information.reason
    return None


def test_a_refusal_of_the_runtime_has_a_reason_unless_its_code_is_one(raw):
    """Errors.md lists both; the conformance suite of Connect allows no details beside its own codes."""
    malformed, late = ("rpc", "MALFORMED_REQUEST"), [("grpc-timeout", "1x")]
    assert reason(raw.call(SIGN_IN, frame(b"\x08"))) == malformed
    assert reason(raw.call(SIGN_IN, frame(b"abc", length=9))) == malformed
    assert reason(raw.call(SIGN_IN, frame(b""), extra=late)) == malformed
    assert reason(raw.call(SIGN_IN, frame(b"no gzip", flag=1), extra=[("grpc-encoding", "gzip")])) == malformed
    large = raw.call(HEALTH, frame(b""), extra=[("x-large", "v" * 4_000) for _ in range(6)])
    assert reason(large) == ("rpc", "HEADERS_TOO_LARGE")
    assert reason(raw.call(SIGN_IN, frame(b"abc", length=0xFFFF_FFFF))) is None
    assert reason(raw.call("/no.such.Service/Get", frame(b""))) is None


def test_a_nul_in_a_string_never_cuts_it_short(server):
    with Person(server) as person:
        person.sign_up()
        try:
            habit = person.put_habit("before\0after")
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
        else:
            found = person.streaks.ListHabits(streak_pb2.ListHabitsRequest(), metadata=person.metadata, timeout=30).habits
            assert [(item.id, item.name) for item in found] == [(habit, "before\0after")]


@pytest.mark.parametrize("body", [b"\xff" * 11, b"\x0a\xff\xff\xff\xff\x0f", b"\x08", b"\x0b", b"\x0f"],
                         ids=["endless varint", "length beyond the end", "value missing", "group", "wire type 7"])
def test_bytes_that_are_no_message_are_an_invalid_argument(raw, body):
    assert raw.call(SIGN_IN, frame(body))["grpc-status"] == status_of(grpc.StatusCode.INVALID_ARGUMENT)
    raw.check_alive()


def test_a_message_that_breaks_every_rule_gets_an_error_with_every_field(server):
    with Person(server) as person:
        with pytest.raises(grpc.RpcError) as caught:
            person.accounts.SignUp(account_pb2.SignUpRequest(
                idempotency_key=b"short", email="x" * 255, password="short",
                device=common_pb2.Device(device_id=b"15 bytes, not 16"[:15], name="n" * 129, platform="p" * 65,
                                         app_version="v" * 65),
                session=dict(session_id=b"1", session_secret=b"2", migration_id=b"", captured=dict(
                    habits=[dict(habit=dict(id=b"3", name="", color=1 << 24, position=-1, description="d" * 2049),
                                 claim=dict(current_streak=-1, last_completed_day=-1))],
                    entries=[dict(habit_id=b"", day=-5, note="n" * 4097,
                                  client_time=dict(zone="", utc_offset_seconds=54_000, day_start_minutes=1440))],
                    manifest=dict(habit_count=-1, entry_count=50_001, sha256=b"4")))), timeout=30)
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        information, violations = details(caught.value)
        assert information.reason == "INVALID_FIELD"
        captured = "session.captured."
        assert {violation.field for violation in violations} == {
            "idempotency_key", "email", "password", "device.device_id", "device.name", "device.platform", "device.app_version",
            "session.session_id", "session.session_secret", "session.migration_id",
            *(f"{captured}habits[0].habit.{name}" for name in ("id", "name", "color", "position", "description")),
            *(f"{captured}habits[0].claim.{name}" for name in ("current_streak", "last_completed_day")),
            *(f"{captured}entries[0].{name}" for name in ("habit_id", "day", "note", "client_time.occurred_at", "client_time.zone",
                                                          "client_time.utc_offset_seconds", "client_time.day_start_minutes")),
            f"{captured}captured_at",
            *(f"{captured}manifest.{name}" for name in ("habit_count", "entry_count", "sha256"))}
        person.sign_up()  # nothing was partly written: the email is free


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer x", "Bearer " + "A" * 43, "Basic dXNlcjpwYXNz", "ü"])
def test_nonsense_for_a_token_is_unauthenticated(raw, value):
    request = streak_pb2.GetStreakRequest(habit_id=os.urandom(16)).SerializeToString()
    answer = raw.call(GET_STREAK, frame(request), extra=[("authorization", value)])
    assert answer["grpc-status"] == status_of(grpc.StatusCode.UNAUTHENTICATED)
    raw.check_alive()


def test_a_revoked_token_is_unauthenticated(server):
    with Person(server) as person:
        person.sign_up()
        habit = person.put_habit()
        person.accounts.SignOut(account_pb2.SignOutRequest(), metadata=person.metadata, timeout=30)
        with pytest.raises(grpc.RpcError) as caught:
            person.streak(habit)
        assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
        assert details(caught.value)[0].reason == "CREDENTIALS_INVALID"


def test_a_header_bomb_is_refused_and_memory_stays_bounded(server):
    before = server.resident_kib()
    for _ in range(5):
        with RawClient(server) as client:
            stream = client.headers(HEALTH, extra=[(f"x-{number}", "v" * 4000) for number in range(500)])
            client.send(stream, frame(b""))
            answer = client.answer(stream)
            refused = client.closed or "reset" in answer or answer.get(":status") == "431" or (
                answer.get("grpc-status") not in (None, "0"))
            assert refused, answer
    assert server.resident_kib() - before < RESIDENT_GROWTH_KIB_MAX
    with RawClient(server) as client:
        client.check_alive()


def test_a_compressed_message_without_an_encoding_is_refused(raw):
    answer = raw.call(HEALTH, frame(b"", flag=1), extra=[("grpc-encoding", "identity")])
    assert answer["grpc-status"] in (status_of(grpc.StatusCode.INTERNAL), status_of(grpc.StatusCode.UNIMPLEMENTED))
    assert raw.call(HEALTH, frame(b"", flag=1))["grpc-status"] != "0"
    assert raw.call(HEALTH, frame(b"", flag=7))["grpc-status"] != "0"
    raw.check_alive()


def test_what_is_no_http_at_all_is_closed(server):
    for nonsense in [b"EHLO x\r\n\r\n", b"PRI * HTTP/1.1\r\n\r\n", b"\x16\x03\x01" + os.urandom(200), os.urandom(4096)]:
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            connection.sendall(nonsense)
            try:
                while connection.recv(65_536):
                    pass
            except ConnectionResetError:
                pass
    with RawClient(server) as client:
        client.check_alive()


@pytest.mark.parametrize(("day", "reason"), [(3, "FUTURE_DAY"), (-1, "DAY_MISMATCH")])
def test_a_wrong_day_is_refused_with_its_reason(server, day, reason):
    with Person(server) as person:
        person.sign_up()
        habit = person.put_habit()
        made = local_time(today() + day) if reason == "FUTURE_DAY" else local_time()
        with pytest.raises(grpc.RpcError) as caught:
            person.streaks.RecordCompletion(
                streak_pb2.RecordCompletionRequest(habit_id=habit, day=today() + day, client_time=made),
                metadata=person.metadata, timeout=30)
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert details(caught.value)[0].reason == reason
        assert person.history() == []

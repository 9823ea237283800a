"""The stash: a sealed copy of an anonymous session for a browser that forgets (specification 10)."""

import base64
import json
import os
import subprocess
import threading

import grpc
import pytest
from databases import sql
from erasure import delete
from limits import declared
from metrics import ADMIN, Metrics
from person import Person, captured_session, details, today
from server import Server
from sessions import Session, entry, habit, migrate, undo
from stashing import STASH, TAKE, VERSION, YEAR_SECONDS, capture, cookie, post, sent, stash, stashed, take, taken
from streak.v1 import session_pb2, session_pb2_grpc
from web_peer import FORMATS, VERSIONS, Readable, Refusal, ask, encode

# `StashSession`'s limit of bytes (SessionHandlers.stashBytesMax).
BYTES_MAX = 1_048_576
versions = pytest.mark.parametrize("version", VERSIONS)


def reason(answer):
    """Why a call was refused, with its status."""
    error = json.loads(answer.body)
    for detail in error.get("details", []):
        if detail["type"] == "google.rpc.ErrorInfo":
            value = base64.b64decode(detail["value"] + "=" * (-len(detail["value"]) % 4))
            return error["code"], value[2:2 + value[1]].decode()
    return error["code"], ""


def is_kept(server, session):
    return sql(server, f"select sealed_stash is not null from sessions where session_id = '{session.id.hex()}'") == "t"


@pytest.fixture
def person(server):
    with Person(server) as person:
        yield person


@pytest.fixture
def session(person):
    return Session(person)


# Round trip

@versions
def test_an_empty_browser_with_the_cookie_gets_the_session_back(server, session, version):
    captured = capture(12, "walked — 10 km")
    response, value = stashed(server, session, captured, number=7, version=version)
    assert response.capture_number == 7 and response.HasField("stashed_at")
    back = taken(server, sent(value), version=version)
    assert (back.session_id, back.session_secret, back.capture_number) == (session.id, session.secret, 7)
    assert back.captured == captured and back.HasField("anchor") and back.stashed_at == response.stashed_at
    # It stays, and the session itself may ask as well.
    assert taken(server, session=session) == back


def test_what_comes_back_signs_up_with_every_day(server, person, session):
    _, value = stashed(server, session, capture(12))
    session.age(server, 30)
    back = taken(server, sent(value))
    claim = session.claim([], [], secret=back.session_secret)
    claim.captured.CopyFrom(back.captured)
    result = person.sign_up(claim).migration
    assert [found.days_counted for found in result.habits] == [12]


def test_a_first_visit_finds_no_stash_and_no_error(server):
    answer = take(server)
    assert (answer.status, answer.body) == (200, b"{}") and "set-cookie" not in answer.fields
    assert take(server, ("cookie", "other=1")).body == b"{}"


def test_a_session_without_a_stash_is_told_with_its_anchor(server, session):
    back = taken(server, session=session)
    assert back.session_id == session.id and back.HasField("anchor") and not back.HasField("captured") and back.capture_number == 0


def test_a_session_begun_offline_is_stashed_without_an_anchor(server, person):
    session = Session(person, anchored=False)
    assert reason(stash(server, session, capture(3))) == ("unauthenticated", "SESSION_INVALID")
    _, value = stashed(server, session, capture(3), unanchored=True)
    _, value = stashed(server, session, capture(4), number=2, unanchored=True)
    back = taken(server, sent(value))
    assert len(back.captured.entries) == 4 and not back.HasField("anchor")
    # Its rules are still those of a session without an anchor.
    claim = session.claim([], [])
    claim.captured.CopyFrom(back.captured)
    result = person.sign_up(claim).migration
    assert result.unanchored and [found.days_counted for found in result.habits] == [4]


# Newest wins

def test_a_late_copy_never_replaces_a_newer_one(server, session):
    newer, older = capture(5), capture(4)
    first, _ = stashed(server, session, newer, number=5)
    late, _ = stashed(server, session, older, number=4)
    assert late == first
    same_number, _ = stashed(server, session, older, number=5)
    assert same_number == first and taken(server, session=session).captured == newer
    stashed(server, session, older, number=6)
    assert taken(server, session=session).captured == older


def test_concurrent_stashes_leave_the_newest(server, session):
    captures = {number: capture(number) for number in range(1, 13)}
    threads = [threading.Thread(target=stashed, args=(server, session, captures[number], number)) for number in captures]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    back = taken(server, session=session)
    assert back.capture_number == 12 and back.captured == captures[12]


def test_a_removed_stash_does_not_return(server, session):
    _, value = stashed(server, session, capture(2), number=3)
    answer = take(server, sent(value), remove=True)
    assert (answer.status, answer.body) == (200, b"{}") and "Max-Age=0" in cookie(answer)[1]
    assert not is_kept(server, session)
    stashed(server, session, capture(2), number=3)
    assert not taken(server, session=session).HasField("captured")


def test_a_cookie_without_use_is_removed_without_a_refusal(server, person, session):
    """A page removes the cookie after a sign-up; a refusal would be an error in the browser's console."""
    captured = capture(3)
    _, value = stashed(server, session, captured)
    claim = session.claim([], [])
    claim.captured.CopyFrom(captured)
    person.sign_up(claim)
    unknown = "session." + base64.urlsafe_b64encode(os.urandom(48)).decode()
    for each in (value, unknown):
        answer = take(server, sent(each), remove=True)
        assert (answer.status, answer.body) == (200, b"{}") and "Max-Age=0" in cookie(answer)[1]


# What is refused

def test_a_wrong_secret_and_an_unknown_session_are_refused_alike(server, session, person):
    stashed(server, session, capture(2))
    unknown = Session(person, anchored=False)
    wrong = [stash(server, session, capture(3), number=9, secret=os.urandom(32)), stash(server, unknown, capture(3))]
    assert wrong[0].body == wrong[1].body
    assert reason(wrong[0]) == ("unauthenticated", "SESSION_INVALID")
    # Even where it says that it is sure of the session.
    assert stash(server, session, capture(3), number=9, secret=os.urandom(32), unanchored=True).body == wrong[0].body
    value = "session." + base64.urlsafe_b64encode(session.id + os.urandom(32)).decode().rstrip("=")
    for refused in (take(server, sent(value)), take(server, sent("session.AAAA")), take(server, sent("nonsense"))):
        assert refused.body == wrong[0].body
        assert cookie(refused) == ("", {"Path=/", "Max-Age=0", "Secure", "HttpOnly", "SameSite=Strict"})
    assert taken(server, session=session).capture_number == 1


def test_a_claimed_session_keeps_no_stash_and_takes_none(server, person, session):
    captured = capture(3)
    _, value = stashed(server, session, captured)
    claim = session.claim([], [])
    claim.captured.CopyFrom(captured)
    person.sign_up(claim)
    assert not is_kept(server, session)
    for refused in (stash(server, session, capture(4), number=2), take(server, sent(value)), take(server, session=session)):
        assert reason(refused) == ("failed_precondition", "SESSION_MIGRATED")
    assert "Max-Age=0" in cookie(take(server, sent(value)))[1]
    assert not is_kept(server, session)


def test_a_session_that_an_existing_account_claims_keeps_no_stash(server, person, session):
    person.sign_up()
    captured = capture(3)
    stashed(server, session, captured)
    claim = session.claim([], [])
    claim.captured.CopyFrom(captured)
    migrated = migrate(person, claim)
    assert not is_kept(server, session)
    # After the undo the session goes on, and a late copy does not return.
    undo(person, migrated.migration_id)
    stashed(server, session, captured)
    assert not taken(server, session=session).HasField("captured")
    stashed(server, session, capture(4), number=2)
    assert len(taken(server, session=session).captured.entries) == 4


@pytest.mark.parametrize("broken, expected", [
    (lambda capture: capture.entries.pop(), "PARTIAL_CAPTURE"),
    (lambda capture: setattr(capture.entries[0], "note", "another"), "CAPTURE_CORRUPT"),
    (lambda capture: setattr(capture.entries[0].client_time, "zone", "Etc/\x07"), "INVALID_FIELD"),
    (lambda capture: setattr(capture.entries[0], "note", "x" * 4097), "INVALID_FIELD"),
    (lambda capture: setattr(capture.habits[0].habit, "name", "two\nlines"), "INVALID_FIELD"),
    (lambda capture: capture.ClearField("manifest"), "INVALID_FIELD")])
def test_a_capture_that_could_not_migrate_is_not_stashed(server, session, broken, expected):
    captured = capture(3)
    broken(captured)
    assert reason(stash(server, session, captured))[1] == expected
    assert not is_kept(server, session)


def test_the_largest_capture_is_kept_and_one_byte_more_is_refused(server, session):
    read, entries = habit(), []

    def captured():
        return captured_session([read], entries)

    while captured().ByteSize() < BYTES_MAX - 4_100:
        entries.append(entry(read, today() - len(entries), note="n" * 4_000))
    entries.append(entry(read, today() - len(entries), note="n" * 100))
    entries[-1].note += "n" * (BYTES_MAX - captured().ByteSize())
    # Longer lengths take more bytes themselves.
    while captured().ByteSize() > BYTES_MAX:
        entries[-1].note = entries[-1].note[1:]
    largest = captured()
    assert largest.ByteSize() == BYTES_MAX
    entries[-1].note += "n"
    refused = stash(server, session, captured())
    assert reason(refused) == ("invalid_argument", "STASH_TOO_LARGE") and not is_kept(server, session)
    stashed(server, session, largest)
    assert taken(server, session=session).captured == largest


@pytest.mark.parametrize("protocol", ["connect", "connect-json"])
def test_both_codecs_of_connect_are_accepted(server, session, protocol):
    assert stash(server, session, capture(2), protocol=protocol).status == 200


def test_the_limit_of_calls_does_not_count_replays(database):
    calls = declared(session_pb2, "StashSession").per_person.calls
    with Server(database=database, arguments=["--rate-limit-factor", "1"]) as server, Person(server) as person:
        session, other = Session(person), Session(person)
        for number in range(1, calls + 1):
            stashed(server, session, capture(1), number=number)
        assert reason(stash(server, session, capture(1), number=calls + 1)) == ("resource_exhausted", "TOO_MANY_REQUESTS")
        stashed(server, session, capture(1), number=calls)
        stashed(server, other, capture(1))


PIECE = 65_536  # RateLimiter.stashPieceBytes


def large(size):
    """A capture of at most so many bytes, and of more than the pieces below that."""
    read, entries = habit(), []
    while captured_session([read], entries).ByteSize() < size - 4_200:
        entries.append(entry(read, today() - len(entries), note="n" * 4_000))
    found = captured_session([read], entries)
    assert size - PIECE < found.ByteSize() <= size
    return found


def test_one_address_has_so_many_bytes_stored_in_an_hour_and_no_more(database):
    """One piece for a capture of up to 64 KiB; 16 of them are the MiB that is allowed here."""
    arguments = [*ADMIN, "--stash-per-address-mib", "1", "--trusted-proxies", "127.0.0.1"]
    here, there = ("x-forwarded-for", "203.0.113.7"), ("x-forwarded-for", "203.0.113.8")
    with Server(database=database, arguments=arguments) as server, Person(server) as person:

        def sent_from(address, captured, number=1, session=None):
            session = session or Session(person)
            request = session_pb2.StashSessionRequest(
                session_id=session.id, session_secret=session.secret, capture_number=number, captured=captured)
            return post(server, STASH, request, address)

        first = Session(person)
        assert sent_from(here, capture(1), session=first).status == 200
        assert sent_from(here, large(14 * PIECE)).status == 200
        # What fits one piece more and not two.
        assert reason(sent_from(here, large(2 * PIECE))) == ("resource_exhausted", "TOO_MANY_REQUESTS")
        assert sent_from(here, capture(1)).status == 200
        assert reason(sent_from(here, capture(1))) == ("resource_exhausted", "TOO_MANY_REQUESTS")
        assert sent_from(here, capture(1), session=first).status == 200  # a repetition
        assert sent_from(there, capture(1)).status == 200
        assert Metrics(server).value("streakd_limits_reached_total", limit="stash_per_address") == 2
        sql(database, "update rate_limits set calls = array(select c - interval '1 hour' from unnest(calls) c order by c)")
        assert sent_from(here, large(BYTES_MAX)).status == 200


# Other pages and other protocols

def test_the_cookie_is_for_this_host_and_its_own_pages(server, session):
    value, attributes = cookie(stash(server, session, capture(2)))
    assert attributes == {"Path=/", f"Max-Age={YEAR_SECONDS}", "Secure", "HttpOnly", "SameSite=Strict"}
    assert value == "session." + base64.urlsafe_b64encode(session.id + session.secret).decode().rstrip("=")
    # Each visit keeps it for another year.
    assert cookie(take(server, sent(value))) == (value, attributes)


@versions
def test_the_cookie_alone_is_refused(server, session, version):
    _, value = stashed(server, session, capture(2))
    for path, message in ((TAKE, session_pb2.TakeStashRequest()), (STASH, session_pb2.StashSessionRequest())):
        answer = ask(server.port, version, path, encode(message, "connect-json"), sent(value), content_type="application/json")
        assert answer.status in (400, 412) and "set-cookie" not in answer.fields and session.secret not in answer.body
    answer = ask(server.port, version, TAKE, b"{}", sent(value), content_type="application/json")
    assert reason(answer) == ("failed_precondition", "CONNECT_REQUIRED")


@versions
@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", None])
def test_a_form_of_another_origin_reaches_nothing(server, session, version, content_type):
    """The content types, and the missing header, of what a page can send without a preflight."""
    _, value = stashed(server, session, capture(2))
    answer = ask(server.port, version, TAKE, b"{}", sent(value), ("origin", "https://evil.example"), content_type=content_type)
    assert answer.status == 415 and "set-cookie" not in answer.fields
    assert "access-control-allow-origin" not in answer.fields


@versions
def test_no_call_by_get(server, session, version):
    _, value = stashed(server, session, capture(2))
    for path in (STASH, TAKE):
        answer = ask(server.port, version, path + "?connect=v1&encoding=json&message=%7B%7D", b"", VERSION, sent(value), method="GET")
        assert (answer.status, answer.fields["allow"]) == (405, "POST") and "set-cookie" not in answer.fields


def test_other_protocols_are_refused(server, person, session):
    _, value = stashed(server, session, capture(2))
    stub = session_pb2_grpc.SessionServiceStub(person.channel)
    request = session_pb2.TakeStashRequest(session_id=session.id, session_secret=session.secret)
    for call in (lambda: stub.TakeStash(request, metadata=[VERSION, sent(value)], timeout=30),
                 lambda: stub.StashSession(session_pb2.StashSessionRequest(
                     session_id=session.id, session_secret=session.secret, capture_number=9, captured=capture(1)), timeout=30)):
        with pytest.raises(grpc.RpcError) as caught:
            call()
        assert (caught.value.code(), details(caught.value)[0].reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CONNECT_REQUIRED")
        assert "set-cookie" not in dict(caught.value.initial_metadata())


@pytest.mark.parametrize("protocol", ["grpc-web", "grpc-web-text"])
def test_a_page_of_another_origin_gets_no_cookie(protocol, database):
    app = "https://app.example.com"
    with Server(database=database, arguments=["--web-origins", app]) as server, Person(server) as person:
        session = Session(person)
        _, value = stashed(server, session, capture(2))
        answer = ask(server.port, "HTTP/1.1", TAKE, encode(session_pb2.TakeStashRequest(), protocol), VERSION, sent(value),
                     ("origin", app), content_type=FORMATS[protocol])
        assert Refusal(Readable(answer, app), protocol).reason == "CONNECT_REQUIRED" and "set-cookie" not in answer.fields
        # Browsers send and store cookies across origins only with this permission, which nothing
        # gives.
        preflight = ask(server.port, "HTTP/1.1", TAKE, b"", ("origin", app), ("access-control-request-method", "POST"),
                        ("access-control-request-headers", "connect-protocol-version"), method="OPTIONS")
        answer = post(server, TAKE, session_pb2.TakeStashRequest(), ("origin", app))
        assert preflight.status == 204 and answer.status == 200
        for found in (preflight, answer):
            assert "access-control-allow-credentials" not in found.fields


# What is kept, and for how long

def test_a_dump_of_the_database_does_not_hold_the_notes(folder):
    note, name = "a confession 8e2f", "Piano 51c0"
    with Server(folder=folder) as server, Person(server) as person:
        session, read = Session(person), habit(name)
        stashed(server, session, captured_session([read], [entry(read, today(), note=note)]))
        assert is_kept(server, session)
        dump = subprocess.run(
            ["pg_dump", "-h", f"{server.data}/socket", "-U", "streakd", "postgres"], capture_output=True, check=True).stdout
        assert session.id.hex().encode() in dump.replace(b"-", b"")
        for secret in (note.encode(), name.encode(), session.secret):
            assert secret not in dump and secret.hex().encode() not in dump and base64.b64encode(secret) not in dump
        token = base64.urlsafe_b64encode(session.id + session.secret).decode().rstrip("=")
    assert not any(token in line or session.secret.hex() in line for line in server.lines)


def test_a_year_without_contact_removes_it_and_a_visit_keeps_it(database):
    with Server(database=database) as server, Person(server) as person:
        forgotten, visited = Session(person), Session(person)
        for session in (forgotten, visited):
            stashed(server, session, capture(2))
        sql(database, "update sessions set last_contact_at = now() - interval '366 days'")
        taken(server, session=visited)
    with Server(database=database) as server:
        # Housekeeping runs when the server starts, and may not be over yet.
        sql(database, "delete from sessions where claimed_by is null and last_contact_at < now() - interval '365 days'")
        assert reason(take(server, session=forgotten)) == ("unauthenticated", "SESSION_INVALID")
        assert len(taken(server, session=visited).captured.entries) == 2


def test_the_account_that_claims_it_takes_it_along_when_it_is_erased(folder):
    with Server(folder=folder) as server, Person(server) as person:
        session = Session(person)
        captured = capture(3, "a note of mine")
        _, value = stashed(server, session, captured)
        claim = session.claim([], [])
        claim.captured.CopyFrom(captured)
        person.sign_up(claim)
        delete(person)
        assert sql(server, f"select count(*) from sessions where session_id = '{session.id.hex()}'") == "0"
        for refused in (take(server, sent(value)), stash(server, session, capture(1), number=9),
                        stash(server, session, capture(1), number=9, unanchored=True)):
            assert reason(refused) == ("unauthenticated", "ACCOUNT_ERASED")

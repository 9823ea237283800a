"""Pages of other origins (CORS): preflights reach no method, and a page of an allowed origin can
read the status, the reason and the retry delay of every refusal, by every protocol and HTTP
version. Rules: the Fetch standard, "CORS protocol"."""

import base64
import contextlib
import json
import os
import subprocess

import pytest
from databases import sql
from documents import scrape
from google.protobuf import descriptor_pb2
from http1_peer import HOST, Http1Peer, request
from limits import SIGN_INS
from person import Person
from server import PROGRAMS, Server, open_folder, wait_until
from streak.v1 import (
    account_pb2, common_pb2, credential_pb2, export_pb2, migration_pb2, recovery_pb2, session_pb2, streak_pb2, sync_pb2)
from web_peer import FORMATS, STREAM_FORMATS, VERSIONS, Readable, Refusal, ask, decode_text, encode, envelopes, follow

APP = "https://app.example.com"
LOCAL = "http://localhost:5173"
OTHER = "https://app.example.com.evil.example"
ORIGIN = ("origin", APP)
START = "/streak.v1.SessionService/StartSession"
SIGN_IN = "/streak.v1.AccountService/SignIn"
GET_ACCOUNT = "/streak.v1.AccountService/GetAccount"
PUT_HABIT = "/streak.v1.StreakService/PutHabit"
LIST_HABITS = "/streak.v1.StreakService/ListHabits"
EXPORT = "/streak.v1.ExportService/Export"
WATCH = "/streak.v1.SyncService/Watch"
PREFLIGHT = (("access-control-request-method", "POST"), ("access-control-request-headers", "content-type,connect-protocol-version"))

versions = pytest.mark.parametrize("version", VERSIONS)
protocols = pytest.mark.parametrize("protocol", FORMATS)


@pytest.fixture(scope="module")
def web():
    """A server that answers pages of two origins, with the limits of the schema."""
    arguments = ("--web-origins", f"{APP}, {LOCAL}", "--rate-limit-factor", "1", "--admin-listen", "127.0.0.1:0")
    with open_folder() as folder, Server(folder=folder, arguments=arguments) as running:
        yield running


def calls(server):
    """How many calls of StartSession there were, with any outcome."""
    return sum(float(line.split()[-1]) for line in scrape(server).splitlines()
               if line.startswith("streakd_rpc_") and "_total{" in line and 'StartSession"' in line)


def ask_refusal(server, version, protocol, path, message, *fields, streams=False):
    """What a page reads of a refused call."""
    content_type = (STREAM_FORMATS if streams else FORMATS)[protocol]
    answer = ask(server.port, version, path, encode(message, protocol, streams), ORIGIN, *fields, content_type=content_type)
    return Refusal(Readable(answer, APP), protocol, streams)


# MARK: preflights

@versions
@pytest.mark.parametrize("origin", [APP, LOCAL])
def test_a_preflight_of_an_allowed_origin_is_answered_without_a_call(web, version, origin):
    before = calls(web)
    for path in (START, EXPORT, "/no.Service/Method"):
        answer = ask(web.port, version, path, b"", ("origin", origin), *PREFLIGHT, method="OPTIONS")
        assert (answer.status, answer.body, answer.fields["access-control-allow-origin"]) == (204, b"", origin)
        assert answer.fields["access-control-allow-methods"] == "POST, GET"
        assert 0 < int(answer.fields["access-control-max-age"]) <= 7200
        assert answer.fields["vary"] == "origin, access-control-request-method, access-control-request-headers"
        assert "content-length" not in answer.fields, "RFC 9110, 8.6: none with 204"
    allowed = answer.fields["access-control-allow-headers"].split(", ")
    assert {"authorization", "content-type", "connect-protocol-version", "connect-timeout-ms", "grpc-timeout", "x-grpc-web",
            "x-user-agent"} <= set(allowed)
    assert calls(web) == before


@versions
def test_a_preflight_may_ask_for_a_private_network(web, version):
    fields = (ORIGIN, *PREFLIGHT, ("access-control-request-private-network", "true"))
    assert ask(web.port, version, START, b"", *fields, method="OPTIONS").fields["access-control-allow-private-network"] == "true"


@versions
@pytest.mark.parametrize("fields", [
    pytest.param((("origin", OTHER), *PREFLIGHT), id="another origin"),
    pytest.param((("origin", "null"), *PREFLIGHT), id="an opaque origin"),
    pytest.param((("origin", APP.upper()), *PREFLIGHT), id="other case"),
    pytest.param((("origin", APP + "/"), *PREFLIGHT), id="a slash more"),
    pytest.param((("origin", APP + "."), *PREFLIGHT), id="a dot more"),
    pytest.param((("origin", APP + ":443"), *PREFLIGHT), id="the scheme's port"),
    pytest.param((("origin", LOCAL + "0"), *PREFLIGHT), id="another port"),
    pytest.param((("origin", APP.replace("https", "http")), *PREFLIGHT), id="another scheme"),
    pytest.param((("origin", ""), *PREFLIGHT), id="an empty origin"),
    pytest.param((("origin", "*"), *PREFLIGHT), id="a star"),
    pytest.param((("origin", f"{APP} {LOCAL}"), *PREFLIGHT), id="a list of origins"),
    pytest.param((("origin", f"{APP}, {LOCAL}"), *PREFLIGHT), id="origins that a proxy joined"),
    pytest.param((ORIGIN, ("origin", LOCAL), *PREFLIGHT), id="two origins"),
    pytest.param((ORIGIN, ORIGIN, *PREFLIGHT), id="an origin twice"),
    pytest.param(PREFLIGHT, id="no origin"),
    pytest.param((ORIGIN,), id="OPTIONS that is no preflight"),
])
def test_other_options_are_refused_and_reach_no_method(web, version, fields):
    before = calls(web)
    answer = ask(web.port, version, START, b"", *fields, method="OPTIONS")
    assert (answer.status, answer.fields["allow"]) == (405, "POST")
    assert "access-control-allow-methods" not in answer.fields
    assert answer.fields.get("access-control-allow-origin") == (APP if fields == (ORIGIN,) else None)
    assert calls(web) == before


@versions
@pytest.mark.parametrize(("method", "headers"), [
    pytest.param("POST", None, id="no headers"),
    pytest.param("POST", "", id="an empty list"),
    pytest.param("POST", "Content-Type, AUTHORIZATION", id="other case"),
    pytest.param("POST", "x-unknown,content-type", id="an unknown header"),
    pytest.param("POST", ",".join(f"x-{number}" for number in range(2_000)), id="many headers"),
    pytest.param("DELETE", "content-type", id="a method that is not served"),
    pytest.param("post", "content-type", id="a method in lower case"),
    pytest.param("GET", "content-type", id="GET"),
])
def test_a_preflight_is_told_what_is_allowed_whatever_it_asks_for(web, version, method, headers):
    """The browser compares (Fetch standard, "CORS-preflight fetch")."""
    asked = (("access-control-request-method", method), *((("access-control-request-headers", headers),) if headers is not None else ()))
    answer = ask(web.port, version, START, b"", ORIGIN, *asked, ("access-control-request-private-network", "yes"), method="OPTIONS")
    assert (answer.status, answer.fields["access-control-allow-methods"]) == (204, "POST, GET")
    assert "x-unknown" not in answer.fields["access-control-allow-headers"] and len(answer.fields["access-control-allow-headers"]) < 1_000
    assert "access-control-allow-private-network" not in answer.fields


@versions
@pytest.mark.parametrize("origin", ["https://a.example, https://b.example", "null"])
def test_an_origin_given_twice_is_none(web, version, origin):
    for fields in ((("origin", origin),), (ORIGIN, ("origin", origin)), (ORIGIN, ORIGIN)):
        answer = ask(web.port, version, START, b"", *fields, content_type="application/proto")
        assert answer.fields["vary"] == "origin" and not [name for name in answer.fields if name.startswith("access-control-")]


def test_a_preflight_is_answered_while_the_server_drains(database):
    preflight = request(f"OPTIONS {START} HTTP/1.1", HOST, f"Origin: {APP}", *(f"{name}: {value}" for name, value in PREFLIGHT))
    with Server(database=database, arguments=("--web-origins", APP)) as server:
        with Http1Peer(server.port, timeout=40) as idle, Http1Peer(server.port) as peer:
            idle.send(preflight)
            assert idle.answer().status == 204
            peer.send(preflight[:-2])
            server.terminate()
            # Idle connections end first.
            assert idle.ends()
            peer.send(b"\r\n")
            answer = peer.answer()
            assert (answer.status, answer.fields["access-control-allow-origin"], answer.fields["connection"]) == (204, APP, "close")
            assert peer.ends()


@versions
def test_an_answer_to_another_origin_cannot_be_read(web, version):
    answer = ask(web.port, version, START, encode(session_pb2.StartSessionRequest(idempotency_key=os.urandom(16)), "connect"),
                 ("origin", OTHER), content_type="application/proto")
    assert answer.status == 200 and answer.fields["vary"] == "origin"
    assert not [name for name in answer.fields if name.startswith("access-control-")]


@versions
def test_without_origins_no_page_is_answered(server, version):
    assert ask(server.port, version, START, b"", ORIGIN, *PREFLIGHT, method="OPTIONS").status == 405
    answer = ask(server.port, version, START, encode(session_pb2.StartSessionRequest(idempotency_key=os.urandom(16)), "connect"), ORIGIN,
                 content_type="application/proto")
    assert answer.status == 200 and not [name for name in answer.fields if name.startswith(("access-control-", "vary"))]


def test_a_star_allows_every_origin(database):
    with Server(database=database, arguments=("--web-origins", "*")) as server:
        for version in VERSIONS:
            for origin in (OTHER, "null"):
                answer = ask(server.port, version, START, b"", ("origin", origin), *PREFLIGHT, method="OPTIONS")
                assert (answer.status, answer.fields["access-control-allow-origin"]) == (204, origin)
                answer = ask(server.port, version, GET_ACCOUNT, b"", ("origin", origin), content_type="application/proto")
                assert Refusal(Readable(answer, origin), "connect").code == "unauthenticated"


@pytest.mark.parametrize("value", ["app.example.com", "https://app.example.com/", "https://", "ftp://a.example", "HTTPS://a.example",
                                   "https://a.example, b", "https://*.example.com", "null", "https://user@a.example"])
def test_what_is_no_origin_is_refused_at_the_start(folder, value):
    done = subprocess.run([PROGRAMS / "streakd", "--data-folder", folder / "data", "--listen", "127.0.0.1:0", "--web-origins", value],
                          capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 64 and "web-origins must be origins" in done.stderr and not (folder / "data").exists()


# MARK: what a page reads

@versions
@protocols
def test_a_page_reads_an_answer_and_that_it_was_repeated(web, version, protocol):
    body = encode(session_pb2.StartSessionRequest(idempotency_key=os.urandom(16)), protocol)
    for replayed in (False, True):
        readable = Readable(ask(web.port, version, START, body, ORIGIN, content_type=FORMATS[protocol]), APP)
        assert readable.status == 200
        if protocol.startswith("connect"):
            assert (readable.fields.get("trailer-streak-replayed") == "true") == replayed
            message, = [readable.body]
        else:
            content = decode_text(readable.body) if protocol == "grpc-web-text" else readable.body
            (_, message), (flags, block) = envelopes(content)
            assert flags == 0x80 and b"grpc-status: 0\r\n" in block and (b"streak-replayed: true\r\n" in block) == replayed
            assert "grpc-status" not in readable.fields
        assert json.loads(message)["secret" if "secret" in str(message) else "sessionId"] if protocol == "connect-json" else message


@versions
@protocols
def test_a_page_reads_refused_credentials(web, version, protocol):
    refusal = ask_refusal(web, version, protocol, GET_ACCOUNT, account_pb2.GetAccountRequest(), ("authorization", "Bearer access.nonsense"))
    assert (refusal.code, refusal.reason) == ("unauthenticated", "CREDENTIALS_INVALID")
    assert refusal.http_status == (401 if protocol.startswith("connect") else 200)


@versions
@protocols
def test_a_page_reads_the_violations_of_fields(web, version, protocol):
    refusal = ask_refusal(web, version, protocol, START, session_pb2.StartSessionRequest(idempotency_key=b"short"))
    assert (refusal.code, refusal.violations) == ("invalid_argument", ["idempotency_key"])


@pytest.fixture(scope="module")
def person(web):
    with Person(web) as person:
        person.sign_up()
        yield person


@versions
@protocols
def test_a_page_reads_a_methods_own_refusal(web, version, protocol, person):
    refusal = ask_refusal(web, version, protocol, "/streak.v1.StreakService/GetStreak", streak_pb2.GetStreakRequest(habit_id=os.urandom(16)),
                          *person.metadata)
    assert (refusal.code, refusal.reason) == ("not_found", "HABIT_NOT_FOUND")


@pytest.fixture(scope="module")
def exhausted(web):
    """A sign-in that is refused because there were too many before."""
    message = account_pb2.SignInRequest(email="many@example.com", password="not it at all", device=common_pb2.Device(device_id=os.urandom(16)))
    for _ in range(SIGN_INS):
        assert ask(web.port, "HTTP/2", SIGN_IN, encode(message, "connect"), content_type="application/proto").status == 401
    return message


@versions
@protocols
def test_a_page_reads_how_long_to_wait(web, version, protocol, exhausted):
    refusal = ask_refusal(web, version, protocol, SIGN_IN, exhausted)
    assert (refusal.code, refusal.reason) == ("resource_exhausted", "TOO_MANY_REQUESTS") and refusal.retry_seconds > 0
    assert refusal.http_status == (429 if protocol.startswith("connect") else 200)


@versions
@protocols
def test_a_page_reads_how_a_stream_was_refused(web, version, protocol):
    refusal = ask_refusal(web, version, protocol, EXPORT, export_pb2.ExportRequest(), ("authorization", "Bearer access.nonsense"), streams=True)
    assert (refusal.code, refusal.reason) == ("unauthenticated", "CREDENTIALS_INVALID")


def test_a_page_reads_that_the_storage_is_unavailable(database):
    with Server(database=database, arguments=("--web-origins", APP)) as server:
        name = database.rpartition("=")[2]
        sql(database, f"alter database {name} set default_transaction_read_only = on")
        sql(database, f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}' and pid <> pg_backend_pid()")
        message = session_pb2.StartSessionRequest(idempotency_key=os.urandom(16))
        for version in VERSIONS:
            for protocol in FORMATS:
                refusal = wait_until(lambda: (found := ask_refusal(server, version, protocol, START, message)).reason and found)
                assert (refusal.code, refusal.reason) == ("unavailable", "STORAGE_UNAVAILABLE") and refusal.retry_seconds > 0
                assert refusal.http_status == (503 if protocol.startswith("connect") else 200)


@versions
@protocols
def test_a_page_reads_that_its_deadline_has_passed(web, version, protocol):
    name, value = ("connect-timeout-ms", "0") if protocol.startswith("connect") else ("grpc-timeout", "0m")
    message = session_pb2.StartSessionRequest(idempotency_key=os.urandom(16))
    refusal = ask_refusal(web, version, protocol, START, message, (name, value))
    assert refusal.code == "deadline_exceeded" and refusal.http_status == (504 if protocol.startswith("connect") else 200)


@versions
@protocols
def test_a_page_reads_how_long_to_wait_when_calls_are_shed(database, version, protocol):
    with Server(database=database, arguments=("--web-origins", APP, "--calls-per-address-max", "1")) as server:
        message = session_pb2.StartSessionRequest(idempotency_key=os.urandom(16))
        body = encode(message, protocol)

        def refused():
            answer = Readable(ask(server.port, version, START, body, ORIGIN, content_type=FORMATS[protocol]), APP)
            taken = answer.status == 200 and (protocol.startswith("connect") or b"grpc-status: 0" in (
                decode_text(answer.body) if protocol == "grpc-web-text" else answer.body))
            return None if taken else Refusal(answer, protocol)
        refusal = wait_until(refused)
        assert (refusal.code, refusal.reason) == ("resource_exhausted", "TOO_MANY_REQUESTS") and refusal.retry_seconds > 0


def test_a_page_reads_that_its_request_came_too_slowly(web):
    """A head that does not end, bodies of which a byte comes each second, and one that does not come."""
    head = (f"POST {START} HTTP/1.1", HOST, f"Origin: {APP}")
    bodies = {protocol: request(*head, f"Content-Type: {kind}", "Content-Length: 1000") + b"{" for protocol, kind in FORMATS.items()}
    chunked = request(*head, "Content-Type: application/json", "Transfer-Encoding: chunked")
    with contextlib.ExitStack() as stack:
        def ask_slowly(sent):
            peer = stack.enter_context(Http1Peer(web.port, timeout=40))
            peer.send(sent)
            return peer
        peers = {protocol: ask_slowly(sent) for protocol, sent in bodies.items()}
        in_chunks, in_head = ask_slowly(chunked), ask_slowly(request(*head)[:-2])
        later = ask_slowly(request("GET /favicon.ico HTTP/1.1", HOST))
        assert later.answer().status == 404
        later.send(request(*head)[:-2])
        for protocol, peer in (*peers.items(), ("connect-json", in_chunks)):
            answer = peer.answer()
            refusal = Refusal(Readable(answer, APP), protocol)
            assert (refusal.code, answer.fields["connection"]) == ("deadline_exceeded", "close") and peer.ends()
            assert refusal.http_status == (504 if protocol.startswith("connect") else 200)
        for peer in (in_head, later):
            answer = peer.answer()
            assert (Readable(answer, APP).status, answer.fields["connection"]) == (408, "close") and peer.ends()


@versions
@pytest.mark.parametrize("protocol", STREAM_FORMATS)
def test_a_page_reads_that_the_server_stops(database, version, protocol):
    """Its stream is open longer than the server waits for it."""
    with Server(database=database, arguments=("--web-origins", APP, "--grace-seconds", "1")) as server, Person(server) as person:
        person.sign_up()
        body = encode(sync_pb2.WatchRequest(), protocol, streams=True)
        answer = follow(server.port, version, WATCH, body, ORIGIN, *person.metadata, content_type=STREAM_FORMATS[protocol], begun=server.terminate)
        refusal = Refusal(Readable(answer, APP), protocol, streams=True)
        assert refusal.code == "unavailable" and refusal.retry_seconds > 0


def test_a_page_reads_that_a_resource_is_refused(database):
    """The files of the page itself, which a page of another origin may ask for."""
    with Server(database=database, arguments=("--web-origins", APP, "--calls-per-address-max", "1")) as server:
        def refused():
            answer = ask(server.port, "HTTP/1.1", "/", b"", ORIGIN, method="GET")
            assert Readable(answer, APP).status in (200, 429)
            return answer if answer.status == 429 else None
        assert "retry-after" in Readable(wait_until(refused), APP).fields


@versions
def test_caches_know_that_answers_to_get_differ_by_origin(web, version):
    """Fetch standard, "CORS protocol and HTTP caches": also the answers that no page asked for."""
    for path in (f"{LIST_HABITS}?connect=v1&encoding=json&message=%7B%7D", "/favicon.ico", "/"):
        assert "origin" in ask(web.port, version, path, method="GET").fields["vary"], path


# MARK: refusals before a method

@versions
@pytest.mark.parametrize(("status", "method", "path", "content_type"), [
    pytest.param(404, "POST", "/no.Service/Method", "application/json", id="no such method, Connect"),
    pytest.param(404, "POST", "/", None, id="no such page"),
    pytest.param(404, "GET", "/favicon.ico", None, id="GET of no method"),
    pytest.param(405, "GET", START, None, id="GET of a method with side effects"),
    pytest.param(405, "PUT", START, "application/json", id="PUT"),
    pytest.param(405, "HEAD", LIST_HABITS, None, id="HEAD"),
    pytest.param(415, "POST", START, "text/plain", id="a content type that is not served"),
    pytest.param(415, "POST", START, None, id="no content type"),
    pytest.param(415, "POST", START, "application/connect+json", id="a stream's content type for a unary method"),
    pytest.param(415, "POST", EXPORT, "application/json", id="a unary content type for a stream"),
])
def test_a_page_reads_the_status_of_a_request_that_is_no_call(web, version, status, method, path, content_type):
    readable = Readable(ask(web.port, version, path, b"", ORIGIN, method=method, content_type=content_type), APP)
    assert readable.status == status
    if status == 405:
        assert readable.fields["allow"] == ("GET, POST" if path == LIST_HABITS else "POST")
    if status == 415:
        assert "application/json" in readable.fields["accept-post"]


@versions
@pytest.mark.parametrize("protocol", ["grpc-web", "grpc-web-text"])
def test_a_page_reads_in_grpc_web_that_there_is_no_such_method(web, version, protocol):
    assert ask_refusal(web, version, protocol, "/no.Service/Method", session_pb2.StartSessionRequest()).code == "unimplemented"


@versions
def test_a_page_reads_that_text_carries_no_stream_of_requests(web, version):
    refusal = ask_refusal(web, version, "grpc-web-text", "/streak.v1.ExportService/Import", export_pb2.ImportRequest(), streams=True)
    assert refusal.code == "unimplemented"


WRONG_HEADERS = {
    "connect": [("content-encoding", "br", "unimplemented"), ("connect-timeout-ms", "soon", "invalid_argument"),
                ("connect-protocol-version", "2", "invalid_argument")],
    "grpc-web": [("grpc-encoding", "br", "unimplemented"), ("grpc-timeout", "soon", "internal")]}


@versions
@pytest.mark.parametrize(("protocol", "name", "value", "code"), [
    (protocol, *wrong) for protocol in FORMATS for begin, wrongs in WRONG_HEADERS.items() if protocol.startswith(begin) for wrong in wrongs])
def test_a_page_reads_which_header_was_wrong(web, version, protocol, name, value, code):
    message = session_pb2.StartSessionRequest(idempotency_key=os.urandom(16))
    assert ask_refusal(web, version, protocol, START, message, (name, value)).code == code


@versions
@protocols
def test_a_page_reads_that_a_message_is_malformed_or_too_large(web, version, protocol):
    framed = protocol.startswith("grpc-web")
    wrong = b"{" if protocol == "connect-json" else b"\x0a\x7f"
    large = b'"' + b"x" * 5_000_000 if protocol == "connect-json" else b"\x0a" + b"x" * 5_000_000
    for content, code in ((wrong, "invalid_argument"), (large, "resource_exhausted")):
        body = (b"\0" + len(content).to_bytes(4) + content) if framed else content
        body = base64.b64encode(body) if protocol == "grpc-web-text" else body
        answer = ask(web.port, version, START, body, ORIGIN, content_type=FORMATS[protocol])
        found = Refusal(Readable(answer, APP), protocol).code
        assert found == code or (framed and content is wrong and found == "internal"), found


@versions
@protocols
def test_a_page_reads_that_its_headers_are_too_large(web, version, protocol):
    fields = tuple((f"x-large-{number}", "x" * 1_000) for number in range(20))
    refusal = ask_refusal(web, version, protocol, START, session_pb2.StartSessionRequest(), *fields)
    assert refusal.code == "resource_exhausted"


@versions
def test_a_page_reads_431_of_a_request_without_protocol(web, version):
    fields = tuple((f"x-large-{number}", "x" * 1_000) for number in range(20))
    assert Readable(ask(web.port, version, "/", b"", ORIGIN, *fields, method="GET"), APP).status == 431


@pytest.mark.parametrize("content_type", ["application/grpc", "application/connect+proto"])
def test_a_page_reads_that_a_call_needs_http_2(web, content_type):
    path = START if content_type == "application/grpc" else "/streak.v1.SyncService/SyncStream"
    answer = ask(web.port, "HTTP/1.1", path, b"", ORIGIN, content_type=content_type)
    assert Readable(answer, APP).status == 505 and answer.fields["connection"] == "close"


@pytest.mark.parametrize(("status", "sent"), [
    pytest.param(400, request(f"POST {START} HTTP/1.1", HOST, f"Origin: {APP}", "Content-Length : 5"), id="a space before the colon"),
    pytest.param(400, request(f"POST {START} HTTP/1.1", HOST, f"Origin: {APP}", "X: a", " folded"), id="a folded line"),
    pytest.param(400, request(f"POST {START} HTTP/1.1", HOST, f"Origin: {APP}", "Content-Length: 5", "Transfer-Encoding: chunked"),
                 id="two lengths"),
    pytest.param(417, request(f"POST {START} HTTP/1.1", HOST, f"Origin: {APP}", "Expect: x", "Content-Length: 5"), id="an expectation"),
    pytest.param(501, request(f"POST {START} HTTP/1.1", HOST, f"Origin: {APP}", "Transfer-Encoding: gzip, chunked"), id="a coding"),
    pytest.param(400, request(f"POST {START} HTTP/1.1", HOST, f"Origin: {APP}", "Content-Type: application/json",
                              "Transfer-Encoding: chunked", body=b"5\nhello\r\n"), id="a chunk after the head"),
])
def test_a_page_reads_what_the_parser_refused_after_its_origin(web, status, sent):
    with Http1Peer(web.port) as peer:
        peer.send(sent)
        answer = peer.answer()
    assert Readable(answer, APP).status == status


@pytest.mark.parametrize(("status", "sent"), [
    pytest.param(414, request(f"GET {START}?message={'x' * 9_000} HTTP/1.1", HOST, f"Origin: {APP}"), id="a long target"),
    pytest.param(431, request(f"POST {START} HTTP/1.1", HOST, *(f"X-{number}: 1" for number in range(120)), f"Origin: {APP}"), id="many fields"),
    pytest.param(431, request(f"POST {START} HTTP/1.1", HOST, "Authorization: " + "x" * 40_000, f"Origin: {APP}"), id="a long field"),
    pytest.param(431, request("GET / HTTP/1.1", HOST, *(f"X-{number}: {'x' * 1_000}" for number in range(17)), f"Origin: {APP}"), id="long fields"),
])
def test_a_page_reads_that_its_request_is_too_large_wherever_its_origin_stands(web, status, sent):
    with Http1Peer(web.port) as peer:
        peer.send(sent)
        answer = peer.answer()
    assert Readable(answer, APP).status == status


def methods():
    """Every method that a server answers, with its path."""
    for module in (account_pb2, credential_pb2, export_pb2, migration_pb2, recovery_pb2, session_pb2, streak_pb2, sync_pb2):
        for service in module.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                yield method, f"/{service.full_name}/{method.name}"


@versions
def test_exactly_the_unary_methods_without_side_effects_are_called_by_get(web, version):
    for method, path in methods():
        is_streaming = method.client_streaming or method.server_streaming
        may = not is_streaming and method.GetOptions().idempotency_level == descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS
        answer = Readable(ask(web.port, version, f"{path}?connect=v1&encoding=proto&message=", b"", ORIGIN, method="GET"), APP)
        assert (answer.status != 405) == may, (path, answer.status)


@pytest.mark.parametrize(("status", "sent"), [
    pytest.param(505, request("GET / HTTP/3.0", HOST, f"Origin: {APP}"), id="a version"),
    pytest.param(400, request("GET  / HTTP/1.1", HOST, f"Origin: {APP}"), id="a request line"),
    pytest.param(400, request("GET / HTTP/1.1", HOST, f"Origin: {APP}", HOST), id="two hosts"),
    pytest.param(400, request("GET / HTTP/1.1", f"Origin: {APP}"), id="no host"),
])
def test_what_is_refused_before_the_fields_are_read_is_no_browsers_request(web, status, sent):
    """The request line and the host come first: nothing is known of a page then."""
    with Http1Peer(web.port) as peer:
        peer.send(sent)
        answer = peer.answer()
    assert (answer.status, answer.fields["vary"]) == (status, "origin") and "access-control-allow-origin" not in answer.fields

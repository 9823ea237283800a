"""HTTP/1.1 and HTTP/1.0 beside HTTP/2 on one port, by peers that send bytes by hand. The sections are RFC 9112's."""

import contextlib
import json
import pathlib
import re
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest
import sanitizer
from certificates import tls_arguments
from http1_peer import HOST, Http1Peer, call, request
from metrics import ADMIN, Metrics, admin_address
from person import Person
from server import Server, interop_server, open_folder, wait_until
from web_peer import envelope, envelopes

UNARY = "/grpc.testing.TestService/UnaryCall"
PAGE = json.dumps({"responseSize": 5}).encode()
ATTACKER = "127.0.0.2"
MIB = 1024


@pytest.fixture(scope="module")
def server():
    with interop_server() as process:
        yield process


@pytest.fixture
def peer(server):
    with Http1Peer(server.port) as peer:
        yield peer


def resident_kib(process):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{process.pid}/status").read_text())[1])


def check_page(answer):
    assert (answer.status, answer.fields["content-type"]) == (200, "application/json"), answer
    assert len(json.loads(answer.body)["payload"]["body"]) == 8


def test_calls_follow_each_other_on_one_connection(peer):
    for _ in range(3):
        peer.send(call(UNARY, PAGE))
        check_page(peer.answer())


def test_pipelined_calls_are_answered_in_order(peer):
    sizes = [3, 0, 30_000, 1]
    peer.send(b"".join(call(UNARY, json.dumps({"responseSize": size}).encode()) for size in sizes))
    found = [len(json.loads(peer.answer().body).get("payload", {}).get("body", "")) for _ in sizes]
    assert found == [4, 0, 40_000, 4]


def test_a_call_may_come_byte_by_byte_and_in_chunks(peer):
    chunks = b"1\r\n{\r\n" + f"{len(PAGE) - 1:x};x=y\r\n".encode() + PAGE[1:] + b"\r\n0\r\nX-Trailer: 1\r\n\r\n"
    sent = request(f"POST {UNARY} HTTP/1.1", HOST, "Content-Type: application/json", "Transfer-Encoding: chunked", body=chunks)
    peer.send(*(bytes([byte]) for byte in sent))
    check_page(peer.answer())


def test_a_client_that_expects_it_is_asked_for_the_body(peer):
    sent = call(UNARY, PAGE, "Expect: 100-continue")
    peer.send(sent[:-len(PAGE)])
    assert peer.answer(has_body=False).status == 100
    peer.send(PAGE)
    check_page(peer.answer())


def test_version_1_0_ends_with_the_response(peer):
    peer.send(call(UNARY, PAGE).replace(b"HTTP/1.1", b"HTTP/1.0"))
    answer = peer.answer()
    check_page(answer)
    assert answer.fields["connection"] == "close" and peer.ends()


def test_a_large_call_is_read_as_it_is_used(peer):
    message = json.dumps({"payload": {"body": "AAAA" * 200_000}, "responseSize": 5}).encode()
    for _ in range(3):
        peer.send(call(UNARY, message))
        check_page(peer.answer())


def test_grpc_needs_http_2_and_says_so(peer):
    peer.send(call(UNARY, b"\0\0\0\0\0", content_type="application/grpc"))
    answer = peer.answer()
    assert answer.status == 505 and answer.fields["connection"] == "close" and peer.ends()


def test_an_unknown_path_keeps_the_connection(peer):
    peer.send(call("/no.Service/Method"), call(UNARY, PAGE))
    assert peer.answer().status == 404
    check_page(peer.answer())


@pytest.fixture(scope="module")
def streakd():
    with open_folder() as folder, Server(folder=folder) as running:
        yield running


GET = "/streak.v1.StreakService/ListHabits?connect=v1&encoding=json&message=%7B%7D"


@pytest.mark.parametrize(("body", "sent", "stays"), [
    pytest.param("Content-Length: 5", b"hello", True, id="a body of known length"),
    pytest.param("Content-Length: 65536", bytes(65_536), True, id="as large as is read and dropped"),
    pytest.param("Content-Length: 65537", b"", False, id="a byte more"),
    pytest.param("Transfer-Encoding: chunked", b"5\r\nhello\r\n", False, id="chunks"),
])
def test_get_with_a_body_is_refused(streakd, body, sent, stays):
    """RFC 9110, 9.3.1: the body of GET means nothing, and could be a smuggled request."""
    with Http1Peer(streakd.port) as peer:
        peer.send(request(f"GET {GET} HTTP/1.1", HOST, body, body=sent))
        answer = peer.answer()
        assert (answer.status, json.loads(answer.body)["code"]) == (400, "invalid_argument"), answer
        assert "connection" not in answer.fields if stays else answer.fields["connection"] == "close" and peer.ends()
        if stays:
            # What follows is the next request.
            peer.send(request(f"GET {GET} HTTP/1.1", HOST))
            assert peer.answer().status == 401


@pytest.mark.parametrize("fields", [["Content-Length: 0"], ["Transfer-Encoding: chunked"]])
def test_get_with_an_empty_body_is_get(streakd, fields):
    with Http1Peer(streakd.port) as peer:
        for _ in range(2):
            peer.send(request(f"GET {GET} HTTP/1.1", HOST, *fields, body=b"0\r\n\r\n" if "chunked" in fields[0] else b""))
            assert peer.answer().status == 401


def test_the_body_of_get_for_a_page_is_dropped(streakd):
    """It is not in the way of the next request either."""
    with Http1Peer(streakd.port) as peer:
        for _ in range(2):
            peer.send(request("GET / HTTP/1.1", HOST, "Content-Length: 5", body=b"hello"))
            assert peer.answer().status == 200


# The status of the answer, and field lines.
FIELDS_REFUSED = [
    (400, "Transfer-Encoding : chunked"), (400, "Transfer-Encoding\t: chunked"), (400, "Transfer-Encoding:\x0bchunked"),
    (400, "Transfer-Encoding: chunked\0"), (400, "Transfer-Encoding: chunked\r"), (400, "Transfer-Encoding: chunked, identity"),
    (400, "Transfer-Encoding: xchunked"), (400, "Transfer-Encoding: chunked;q=1"), (400, "Transfer-Encoding: 'chunked'"),
    (400, "Transfer-Encoding:"), (400, "Transfer-Encoding: identity"), (400, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    (400, "Transfer-Encoding: chunked", "transfer-encoding: identity"), (400, "X: y\r\n Transfer-Encoding: chunked"),
    (400, "Transfer-Encoding: chunked", "Content-Length: 5"), (400, "Content-Length: 0", "Transfer-Encoding: Chunked"),
    (501, "Transfer-Encoding: identity, chunked"), (501, "Transfer-Encoding: gzip, chunked"),
    (400, "Content-Length: 5, 5"), (400, "Content-Length: 5", "Content-Length: 6"), (400, "Content-Length: -5"), (400, "Content-Length: +5"),
    (400, "Content-Length: 0x5"), (400, "Content-Length: 5 5"), (400, "Content-Length: 5\0"), (400, "Content-Length: 5.0"), (400, "Content-Length:"),
    (400, "Content-Length: 18446744073709551621"), (400, "Content-Length: \u0665"),
    (400, "X\0: y"), (400, "X: a\0b"), (400, "X: a\rb"), (400, "X: a\nb: c"), (400, "X: \x01"), (400, "X: \x7f"), (400, "X\t: y"), (400, "X y: z"),
    (400, "X\u00e9: y"), (400, ": y"), (400, "X"), (400, "X: a", "\tb"), (400, "Host: other"), (417, "Expect: 100-continue, x"),
]
LINES_REFUSED = [
    (400, "POST  / HTTP/1.1"), (400, "POST /  HTTP/1.1"), (400, "POST\t/ HTTP/1.1"), (400, "POST / HTTP/1.1 "), (400, "POST / / HTTP/1.1"),
    (400, "POST / http/1.1"), (400, "POST / HTTP/1.10"), (400, "POST / HTTP/1,1"), (400, "POST /"), (400, "POST"), (400, " POST / HTTP/1.1"),
    (505, "POST / HTTP/2.0"), (505, "POST / HTTP/1.2"), (505, "POST / HTTP/0.9"),
    (400, "POST http://other/ HTTP/1.1"), (400, "POST http://test:80/ HTTP/1.1"), (400, "POST http://a@test/ HTTP/1.1"),
    (400, "POST ftp://test/ HTTP/1.1"),
    (400, "POST * HTTP/1.1"), (400, "POST test:80 HTTP/1.1"), (400, "POST /# HTTP/1.1"), (400, "POST /\0 HTTP/1.1"), (400, "POST /\u00e9 HTTP/1.1"),
    (400, "P\0ST / HTTP/1.1"), (400, "P(ST / HTTP/1.1"), (501, "CONNECT test:80 HTTP/1.1"), (501, "CONNECT / HTTP/1.1"),
]
# Behind a head that says that they come.
CHUNKS_REFUSED = [
    "\r\n", "0x5\r\nhello\r\n0\r\n\r\n", "+5\r\nhello\r\n0\r\n\r\n", "-0\r\n\r\n", " 5\r\nhello\r\n0\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n",
    "00000000000000005\r\nhello\r\n0\r\n\r\n", "80000001\r\n", "fffffffffffffffff\r\n", "g\r\n", ";\r\nhello\r\n0\r\n\r\n", ";x\r\n\r\n",
    "5\nhello\r\n0\r\n\r\n", "5;x\nhello\r\n0\r\n\r\n", "5;\nhello\r\n0\r\n\r\n", "5;a\rb\r\nhello\r\n0\r\n\r\n", "5;\0\r\nhello\r\n0\r\n\r\n",
    "5\r\nhello\n0\r\n\r\n", "5\r\nhelloX\r\n0\r\n\r\n", "4\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\n\r\n",
    "5\r\nhello\r\n0\r\n\n", "5\r\nhello\r\n0\r\n\rX",
    "0\r\nContent-Length: 5\r\n\r\n", "0\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\nHost: test\r\n\r\n", "0\r\nX : y\r\n\r\n",
    "0\r\n X: y\r\n\r\n",
    "0\r\nX: \0\r\n\r\n", "0\r\nX\0: y\r\n\r\n", "0\r\nX: a\rb\r\n\r\n", "0\r\nX\r\n\r\n", f"5;{'x' * 1_024}\r\nhello\r\n0\r\n\r\n",
]


@pytest.mark.parametrize(("status", "sent"), [
    *(pytest.param(status, request("POST / HTTP/1.1", HOST, *fields, body=b"0\r\n\r\n"), id=ascii(fields)) for status, *fields in FIELDS_REFUSED),
    *(pytest.param(status, request(line, HOST, "Content-Length: 0"), id=ascii(line)) for status, line in LINES_REFUSED),
    *(pytest.param(400, request(f"POST {UNARY} HTTP/1.1", HOST, "Content-Type: application/json", "Transfer-Encoding: chunked", body=body.encode()),
                   id=ascii(body[:40])) for body in CHUNKS_REFUSED),
    pytest.param(400, request("POST / HTTP/1.0", HOST, "Transfer-Encoding: chunked", body=b"0\r\n\r\n"), id="6.1: a coding in version 1.0"),
    pytest.param(400, request("POST / HTTP/1.1", HOST, "Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
                 id="6.1: two lengths"),
    pytest.param(400, request("POST / HTTP/1.1", HOST, "Content-Length: 5", "Content-Length: 5", body=b"hello"), id="6.3: repeated"),
    pytest.param(400, request("POST / HTTP/1.1", HOST, "Transfer-Encoding: chunked", body=b"5\nhello\r\n0\r\n\r\n"), id="7.1: bare LF"),
    pytest.param(400, request("POST / HTTP/1.1", HOST, "Content-Length : 5", body=b"hello"), id="5.1: a space before the colon"),
    pytest.param(400, request("GET / HTTP/1.1", HOST, "X: a", " folded"), id="5.2: folded"),
    pytest.param(400, request("GET / HTTP/1.1"), id="3.2: no host"),
    pytest.param(400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="TLS to a cleartext port"),
    pytest.param(414, request(f"GET /{'x' * 9_000} HTTP/1.1", HOST), id="a long target"),
    pytest.param(417, request("POST / HTTP/1.1", HOST, "Expect: x", "Content-Length: 5"), id="an expectation"),
    pytest.param(431, request("GET / HTTP/1.1", HOST, *(f"X-{number}: 1" for number in range(100))), id="many fields"),
    pytest.param(431, request("GET / HTTP/1.1", HOST, "X: " + "x" * 17_000), id="large fields"),
    pytest.param(501, request("POST / HTTP/1.1", HOST, "Transfer-Encoding: gzip, chunked"), id="6.1: unknown coding"),
    pytest.param(501, request("CONNECT a:80 HTTP/1.1", HOST), id="CONNECT"),
    pytest.param(505, request("GET / HTTP/3.0", HOST), id="2.3: version"),
])
def test_what_two_readers_could_read_differently_ends_the_connection(peer, status, sent):
    # The next request must not be answered.
    peer.send(sent + call(UNARY, PAGE))
    answer = peer.answer()
    assert (answer.status, answer.fields["connection"]) == (status, "close")
    assert peer.ends()


@pytest.mark.parametrize(("status", "sent"), [
    pytest.param(405, request(f"post {UNARY} HTTP/1.1", HOST, "Content-Length: 5", body=b"hello"), id="a method in lower case"),
    pytest.param(405, request("OPTIONS * HTTP/1.1", HOST), id="the server as a whole"),
    pytest.param(404, request("GET http://TEST/x HTTP/1.1", HOST), id="a target in absolute form"),
    pytest.param(404, request("GET /x HTTP/1.1", HOST, b"X: \xff\x80".decode("latin-1")), id="other bytes than ASCII in a value"),
    pytest.param(415, request(f"POST {UNARY} HTTP/1.1", HOST, "TRANSFER-ENCODING:\t Chunked ", body=b"0005 ;x\r\nhello\r\n0;\r\nX: y\r\n\r\n"),
                 id="chunks"),
    pytest.param(404, request("GET /x HTTP/1.0", "Connection: x , Keep-Alive"), id="version 1.0"),
    pytest.param(404, b"\r\n" + request("GET /x HTTP/1.1", HOST, "Connection: Keep-Alive", "TE: Trailers, gzip"), id="an empty line in front"),
])
def test_what_every_reader_reads_alike_keeps_the_connection(peer, status, sent):
    peer.send(sent + call(UNARY, PAGE))
    assert peer.answer().status == status
    check_page(peer.answer())


# MARK: peers that close their side of the connection

STREAM = call("/grpc.testing.TestService/StreamingOutputCall", envelope(json.dumps(
    {"responseParameters": [{"size": 5, "intervalUs": 100_000}, {"size": 500_000}, {"size": 5, "intervalUs": 100_000}]}).encode()),
    content_type="application/connect+json")


@pytest.mark.parametrize(("sent", "statuses"), [
    pytest.param(call(UNARY, PAGE), [200], id="a call"),
    pytest.param(call(UNARY, PAGE).replace(b"HTTP/1.1", b"HTTP/1.0"), [200], id="version 1.0"),
    pytest.param(call(UNARY, PAGE) * 3, [200] * 3, id="pipelined calls"),
    pytest.param(call(UNARY, PAGE) * 2 + call(UNARY, PAGE)[:-1], [200] * 2, id="a body that is cut short"),
    pytest.param(call(UNARY, PAGE) + b"POST / HT", [200], id="a head that is cut short"),
    pytest.param(call(UNARY, PAGE) + STREAM, [200] * 2, id="a stream"),
    pytest.param(call("/no.Service/Method"), [404], id="no method"),
    pytest.param(request("GET  / HTTP/1.1", HOST), [400], id="a refused request"),
    pytest.param(call(UNARY, PAGE)[:-1], [], id="no whole request"),
    pytest.param(b"", [], id="nothing"),
])
def test_a_peer_that_closes_its_side_gets_the_answers_of_its_whole_requests(peer, sent, statuses):
    """As `nc -N` does."""
    peer.send(sent)
    peer.socket.shutdown(socket.SHUT_WR)
    for status in statuses:
        answer = peer.answer()
        assert answer.status == status, answer
    assert peer.ends()
    if STREAM in sent:
        assert [flags for flags, _ in envelopes(answer.body)] == [0, 0, 0, 2] and len(answer.body) > 600_000


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2])
def test_close_notify_closes_one_side_since_tls_1_3(certificates, version):
    """RFC 8446, 6.1. Before it both sides end (RFC 5246, 7.2.1)."""
    with open_folder() as folder, Server(folder=folder, arguments=tls_arguments(certificates)) as secure:
        context = ssl.create_default_context(cafile=certificates / "ca.pem")
        context.maximum_version = version
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        with socket.create_connection(("127.0.0.1", secure.port), timeout=20) as plain:
            def step(action, *arguments):
                while True:
                    try:
                        return action(*arguments)
                    except ssl.SSLWantReadError:
                        plain.sendall(outgoing.read())
                        part = plain.recv(65_536)
                        incoming.write(part) if part else incoming.write_eof()
            step(session.do_handshake)
            session.write(request("GET / HTTP/1.1", HOST))
            with pytest.raises(ssl.SSLWantReadError):
                session.unwrap()
            received = b""
            with contextlib.suppress(ssl.SSLZeroReturnError):
                while part := step(session.read, 65_536):
                    received += part
        assert received.startswith(b"HTTP/1.1 200 ") == (version == ssl.TLSVersion.TLSv1_3), received[:100]


WATCH = "/streak.v1.SyncService/Watch"


@pytest.fixture(scope="module")
def observed():
    with open_folder() as folder, Server(folder=folder, arguments=ADMIN) as running, Person(running) as person:
        person.sign_up()
        yield running, [f"{name}: {value}" for name, value in (*person.metadata, ("content-type", "application/connect+json"))]


@pytest.mark.parametrize("how", ["reset", "close", "killed client of HTTP/2"])
def test_a_stream_ends_when_its_peer_is_gone(observed, how):
    """A connection of HTTP/1.1 that is closed altogether looks half-closed: it ends ten seconds after the last byte was sent on it."""
    server, fields = observed
    def watched():
        return sum(Metrics(server).values("streakd_rpc_calls_in_flight", method="Watch"))
    assert watched() == 0
    if how.startswith("killed"):
        options = (f"-H{field}" for field in fields)
        with subprocess.Popen(["curl", "-sN", "--http2-prior-knowledge", *options, "--data-binary", "@-", f"http://127.0.0.1:{server.port}{WATCH}"],
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as curl:
            curl.stdin.write(envelope(b"{}"))
            curl.stdin.close()
            wait_until(lambda: watched() == 1)
            curl.kill()
    else:
        with Http1Peer(server.port) as peer:
            peer.send(request(f"POST {WATCH} HTTP/1.1", HOST, "Content-Length: 7", *fields, body=envelope(b"{}")))
            wait_until(lambda: watched() == 1)
            if how == "reset":
                peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: watched() == 0)


def test_a_page_of_the_operator_s_reaches_a_peer_that_closes_its_side(observed):
    with Http1Peer(int(admin_address(observed[0]).rpartition(":")[2])) as peer:
        peer.send(request("GET /metrics HTTP/1.1", "Host: localhost"))
        peer.socket.shutdown(socket.SHUT_WR)
        assert b"streakd_connections_open" in peer.answer().body and peer.ends()


def test_slow_senders_are_cut_off(server):
    """Four at once: a first head, a later head, a counted body and a chunked one, of which a byte comes each second."""
    head = request(f"POST {UNARY} HTTP/1.1", HOST, "Content-Type: application/json", "Content-Length: 1000")
    chunked = request(f"POST {UNARY} HTTP/1.1", HOST, "Content-Type: application/json", "Transfer-Encoding: chunked")
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(Http1Peer(server.port, timeout=40)) for _ in range(4)]
        peers[1].send(call(UNARY, PAGE))
        check_page(peers[1].answer())
        begin = time.monotonic()
        for peer, sent in zip(peers, (b"POST / HTT", b"POST / HTT", head, chunked + b"fff\r\n")):
            peer.send(sent)
        ended = {}
        while len(ended) < len(peers) and time.monotonic() - begin < 30:
            time.sleep(0.5)
            for number, peer in enumerate(peers):
                if number in ended:
                    continue
                try:
                    peer.send(b"x")
                    peer.socket.settimeout(0.01)
                    if peer.socket.recv(1_000) == b"":
                        ended[number] = time.monotonic() - begin
                except TimeoutError:
                    pass
                except (ConnectionResetError, BrokenPipeError):
                    ended[number] = time.monotonic() - begin
        assert len(ended) == len(peers) and all(9 < seconds < 16 for seconds in ended.values()), ended


@pytest.mark.alone
def test_an_idle_connection_costs_at_most_8_kib():
    count = 2_000
    with interop_server() as process, contextlib.ExitStack() as stack:
        with Http1Peer(process.port) as peer:
            peer.send(call(UNARY, PAGE))
            check_page(peer.answer())
        before = resident_kib(process)
        for number in range(count):
            peer = stack.enter_context(Http1Peer(process.port, source=f"127.0.0.{2 + number // 1_000}"))
            peer.send(call(UNARY, PAGE))
            check_page(peer.answer())
        each = (resident_kib(process) - before) / count
        print(f"{each:.1f} KiB for each idle connection")
        assert each <= sanitizer.memory(8)


class Caller(threading.Thread):
    """Calls of another address, one after the other, on one connection, until the block ends."""

    def __init__(self, port):
        super().__init__()
        self.port, self.seconds, self.ends = port, [], threading.Event()

    def run(self):
        with Http1Peer(self.port) as peer:
            while not self.ends.is_set():
                begin = time.monotonic()
                peer.send(call(UNARY, PAGE))
                check_page(peer.answer())
                self.seconds.append(time.monotonic() - begin)

    def __enter__(self):
        self.start()
        wait_until(lambda: self.seconds)
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.join(timeout=30)


def is_open(peer):
    peer.socket.setblocking(False)
    try:
        return peer.socket.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


# What is sent on each connection; whether all of them are within the budget and stay; MiB at most.
@pytest.mark.alone
@pytest.mark.parametrize("sent, stays, most", [
    pytest.param(b"POST / HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"v" * 200) for n in range(70)), True, 32, id="open heads"),
    pytest.param(b"POST /" + b"x" * 100_000, True, 16, id="too large heads"),
    pytest.param(request(f"POST {UNARY} HTTP/1.1", HOST, "Content-Type: application/json", "Content-Length: 70000") + bytes(65_000),
                 False, 64 + 48, id="open bodies"),
    pytest.param(call(UNARY, PAGE) * 10, False, 64 + 48, id="pipelined"),
])
def test_a_thousand_half_open_requests_hold_no_more_than_the_budget_and_others_are_served(sent, stays, most):
    with interop_server() as process, contextlib.ExitStack() as stack, Caller(process.port) as others:
        before = resident_kib(process)
        peers = []
        for _ in range(1_000):
            peers.append(stack.enter_context(Http1Peer(process.port, source=ATTACKER)))
            with contextlib.suppress(ConnectionError):
                peers[-1].send(sent)
        count = len(others.seconds)
        wait_until(lambda: len(others.seconds) >= count + 20)
        grown = resident_kib(process) - before
        are_open = sum(map(is_open, peers))
        print(f"{are_open} open, {grown // MIB} MiB, {len(others.seconds)} calls of others, the longest took {max(others.seconds) * 1000:.0f} ms")
        assert max(others.seconds) < sanitizer.seconds(5) and grown < sanitizer.memory(most) * MIB
        # With a sanitizer the first heads are cut off for slowness before the last is sent.
        assert not stays or sanitizer.IS_ON or are_open == len(peers)


def reads_to_end(peer):
    """Whether the connection has ended; what comes before is dropped."""
    peer.socket.setblocking(False)
    try:
        while peer.socket.recv(65_536):
            pass
        return True
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


FIELDS = [f"X-{number}: {'v' * 125}" for number in range(96)]


# Begins of requests: a full head that waits for its body, a body, trailers, a chunk's extension, a
# head.
JSON = (f"POST {UNARY} HTTP/1.1", HOST, "Content-Type: application/json")
SLOW_REQUESTS = [
    request(*JSON, *FIELDS, "Content-Length: 9"),
    request(*JSON, "Content-Length: 70000") + bytes(40_000),
    request(*JSON, "Transfer-Encoding: chunked") + b"1\r\n{\r\n0\r\n" + "".join(f"{field}\r\n" for field in FIELDS).encode(),
    request(*JSON, "Transfer-Encoding: chunked") + b"1;" + b"x" * 1_000,
    b"POST / HTTP/1.1\r\n" + b"X: y\r\n" * 99,
]


@pytest.mark.alone
def test_a_thousand_slow_requests_are_cut_off_hold_no_more_than_the_budget_and_others_are_served():
    """A byte comes each time that the server's other callers have made twenty calls."""
    with interop_server() as process, contextlib.ExitStack() as stack, Caller(process.port) as others:
        before, grown = resident_kib(process), 0
        peers = [stack.enter_context(Http1Peer(process.port, source=ATTACKER)) for _ in range(1_000)]
        begin = time.monotonic()
        for number, peer in enumerate(peers):
            with contextlib.suppress(ConnectionError):
                peer.send(SLOW_REQUESTS[number % len(SLOW_REQUESTS)])
        while peers:
            count = len(others.seconds)
            wait_until(lambda: len(others.seconds) >= count + 20)
            grown = max(grown, resident_kib(process) - before)
            peers = [peer for peer in peers if not reads_to_end(peer)]
            for peer in peers:
                with contextlib.suppress(ConnectionError, BlockingIOError):
                    peer.send(b"x")
            assert time.monotonic() - begin < sanitizer.seconds(60), f"{len(peers)} are open"
        print(f"{grown // MIB} MiB, all cut off after {time.monotonic() - begin:.0f} s, "
              f"{len(others.seconds)} calls of others, the longest took {max(others.seconds) * 1000:.0f} ms")
        assert max(others.seconds) < sanitizer.seconds(5) and grown < sanitizer.memory(64 + 48) * MIB


def test_the_preface_of_http_2_is_known_byte_by_byte():
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\4" + bytes(5)
    with interop_server() as process, socket.create_connection(("127.0.0.1", process.port), timeout=10) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in preface:
            peer.sendall(bytes([byte]))
        # The server's SETTINGS frame.
        assert peer.recv(4)[3] == 4

"""Input of stock clients and proxies that other gRPC servers accept: it must end no connection and
no stream."""

import pytest
from http2_peer import *

ENDED = END_HEADERS | END_STREAM
PING_PAYLOAD = b"12345678"
STREAMS_MAX = 256


def ping():
    return frame(PING, payload=PING_PAYLOAD)


def acknowledged(peer):
    """Waits for the answer to a ping."""
    found = peer.until(lambda frame: frame.kind in (PING, GOAWAY))
    assert found.kind == PING and found.flags & ACK, found


# MARK: pings (R1)

def test_a_ping_after_each_answer_without_messages(peer):
    """A Trailers-Only answer has no DATA; C-core resets its ping count after any HEADERS, DATA or
    WINDOW_UPDATE that the server sends."""
    for stream in range(1, 21, 2):
        peer.send(headers(stream, fields("NoSuchCall"), ENDED))
        assert peer.answer(stream)["grpc-status"] == "12"
        peer.send(ping())
        acknowledged(peer)
    serves(peer)


def test_a_ping_with_each_reset(peer):
    """Go's HTTP/2 client sends a PING with each RST_STREAM to check that the server is alive."""
    peer.send(*(opened(stream) for stream in range(1, 101, 2)))
    for stream in range(1, 101, 2):
        peer.send(reset(stream), ping())
        acknowledged(peer)
    peer.check_serves()
    assert not [seen for seen in peer.frames if seen.kind == GOAWAY]


def test_pings_that_belong_to_nothing_still_end_the_connection(peer):
    peer.send(ping() * 4)
    ends(11)(peer)  # ENHANCE_YOUR_CALM
    assert peer.frames[-1].payload.endswith(b"too_many_pings")


# MARK: the authority (R3)

@pytest.mark.parametrize("lines", [
    pytest.param(fields(authority="/run/streakd/socket"), id="a path"),
    pytest.param(fields(authority="%2Frun%2Fstreakd%2Fsocket"), id="a path, encoded"),
    pytest.param(fields(authority=""), id="empty"),
    pytest.param(fields(without=(":authority",)), id="absent"),
    pytest.param(fields("EmptyCall", ("host", ""), without=(":authority",)), id="host, empty"),
    pytest.param(fields("EmptyCall", ("host", "/run/streakd/socket"), without=(":authority",)), id="host, a path"),
])
def test_an_authority_of_clients_of_unix_sockets(peer, lines):
    """gRPC over HTTP/2: "Request-Headers": Authority is optional, and its value is free."""
    peer.send(call(1, lines))
    answers(1)(peer)


# MARK: white space around values (R4)

@pytest.mark.parametrize(("name", "value", "trimmed"), [
    ("x-grpc-test-echo-initial", " a", b"a"), ("x-grpc-test-echo-initial", "a ", b"a"),
    ("x-grpc-test-echo-initial", "\t a b\t ", b"a b"), ("x-grpc-test-echo-initial", " ", b""),
])
def test_white_space_around_metadata_is_trimmed(peer, name, value, trimmed):
    """gRPC over HTTP/2: "ASCII-Value should not have leading or trailing whitespace. If it contains ..., it may be stripped." """
    peer.send(call(1, fields("EmptyCall", (name, value))))
    answer = peer.answer(1)
    assert answer["grpc-status"] == "0"
    assert answer[name].encode() == trimmed
    peer.check_serves()


@pytest.mark.parametrize(("name", "value"), [
    ("grpc-timeout", " 10S "), ("content-type", " application/grpc"), ("grpc-encoding", "identity "), ("te", "trailers "),
])
def test_white_space_around_the_fields_of_a_call_is_trimmed(peer, name, value):
    peer.send(call(1, [*fields(without=(name,)), (name, value)]))
    answers(1)(peer)


# MARK: limits that are a stream's (R5)

def test_a_header_list_in_many_continuations(peer):
    lines = fields("EmptyCall", *((f"x-{number}", "y") for number in range(100)))
    first, *more = (literal(*line) for line in lines)
    *middle, last = more
    peer.send(frame(HEADERS, 0, 1, first), *(frame(CONTINUATION, 0, 1, piece) for piece in middle),
              frame(CONTINUATION, END_HEADERS, 1, last), data(1, EMPTY_MESSAGE, END_STREAM))
    answers(1)(peer)


def test_a_header_list_that_is_too_large_in_many_continuations(peer):
    peer.send(frame(HEADERS, 0, 1, block(fields())),
              *(frame(CONTINUATION, 0, 1, literal(f"x-{number}", "y" * 1000)) for number in range(30)),
              frame(CONTINUATION, END_HEADERS, 1), data(1, EMPTY_MESSAGE, END_STREAM))
    answers(1, "8")(peer)


@pytest.mark.parametrize("more", [1, 40])
def test_streams_past_the_limit_before_the_settings_are_acknowledged(connect, more):
    peer = connect(preface=PREFACE + settings())
    streams = range(1, 2 * (STREAMS_MAX + more), 2)
    peer.send(*(opened(stream) for stream in streams))
    for stream in streams[STREAMS_MAX:]:
        found = peer.until(lambda frame: frame.kind == GOAWAY or frame.kind == RST_STREAM)
        assert (found.kind, found.stream, found.code) == (RST_STREAM, stream, REFUSED_STREAM)
    peer.send(frame(SETTINGS, ACK), reset(1))
    peer.check_serves()


@pytest.mark.parametrize("more", [1, 40])
def test_streams_past_the_limit_after_the_settings_are_acknowledged(peer, more):
    streams = range(1, 2 * (STREAMS_MAX + more), 2)
    peer.send(*(opened(stream) for stream in streams))
    for stream in streams[STREAMS_MAX:]:
        found = peer.until(lambda frame: frame.kind == GOAWAY or frame.kind == RST_STREAM)
        assert (found.kind, found.stream, found.code) == (RST_STREAM, stream, REFUSED_STREAM)
    peer.send(reset(1))
    peer.check_serves()

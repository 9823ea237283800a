"""RFC 9113, section 8: the requests that a server must treat as malformed."""

import pytest
from http2_peer import *

ENDED = END_HEADERS | END_STREAM
MALFORMED = resets(1, PROTOCOL_ERROR)


def lines(*rows):
    """A row is a name and the field lines of a request."""
    return pytest.mark.parametrize("lines", [pytest.param(row[1], id=row[0]) for row in rows])


def status(code):
    """The answer on stream 1 is not a gRPC answer, but one with this HTTP status."""
    def check(peer):
        assert peer.answer(1)[":status"] == code
        peer.check_serves()
    return check


# MARK: framing

@cases(
    ("without trailers", call(1), answers(1)),
    ("with trailers", headers(1) + data(1, EMPTY_MESSAGE) + headers(1, [("x-trailer", "y")], ENDED), answers(1)),
    ("with trailers of no fields", headers(1) + data(1, EMPTY_MESSAGE) + headers(1, [], ENDED), answers(1)),
    ("with trailers in two frames", headers(1) + data(1, EMPTY_MESSAGE) + headers(1, [("x-trailer", "y")], END_STREAM)
     + frame(CONTINUATION, END_HEADERS, 1, literal("x-more", "z")), answers(1)),
    # gRPC's own error ("Request cardinality violation"): a unary call has a message.
    ("without a body", headers(1, flags=ENDED), answers(1, "12")),
    ("of another method than POST", headers(1, fields(method="GET"), ENDED), status("405")),
    ("of method HEAD", headers(1, fields(method="HEAD"), ENDED), status("405")),
    ("of a method of its own", headers(1, fields(method="X-OWN"), ENDED), status("405")),
    ("with trailers that do not end it", headers(1) + data(1, EMPTY_MESSAGE) + headers(1, [("x-trailer", "y")]), MALFORMED),
    ("with a second header block at once", headers(1) + headers(1), MALFORMED),
    ("with a pseudo-header field in its trailers",
     headers(1) + data(1, EMPTY_MESSAGE) + headers(1, [(":method", "POST")], ENDED), MALFORMED),
    ("with an unknown pseudo-header field in its trailers",
     headers(1) + data(1, EMPTY_MESSAGE) + headers(1, [(":trailer", "y")], ENDED), MALFORMED),
    ("with upper case in its trailers", headers(1) + data(1, EMPTY_MESSAGE) + headers(1, [("X-Trailer", "y")], ENDED), MALFORMED),
    ("with a connection-specific trailer",
     headers(1) + data(1, EMPTY_MESSAGE) + headers(1, [("transfer-encoding", "chunked")], ENDED), MALFORMED),
)
def test_framing(peer, sent, expected):
    """RFC 9113, section 8.1."""
    peer.send(sent)
    expected(peer)


def with_length(value, *bodies, more=(), trailers=None):
    """A request that announces the length of its body."""
    sent = headers(1, fields("EmptyCall", ("content-length", value), *more)) + b"".join(data(1, body) for body in bodies[:-1])
    if trailers is None:
        return sent + data(1, bodies[-1], END_STREAM)
    return sent + data(1, bodies[-1]) + headers(1, trailers, ENDED)


@cases(
    ("right", with_length("5", EMPTY_MESSAGE), answers(1)),
    ("right, in two frames", with_length("5", bytes(2), bytes(3)), answers(1)),
    ("right, before trailers", with_length("5", EMPTY_MESSAGE, trailers=[("x-trailer", "y")]), answers(1)),
    ("too large", with_length("6", EMPTY_MESSAGE), MALFORMED),
    ("too large, in two frames", with_length("6", bytes(2), bytes(3)), MALFORMED),
    ("too large, before trailers", with_length("6", EMPTY_MESSAGE, trailers=[("x-trailer", "y")]), MALFORMED),
    ("too large, without a body", headers(1, fields("EmptyCall", ("content-length", "5")), ENDED), MALFORMED),
    ("too small", with_length("4", EMPTY_MESSAGE), MALFORMED),
    ("too small, in two frames", with_length("4", bytes(2), bytes(3)), MALFORMED),
    ("0", with_length("0", EMPTY_MESSAGE), MALFORMED),
    ("empty", with_length("", EMPTY_MESSAGE), MALFORMED),
    ("negative", with_length("-5", EMPTY_MESSAGE), MALFORMED),
    ("with a sign", with_length("+5", EMPTY_MESSAGE), MALFORMED),
    ("no number", with_length("five", EMPTY_MESSAGE), MALFORMED),
    ("beyond 64 bits", with_length("18446744073709551621", EMPTY_MESSAGE), MALFORMED),  # 2^64 + 5
    ("twice", with_length("5", EMPTY_MESSAGE, more=[("content-length", "6")]), MALFORMED),
    # RFC 9110, section 8.6 allows accepting or refusing it; nghttp2 refuses.
    ("twice the same", with_length("5", EMPTY_MESSAGE, more=[("content-length", "5")]), MALFORMED),
    ("a list", with_length("5, 5", EMPTY_MESSAGE), MALFORMED),
)
def test_content_length(peer, sent, expected):
    """RFC 9113, section 8.1.1: a content-length that is not the sum of all DATA."""
    peer.send(sent)
    expected(peer)


# MARK: fields

def field(name, value="x"):
    return fields("EmptyCall", (name, value))


@lines(
    ("upper case", field("X-Key")),
    ("one letter upper case", field("x-keY")),
    ("a space", field("x key")),
    ("a tab", field("x\tkey")),
    ("a NUL", field("x\0key")),
    ("a line feed", field("x\nkey")),
    ("DEL", field("x\x7fkey")),
    ("a byte that is not ASCII", field(b"x\x80key")),
    ("a colon", field("x:key")),
    ("no byte at all", field("")),
)
def test_invalid_field_names(peer, lines):
    """RFC 9113, sections 8.2 and 8.2.1."""
    peer.send(call(1, lines))
    MALFORMED(peer)


@lines(
    ("a NUL", field("x-key", "a\0b")),
    ("a line feed", field("x-key", "a\nb")),
    ("a carriage return", field("x-key", "a\rb")),
    ("a request in a request", field("x-key", "a\r\nx-other: b")),
    ("a line feed in content-length", field("content-length", "5\n")),
    ("a space in te", [*fields(without=("te",)), ("te", "trail ers")]),
)
def test_invalid_field_values(peer, lines):
    """RFC 9113, section 8.2.1. (White space around a value is trimmed, as gRPC allows: test_leniency.py.)"""
    peer.send(call(1, lines))
    MALFORMED(peer)


@pytest.mark.parametrize("value", ["", "a b", "a\tb", "\"(),/:;<=>?@[\\]{}", b"\x80\xff"],
                         ids=["empty", "space", "tab", "punctuation", "not ASCII"])
def test_valid_field_values(peer, value):
    """RFC 9113, section 8.2.1: these are allowed."""
    peer.send(call(1, field("x-key", value)))
    answers(1)(peer)


def test_an_invalid_field_in_trailers(peer):
    """RFC 9113, section 8.2.1."""
    peer.send(headers(1), data(1, EMPTY_MESSAGE), headers(1, [("x-trailer", "a\nb")], ENDED))
    MALFORMED(peer)


@lines(
    ("connection", field("connection", "keep-alive")),
    ("keep-alive", field("keep-alive", "timeout=5")),
    ("proxy-connection", field("proxy-connection", "keep-alive")),
    ("transfer-encoding", field("transfer-encoding", "chunked")),
    ("upgrade", field("upgrade", "websocket")),
    ("te: gzip", [*fields(without=("te",)), ("te", "gzip")]),
    ("te: trailers and more", [*fields(without=("te",)), ("te", "trailers, deflate;q=0.5")]),
)
def test_connection_specific_fields(peer, lines):
    """RFC 9113, section 8.2.2."""
    peer.send(call(1, lines))
    MALFORMED(peer)


def test_cookies_in_several_fields(peer):
    """RFC 9113, section 8.2.3."""
    peer.send(call(1, fields("EmptyCall", ("cookie", "a=b"), ("cookie", "c=d"))))
    answers(1)(peer)


# MARK: pseudo-header fields

def twice(name):
    """The pseudo-header field a second time, among the others."""
    return [line for line in fields() for _ in range(1 + (line[0] == name))]


@lines(
    ("an unknown one", [(":unknown", "x"), *fields()]),
    ("one of responses", [(":status", "200"), *fields()]),
    ("one of an extension that was not agreed on", [(":protocol", "websocket"), *fields()]),
    ("an empty name", [(":", "x"), *fields()]),
    ("upper case", [(":Method", "POST"), *fields(without=(":method",))]),
    ("behind a field", [*fields(without=(":path",)), (":path", SERVICE + "EmptyCall")]),
    ("all behind a field", [("x-first", "1"), *fields()]),
    ("no :method", fields(without=(":method",))),
    ("no :scheme", fields(without=(":scheme",))),
    ("no :path", fields(without=(":path",))),
    ("none at all", fields()[4:]),
    ("no field at all", []),
    ("two :method", twice(":method")),
    ("two :scheme", twice(":scheme")),
    ("two :path", twice(":path")),
    ("two :authority", twice(":authority")),
    ("another :method", [(":method", "GET"), *fields()]),
    ("an empty :path", fields(path="")),
    ("a :path that does not begin with a slash", fields(path="grpc.testing.TestService/EmptyCall")),
    ("a :path of * for another method than OPTIONS", fields(path="*")),
    ("a :path with a space", fields(path="/a b")),
    ("a :path with a line feed", fields(path="/a\nb")),
    ("an empty :method", [(":method", ""), *fields()[1:]]),
    ("a :method with a space", [(":method", "PO ST"), *fields()[1:]]),
    ("an empty :scheme", fields(scheme="")),
    ("a :scheme with a space", fields(scheme="ht tp")),
    ("an :authority with a space", fields(authority="te st")),
    ("an :authority with a line feed", fields(authority="te\nst")),
)
def test_malformed_pseudo_headers(peer, lines):
    """RFC 9113, sections 8.3 and 8.3.1."""
    peer.send(call(1, lines))
    MALFORMED(peer)


@cases(
    ("host in place of :authority", call(1, fields("EmptyCall", ("host", "test"), without=(":authority",))), answers(1)),
    ("host beside :authority", call(1, fields("EmptyCall", ("host", "test"))), answers(1)),
    ("another order", call(1, [*fields()[3::-1], *fields()[4:]]), answers(1)),
    ("OPTIONS with a :path of *", headers(1, [(":method", "OPTIONS"), *fields(path="*")[1:]], ENDED), status("405")),
    ("https", call(1, fields(scheme="https")), answers(1)),
    # Section 8.3.1 allows both to be missing if the target has no authority, and gRPC makes it
    # optional.
    ("neither :authority nor host", call(1, fields(without=(":authority",))), answers(1)),
)
def test_pseudo_headers(peer, sent, expected):
    """RFC 9113, section 8.3.1."""
    peer.send(sent)
    expected(peer)


TUNNEL = [(":method", "CONNECT"), (":authority", "test:443")]


@cases(
    ("with an authority alone", headers(1, TUNNEL), status("405")),
    ("with a :scheme", headers(1, [*TUNNEL, (":scheme", "http")]), MALFORMED),
    ("with a :path", headers(1, [*TUNNEL, (":path", "/")]), MALFORMED),
    ("with both", headers(1, [*TUNNEL, (":scheme", "http"), (":path", "/")]), MALFORMED),
    ("without an :authority", headers(1, [(":method", "CONNECT")]), MALFORMED),
    # RFC 8441 requires the server's SETTINGS_ENABLE_CONNECT_PROTOCOL.
    ("with a :protocol",
     headers(1, [*TUNNEL, (":protocol", "websocket"), (":scheme", "http"), (":path", "/")]), MALFORMED),
)
def test_connect(peer, sent, expected):
    """RFC 9113, section 8.5."""
    peer.send(sent)
    expected(peer)

"""RFC 9113, sections 3 to 7, frame by frame: a server's reaction to valid and invalid ones."""

import struct

import pytest
from http2_peer import *

PING_ACK = (PING, ACK, b"as it is")


def pongs(peer):
    """The PING is answered with its own bytes."""
    peer.until(lambda seen: (seen.kind, seen.flags, seen.payload) == PING_ACK)
    peer.check_serves()


def padded(length, payload=b"", padding=b""):
    return bytes([length]) + payload + padding


# MARK: the connection

def test_preface(connect):
    """RFC 9113, section 3.4: the server's preface is SETTINGS, and it acknowledges the client's. (The peer checks both.)"""
    peer = connect()
    assert len(peer.server_settings.payload) % 6 == 0
    values = dict(struct.iter_unpack(">HI", peer.server_settings.payload))
    assert values.get(ENABLE_PUSH, 0) == 0  # section 6.5.2: a server must not say 1
    assert values.get(INITIAL_WINDOW_SIZE, 0) <= WINDOW_BYTES_MAX
    assert FRAME_BYTES_MAX <= values.get(MAX_FRAME_SIZE, FRAME_BYTES_MAX) < 2**24
    peer.check_serves()


def test_frames_right_behind_the_preface(connect):
    """RFC 9113, section 3.4: a client may send more before it has seen the server's preface."""
    peer = connect(preface=PREFACE + settings() + call(1))
    assert peer.answer(1)["grpc-status"] == "0"


def test_bytes_one_by_one(connect):
    """RFC 9113, section 4.1: frames have lengths of their own, in any division by the network."""
    peer = connect(preface=b"")
    for byte in PREFACE + settings((INITIAL_WINDOW_SIZE, 100)) + call(1) + frame(0xFA, payload=b"x") + call(3):
        peer.send(bytes([byte]))
    answers(1)(peer)
    assert peer.answer(3)["grpc-status"] == "0"


@pytest.mark.parametrize("preface", [
    PREFACE.replace(b"SM", b"XX"), PREFACE.replace(b"2.0", b"1.1"), PREFACE.replace(b"*", b"/"),
], ids=["one word wrong", "HTTP/1.1", "another target"])
def test_invalid_preface(connect, preface):
    """RFC 9113, section 3.4: PROTOCOL_ERROR and the connection's end; the GOAWAY may be missing. (nghttp2 sends none.)"""
    peer = connect(preface=preface)
    while (seen := peer.receive()) is not None:
        assert seen.kind in (SETTINGS, WINDOW_UPDATE) or seen.kind == GOAWAY and seen.code == PROTOCOL_ERROR


@pytest.mark.parametrize("first", [frame(PING, payload=bytes(8)), frame(SETTINGS, ACK), call(1), frame(0xFA, payload=b"x")],
                         ids=["PING", "acknowledgement", "HEADERS", "unknown type"])
def test_preface_without_settings(connect, first):
    """RFC 9113, section 3.4: SETTINGS must be the first frame."""
    ends(PROTOCOL_ERROR)(connect(preface=PREFACE + first))


@cases(
    ("of an unknown type", frame(0xFA, 0xFF, 0, b"whatever"), serves),
    ("of an unknown type, on a stream", frame(0xFA, 0xFF, 7, b"whatever") + call(7), answers(7)),
    ("of an unknown type, empty", frame(0xFF), serves),
    ("with flags that mean nothing", frame(PING, 0xFE, 0, PING_ACK[2]), pongs),
    ("with flags that mean nothing, on a stream",
     headers(1, flags=END_HEADERS | 0x92) + data(1, EMPTY_MESSAGE, END_STREAM | 0xF6), answers(1)),
    ("with the reserved bit set", frame(PING, 0, 2**31, PING_ACK[2]), pongs),
    ("with the reserved bit set, on a stream",
     headers(2**31 | 1) + data(2**31 | 1, EMPTY_MESSAGE, END_STREAM), answers(1)),
)
def test_frame_format(peer, sent, expected):
    """RFC 9113, sections 4.1 and 5.5: unknown types and flags and the reserved bit are ignored."""
    peer.send(sent)
    expected(peer)


@cases(
    ("DATA of the largest size", opened(1) + data(1, bytes(FRAME_BYTES_MAX)), serves),
    ("HEADERS of the largest size", call(1, extra=literal("x-a", "v" * 15_000)), answers(1)),
    # Section 4.2 lets DATA be a stream error; nghttp2 ends the connection whatever the type.
    ("DATA above", opened(1) + data(1, bytes(FRAME_BYTES_MAX + 1)), ends(FRAME_SIZE_ERROR)),
    ("HEADERS above", headers(1, extra=literal("x-a", "v" * FRAME_BYTES_MAX)), ends(FRAME_SIZE_ERROR)),
    ("SETTINGS above", frame(SETTINGS, payload=struct.pack(">HI", 0xFA, 0) * 2_731), ends(FRAME_SIZE_ERROR)),
    ("an unknown type above", frame(0xFA, payload=bytes(FRAME_BYTES_MAX + 1)), ends(FRAME_SIZE_ERROR)),
    ("only announced", frame(DATA, 0, 1, length=2**24 - 1), ends(FRAME_SIZE_ERROR)),
)
def test_frame_size(peer, sent, expected):
    """RFC 9113, section 4.2: frames of up to SETTINGS_MAX_FRAME_SIZE are taken; larger ones are FRAME_SIZE_ERROR."""
    peer.send(sent)
    expected(peer)


UNFINISHED = headers(1, flags=0)


@cases(
    ("PRIORITY on the stream", UNFINISHED + priority(1), ends(PROTOCOL_ERROR)),
    ("DATA on the stream", UNFINISHED + data(1, EMPTY_MESSAGE), ends(PROTOCOL_ERROR)),
    ("RST_STREAM on the stream", UNFINISHED + reset(1), ends(PROTOCOL_ERROR)),
    ("WINDOW_UPDATE of the connection", UNFINISHED + window_update(0, 1), ends(PROTOCOL_ERROR)),
    ("PING", UNFINISHED + frame(PING, payload=bytes(8)), ends(PROTOCOL_ERROR)),
    ("HEADERS on the stream", UNFINISHED + headers(1), ends(PROTOCOL_ERROR)),
    ("HEADERS on another stream", UNFINISHED + headers(3), ends(PROTOCOL_ERROR)),
    ("CONTINUATION of another stream", UNFINISHED + frame(CONTINUATION, END_HEADERS, 3, literal("x-a", "b")), ends(PROTOCOL_ERROR)),
    ("an unknown type", UNFINISHED + frame(0xFA, 0, 1, b"x"), ends(PROTOCOL_ERROR)),
    ("CONTINUATION, then PRIORITY", UNFINISHED + frame(CONTINUATION, 0, 1, literal("x-a", "b")) + priority(1), ends(PROTOCOL_ERROR)),
)
def test_interrupted_header_block(peer, sent, expected):
    """RFC 9113, sections 4.3, 5.5, 6.2 and 6.10: between the frames of a header block there is no other frame."""
    peer.send(sent)
    expected(peer)


# MARK: DATA

@cases(
    ("in several frames", headers(1) + data(1, bytes(2)) + data(1) + data(1, bytes(3)) + data(1, b"", END_STREAM), answers(1)),
    ("with padding", headers(1) + data(1, padded(6, EMPTY_MESSAGE, bytes(6)), END_STREAM | PADDED), answers(1)),
    ("with padding of length 0", headers(1) + data(1, padded(0, EMPTY_MESSAGE), END_STREAM | PADDED), answers(1)),
    ("of padding alone", headers(1) + data(1, padded(255, b"", bytes(255)), PADDED) + data(1, EMPTY_MESSAGE, END_STREAM), answers(1)),
    ("on stream 0", data(0, b"x"), ends(PROTOCOL_ERROR)),
    ("with padding as long as the payload", opened(1) + data(1, padded(6, b"five!"), PADDED), ends(PROTOCOL_ERROR)),
    ("with padding longer than the payload", opened(1) + data(1, padded(255, b"x"), PADDED), ends(PROTOCOL_ERROR)),
    # No room for the length of the padding: section 4.2 makes it FRAME_SIZE_ERROR, nghttp2 reports
    # PROTOCOL_ERROR.
    ("padded and empty", opened(1) + data(1, b"", PADDED), ends(FRAME_SIZE_ERROR, PROTOCOL_ERROR)),
)
def test_data(peer, sent, expected):
    """RFC 9113, section 6.1."""
    peer.send(sent)
    expected(peer)


# MARK: HEADERS and CONTINUATION

REQUEST = block(fields())
BODY = data(1, EMPTY_MESSAGE, END_STREAM)


def priority_fields(dependency=0):
    return struct.pack(">IB", dependency, 255)


@cases(
    ("with padding", frame(HEADERS, END_HEADERS | PADDED, 1, padded(9, REQUEST, bytes(9))) + BODY, answers(1)),
    ("with padding of length 0", frame(HEADERS, END_HEADERS | PADDED, 1, padded(0, REQUEST)) + BODY, answers(1)),
    ("with priority", frame(HEADERS, END_HEADERS | PRIORITISED, 1, priority_fields(2**31 | 7) + REQUEST) + BODY, answers(1)),
    ("with padding and priority",
     frame(HEADERS, END_HEADERS | PADDED | PRIORITISED, 1, padded(3, priority_fields() + REQUEST, bytes(3))) + BODY, answers(1)),
    ("on stream 0", headers(0), ends(PROTOCOL_ERROR)),
    ("with padding longer than the payload", frame(HEADERS, END_HEADERS | PADDED, 1, padded(255, REQUEST)), ends(PROTOCOL_ERROR)),
    ("with padding that leaves no room for the priority",
     frame(HEADERS, END_HEADERS | PADDED | PRIORITISED, 1, padded(2, priority_fields(), b"")), ends(PROTOCOL_ERROR, FRAME_SIZE_ERROR)),
    ("padded and empty", frame(HEADERS, END_HEADERS | PADDED, 1), ends(FRAME_SIZE_ERROR, PROTOCOL_ERROR)),
    ("too short for its priority", frame(HEADERS, END_HEADERS | PRIORITISED, 1, bytes(4)), ends(FRAME_SIZE_ERROR)),
    # RFC 9113 removed the dependencies, and with them their errors; RFC 7540, 5.3.1 made it
    # PROTOCOL_ERROR, as nghttp2 does.
    ("that depends on itself",
     frame(HEADERS, END_HEADERS | PRIORITISED, 1, priority_fields(1) + REQUEST) + BODY, ends(PROTOCOL_ERROR)),
)
def test_headers(peer, sent, expected):
    """RFC 9113, section 6.2."""
    peer.send(sent)
    expected(peer)


def continued(*pieces, flags=0):
    """A header block in frames of these pieces."""
    kinds = [HEADERS, *[CONTINUATION] * (len(pieces) - 1)]
    return b"".join(frame(kind, END_HEADERS * (index == len(pieces) - 1) | flags * (index == 0), 1, piece)
                    for index, (kind, piece) in enumerate(zip(kinds, pieces)))


@cases(
    ("in two pieces", continued(REQUEST[:30], REQUEST[30:]) + BODY, answers(1)),
    ("in pieces that cut fields apart", continued(REQUEST[:1], REQUEST[1:9], REQUEST[9:50], REQUEST[50:]) + BODY, answers(1)),
    ("with an empty HEADERS", continued(b"", REQUEST) + BODY, answers(1)),
    ("with an empty CONTINUATION", continued(REQUEST, b"") + BODY, answers(1)),
    ("behind padding", continued(padded(4, REQUEST[:30], bytes(4)), REQUEST[30:], flags=PADDED) + BODY, answers(1)),
    ("with unknown flags",
     headers(1, flags=0) + frame(CONTINUATION, 0xFB | END_HEADERS, 1, literal("x-a", "b")) + BODY, answers(1)),
    ("on stream 0", headers(1, flags=0) + frame(CONTINUATION, END_HEADERS, 0), ends(PROTOCOL_ERROR)),
    ("at first", frame(CONTINUATION, END_HEADERS, 1, REQUEST), ends(PROTOCOL_ERROR)),
    ("behind a complete HEADERS", headers(1) + frame(CONTINUATION, END_HEADERS, 1, literal("x-a", "b")), ends(PROTOCOL_ERROR)),
    ("behind a complete CONTINUATION",
     continued(REQUEST[:30], REQUEST[30:]) + frame(CONTINUATION, END_HEADERS, 1, literal("x-a", "b")), ends(PROTOCOL_ERROR)),
    ("behind DATA", headers(1) + data(1, EMPTY_MESSAGE) + frame(CONTINUATION, END_HEADERS, 1), ends(PROTOCOL_ERROR)),
)
def test_continuation(peer, sent, expected):
    """RFC 9113, section 6.10."""
    peer.send(sent)
    expected(peer)


# MARK: PRIORITY and RST_STREAM

@cases(
    ("on an idle stream", priority(1) + call(1), answers(1)),
    ("on an idle stream above the next", priority(99, 3) + call(1), answers(1)),
    ("on an open stream", headers(1) + priority(1, 0, 255) + BODY, answers(1)),
    ("exclusive", headers(1) + priority(1, 2**31, 0) + BODY, answers(1)),
    # Section 6.3 makes it a stream error; an idle stream cannot be reset, and section 5.4.1 allows
    # for ending the connection.
    ("too short", opened(1) + frame(PRIORITY, 0, 1, bytes(4)), ends(FRAME_SIZE_ERROR)),
    ("too long", opened(1) + frame(PRIORITY, 0, 1, bytes(6)), ends(FRAME_SIZE_ERROR)),
)
def test_priority(peer, sent, expected):
    """RFC 9113, sections 5.3 and 6.3."""
    peer.send(sent)
    expected(peer)


@cases(
    ("on stream 0", priority(0), ends(PROTOCOL_ERROR)),
    ("that depends on itself", priority(1, 1), serves),
)
def test_priority_is_not_looked_at(peer, sent, expected):
    """Because SETTINGS_NO_RFC7540_PRIORITIES was sent, only length and stream are checked (RFC
    7540, section 5.3.1 has an error for a dependency on itself, which RFC 9113 dropped)."""
    peer.send(sent)
    expected(peer)


@cases(
    ("on an open stream", opened(1) + reset(1), ignores(1)),
    ("on a half-closed stream", half_closed(1) + reset(1), ignores(1)),
    ("on a closed stream", opened(1) + reset(1) + reset(1), ignores(1)),
    ("on stream 0", reset(0), ends(PROTOCOL_ERROR)),
    ("on an idle stream", reset(1), ends(PROTOCOL_ERROR)),
    ("too short", opened(1) + frame(RST_STREAM, 0, 1, bytes(3)), ends(FRAME_SIZE_ERROR)),
    ("too long", opened(1) + frame(RST_STREAM, 0, 1, bytes(5)), ends(FRAME_SIZE_ERROR)),
    ("with an unknown code", opened(1) + reset(1, 0xFF), ignores(1)),
)
def test_rst_stream(peer, sent, expected):
    """RFC 9113, sections 6.4 and 7."""
    peer.send(sent)
    expected(peer)


# MARK: SETTINGS

def acknowledged(peer):
    """The peer has had an acknowledgement of its preface already; this is another."""
    peer.until(lambda seen: seen.kind == SETTINGS and seen.flags & ACK)
    peer.check_serves()


@cases(
    ("none", settings(), acknowledged),
    ("of all kinds", settings((HEADER_TABLE_SIZE, 100), (ENABLE_PUSH, 0), (MAX_CONCURRENT_STREAMS, 0), (INITIAL_WINDOW_SIZE, 9_999),
                              (MAX_FRAME_SIZE, 2**24 - 1), (MAX_HEADER_LIST_SIZE, 10_000)), acknowledged),
    ("of unknown kinds", settings((0, 1), (0xFA, 2**32 - 1), (0xFFFF, 0)), acknowledged),
    ("with push enabled", settings((ENABLE_PUSH, 1)), acknowledged),
    ("with the largest values", settings((HEADER_TABLE_SIZE, 2**32 - 1), (MAX_CONCURRENT_STREAMS, 2**32 - 1),
                                         (INITIAL_WINDOW_SIZE, WINDOW_BYTES_MAX), (MAX_HEADER_LIST_SIZE, 2**32 - 1)), acknowledged),
    ("with flags that mean nothing", frame(SETTINGS, 0xFE), acknowledged),
    # nghttp2's own: section 6.5.3 does not define an acknowledgement without SETTINGS.
    ("acknowledged once more", frame(SETTINGS, ACK), ends(PROTOCOL_ERROR)),
    ("acknowledged with a payload", frame(SETTINGS, ACK, 0, bytes(6)), ends(FRAME_SIZE_ERROR)),
    ("on a stream", frame(SETTINGS, 0, 1), ends(PROTOCOL_ERROR)),
    ("acknowledged on a stream", frame(SETTINGS, ACK, 1), ends(PROTOCOL_ERROR)),
    ("of a length that is no multiple of 6", frame(SETTINGS, 0, 0, bytes(5)), ends(FRAME_SIZE_ERROR)),
    ("of a length that is no multiple of 6, longer", frame(SETTINGS, 0, 0, bytes(13)), ends(FRAME_SIZE_ERROR)),
    ("ENABLE_PUSH 2", settings((ENABLE_PUSH, 2)), ends(PROTOCOL_ERROR)),
    ("INITIAL_WINDOW_SIZE too large", settings((INITIAL_WINDOW_SIZE, 2**31)), ends(FLOW_CONTROL_ERROR)),
    ("MAX_FRAME_SIZE too small", settings((MAX_FRAME_SIZE, FRAME_BYTES_MAX - 1)), ends(PROTOCOL_ERROR)),
    ("MAX_FRAME_SIZE too large", settings((MAX_FRAME_SIZE, 2**24)), ends(PROTOCOL_ERROR)),
    ("wrong after right", settings((INITIAL_WINDOW_SIZE, 1), (MAX_FRAME_SIZE, 1)), ends(PROTOCOL_ERROR)),
)
def test_settings(peer, sent, expected):
    """RFC 9113, sections 6.5, 6.5.2 and 6.5.3."""
    peer.send(sent)
    expected(peer)


# MARK: PUSH_PROMISE, PING and GOAWAY

@cases(
    ("on an open stream", opened(1) + frame(PUSH_PROMISE, END_HEADERS, 1, struct.pack(">I", 2) + REQUEST), ends(PROTOCOL_ERROR)),
    ("on stream 0", frame(PUSH_PROMISE, END_HEADERS, 0, struct.pack(">I", 2) + REQUEST), ends(PROTOCOL_ERROR)),
    ("too short", opened(1) + frame(PUSH_PROMISE, END_HEADERS, 1, bytes(3)), ends(FRAME_SIZE_ERROR, PROTOCOL_ERROR)),
)
def test_push_promise(peer, sent, expected):
    """RFC 9113, sections 6.6 and 8.4: clients do not push."""
    peer.send(sent)
    expected(peer)


def stays_silent(peer):
    """A PING that answers is not answered."""
    serves(peer)
    assert not [seen for seen in peer.frames if seen.kind == PING]


@cases(
    ("answered", frame(PING, 0, 0, PING_ACK[2]), pongs),
    ("while a stream is open", opened(1) + frame(PING, 0, 0, PING_ACK[2]), pongs),
    ("that answers none", frame(PING, ACK, 0, b"unasked!"), stays_silent),
    ("on a stream", frame(PING, 0, 1, bytes(8)), ends(PROTOCOL_ERROR)),
    ("that answers, on a stream", frame(PING, ACK, 1, bytes(8)), ends(PROTOCOL_ERROR)),
    ("too short", frame(PING, 0, 0, bytes(7)), ends(FRAME_SIZE_ERROR)),
    ("too long", frame(PING, 0, 0, bytes(9)), ends(FRAME_SIZE_ERROR)),
    ("empty", frame(PING), ends(FRAME_SIZE_ERROR)),
    ("that answers, too short", frame(PING, ACK, 0, bytes(7)), ends(FRAME_SIZE_ERROR)),
)
def test_ping(peer, sent, expected):
    """RFC 9113, section 6.7."""
    peer.send(sent)
    expected(peer)


def closes(peer):
    """The connection ends once no stream is open, without an error."""
    while (seen := peer.receive()) is not None:
        assert seen.kind != GOAWAY or seen.code == NO_ERROR


def answers_open_stream(peer):
    """The stream that was open before continues to its end."""
    peer.send(BODY)
    assert peer.answer(1)["grpc-status"] == "0"


@cases(
    ("while a stream is open", headers(1) + goaway(), answers_open_stream),
    ("with a text", headers(1) + goaway(INTERNAL_ERROR, b"for somebody's eyes"), answers_open_stream),
    ("with an unknown code", headers(1) + goaway(0xFF), answers_open_stream),
    ("while nothing is open", goaway(), closes),
    ("on a stream", frame(GOAWAY, 0, 1, bytes(8)), ends(PROTOCOL_ERROR)),
    ("too short", frame(GOAWAY, 0, 0, bytes(7)), ends(FRAME_SIZE_ERROR)),
)
def test_goaway(peer, sent, expected):
    """RFC 9113, sections 6.8 and 7."""
    peer.send(sent)
    expected(peer)


def test_goaway_names_the_last_stream(peer):
    """RFC 9113, section 6.8: the streams up to the one that GOAWAY names may have been processed,
    those above have not."""
    peer.send(call(1), call(5), frame(PING))
    ends(FRAME_SIZE_ERROR)(peer)
    assert struct.unpack(">I", next(seen.payload[:4] for seen in peer.frames if seen.kind == GOAWAY)) == (5,)


def test_frames_behind_a_connection_error_are_not_served(peer):
    """RFC 9113, section 5.4.1: the connection is closed after GOAWAY."""
    peer.send(frame(PING), call(1))
    ends(FRAME_SIZE_ERROR)(peer)
    assert not [seen for seen in peer.frames if seen.stream == 1]

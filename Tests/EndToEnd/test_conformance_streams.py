"""RFC 9113, sections 5.1, 5.2 and 6.9: a server's reaction to frames in each state of a stream, and
flow control."""

import socket
import struct

import interop_pb2 as messages
from http2_peer import *

TRAILERS = [("x-trailer", "y")]
ENDED = END_HEADERS | END_STREAM


# MARK: states

@cases(
    ("DATA", data(1, b"x"), ends(PROTOCOL_ERROR)),
    ("empty DATA", data(1, b"", END_STREAM), ends(PROTOCOL_ERROR)),
    ("RST_STREAM", reset(1), ends(PROTOCOL_ERROR)),
    ("WINDOW_UPDATE", window_update(1, 1), ends(PROTOCOL_ERROR)),
    ("CONTINUATION", frame(CONTINUATION, END_HEADERS, 1, block(TRAILERS)), ends(PROTOCOL_ERROR)),
    ("DATA on a stream of the server's", data(2, b"x"), ends(PROTOCOL_ERROR)),
    ("RST_STREAM on a stream of the server's", reset(2), ends(PROTOCOL_ERROR)),
    ("WINDOW_UPDATE on a stream of the server's", window_update(2, 1), ends(PROTOCOL_ERROR)),
    ("PRIORITY", priority(1), serves),
)
def test_idle(peer, sent, expected):
    """RFC 9113, section 5.1, "idle": all but HEADERS and PRIORITY are a connection error."""
    peer.send(sent)
    expected(peer)


@cases(
    ("WINDOW_UPDATE", window_update(1, 1), serves),
    ("PRIORITY", priority(1), serves),
    ("RST_STREAM", reset(1), ignores(1)),
    # A stream error in section 5.1; nghttp2 ends the connection, which section 5.4.1 allows.
    ("DATA", data(1, b"x"), ends(STREAM_CLOSED)),
    ("empty DATA", data(1), ends(STREAM_CLOSED)),
    ("HEADERS", headers(1, TRAILERS, ENDED), ends(STREAM_CLOSED)),
    ("CONTINUATION", frame(CONTINUATION, END_HEADERS, 1, block(TRAILERS)), ends(PROTOCOL_ERROR, STREAM_CLOSED)),
)
def test_half_closed_remote(peer, sent, expected):
    """RFC 9113, section 5.1, "half-closed (remote)": all but WINDOW_UPDATE, PRIORITY and RST_STREAM are STREAM_CLOSED."""
    peer.send(half_closed(1), sent)
    expected(peer)


def late(expected):
    """Frames for a closed stream: `expected` for DATA and HEADERS."""
    return [
        ("WINDOW_UPDATE", window_update(1, 1), ignores(1)),
        ("PRIORITY", priority(1), ignores(1)),
        ("RST_STREAM", reset(1), ignores(1)),
        ("DATA", data(1, b"x"), expected),
        ("DATA that ends it", data(1, EMPTY_MESSAGE, END_STREAM), expected),
        ("HEADERS", headers(1), expected),
        ("trailers", headers(1, TRAILERS, ENDED), expected),
        ("a whole request", call(1), expected),
        ("CONTINUATION", frame(CONTINUATION, END_HEADERS, 1, block(TRAILERS)), ends(PROTOCOL_ERROR, STREAM_CLOSED)),
    ]


@cases(*late(ends(STREAM_CLOSED)))
def test_closed_by_both_ends(peer, sent, expected):
    """RFC 9113, section 5.1, "closed", after END_STREAM of both sides."""
    peer.send(call(1))
    assert peer.answer(1)["grpc-status"] == "0"
    peer.send(sent)
    expected(peer)


@cases(*late(resets(1, STREAM_CLOSED)))
def test_closed_by_the_client(peer, sent, expected):
    """RFC 9113, section 5.1, "closed", after RST_STREAM of the client."""
    peer.send(opened(1), reset(1), sent)
    expected(peer)


@cases(*late(ignores(1)))
def test_closed_by_the_server(peer, sent, expected):
    """RFC 9113, section 5.1, "closed", after RST_STREAM of the server: frames sent before the
    client knew must be accepted and dropped."""
    peer.send(headers(1, fields("EmptyCall", ("Upper", "case"))))
    resets(1, PROTOCOL_ERROR)(peer)
    peer.send(sent)
    expected(peer)


def test_header_blocks_of_closed_streams_are_decoded(peer):
    """RFC 9113, sections 4.3 and 5.1: a dropped header block still changes the table that later
    ones refer to."""
    peer.send(opened(1), reset(1), headers(1, [], ENDED, extra=literal("grpc-timeout", "nonsense", 0x40)))
    peer.send(call(3, extra=integer(62, 7, 0x80)))  # the first field of the dynamic table
    assert peer.answer(3)["grpc-status"] == "13"  # the timeout is malformed
    peer.check_serves()


def test_an_answer_before_the_end_of_the_request(peer):
    """RFC 9113, section 8.1: the server may ask with NO_ERROR to stop sending, and the client keeps the response."""
    peer.send(headers(1, fields("Nonsense")))
    assert peer.answer(1)["grpc-status"] == "12"
    assert peer.until(lambda seen: seen.kind == RST_STREAM and seen.stream == 1).code == NO_ERROR
    peer.send(data(1, EMPTY_MESSAGE, END_STREAM))
    ignores(1)(peer)


def test_a_peer_that_closes_its_side_of_the_connection(peer):
    """What it has asked for as a whole is answered, and what it has not is reset (RFC 9293, section 3.6)."""
    later = messages.StreamingOutputCallRequest(response_parameters=[messages.ResponseParameters(size=1, interval_us=100_000)])
    peer.send(opened(1), call(3), call(5, fields("StreamingOutputCall"), later.SerializeToString()))
    peer.socket.shutdown(socket.SHUT_WR)
    assert [peer.answer(stream)["grpc-status"] for stream in (3, 5)] == ["0", "0"]
    ends(NO_ERROR)(peer)
    assert [seen.code for seen in peer.frames if seen.kind == RST_STREAM and seen.stream == 1] == [CANCEL]


# MARK: identifiers and concurrency

@cases(
    ("even", headers(2), ends(PROTOCOL_ERROR)),
    ("with gaps", call(11) + call(99), answers(99)),
    ("the largest", call(2**31 - 1), lambda peer: peer.answer(2**31 - 1)),
    ("smaller than the last", opened(5) + call(3), ends(PROTOCOL_ERROR)),
)
def test_identifiers(peer, sent, expected):
    """RFC 9113, section 5.1.1."""
    peer.send(sent)
    expected(peer)


def concurrent_streams_max(peer):
    return dict(struct.iter_unpack(">HI", peer.server_settings.payload))[MAX_CONCURRENT_STREAMS]


def test_as_many_streams_as_were_announced(peer):
    """RFC 9113, section 5.1.2."""
    count = concurrent_streams_max(peer)
    peer.send(*(opened(stream) for stream in range(1, 2 * count - 1, 2)))
    serves(peer)  # on the last one
    serves(peer)  # and once more, because that one has ended


def test_more_streams_than_were_announced(peer):
    """RFC 9113, section 5.1.2: PROTOCOL_ERROR or REFUSED_STREAM, of the stream."""
    count = concurrent_streams_max(peer)
    peer.send(*(opened(stream) for stream in range(1, 2 * count + 3, 2)))
    refused = peer.until(lambda seen: seen.kind in (RST_STREAM, GOAWAY))
    assert (refused.code, refused.stream) == (REFUSED_STREAM, 2 * count + 1)
    peer.send(reset(1))
    peer.check_serves()


def test_more_streams_before_the_limit_is_known(connect):
    """RFC 9113, section 5.1.2: the client does not know the limit yet; REFUSED_STREAM allows it to
    try again."""
    count = concurrent_streams_max(connect())
    peer = connect(preface=PREFACE + settings() + b"".join(opened(stream) for stream in range(1, 2 * count + 3, 2)))
    refused = peer.until(lambda seen: seen.kind in (RST_STREAM, GOAWAY))
    assert (refused.code, refused.stream) == (REFUSED_STREAM, 2 * count + 1)
    peer.send(frame(SETTINGS, ACK), reset(1))
    peer.check_serves()


# MARK: flow control

def response_of(size):
    return messages.SimpleRequest(response_size=size).SerializeToString()


def received(peer, stream, count):
    """Reads until so many bytes of DATA have arrived on the stream, and all bytes sent with them;
    returns their number."""
    def total():
        return sum(len(seen.payload) for seen in peer.frames if seen.kind == DATA and seen.stream == stream)
    while total() < count:
        assert peer.receive() is not None
    peer.send(frame(PING, payload=b"any more"))
    peer.until(lambda seen: (seen.kind, seen.flags) == (PING, ACK))
    return total()


def test_a_stream_window_is_kept(connect):
    """RFC 9113, sections 6.9.1 and 6.9.2: the server sends as much as SETTINGS_INITIAL_WINDOW_SIZE and WINDOW_UPDATE allow."""
    peer = connect((INITIAL_WINDOW_SIZE, 1))
    peer.send(call(1))
    assert received(peer, 1, 1) == 1
    peer.send(window_update(1, 2))
    assert received(peer, 1, 3) == 3
    peer.send(window_update(1, 2))
    assert peer.answer(1)["grpc-status"] == "0"


def test_the_connection_window_is_kept(connect):
    """RFC 9113, section 6.9.1: the sum of all streams is bounded too, whatever the streams' own windows are."""
    peer = connect((INITIAL_WINDOW_SIZE, WINDOW_BYTES_MAX))
    peer.send(call(1, fields("UnaryCall"), response_of(100_000)))
    assert received(peer, 1, WINDOW_BYTES) == WINDOW_BYTES
    peer.send(window_update(0, 1))
    assert received(peer, 1, WINDOW_BYTES + 1) == WINDOW_BYTES + 1
    peer.send(window_update(0, WINDOW_BYTES))
    assert len(peer.answer(1)["body"]) > 100_000


def test_a_changed_initial_window_holds_for_open_streams(connect):
    """RFC 9113, section 6.9.2: a waiting stream continues, by the difference."""
    peer = connect((INITIAL_WINDOW_SIZE, 0))
    peer.send(call(1))
    peer.until(lambda seen: seen.kind == HEADERS)
    assert received(peer, 1, 0) == 0
    peer.send(settings((INITIAL_WINDOW_SIZE, 2)))
    assert received(peer, 1, 2) == 2
    peer.send(settings((INITIAL_WINDOW_SIZE, 5)))
    assert peer.answer(1)["body"] == EMPTY_MESSAGE


def test_a_window_may_become_negative(connect):
    """RFC 9113, section 6.9.2: then no data is sent until it is positive again."""
    peer = connect((INITIAL_WINDOW_SIZE, 3))
    peer.send(call(1))
    assert received(peer, 1, 3) == 3
    peer.send(settings((INITIAL_WINDOW_SIZE, 1)), window_update(1, 2))  # -2, then 0
    assert received(peer, 1, 3) == 3
    peer.send(window_update(1, 1))
    assert received(peer, 1, 4) == 4
    peer.send(window_update(1, 1))
    assert peer.answer(1)["body"] == EMPTY_MESSAGE


def test_settings_are_taken_in_their_order(connect):
    """RFC 9113, section 6.5.3: of several values of one setting the last one holds."""
    peer = connect((INITIAL_WINDOW_SIZE, 100), (INITIAL_WINDOW_SIZE, 1))
    peer.send(call(1))
    assert received(peer, 1, 1) == 1


def test_a_connection_window_is_no_setting(connect):
    """RFC 9113, section 6.9.2: SETTINGS do not change the connection's window, which only WINDOW_UPDATE does."""
    peer = connect((INITIAL_WINDOW_SIZE, 200_000))
    peer.send(call(1, fields("UnaryCall"), response_of(100_000)))
    assert received(peer, 1, WINDOW_BYTES) == WINDOW_BYTES


def test_responses_are_cut_into_frames(connect):
    """RFC 9113, section 4.2: the server's frames keep SETTINGS_MAX_FRAME_SIZE. (The peer checks each.)"""
    peer = connect((INITIAL_WINDOW_SIZE, 1_000_000))
    peer.send(window_update(0, 1_000_000), call(1, fields("UnaryCall"), response_of(300_000)))
    assert len(peer.answer(1)["body"]) > 300_000


@cases(
    # A stream error in section 6.9; nghttp2 ends the connection, which section 5.4.1 allows.
    ("of a stream by 0", opened(1) + window_update(1, 0), ends(PROTOCOL_ERROR)),
    ("of the connection by 0", window_update(0, 0), ends(PROTOCOL_ERROR)),
    ("of the connection by 0, with the reserved bit", window_update(0, 2**31), ends(PROTOCOL_ERROR)),
    ("of the connection, with the reserved bit", window_update(0, 2**31 + 1), serves),
    ("too short", frame(WINDOW_UPDATE, 0, 0, bytes(3)), ends(FRAME_SIZE_ERROR)),
    ("too long", frame(WINDOW_UPDATE, 0, 0, bytes(5)), ends(FRAME_SIZE_ERROR)),
    ("too long, on a stream", opened(1) + frame(WINDOW_UPDATE, 0, 1, bytes(5)), ends(FRAME_SIZE_ERROR)),
    ("of the connection to the largest", window_update(0, WINDOW_BYTES_MAX - WINDOW_BYTES), serves),
    ("of the connection above the largest", window_update(0, WINDOW_BYTES_MAX - WINDOW_BYTES + 1), ends(FLOW_CONTROL_ERROR)),
    ("of the connection above the largest, in two", window_update(0, WINDOW_BYTES_MAX) * 2, ends(FLOW_CONTROL_ERROR)),
    ("of a stream to the largest", opened(1) + window_update(1, WINDOW_BYTES_MAX - WINDOW_BYTES), serves),
    ("of a stream above the largest", opened(1) + window_update(1, WINDOW_BYTES_MAX - WINDOW_BYTES + 1),
     resets(1, FLOW_CONTROL_ERROR)),
    ("of a stream above the largest, in two", opened(1) + window_update(1, WINDOW_BYTES_MAX) * 2, resets(1, FLOW_CONTROL_ERROR)),
    # nghttp2's own: section 6.9.2 requires a connection error.
    ("of a stream above the largest, by SETTINGS",
     opened(1) + window_update(1, WINDOW_BYTES_MAX - WINDOW_BYTES) + settings((INITIAL_WINDOW_SIZE, WINDOW_BYTES + 1)),
     resets(1, FLOW_CONTROL_ERROR)),
)
def test_window_update(peer, sent, expected):
    """RFC 9113, sections 6.9 and 6.9.1."""
    peer.send(sent)
    expected(peer)


class Sender:
    """Sends DATA as far as the server's windows allow."""

    def __init__(self, peer):
        self.peer = peer
        self.windows = {0: WINDOW_BYTES}
        self.read = 0
        self.initial = dict(struct.iter_unpack(">HI", peer.server_settings.payload))[INITIAL_WINDOW_SIZE]

    def window(self, stream):
        for seen in self.peer.frames[self.read:]:
            if seen.kind == WINDOW_UPDATE:
                increment = struct.unpack(">I", seen.payload)[0]
                assert 0 < increment <= WINDOW_BYTES_MAX
                self.windows[seen.stream] = self.windows.get(seen.stream, self.initial) + increment
                assert self.windows[seen.stream] <= WINDOW_BYTES_MAX
        self.read = len(self.peer.frames)
        return min(self.windows.setdefault(stream, self.initial), self.windows[0])

    def send(self, stream, total, make):
        """Sends DATA frames with payloads of `make(size)` until `total` bytes of window are used."""
        while total > 0:
            size = min(total, FRAME_BYTES_MAX, self.window(stream))
            if size == 0:
                assert self.peer.receive() is not None
                continue
            self.peer.send(make(stream, size))
            for counted in (0, stream):
                self.windows[counted] -= size
            total -= size


def zeros(stream, size):
    return data(stream, bytes(size))


def padding_alone(stream, size):
    sizes = [256] * (size // 256) + [size % 256] * (size % 256 > 0)
    return b"".join(data(stream, bytes([count - 1]) + bytes(count - 1), PADDED) for count in sizes)


def test_padding_gives_its_window_back(peer):
    """RFC 9113, sections 6.1 and 6.9.1: padding counts in the windows, and the server must credit
    it."""
    peer.send(headers(1))
    Sender(peer).send(1, 200_000, padding_alone)
    peer.send(data(1, EMPTY_MESSAGE, END_STREAM))
    assert peer.answer(1)["grpc-status"] == "0"


def test_data_on_closed_streams_gives_the_connection_window_back(peer):
    """RFC 9113, sections 5.1 and 6.9: dropped DATA counts in the connection's window, and must be
    credited."""
    sender = Sender(peer)
    for stream in range(1, 100, 2):
        peer.send(opened(stream), reset(stream))
        sender.send(stream, WINDOW_BYTES, zeros)
    peer.check_serves()


def test_more_than_a_stream_window_allows(connect):
    """RFC 9113, section 6.9.1: FLOW_CONTROL_ERROR. The call accepts no more requests while its
    response is not read."""
    peer = connect((INITIAL_WINDOW_SIZE, 0))
    asked = messages.StreamingOutputCallRequest(response_parameters=[messages.ResponseParameters(size=200_000)]).SerializeToString()
    message = struct.pack(">BI", 0, len(asked)) + asked
    sender = Sender(peer)
    peer.send(opened(1))
    sender.send(1, len(message), lambda stream, _: data(stream, message))
    peer.until(lambda seen: seen.kind == HEADERS and seen.stream == 1)
    sender.send(1, sender.initial - len(message), zeros)
    received(peer, 1, 0)
    assert not [seen for seen in peer.frames if seen.kind in (RST_STREAM, GOAWAY)]
    peer.send(data(1, b"x"))
    assert peer.until(lambda seen: seen.kind in (RST_STREAM, GOAWAY)).code == FLOW_CONTROL_ERROR

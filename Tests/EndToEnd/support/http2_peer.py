"""An HTTP/2 client with hand-made frames, valid or invalid; the server's frames are checked.

Independent of the server's libraries; only the decoder of header blocks is `hpack`'s.
"""

import dataclasses
import enum
import socket
import struct

import hpack
import interop_pb2 as messages
import pytest
import sanitizer

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SERVICE = "/grpc.testing.TestService/"
EMPTY_MESSAGE = bytes(5)
SOCKET_SECONDS_MAX = sanitizer.seconds(5)
FRAME_BYTES_MAX = 16_384
WINDOW_BYTES = 65_535
WINDOW_BYTES_MAX = 2**31 - 1

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, PADDED, PRIORITISED, ACK = 0x1, 0x4, 0x8, 0x20, 0x1
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = range(1, 7)


class Code(enum.IntEnum):
    """Error codes. Source: RFC 9113, section 7."""
    NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR, \
        REFUSED_STREAM, CANCEL, COMPRESSION_ERROR = range(10)


NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, \
    CANCEL, COMPRESSION_ERROR = Code


# MARK: what is sent

def frame(kind, flags=0, stream=0, payload=b"", length=None):
    """A frame; `length` is the length in its header if that is to be wrong."""
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def data(stream, payload=b"", flags=0):
    return frame(DATA, flags, stream, payload)


def settings(*pairs):
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", *pair) for pair in pairs))


def reset(stream, code=CANCEL):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def window_update(stream, increment):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def priority(stream, dependency=0, weight=15):
    return frame(PRIORITY, 0, stream, struct.pack(">IB", dependency, weight))


def goaway(code=NO_ERROR, text=b""):
    return frame(GOAWAY, 0, 0, struct.pack(">II", 0, code) + text)


def integer(value, prefix_bits, first=0):
    """An integer; the bits above its prefix are those of `first`. Source: RFC 7541, section 5.1."""
    limit = (1 << prefix_bits) - 1
    if value < limit:
        return bytes([first | value])
    encoded, value = bytearray([first | limit]), value - limit
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def text(value):
    """A string literal without Huffman coding. Source: RFC 7541, section 5.2."""
    value = value if isinstance(value, bytes) else value.encode()
    return integer(len(value), 7) + value


def literal(name, value, first=0x00):
    """A field with a new name; `first` is 0x00: not indexed, 0x10: never indexed, 0x40: put into the table."""
    return bytes([first]) + text(name) + text(value)


def fields(rpc="EmptyCall", *more, without=(), **replaced):
    """The field lines of a call, followed by those in `more`. `replaced` has names of
    pseudo-headers without their colon."""
    lines = {":method": "POST", ":scheme": "http", ":path": SERVICE + rpc, ":authority": "test", "te": "trailers",
             "content-type": "application/grpc"}
    lines.update({f":{name}": value for name, value in replaced.items()})
    return [*((name, value) for name, value in lines.items() if name not in without), *more]


def block(lines):
    return b"".join(literal(*line) for line in lines)


def headers(stream, lines=None, flags=END_HEADERS, extra=b""):
    """A HEADERS frame with field lines, by default those of a call; `extra` is appended to its
    block."""
    return frame(HEADERS, flags, stream, block(fields() if lines is None else lines) + extra)


def call(stream, lines=None, message=b"", extra=b""):
    """A complete request."""
    body = struct.pack(">BI", 0, len(message)) + message
    return headers(stream, lines, extra=extra) + data(stream, body, END_STREAM)


def opened(stream):
    """A stream on which both sides may still send."""
    return headers(stream, fields("FullDuplexCall"))


def half_closed(stream):
    """A stream on which only the server may send; it does not send for half an hour."""
    late = messages.StreamingOutputCallRequest(
        response_parameters=[messages.ResponseParameters(size=1, interval_us=2_000_000_000)])
    return call(stream, fields("StreamingOutputCall"), late.SerializeToString())


# MARK: what is received

@dataclasses.dataclass
class Frame:
    kind: int
    flags: int
    stream: int
    payload: bytes
    fields: list = dataclasses.field(default_factory=list)

    @property
    def ends(self):
        return self.kind in (DATA, HEADERS) and bool(self.flags & END_STREAM)

    @property
    def code(self):
        """The error code of RST_STREAM and GOAWAY."""
        return struct.unpack(">I", self.payload[:4] if self.kind == RST_STREAM else self.payload[4:8])[0]


class Peer:
    """One connection. Every frame of the server is checked for the general rules."""

    def __init__(self, port, *pairs, preface=None, source=None):
        """Sends the preface with the settings of `pairs` and waits until each side has acknowledged
        the other's; or sends `preface` and does not wait. `source` is an address of loopback to
        connect from."""
        self.socket = socket.create_connection(
            ("127.0.0.1", port), timeout=SOCKET_SECONDS_MAX, source_address=source and (source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.decoder = hpack.Decoder()
        self.frames = []
        self.next_stream = 1_001
        self._buffer = b""
        self._ended, self._answered = set(), set()
        if preface is None:
            self.send(PREFACE, settings(*pairs))
            self.server_settings = self.until(lambda frame: frame.kind == SETTINGS and not frame.flags & ACK)
            assert self.frames[0] is self.server_settings, "the server's preface is SETTINGS, before anything else"
            self.send(frame(SETTINGS, ACK))
            self.until(lambda frame: frame.kind == SETTINGS and frame.flags & ACK)
        else:
            self.send(preface)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *parts):
        try:
            self.socket.sendall(b"".join(parts))
        except (ConnectionResetError, BrokenPipeError):
            pass  # frames that the server sent before are still to be read

    def _take(self, count):
        """That many bytes, or none if the connection has ended."""
        while len(self._buffer) < count:
            try:
                received = self.socket.recv(65_536)
            except ConnectionResetError:
                received = b""
            if not received:
                return None
            self._buffer += received
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def receive(self):
        """The next frame; None if the connection has ended."""
        head = self._take(9)
        payload = head and self._take(int.from_bytes(head[:3]))
        if payload is None:
            return None
        found = Frame(head[3], head[4], int.from_bytes(head[5:]), payload)
        self._check(found)
        self.frames.append(found)
        return found

    def _check(self, found):
        assert len(found.payload) <= FRAME_BYTES_MAX, "no frame is larger than SETTINGS_MAX_FRAME_SIZE"
        assert found.stream < 2**31, "the reserved bit is not set"
        assert found.kind in (DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE), found
        assert found.kind == WINDOW_UPDATE or (found.stream == 0) == (found.kind in (SETTINGS, PING, GOAWAY)), found
        assert found.stream not in self._ended or found.kind not in (DATA, HEADERS), "a stream goes on after its end"
        if found.kind == HEADERS:
            self._check_fields(found)
        if found.ends or found.kind == RST_STREAM:
            self._ended.add(found.stream)

    def _check_fields(self, found):
        # This server's header blocks are small enough for this, and it does not use the other
        # flags.
        assert found.flags & ~END_STREAM == END_HEADERS, found
        found.fields = self.decoder.decode(found.payload)
        names = [name for name, _ in found.fields]
        is_response = found.stream not in self._answered
        self._answered.add(found.stream)
        assert all(name == name.lower() for name in names), names
        assert [name for name in names if name[0] == ":"] == ([":status"] if is_response else []), names
        assert names[0] == ":status" if is_response else found.ends, "trailers end the stream"

    def until(self, wanted):
        """Reads up to the wanted frame, and returns it."""
        while True:
            found = self.receive()
            assert found is not None, f"the connection ended; received: {self.frames}"
            if wanted(found):
                return found

    def answer(self, stream):
        """Reads until a stream has ended: returns its fields and trailers, and its body under
        `body`; not if it was reset."""
        last = next((seen for seen in self.frames if seen.stream == stream and seen.ends), None)
        last = last or self.until(lambda frame: frame.stream == stream and (frame.ends or frame.kind == RST_STREAM))
        assert last.kind != RST_STREAM, Code(last.code)
        own = [seen for seen in self.frames if seen.stream == stream]
        answer = dict(pair for seen in own for pair in seen.fields)
        answer["body"] = b"".join(seen.payload for seen in own if seen.kind == DATA)
        return answer

    def check_serves(self):
        """A call on a new stream works."""
        stream, self.next_stream = self.next_stream, self.next_stream + 2
        self.send(call(stream))
        answer = self.answer(stream)
        assert (answer[":status"], answer["grpc-status"], answer["body"]) == ("200", "0", EMPTY_MESSAGE)


# MARK: what is expected

def cases(*rows):
    """A row is a name, the bytes to send, and the expected reaction, one of the functions below."""
    return pytest.mark.parametrize(("sent", "expected"), [pytest.param(*row[1:], id=row[0]) for row in rows])


def serves(peer):
    """The server reports no error, and continues to serve."""
    peer.check_serves()
    assert not [seen for seen in peer.frames if seen.kind in (RST_STREAM, GOAWAY)], peer.frames


def answers(stream, status="0"):
    """The call on a stream is answered, with this gRPC status, and so is the next one."""
    def check(peer):
        assert peer.answer(stream)["grpc-status"] == status
        peer.check_serves()
    return check


def ignores(stream):
    """The server does not answer on a stream, and continues to serve."""
    def check(peer):
        before = len(peer.frames)
        peer.check_serves()
        assert not [seen for seen in peer.frames[before:] if seen.stream == stream or seen.kind == GOAWAY], peer.frames
    return check


def resets(stream, *codes):
    """A stream error: RST_STREAM with one of these codes, and the connection continues to serve."""
    def check(peer):
        found = peer.until(lambda frame: frame.kind == GOAWAY or frame.kind == RST_STREAM and frame.stream == stream)
        assert found.kind == RST_STREAM, f"a connection error: {found}"
        assert found.code in codes, Code(found.code)
        peer.check_serves()
    return check


def ends(*codes):
    """A connection error: GOAWAY with one of these codes, and the connection is closed."""
    def check(peer):
        while peer.receive() is not None:
            pass
        found = [seen for seen in peer.frames if seen.kind == GOAWAY]
        assert found, f"closed without GOAWAY; received: {peer.frames}"
        assert found[-1].code in codes, f"{Code(found[-1].code)}: {found[-1].payload[8:]}"
    return check

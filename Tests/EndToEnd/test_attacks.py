"""Hostile peers: each is disconnected within seconds, while others are served and memory stays
bounded."""

import socket
import struct
import threading
import time

import grpc
import pytest
import sanitizer
from grpc_health.v1 import health_pb2, health_pb2_grpc

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0"
RESIDENT_GROWTH_KIB_MAX = sanitizer.memory(64 * 1024)
ATTACK_SECONDS_MAX = 20
# Another client's calls that complete while an attack lasts, each within so many seconds.
CALLS_MIN = 20
CALL_SECONDS_MAX = sanitizer.seconds(2)
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 8, 9
END_STREAM, END_HEADERS = 1, 4


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def fields(**more):
    pairs = {":method": "POST", ":scheme": "http", ":path": "/grpc.health.v1.Health/Check", ":authority": "a",
             "content-type": "application/grpc", "te": "trailers", **more}
    return b"".join(bytes([0, len(name)]) + name.encode() + bytes([len(value)]) + value.encode() for name, value in pairs.items())


def request(stream, flags=END_HEADERS):
    return frame(HEADERS, flags, stream, fields())


def repeated(*frames):
    while True:
        yield b"".join(frames)


def on_new_streams(make):
    for stream in range(1, 2**31, 2):
        yield make(stream)


def continuations():
    yield frame(HEADERS, 0, 1, fields())
    yield from repeated(frame(CONTINUATION, 0, 1, bytes([0, 1, 97, 120]) + b"v" * 120))


def bombs(stream):
    """A large field added to HPACK's table once, then referenced many times."""
    field = b"\x40\x01a\x7f\xa1\x1e" + b"v" * 4000
    return frame(HEADERS, END_HEADERS | END_STREAM, stream, fields() + field + b"\xbe" * 4000)


ATTACKS = {
    "rapid reset": lambda: on_new_streams(
        lambda stream: request(stream) + frame(RST_STREAM, 0, stream, struct.pack(">I", 8))),
    "made to reset": lambda: on_new_streams(lambda stream: frame(HEADERS, END_HEADERS, stream, fields(**{"Bad": "x"}))),
    "refused streams": lambda: on_new_streams(request),
    "settings": lambda: repeated(frame(SETTINGS)),
    "large settings": lambda: repeated(frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65_535) * 100)),
    "pings": lambda: repeated(frame(PING, 0, 0, b"12345678")),
    "window updates": lambda: repeated(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1))),
    "priorities": lambda: repeated(frame(PRIORITY, 0, 1, struct.pack(">IB", 0, 16))),
    "empty data": lambda: (part for whole in ([request(1)], repeated(frame(DATA, 0, 1))) for part in whole),
    "continuations": continuations,
    "hpack bombs": lambda: on_new_streams(bombs),
}


def attack(port, frames):
    """Sends until the server closes the connection, and reads only the end."""
    peer = socket.create_connection(("127.0.0.1", port), timeout=ATTACK_SECONDS_MAX)
    end = time.monotonic() + ATTACK_SECONDS_MAX
    try:
        peer.sendall(PREFACE)
        batch = []
        for piece in frames:
            batch.append(piece)
            if len(batch) == 50:
                peer.sendall(b"".join(batch))
                batch = []
            if time.monotonic() > end:
                return False
        return True
    except (ConnectionResetError, BrokenPipeError):
        return True
    finally:
        peer.close()


class Others:
    """Another client's calls, one after the other, for as long as the attack lasts; and the memory that the attack takes."""

    def __init__(self, server):
        self.server, self.seconds, self.failure = server, [], None
        self._channel = grpc.insecure_channel(server.address, options=[("grpc.use_local_subchannel_pool", 1)])
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            health = health_pb2_grpc.HealthStub(self._channel)
            while not self._stopping.is_set() or len(self.seconds) < CALLS_MIN:
                begin = time.monotonic()
                answer = health.Check(health_pb2.HealthCheckRequest(), timeout=CALL_SECONDS_MAX)
                assert answer.status == health_pb2.HealthCheckResponse.SERVING
                self.seconds.append(time.monotonic() - begin)
        except Exception as failure:  # pylint: disable=broad-except  (told by the test's thread)
            self.failure = failure

    def __enter__(self):
        grpc.channel_ready_future(self._channel).result(10)
        self.resident_kib = self.server.resident_kib()
        self._thread.start()
        return self

    def __exit__(self, kind, *_):
        self._stopping.set()
        self._thread.join()
        self._channel.close()
        if kind is None:
            assert self.failure is None, self.failure
            assert len(self.seconds) >= CALLS_MIN
            assert self.server.resident_kib() - self.resident_kib < RESIDENT_GROWTH_KIB_MAX


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attacker_is_cut_off_and_others_are_served(server, name):
    with Others(server):
        for _ in range(3):
            assert attack(server.port, ATTACKS[name]()), "the attacker was not cut off"


def test_large_requests_that_never_end_hold_no_more_than_a_connection_may(server):
    """As many messages of 4 MiB as streams: each may fill its window of 64 KiB, and all bytes
    beyond share 16 MiB."""
    streams, piece = 256, 16_000
    message_bytes = 4 * 1024 * 1024 - 5
    with Others(server):
        peer = socket.create_connection(("127.0.0.1", server.port), timeout=1)
        try:
            peer.sendall(PREFACE + b"".join(request(2 * stream + 1) for stream in range(streams)))
            window, sent = {}, {stream: 0 for stream in range(1, 2 * streams, 2)}
            end = time.monotonic() + 4
            # Sends as much as the windows allow, as long as the server opens them further.
            received = b""
            connection_window = 65_535
            while time.monotonic() < end:
                for stream in sent:
                    while (count := min(piece, window.get(stream, 65_535), connection_window, message_bytes - sent[stream])) > 0:
                        data = bytes(count) if sent[stream] else struct.pack(">BI", 0, message_bytes - 5) + bytes(count - 5)
                        peer.sendall(frame(DATA, 0, stream, data))
                        window[stream] = window.get(stream, 65_535) - count
                        sent[stream] += count
                        connection_window -= count
                try:
                    received += peer.recv(65_536)
                except TimeoutError:
                    break
                while len(received) >= 9 and len(received) >= 9 + (length := int.from_bytes(received[:3], "big")):
                    if received[3] == WINDOW_UPDATE:
                        stream, more = struct.unpack(">II", received[5:13])
                        if stream:
                            window[stream] = window.get(stream, 65_535) + more
                        else:
                            connection_window += more
                    received = received[9 + length:]
            # All windows are used up, and few messages were admitted.
            assert sum(sent.values()) <= (16 << 20) + streams * 65_535
            assert sum(count > 65_535 for count in sent.values()) == 4
        finally:
            peer.close()


def test_a_well_behaved_client_may_cancel_as_many_calls_as_it_has_open(server):
    with grpc.insecure_channel(server.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        calls = [health.Watch(health_pb2.HealthCheckRequest()) for _ in range(200)]
        for call in calls:
            assert next(call).status == health_pb2.HealthCheckResponse.SERVING
        for call in calls:
            call.cancel()
        assert health.Check(health_pb2.HealthCheckRequest(), timeout=10).status == health_pb2.HealthCheckResponse.SERVING

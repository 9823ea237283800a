"""Peers that make a server allocate memory (S1, C121): it stays within its budgets, and others are
served meanwhile.

A budget belongs to one loop, and the interop-server has one loop. The attackers use one address of
loopback, the others another.
"""

import contextlib
import pathlib
import re
import socket
import struct
import threading
import time

import interop_pb2 as messages
import pytest
import sanitizer
from http2_peer import *
from server import interop_server

MIB = 1024
ATTACKER, OTHER = "127.0.0.2", "127.0.0.1"
# Settings.md, buffers-mib. A quarter for received bytes, a quarter for bytes to be sent.
RECEIVED_KIB, SENDING_KIB = 64 * MIB, 64 * MIB
STREAMS_MAX, STREAM_KIB = 32_768, 10
# Connections, the first bytes of streams, the allocator's slack.
SLACK_KIB = 48 * MIB
CALL_SECONDS_MAX = sanitizer.seconds(1)
CALLS_MIN = 20
NO_WINDOW = (INITIAL_WINDOW_SIZE, 0)


def resident_kib(process):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{process.pid}/status").read_text())[1])


class Others:
    """Calls, one after the other, during the attack."""

    def __init__(self, port):
        self.seconds, self.failure = [], None
        self._peer, self._stopping = Peer(port, source=OTHER), threading.Event()
        self._progress = threading.Condition()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            while not self._stopping.is_set() or len(self.seconds) < CALLS_MIN:
                begin = time.monotonic()
                self._peer.check_serves()
                with self._progress:
                    self.seconds.append(time.monotonic() - begin)
                    self._progress.notify()
                self._peer.frames.clear()
        except Exception as failure:  # pylint: disable=broad-except  (reported by the test's thread)
            with self._progress:
                self.failure = failure
                self._progress.notify()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join()
        self._peer.socket.close()

    def wait_for_more(self, count):
        """Waits until so many more calls are done."""
        with self._progress:
            count += len(self.seconds)
            assert self._progress.wait_for(lambda: len(self.seconds) >= count or self.failure, timeout=60)

    def check(self):
        assert self.failure is None, self.failure
        assert len(self.seconds) >= CALLS_MIN
        assert max(self.seconds) < CALL_SECONDS_MAX


def attacker(port, *pairs):
    """A connection that sends and does not read."""
    peer = socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(ATTACKER, 0))
    peer.sendall(PREFACE + settings(*pairs) + frame(SETTINGS, ACK))
    return peer


def send(peer, sent):
    """Sends as much as the server takes; it may have closed the connection."""
    with contextlib.suppress(ConnectionError, TimeoutError):
        peer.sendall(sent)


def page(stream, size):
    return call(stream, fields("UnaryCall"), messages.SimpleRequest(response_size=size).SerializeToString())


def without_window(connections):
    """60 pages of 1 MiB on each connection, of which no byte is read."""
    for peer in connections:
        send(peer, b"".join(page(stream, 1 << 20) for stream in range(1, 121, 2)))


def without_reading(connections):
    """The same with open windows, while the socket is not read."""
    for peer in connections:
        send(peer, window_update(0, 1 << 30) + b"".join(page(stream, 1 << 20) for stream in range(1, 121, 2)))


def unfinished(connections):
    """Sixteen messages of nearly a stream's window on each connection, all incomplete."""
    body = struct.pack(">BI", 0, 60_000)
    pieces = [data(1, bytes(15_000))] * 3
    for peer in connections:
        for stream in range(1, 33, 2):
            whole = headers(stream, fields("UnaryCall")) + data(stream, body)
            send(peer, whole + b"".join(piece[:5] + struct.pack(">I", stream) + piece[9:] for piece in pieces))


def large_headers(connections):
    """Calls with header lists near the limit that wait for their bodies."""
    lines = block([*fields("UnaryCall"), *((f"x-{number}", "v" * 1_000) for number in range(14))])
    for peer in connections:
        send(peer, b"".join(frame(HEADERS, END_HEADERS, stream, lines) for stream in range(1, 65, 2)))


def open_header_blocks(connections):
    """An endless field of 60,000 bytes."""
    begin = frame(HEADERS, 0, 1, block(fields()) + b"\x00\x03x-a" + integer(60_000, 7))
    for peer in connections:
        send(peer, begin + frame(CONTINUATION, 0, 1, bytes(16_000)) * 3)


def many_streams(connections):
    """Calls that wait for their bodies, as many as a connection may have."""
    for peer in connections:
        send(peer, b"".join(opened(stream) for stream in range(1, 513, 2)))


@pytest.mark.parametrize(("attack", "connections", "step", "pairs", "bound_kib"), [
    pytest.param(without_window, 5, 1, [NO_WINDOW], SENDING_KIB, id="without a window"),
    pytest.param(without_reading, 5, 1, [(INITIAL_WINDOW_SIZE, WINDOW_BYTES_MAX)], SENDING_KIB, id="without reading"),
    pytest.param(unfinished, 400, 5, [], RECEIVED_KIB, id="unfinished messages"),
    pytest.param(large_headers, 400, 5, [], RECEIVED_KIB, id="large header lists"),
    pytest.param(open_header_blocks, 700, 20, [], RECEIVED_KIB, id="open header blocks"),
    pytest.param(many_streams, 136, 2, [], STREAMS_MAX * STREAM_KIB, id="many streams"),
])
def test_an_attacker_holds_no_more_than_the_budget_and_others_are_served(attack, connections, step, pairs, bound_kib):
    with interop_server() as process, Others(process.port) as others, contextlib.ExitStack() as stack:
        peers = [stack.enter_context(contextlib.closing(attacker(process.port, *pairs))) for _ in range(connections)]
        before = resident_kib(process)
        # In steps: an unoptimised build needs so long for a whole attack's frames that other
        # callers' times would mean nothing.
        for first in range(0, connections, step):
            attack(peers[first:first + step])
            others.wait_for_more(1)
        # The others' calls came after the attack's frames: those were processed.
        others.wait_for_more(CALLS_MIN)
        others.check()
        grown = resident_kib(process) - before
        print(f"{grown // MIB} MiB, {len(others.seconds)} calls of others, the longest {max(others.seconds) * 1000:.0f} ms")
        assert grown < sanitizer.memory(bound_kib + SLACK_KIB)


def test_a_large_response_is_for_another_address_while_an_attacker_fills_the_budget():
    with interop_server() as process, contextlib.ExitStack() as stack:
        peers = [stack.enter_context(contextlib.closing(attacker(process.port, NO_WINDOW))) for _ in range(8)]
        without_window(peers)
        with Peer(process.port, (INITIAL_WINDOW_SIZE, WINDOW_BYTES_MAX), source=OTHER) as peer:
            peer.send(window_update(0, 1 << 30))
            for stream in range(1, 21, 2):
                peer.send(page(stream, 4 << 20))
                answer = peer.answer(stream)
                assert (answer["grpc-status"], len(answer["body"]) >> 20) == ("0", 4)
                peer.frames.clear()


def test_what_is_refused_for_room_says_so_and_the_rest_goes_on(connect):
    peer = connect(NO_WINDOW)
    peer.send(*(page(stream, 1 << 20) for stream in range(1, 121, 2)))
    refused = peer.until(lambda seen: seen.kind == HEADERS and dict(seen.fields).get("grpc-status") == "8")
    assert "grpc-status-details-bin" in dict(refused.fields)
    # Once the window opens, the admitted responses arrive.
    peer.send(window_update(0, 1 << 30), window_update(1, 1 << 30))
    assert len(peer.answer(1)["body"]) >> 20 == 1
    peer.send(*(reset(stream) for stream in range(3, 121, 2)), page(201, 1 << 20), window_update(201, 1 << 30))
    assert len(peer.answer(201)["body"]) >> 20 == 1

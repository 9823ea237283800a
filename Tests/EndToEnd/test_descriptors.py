"""A server without free descriptors (R6): it waits without using the processor, and serves again
once descriptors are free."""

import pathlib
import resource
import socket
import time

import pytest
from http2_peer import Peer
from server import interop_server, wait_until

DESCRIPTORS = 64
# The share of one core, while connections wait.
PROCESSOR_SHARE_MAX = 0.2


@pytest.fixture
def short_of_descriptors():
    with interop_server(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))) as process:
        yield process


def processor_seconds(pid):
    user, system = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / 100


@pytest.mark.alone
def test_a_server_without_descriptors_rests_and_recovers(short_of_descriptors):
    process = short_of_descriptors
    callers = [socket.create_connection(("127.0.0.1", process.port)) for _ in range(DESCRIPTORS + 20)]
    try:
        # Given: as many connections as descriptors, and some that wait.
        wait_until(lambda: len(list(pathlib.Path(f"/proc/{process.pid}/fd").iterdir())) == DESCRIPTORS)
        before, begin = processor_seconds(process.pid), time.monotonic()
        with pytest.raises(TimeoutError):
            callers[-1].settimeout(2)
            callers[-1].recv(1)
        used = (processor_seconds(process.pid) - before) / (time.monotonic() - begin)
        assert used < PROCESSOR_SHARE_MAX, f"{used:.0%} of a core"
    finally:
        for caller in callers:
            caller.close()
    # Then: it serves as before.
    with Peer(process.port) as peer:
        peer.check_serves()

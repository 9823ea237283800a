"""Servers that share a listening socket, as a service manager passes it, and are replaced one by one
while clients call: no call fails, no connection is refused."""

import socket
import subprocess
import threading
import time

import grpc
import pytest
from person import Person, today
from server import DEFAULTS, PROGRAMS, Server, wait_until

ROUNDS = 2


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0), backlog=512) as opened:
        yield opened


def address(opened):
    return "127.0.0.1:%d" % opened.getsockname()[1]


def start(database, opened, *arguments):
    return Server(database=database, sockets=[opened], arguments=("--listen", address(opened), *arguments))


class Caller:
    """A client that calls one after the other; it follows GOAWAY as gRPC's library does."""

    def __init__(self, server):
        self.person = Person(server)
        self.person.sign_up()
        self.habit = self.person.put_habit()
        self.count, self.failures = 0, []
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.ends.is_set():
            try:
                self.person.record(self.habit, today() - self.count % 28)
                self.person.streak(self.habit)
                self.count += 2
            except grpc.RpcError as error:
                self.failures.append(f"{error.code()}: {error.details()}")

    def end(self):
        self.ends.set()
        self.thread.join(timeout=60)
        self.person.close()


class Connector:
    """Opens connection after connection, and waits for the server's first bytes on each."""

    def __init__(self, place):
        self.place = place
        self.count, self.failures = 0, []
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
        while not self.ends.is_set():
            try:
                with socket.create_connection(self.place, timeout=30) as connection:
                    connection.sendall(preface)
                    if not connection.recv(9):
                        self.failures.append("closed without an answer")
                    self.count += 1
            except OSError as error:
                self.failures.append(repr(error))

    def end(self):
        self.ends.set()
        self.thread.join(timeout=60)


def test_three_servers_are_replaced_under_load_and_no_call_fails_and_no_connection_is_refused(database, listening):
    servers = [start(database, listening, "--loops", "2") for _ in range(3)]
    callers, connector = [], None
    try:
        callers = [Caller(servers[0]) for _ in range(4)]
        connector = Connector(listening.getsockname())
        for number in range(3 * ROUNDS):
            before = [caller.count for caller in callers]
            old = servers[number % 3]
            # As a service manager restarts it: first the end, then the start.
            assert old.stop() == 0
            servers[number % 3] = start(database, listening, "--loops", "2")
            wait_until(lambda: all(caller.count > count + 10 for caller, count in zip(callers, before)))  # noqa: B023
    finally:
        for caller in callers:
            caller.end()
        if connector:
            connector.end()
        for server in servers:
            server.stop()
    assert [caller.failures for caller in callers] == [[]] * 4
    assert connector.failures == [] and connector.count > 100


def test_the_only_server_is_replaced_and_connections_wait_for_its_successor(database, listening):
    first = start(database, listening)
    with Person(first) as person:
        person.sign_up()
        habit = person.put_habit()
        assert first.stop() == 0
        # Nothing accepts now: the call waits in the socket's queue.
        call = person.streaks.GetStreak.future(streak_request(habit), metadata=person.metadata, timeout=60)
        waiting = socket.create_connection(listening.getsockname(), timeout=60)
        with start(database, listening):
            assert call.result().streak.current == 0
            waiting.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert waiting.recv(12).startswith(b"HTTP/1.1")
        waiting.close()


def streak_request(habit):
    from streak.v1 import streak_pb2
    return streak_pb2.GetStreakRequest(habit_id=habit)


def refused(database, sockets, listen, *arguments):
    with pytest.raises(RuntimeError) as caught:
        Server(database=database, sockets=sockets, arguments=("--listen", listen, *arguments))
    return str(caught.value)


def test_sockets_that_nothing_would_accept_from_are_refused_at_the_start_in_words(database, listening):
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert f"a socket of {address(other)}, which is neither listen nor admin-listen" in refused(
            database, [listening, other], address(listening))
        assert f"2 sockets of {address(listening)}, more than there are loops" in refused(
            database, [listening, listening], address(listening), "--loops", "1")
    with socket.socket(socket.AF_UNIX) as other:
        assert "the socket passed as descriptor 3" in refused(database, [other], address(listening))


def test_sockets_for_another_process_are_not_taken(database, listening):
    """LISTEN_PID names the process that they are for: a child of it has only the variables."""
    defaults = [part for option, value in DEFAULTS.items() if option != "--listen" for part in (option, value)]
    done = subprocess.run(
        [str(PROGRAMS / "streakd"), *defaults, "--database", database, "--listen", address(listening)], capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=60, env={"LISTEN_PID": "1", "LISTEN_FDS": "1", "PATH": "/usr/bin"})
    assert done.returncode != 0 and "Address already in use" in done.stderr


def test_the_admin_pages_socket_is_taken_too(database, listening):
    with socket.create_server(("127.0.0.1", 0)) as admin:
        with Server(database=database, sockets=[admin, listening],
                    arguments=("--listen", address(listening), "--admin-listen", address(admin))) as server:
            begun = time.monotonic()
            with socket.create_connection(admin.getsockname(), timeout=30) as asking:
                asking.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert b"200" in asking.recv(64)
            assert time.monotonic() - begun < 30 and server.port == listening.getsockname()[1]

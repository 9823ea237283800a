"""A proxy on loopback that cuts connections at a chosen place: before the request, within it,
before the reply, or within it."""

import contextlib
import socket
import struct
import threading

PREFACE = 24
FRAME_HEADER = 9
HEADERS, SETTINGS = 1, 4


class CuttingProxy:
    """Each connection is cut by the `plan` at its start.

    ("none", 0): not at all. ("before", 0): at once. ("request", N): after N bytes of the client.
    ("commit", 0): once the server begins to answer a call; nothing of the answer is passed on.
    ("reply", N): N bytes later.
    """

    def __init__(self, port):
        self.target = port
        self.plan = ("none", 0)
        self.cuts = {}
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def close(self):
        self.listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                _Connection(self, client, *self.plan)


class _Connection:
    def __init__(self, proxy, client, where, count):
        self.proxy, self.client, self.where, self.count = proxy, client, where, count
        if where == "before":
            self._cut()
            return
        try:
            self.server = socket.create_connection(("127.0.0.1", proxy.target))
        except OSError:
            # The server is being started again: the next connection may reach it.
            self._end()
            return
        for copy in (self._up, self._down):
            threading.Thread(target=copy, daemon=True).start()

    def _cut(self):
        """Closes both sides with a reset, which reaches the client at once."""
        self.proxy.cuts[self.where] = self.proxy.cuts.get(self.where, 0) + 1
        self._end()

    def _end(self):
        for one in (self.client, getattr(self, "server", None)):
            if one is not None:
                with contextlib.suppress(OSError):
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()

    def _up(self):
        passed = 0
        with contextlib.suppress(OSError):
            while data := self.client.recv(65_536):
                if self.where == "request" and passed + len(data) >= self.count:
                    self.server.sendall(data[:self.count - passed])
                    return self._cut()
                passed += len(data)
                self.server.sendall(data)
        self._end()

    def _down(self):
        data, left = b"", None
        with contextlib.suppress(OSError):
            while received := self.server.recv(65_536):
                if self.where not in ("commit", "reply"):
                    self.client.sendall(received)
                    continue
                data += received
                while left is None and len(data) >= FRAME_HEADER:
                    size, kind = int.from_bytes(data[:3], "big"), data[3]
                    if kind == HEADERS:
                        left = self.count if self.where == "reply" else 0
                        break
                    if len(data) < FRAME_HEADER + size:
                        break
                    self.client.sendall(data[:FRAME_HEADER + size])
                    data = data[FRAME_HEADER + size:]
                if left is not None:
                    self.client.sendall(data[:left])
                    left -= len(data[:left])
                    data = b""
                    if left == 0:
                        return self._cut()
        self._end()

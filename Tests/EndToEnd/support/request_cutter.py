"""A proxy of HTTP/1.1 on loopback that cuts the connection at one chosen call: before the call
reaches the server, or after the server has answered it and before the page learns of it."""

import contextlib
import http.client
import http.server
import socket
import struct
import threading

HOP_FIELDS = {"connection", "keep-alive", "transfer-encoding", "proxy-connection", "te", "trailer", "upgrade"}


class RequestCutter:
    def __init__(self, port):
        self.target = port
        self._lock = threading.Lock()
        self.calls, self._number, self._where = [], 0, ""
        proxy = self

        class Handler(_Handler):
            cutter = proxy

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self._server.server_address[1]}"

    def cut(self, number, where):
        """Cuts at the `number`-th call from now on, counted from 1: "before" or "after"."""
        with self._lock:
            self.calls, self._number, self._where = [], number, where

    def fate(self, path):
        """Notes a call, and tells whether and where it is cut. A stream of hints is no call: it is open
        all the time."""
        if not path.startswith("/streak.v1.") or path.endswith("/Watch"):
            return ""
        with self._lock:
            self.calls.append(path.rpartition(".")[2])
            return self._where if len(self.calls) == self._number else ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cutter = None

    def log_message(self, *_):
        pass

    def do_POST(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            self._forward()

    do_GET = do_HEAD = do_POST

    def _forward(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        fate = self.cutter.fate(self.path)
        if fate == "before":
            return self._reset()
        upstream = http.client.HTTPConnection("127.0.0.1", self.cutter.target, timeout=600)
        with contextlib.closing(upstream):
            fields = {name: value for name, value in self.headers.items() if name.lower() not in HOP_FIELDS}
            upstream.request(self.command, self.path, body or None, fields)
            answer = upstream.getresponse()
            if fate == "after":
                answer.read()
                return self._reset()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_FIELDS:
                    self.send_header(name, value)
            is_counted = answer.getheader("content-length") is not None or answer.status in (204, 304) or self.command == "HEAD"
            if not is_counted:
                self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            while part := answer.read1(65_536):
                self.wfile.write(part if is_counted else b"%x\r\n%s\r\n" % (len(part), part))
            if not is_counted:
                self.wfile.write(b"0\r\n\r\n")

    def _reset(self):
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.shutdown(socket.SHUT_RDWR)

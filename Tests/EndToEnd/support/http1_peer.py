"""A client of HTTP/1.1 that sends given bytes, one by one if needed."""

import dataclasses
import socket

HOST = "Host: test"


@dataclasses.dataclass
class Answer:
    status: int
    fields: dict
    body: bytes


def request(line, *fields, body=b""):
    return "".join(f"{text}\r\n" for text in (line, *fields, "")).encode() + body


def call(path, message=b"{}", *fields, content_type="application/json"):
    """A unary call of Connect."""
    return request(f"POST {path} HTTP/1.1", HOST, f"Content-Type: {content_type}", f"Content-Length: {len(message)}", *fields,
                   body=message)


class Http1Peer:
    def __init__(self, port, source="127.0.0.1", timeout=20):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout, source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *parts):
        for part in parts:
            self.socket.sendall(part)

    def _more(self):
        part = self.socket.recv(65_536)
        self.received += part
        return bool(part)

    def _until(self, mark):
        while mark not in self.received:
            assert self._more(), f"the connection ended after {self.received!r}"
        taken, self.received = self.received.split(mark, 1)
        return taken

    def _bytes(self, count):
        while len(self.received) < count:
            assert self._more(), f"the connection ended after {self.received!r}"
        taken, self.received = self.received[:count], self.received[count:]
        return taken

    def answer(self, has_body=True):
        head = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        # Proxies write names in upper case.
        fields = {}
        for name, value in (line.split(": ", 1) for line in head[1:]):
            # RFC 9110, section 5.3: repeated fields are one list.
            fields[name.lower()] = ", ".join(filter(None, (fields.get(name.lower()), value)))
        assert head[0].startswith("HTTP/1.1 "), head
        body = b""
        if has_body and "content-length" in fields:
            body = self._bytes(int(fields["content-length"]))
        elif has_body and fields.get("transfer-encoding") == "chunked":
            while size := int(self._until(b"\r\n"), 16):
                body += self._bytes(size)
                assert self._bytes(2) == b"\r\n"
            assert self._bytes(2) == b"\r\n"
        return Answer(int(head[0].split(" ")[1]), fields, body)

    def ends(self):
        """Whether the server ends the connection without sending more."""
        try:
            while self._more():
                pass
        except ConnectionResetError:
            pass
        return self.received == b""

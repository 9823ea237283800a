"""One request over HTTP/1.1 or HTTP/2, as a page's browser sends it, and what the page can read of
the answer."""

import base64
import collections
import json
import struct
import subprocess

import h2.events
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2
from http1_peer import HOST, Answer, Http1Peer, request
from raw_client import RawClient

VERSIONS = ("HTTP/1.1", "HTTP/2")
Place = collections.namedtuple("Place", "port")
# The name of a protocol, and its content type.
FORMATS = {"connect": "application/proto", "connect-json": "application/json", "grpc-web": "application/grpc-web+proto",
           "grpc-web-text": "application/grpc-web-text"}
STREAM_FORMATS = {"connect": "application/connect+proto", "connect-json": "application/connect+json",
                  "grpc-web": "application/grpc-web+proto", "grpc-web-text": "application/grpc-web-text"}
# What the Fetch standard lets a page read without access-control-expose-headers.
SAFELISTED = {"cache-control", "content-language", "content-length", "content-type", "expires", "last-modified", "pragma"}


def ask(port, version, path, body=b"", *fields, method="POST", content_type=None):
    fields = [*((("content-type", content_type),) if content_type else ()), *fields]
    if version == "HTTP/1.1":
        length = [f"content-length: {len(body)}"] if method == "POST" else []
        with Http1Peer(port) as peer:
            peer.send(request(f"{method} {path} HTTP/1.1", HOST, *length, *(f"{name}: {value}" for name, value in fields), body=body))
            answer = peer.answer(has_body=method != "HEAD")
        return answer
    with RawClient(Place(port)) as client:
        stream = client.connection.get_next_available_stream_id()
        client.connection.send_headers(
            stream, [(":method", method), (":scheme", "http"), (":path", path), (":authority", "test"), *fields], end_stream=not body)
        client.flush()
        if body:
            client.send(stream, body)
        found = client.answer(stream)
        # RFC 9113, 8.1: after a whole response, NO_ERROR asks for no more of the request.
        assert any(isinstance(event, h2.events.StreamEnded) for event in client.events) and found.pop("reset", 0) == 0, found
        data = b"".join(event.data for event in client.events
                        if isinstance(event, h2.events.DataReceived) and event.stream_id == stream)
    return Answer(int(found.pop(":status")), found, data)


def follow(port, version, path, body, *fields, content_type, begun):
    """A stream to its end, by curl: `h2` takes nothing behind a GOAWAY. `begun` is called when the answer's first bytes have come."""
    options = [f"-H{name}: {value}" for name, value in (("content-type", content_type), *fields)]
    versions = {"HTTP/1.1": "--http1.1", "HTTP/2": "--http2-prior-knowledge"}
    with subprocess.Popen(["curl", "-sS", "-i", "-N", versions[version], *options, "--data-binary", "@-", f"http://127.0.0.1:{port}{path}"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as curl:
        curl.stdin.write(body)
        curl.stdin.close()
        received = curl.stdout.read1(65_536)
        begun()
        received += curl.stdout.read()
    assert curl.returncode == 0, received
    head, body = received.split(b"\r\n\r\n", 1)
    status, *lines = head.decode().split("\r\n")
    return Answer(int(status.split(" ")[1]), {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}, body)


def envelope(message, flags=0):
    return struct.pack(">BI", flags, len(message)) + message


def envelopes(body):
    """The flags and the payload of each envelope."""
    found = []
    while body:
        flags, length = struct.unpack(">BI", body[:5])
        assert len(body) >= 5 + length, body
        found.append((flags, body[5:5 + length]))
        body = body[5 + length:]
    return found


def decode_text(body):
    """The bytes of gRPC-Web text: base64 that may be padded at any place."""
    assert len(body) % 4 == 0, body
    return b"".join(base64.b64decode(body[start:start + 4], validate=True) for start in range(0, len(body), 4))


def encode(message, protocol, streams=False):
    """A request message as the body of a call."""
    if protocol == "connect-json":
        payload = json_format.MessageToJson(message).encode()
    else:
        payload = message.SerializeToString()
    if protocol.startswith("connect") and not streams:
        return payload
    framed = envelope(payload)
    return base64.b64encode(framed) if protocol == "grpc-web-text" else framed


class Readable:
    """What a page of `origin` can read of an answer: nothing unless CORS allows it."""

    def __init__(self, answer, origin):
        assert answer.fields.get("access-control-allow-origin") == origin, answer
        assert "origin" in answer.fields.get("vary", "").lower(), answer
        exposed = {name.strip().lower() for name in answer.fields["access-control-expose-headers"].split(",")}
        self.status = answer.status
        self.fields = {name: value for name, value in answer.fields.items() if name in exposed | SAFELISTED}
        self.body = answer.body


class Refusal:
    """A refused call: its status' name, its reason, its fields' violations and its retry delay."""

    def __init__(self, readable, protocol, streams=False):
        self.http_status = readable.status
        self.reason, self.violations, self.retry_seconds = "", [], None
        if protocol.startswith("grpc-web"):
            self._read_trailers(readable)
        elif streams:
            *_, (flags, payload) = envelopes(readable.body)
            assert (readable.status, flags) == (200, 2), readable.body
            self._read_json(json.loads(payload)["error"])
        else:
            assert readable.fields["content-type"] == "application/json"
            self._read_json(json.loads(readable.body))
            if self.retry_seconds is not None:
                assert int(readable.fields["retry-after"]) >= self.retry_seconds > 0

    def _read_trailers(self, readable):
        body = readable.body
        if readable.fields["content-type"].startswith("application/grpc-web-text"):
            body = decode_text(body)
        *_, (flags, block) = envelopes(body)
        # The status is in the body's last frame, never in headers.
        assert (readable.status, flags) == (200, 0x80) and "grpc-status" not in readable.fields, readable.fields
        assert block.endswith(b"\r\n") and not block.endswith(b"\r\n\r\n")
        trailers = dict(line.split(": ", 1) for line in block.decode().split("\r\n")[:-1])
        self.code = CODES[int(trailers["grpc-status"])]
        packed = trailers.get("grpc-status-details-bin", "")
        for detail in status_pb2.Status.FromString(base64.b64decode(packed + "=" * (-len(packed) % 4))).details:
            self._read_detail(detail.type_url.rpartition("/")[2], detail.value)

    def _read_json(self, error):
        self.code = error["code"]
        for detail in error.get("details", []):
            value = detail["value"]
            assert "=" not in value, "unpadded"
            self._read_detail(detail["type"], base64.b64decode(value + "=" * (-len(value) % 4)))

    def _read_detail(self, name, value):
        if name == "google.rpc.ErrorInfo":
            self.reason = error_details_pb2.ErrorInfo.FromString(value).reason
        elif name == "google.rpc.BadRequest":
            self.violations = [violation.field for violation in error_details_pb2.BadRequest.FromString(value).field_violations]
        elif name == "google.rpc.RetryInfo":
            delay = error_details_pb2.RetryInfo.FromString(value).retry_delay
            self.retry_seconds = delay.seconds + delay.nanos / 1e9


CODES = ["ok", "canceled", "unknown", "invalid_argument", "deadline_exceeded", "not_found", "already_exists", "permission_denied",
         "resource_exhausted", "failed_precondition", "aborted", "out_of_range", "unimplemented", "internal", "unavailable", "data_loss",
         "unauthenticated"]

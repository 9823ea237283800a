"""A client of gRPC, gRPC-Web and Connect that builds requests and reads responses by hand, over
HTTP/1.1 and HTTP/2: what `http.client` and `h2` do not do is written here, nothing of it is ours.
"""

import base64
import dataclasses
import gzip
import http.client
import json
import re
import socket
import ssl
import struct
import urllib.parse

import conformance_pb2 as schema
import h2.config
import h2.connection
import h2.events
from google.protobuf import any_pb2, json_format
from google.rpc import status_pb2

SERVICE = "connectrpc.conformance.v1.ConformanceService"
SECONDS_MAX = 10
UNARY = ("Unary", "IdempotentUnary", "Unimplemented")
CODES = schema.Code.DESCRIPTOR.values_by_number
# Connect's names of codes.
CODE_NUMBERS = {value.name[5:].lower(): value.number for value in schema.Code.DESCRIPTOR.values}
TYPES = {
    "Unary": (schema.UnaryRequest, schema.UnaryResponse),
    "IdempotentUnary": (schema.IdempotentUnaryRequest, schema.IdempotentUnaryResponse),
    "ServerStream": (schema.ServerStreamRequest, schema.ServerStreamResponse),
    "ClientStream": (schema.ClientStreamRequest, schema.ClientStreamResponse),
    "BidiStream": (schema.BidiStreamRequest, schema.BidiStreamResponse),
    "Unimplemented": (schema.UnimplementedRequest, schema.UnimplementedResponse),
}


@dataclasses.dataclass(frozen=True)
class Format:
    protocol: str  # grpc, grpc-web, connect
    codec: str = "proto"
    compression: str = "identity"

    def content_type(self, method):
        if self.protocol != "connect":
            return f"application/{self.protocol}+{self.codec}"
        return f"application/{self.codec}" if method in UNARY else f"application/connect+{self.codec}"

    def is_framed(self, method):
        return self.protocol != "connect" or method not in UNARY

    def encoding_names(self, method):
        """The headers that name a request's compression, and those that a response may have."""
        if self.protocol != "connect":
            return "grpc-encoding", "grpc-accept-encoding"
        return ("content-encoding", "accept-encoding") if method in UNARY else ("connect-content-encoding", "connect-accept-encoding")

    def headers(self, method):
        headers = [("content-type", self.content_type(method))]
        headers += [("connect-protocol-version", "1")] if self.protocol == "connect" else [("te", "trailers")]
        if self.compression != "identity":
            headers += [(name, self.compression) for name in self.encoding_names(method)]
        return headers

    def encoded(self, message):
        text = json_format.MessageToJson(message, indent=None).encode() if self.codec == "json" else message.SerializeToString()
        return gzip.compress(text) if self.compression == "gzip" else text

    def body(self, method, messages):
        if not self.is_framed(method):
            return b"".join(self.encoded(message) for message in messages)
        return b"".join(envelope(self.encoded(message), self.compression == "gzip") for message in messages)

    def decoded(self, data, kind):
        return json_format.Parse(data, kind()) if self.codec == "json" else kind.FromString(data)


def envelope(data, flags=0):
    return struct.pack(">BI", flags, len(data)) + data


@dataclasses.dataclass
class Answer:
    """A response as HTTP has it."""
    status: int
    headers: list
    body: bytes
    trailers: list


@dataclasses.dataclass
class Result:
    """What a call came to; `code` 0 is success."""
    http_status: int
    headers: dict
    code: int = 0
    message: str = ""
    details: list = dataclasses.field(default_factory=list)
    messages: list = dataclasses.field(default_factory=list)
    trailers: dict = dataclasses.field(default_factory=dict)


def grouped(fields):
    names = {}
    for name, value in fields:
        names.setdefault(name.lower(), []).append(value)
    return names


def frames(body):
    while body:
        flags, count = struct.unpack(">BI", body[:5])
        assert len(body) >= 5 + count, body
        yield flags, body[5:5 + count]
        body = body[5 + count:]


def unpadded(text):
    return base64.b64decode(text + "=" * (-len(text) % 4))


class Http2:
    """One connection; one call at a time."""

    def __init__(self, port, context=None):
        self.socket = socket.create_connection(("127.0.0.1", port), SECONDS_MAX)
        if context:
            context.set_alpn_protocols(["h2"])
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
            assert self.socket.selected_alpn_protocol() == "h2"
        self.scheme = "https" if context else "http"
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.connection.initiate_connection()
        self.flush()

    def flush(self):
        self.socket.sendall(self.connection.data_to_send())

    def send(self, verb, path, headers, body=b""):
        stream = self.connection.get_next_available_stream_id()
        self.connection.send_headers(
            stream, [(":method", verb), (":scheme", self.scheme), (":path", path), (":authority", "localhost"), *headers])
        answer, ended, sent = Answer(0, [], b"", []), False, 0
        while not ended:
            while body is not None and (sent < len(body) or not body):
                room = min(self.connection.local_flow_control_window(stream), self.connection.max_outbound_frame_size)
                if body and not room:
                    break
                part = body[sent:sent + room]
                sent += len(part)
                self.connection.send_data(stream, part, end_stream=sent == len(body))
                if sent == len(body):
                    body = None
            self.flush()
            data = self.socket.recv(65_536)
            assert data, "the connection ended"
            for event in self.connection.receive_data(data):
                if getattr(event, "stream_id", stream) != stream:
                    continue
                if isinstance(event, h2.events.ResponseReceived):
                    answer.status, answer.headers = int(dict(event.headers)[":status"]), event.headers[1:]
                elif isinstance(event, h2.events.DataReceived):
                    answer.body += event.data
                    self.connection.acknowledge_received_data(event.flow_controlled_length, stream)
                elif isinstance(event, h2.events.TrailersReceived):
                    answer.trailers = event.headers
                elif isinstance(event, h2.events.StreamEnded):
                    ended = True
                elif isinstance(event, h2.events.StreamReset):
                    body = None
                    assert answer.trailers or event.error_code == 0, event
        if body is not None:
            self.connection.reset_stream(stream)
        self.flush()
        return answer


class Http1:
    def __init__(self, port, context=None):
        if context:
            context.set_alpn_protocols(["http/1.1"])
            self.connection = http.client.HTTPSConnection("localhost", port, timeout=SECONDS_MAX, context=context)
        else:
            self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS_MAX)

    def send(self, verb, path, headers, body=b""):
        self.connection.putrequest(verb, path, skip_accept_encoding=True)
        for name, value in headers:
            if name != "te":
                self.connection.putheader(name, value)
        if verb != "GET":
            self.connection.putheader("content-length", str(len(body)))
        self.connection.endheaders(body)
        with self.connection.getresponse() as response:
            return Answer(response.status, response.getheaders(), response.read(), [])


class ConnectPeer:
    def __init__(self, version, port, certificate=None):
        context = ssl.create_default_context(cafile=certificate) if certificate else None
        self.transport = (Http2 if version == 2 else Http1)(port, context)

    def raw(self, verb, path, headers, body=b""):
        return self.transport.send(verb, path, headers, body)

    def call(self, method, format, messages, headers=()):
        answer = self.raw("POST", f"/{SERVICE}/{method}", [*format.headers(method), *headers], format.body(method, messages))
        return read(answer, method, format)

    def get(self, format, request, headers=(), **parameters):
        """A Connect GET; `parameters` stand in for those that it would have, None for none."""
        data = format.encoded(request)
        query = {"message": base64.urlsafe_b64encode(data).decode(), "base64": "1", "encoding": format.codec, "connect": "v1"}
        if format.compression != "identity":
            query["compression"] = format.compression
        query = {name: value for name, value in (query | parameters).items() if value is not None}
        answer = self.raw("GET", f"/{SERVICE}/IdempotentUnary?{urllib.parse.urlencode(query)}", list(headers))
        return read(answer, "IdempotentUnary", format)


def read(answer, method, format):
    """Reads a response as its protocol says it is."""
    kind = TYPES[method][1]
    headers = grouped(answer.headers)
    result = Result(answer.status, headers)
    if format.protocol == "connect" and method in UNARY:
        result.trailers = {name[8:]: values for name, values in headers.items() if name.startswith("trailer-")}
        if answer.status == 200:
            result.messages = [format.decoded(expanded(answer.body, headers, "content-encoding"), kind)]
        elif headers.get("content-type") == ["application/json"]:
            connect_error(json.loads(answer.body), result)
        else:
            result.code = None
        return result
    assert answer.status == 200, answer
    # "application/grpc" means protobuf.
    assert headers["content-type"][0].removesuffix("+proto") == format.content_type(method).removesuffix("+proto") or \
        format.protocol == "connect" and headers["content-type"] == [format.content_type(method)], answer
    name = format.encoding_names(method)[0]
    has_end = False
    for flags, data in frames(answer.body):
        assert not has_end, "a frame behind the end of the response"
        data = expanded(data, headers, name) if flags & 1 else data
        if flags & ~1 == 0:
            result.messages.append(format.decoded(data, kind))
        elif format.protocol == "grpc-web":
            assert flags == 0x80, "trailers that are compressed, or reserved flags"
            has_end, result.trailers = True, web_trailers(data)
        else:
            assert (format.protocol, flags) == ("connect", 2)
            has_end, end = True, json.loads(data)
            assert set(end) <= {"error", "metadata"}, end
            result.trailers = grouped((name, value) for name, values in end.get("metadata", {}).items() for value in values)
            if "error" in end:
                connect_error(end["error"], result)
    # The status is nowhere else: a page sees no trailers of HTTP.
    assert has_end == (format.protocol != "grpc"), "a response without its end"
    assert format.protocol == "grpc" or not answer.trailers and "grpc-status" not in headers, answer
    if format.protocol != "connect":
        grpc_status(result.trailers or grouped(answer.trailers) or headers, result, answer, format)
    return result


def web_trailers(block):
    """gRPC-Web's trailers: a header block of HTTP/1.1 without the empty line at its end, names in
    lower case."""
    *lines, rest = block.split(b"\r\n")
    assert rest == b"" and all(re.fullmatch(rb"[a-z0-9!#$%&'*+.^_`|~-]+: ?[ -~\x80-\xff]*", line) for line in lines), block
    trailers = grouped(tuple(part.strip() for part in line.decode().split(":", 1)) for line in lines)
    assert len(trailers.get("grpc-status", [])) == 1, block
    return trailers


def expanded(data, headers, name):
    return gzip.decompress(data) if headers.get(name) == ["gzip"] else data


def connect_error(error, result):
    result.code, result.message = CODE_NUMBERS[error["code"]], error.get("message", "")
    for detail in error.get("details", []):
        assert "/" not in detail["type"] and "=" not in detail["value"], detail
        result.details.append(any_pb2.Any(type_url=f"type.googleapis.com/{detail['type']}", value=unpadded(detail["value"])))


def grpc_status(fields, result, answer, format):
    if format.protocol == "grpc":
        result.trailers = fields
    result.code = int(fields["grpc-status"][0])
    result.message = urllib.parse.unquote(fields.get("grpc-message", [""])[0])
    if "grpc-status-details-bin" in fields:
        status = status_pb2.Status.FromString(unpadded(fields["grpc-status-details-bin"][0]))
        assert (status.code, status.message) == (result.code, result.message)
        result.details = list(status.details)

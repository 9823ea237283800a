"""Stock clients of Connect, gRPC-Web and gRPC: PyPI's connectrpc and sonora, and buf curl."""

import base64
import json
import os
import pathlib
import subprocess
import sys

import sonora.client
from connectrpc.client import ConnectClientSync
from connectrpc.compat import google_protobuf_binary_codec, google_protobuf_json_codec
from connectrpc.errors import ConnectError
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.protocol import ProtocolType
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2
from journeys import Refused
from pyqwest import HTTPVersion, SyncClient, SyncHTTPTransport
from server import PROJECT
from web_peer import CODES

SECONDS = 60
BUF = pathlib.Path(sys.executable).parent / "buf"
REASON = "google.rpc.ErrorInfo"


class ConnectPython:
    """connectrpc; its requests are compressed."""
    shows_details = True

    def __init__(self, address, protocol, codec="proto", version="HTTP/2", gets=False):
        self.gets = gets
        http = SyncHTTPTransport(http_version={"HTTP/1.1": HTTPVersion.HTTP1, "HTTP/2": HTTPVersion.HTTP2}[version])
        self.client = ConnectClientSync(
            f"http://{address}", protocol={"connect": ProtocolType.CONNECT, "grpc": ProtocolType.GRPC, "grpc-web": ProtocolType.GRPC_WEB}[protocol],
            codec={"proto": google_protobuf_binary_codec, "json": google_protobuf_json_codec}[codec](),
            http_client=SyncClient(http), timeout_ms=SECONDS * 1000)

    def unary(self, method, request, token):
        return self._call(lambda info, headers: self.client.execute_unary(
            request=request, method=info, headers=headers, use_get=self.gets and method.name.startswith("Get")), method, StreamType.UNARY, token)

    def stream(self, method, request, token):
        return self._call(lambda info, headers: list(self.client.execute_server_stream(request=request, method=info, headers=headers)),
                          method, StreamType.SERVER_STREAM, token)

    def open_stream(self, method, request, token):
        """The responses as they come."""
        return self._call(lambda info, headers: iter(self.client.execute_server_stream(request=request, method=info, headers=headers)),
                          method, StreamType.SERVER_STREAM, token)

    def _call(self, call, method, kind, token):
        info = MethodInfo(name=method.name, service_name=method.service, input=method.request, output=method.response,
                          idempotency_level=IdempotencyLevel.NO_SIDE_EFFECTS if self.gets else IdempotencyLevel.UNKNOWN, stream_type=kind)
        try:
            return call(info, {"authorization": f"Bearer {token}"} if token else {})
        except ConnectError as error:
            reasons = [error_details_pb2.ErrorInfo.FromString(detail.message_bytes).reason
                       for detail in error.details if detail.type_name == REASON]
            raise Refused(error.code.value, "".join(reasons)) from error


class Sonora:
    """sonora: gRPC-Web over HTTP/1.1. It shows no details of a refused unary call."""
    shows_details = False

    def __init__(self, address):
        self.channel = sonora.client.insecure_web_channel(f"http://{address}")

    def unary(self, method, request, token):
        call = self.channel.unary_unary(method.path, method.request.SerializeToString, method.response.FromString)
        try:
            return call(request, timeout=SECONDS, metadata=self._metadata(token))
        except sonora.protocol.WebRpcError as error:
            raise Refused(CODES[error.code().value[0]], "") from error

    def stream(self, method, request, token):
        call = self.channel.unary_stream(method.path, method.request.SerializeToString, method.response.FromString)
        responses = call(request, timeout=SECONDS, metadata=self._metadata(token))
        try:
            return list(responses)
        except sonora.protocol.WebRpcError as error:
            # Envoy sends the status of a response without messages in its headers.
            trailers = dict(responses.trailing_metadata() or responses.initial_metadata())
            packed = trailers.get("grpc-status-details-bin", "")
            information = error_details_pb2.ErrorInfo()
            for detail in status_pb2.Status.FromString(base64.b64decode(packed + "=" * (-len(packed) % 4))).details:
                detail.Unpack(information)
            raise Refused(CODES[error.code().value[0]], information.reason) from error

    @staticmethod
    def _metadata(token):
        return [("authorization", f"Bearer {token}")] if token else []


def schema_image(folder):
    """The compiled schema for buf: compiling it at each call would take longer than the call."""
    image = pathlib.Path(folder) / "schema.binpb"
    _buf("build", str(PROJECT / "proto"), "-o", str(image), check=True)
    return image


class BufCurl:
    """buf curl: connect-go's client. Without a schema it asks the server's reflection."""
    shows_details = True

    def __init__(self, address, protocol, version="HTTP/2", schema=None):
        self.address = address
        self.options = ["--protocol", protocol.replace("-", ""), *(["--http2-prior-knowledge"] if version == "HTTP/2" else []),
                        *(["--schema", str(schema)] if schema else ["--reflect"])]

    def unary(self, method, request, token):
        response, = self.stream(method, request, token)
        return response

    def stream(self, method, request, token):
        headers = ["-H", f"authorization: Bearer {token}"] if token else []
        done = _buf("curl", *self.options, *headers, "-d", json_format.MessageToJson(request), f"http://{self.address}{method.path}")
        if done.returncode:
            error = json.loads(done.stderr)
            reasons = [error_details_pb2.ErrorInfo.FromString(base64.b64decode(detail["value"] + "==")).reason
                       for detail in error.get("details", []) if detail["type"] == REASON]
            raise Refused(error["code"], "".join(reasons))
        return [json_format.ParseDict(value, method.response()) for value in _values(done.stdout)]


def _values(text):
    """The JSON values that follow each other in a text."""
    values, place, decoder = [], 0, json.JSONDecoder()
    while text[place:].strip():
        place += len(text[place:]) - len(text[place:].lstrip())
        value, place = decoder.raw_decode(text, place)
        values.append(value)
    return values


def _buf(*arguments, check=False):
    """It keeps files in a home; these calls make none that another sees."""
    done = subprocess.run([BUF, *arguments], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
                          env={**os.environ, "BUF_CACHE_DIR": os.environ["STREAKD_TEST_RUN"] + "/buf"})
    assert not check or done.returncode == 0, done.stderr
    return done

"""Compressed responses of Connect and gRPC-Web: compressed where the caller takes gzip and it makes
them smaller, and only then; errors are never compressed."""

import base64
import gzip
import json
import urllib.parse

import interop_pb2 as messages
import pytest
from journeys import method
from person import Person
from server import Server, open_folder
from streak.v1 import export_pb2
from web_clients import ConnectPython
from web_peer import FORMATS, STREAM_FORMATS, VERSIONS, ask, decode_text, encode, envelope, envelopes

UNARY = "/grpc.testing.TestService/UnaryCall"
STREAM = "/grpc.testing.TestService/StreamingOutputCall"
EXPORT = "/streak.v1.ExportService/Export"
ORIGIN = ("origin", "https://app.example.com")
SIZE = 10_000
versions = pytest.mark.parametrize("version", VERSIONS)
TAKING_GZIP = ["gzip", "identity, gzip", "deflate,gzip , br", "br;q=1.0, gzip;q=0.8, *;q=0.1", "GZIP"]
NOT_TAKING_GZIP = [None, "", "identity", "br", "gzip;q=0", "xgzip", "gzip-2, deflate"]


@pytest.fixture(scope="module")
def port(interop_address):
    return int(interop_address.rpartition(":")[2])


def unary(size=SIZE, code=0):
    status = messages.EchoStatus(code=code, message="as asked") if code else None
    return messages.SimpleRequest(response_size=size, response_compressed=messages.BoolValue(value=True), response_status=status)


def accepting(name, value):
    return ((name, value),) if value is not None else ()


def names_of(protocol, streams=False):
    """The field that names a response's coding, and the one by which a caller asks for it."""
    if not protocol.startswith("connect"):
        return "grpc-encoding", "grpc-accept-encoding"
    return ("connect-content-encoding", "connect-accept-encoding") if streams else ("content-encoding", "accept-encoding")


def ask_for(port, version, protocol, path, message, coding, streams=False):
    fields = accepting(names_of(protocol, streams)[1], coding)
    content_type = (STREAM_FORMATS if streams else FORMATS)[protocol]
    return ask(port, version, path, encode(message, protocol, streams), *fields, content_type=content_type)


def page(body, protocol):
    if protocol == "connect-json":
        return base64.b64decode(json.loads(body)["payload"]["body"])
    return messages.SimpleResponse.FromString(body).payload.body


def frames(answer, protocol):
    return envelopes(decode_text(answer.body) if protocol == "grpc-web-text" else answer.body)


# MARK: unary calls of Connect

@versions
@pytest.mark.parametrize("protocol", ["connect", "connect-json"])
@pytest.mark.parametrize("coding", TAKING_GZIP)
def test_a_unary_response_of_connect_is_compressed_as_a_whole(port, version, protocol, coding):
    answer = ask_for(port, version, protocol, UNARY, unary(), coding)
    assert (answer.status, answer.fields["content-type"], answer.fields["content-encoding"]) == (200, FORMATS[protocol], "gzip")
    assert len(answer.body) < SIZE / 10 and page(gzip.decompress(answer.body), protocol) == bytes(SIZE)
    if version == "HTTP/1.1":
        assert int(answer.fields["content-length"]) == len(answer.body)


@versions
@pytest.mark.parametrize("protocol", ["connect", "connect-json"])
@pytest.mark.parametrize("coding", NOT_TAKING_GZIP)
def test_a_unary_response_of_connect_is_not_compressed_for_a_caller_that_does_not_take_it(port, version, protocol, coding):
    answer = ask_for(port, version, protocol, UNARY, unary(), coding)
    assert answer.status == 200 and "content-encoding" not in answer.fields and page(answer.body, protocol) == bytes(SIZE)


@versions
@pytest.mark.parametrize("protocol", ["connect", "connect-json"])
def test_what_compression_would_make_larger_goes_as_it_is(port, version, protocol):
    answer = ask_for(port, version, protocol, UNARY, unary(size=0), "gzip")
    assert answer.status == 200 and "content-encoding" not in answer.fields
    assert answer.body in ((b"", b"\x0a\x00") if protocol == "connect" else (b"{}", b'{"payload":{}}'))


@versions
@pytest.mark.parametrize("protocol", ["connect", "connect-json"])
def test_an_error_of_connect_is_not_compressed(port, version, protocol):
    answer = ask_for(port, version, protocol, UNARY, unary(code=5), "gzip")
    assert (answer.status, answer.fields["content-type"]) == (404, "application/json") and "content-encoding" not in answer.fields
    assert json.loads(answer.body) == {"code": "not_found", "message": "as asked"}


@versions
def test_a_request_in_an_unknown_coding_is_told_the_known_ones(port, version):
    answer = ask(port, version, UNARY, b"x", ("content-encoding", "br"), ("accept-encoding", "gzip"), content_type="application/proto")
    assert (answer.status, answer.fields["accept-encoding"]) == (501, "identity,gzip") and "content-encoding" not in answer.fields
    assert json.loads(answer.body)["code"] == "unimplemented"


# MARK: frames and envelopes

@versions
@pytest.mark.parametrize("protocol", FORMATS)
@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("coding", TAKING_GZIP[:3])
def test_a_message_in_a_frame_is_compressed_by_itself(port, version, protocol, streams, coding):
    if protocol.startswith("connect") and not streams:
        return
    message = unary()
    if streams:
        # The second one would be larger compressed.
        parameters = [messages.ResponseParameters(size=size, compressed=messages.BoolValue(value=True)) for size in (SIZE, 0)]
        message = messages.StreamingOutputCallRequest(response_parameters=parameters)
    answer = ask_for(port, version, protocol, STREAM if streams else UNARY, message, coding, streams)
    assert (answer.status, answer.fields[names_of(protocol, streams)[0]]) == (200, "gzip") and "content-encoding" not in answer.fields
    (flags, first), *others, (end_flags, end) = frames(answer, protocol)
    assert flags == 1 and len(first) < SIZE / 10 and page(gzip.decompress(first), protocol) == bytes(SIZE)
    assert [flags for flags, _ in others] == [0] * streams
    # The end is never compressed.
    if protocol.startswith("grpc-web"):
        assert end_flags == 0x80 and b"grpc-status: 0\r\n" in end
    else:
        assert end_flags == 2 and json.loads(end) == {}


@versions
@pytest.mark.parametrize("protocol", FORMATS)
@pytest.mark.parametrize("coding", NOT_TAKING_GZIP)
def test_a_message_in_a_frame_is_not_compressed_for_a_caller_that_does_not_take_it(port, version, protocol, coding):
    message = messages.StreamingOutputCallRequest(
        response_parameters=[messages.ResponseParameters(size=SIZE, compressed=messages.BoolValue(value=True))])
    answer = ask_for(port, version, protocol, STREAM, message, coding, streams=True)
    assert answer.status == 200 and names_of(protocol, True)[0] not in answer.fields
    (flags, first), _ = frames(answer, protocol)
    assert flags == 0 and page(first, protocol) == bytes(SIZE)


@versions
@pytest.mark.parametrize("protocol", FORMATS)
def test_an_error_behind_compressed_messages_is_readable(port, version, protocol):
    message = messages.StreamingOutputCallRequest(
        response_parameters=[messages.ResponseParameters(size=SIZE, compressed=messages.BoolValue(value=True))],
        response_status=messages.EchoStatus(code=5, message="as asked"))
    (flags, _), (end_flags, end) = frames(ask_for(port, version, protocol, STREAM, message, "gzip", streams=True), protocol)
    assert flags == 1
    if protocol.startswith("grpc-web"):
        assert end_flags == 0x80 and {b"grpc-status: 5", b"grpc-message: as asked"} <= set(end.split(b"\r\n"))
    else:
        assert end_flags == 2 and json.loads(end) == {"error": {"code": "not_found", "message": "as asked"}}


# MARK: requests

# Field lines, and whether the coding is known: RFC 9110, 8.4 and 8.4.1.
CODINGS = [(("gzip",), True), (("GZIP",), True), (("x-gzip",), True), (("identity, Gzip",), True), (("gzip,\t",), True), (("", "gzip"), True),
           (("gzip", "identity"), True), (("gzip", "gzip"), False), (("gzip, gzip",), False), (("gzip;q=1",), False), (("gzip br",), False),
           (("br",), False), (("gzip", "br"), False), (("gzip2",), False)]


def small():
    return messages.SimpleRequest(response_size=5)


def code_of(answer, protocol, streams=False):
    """The name, or gRPC's number, of an answer's status."""
    if protocol.startswith("connect") and not streams:
        return "ok" if answer.status == 200 else json.loads(answer.body)["code"]
    *_, (_, end) = frames(answer, protocol)
    if protocol.startswith("connect"):
        return json.loads(end).get("error", {"code": "ok"})["code"]
    return int(end.split(b"grpc-status: ")[1].split(b"\r\n")[0])


@versions
@pytest.mark.parametrize("lines, known", CODINGS)
def test_connects_requests_are_in_http_s_content_codings(port, version, lines, known):
    """HTTP/2 takes no spaces around a value."""
    lines = [line.strip() for line in lines] if version == "HTTP/2" else [f" {line} \t" for line in lines]
    expected = "ok" if known else "unimplemented"
    body = gzip.compress(small().SerializeToString())
    answer = ask(port, version, UNARY, body, *(("content-encoding", line) for line in lines), content_type="application/proto")
    assert code_of(answer, "connect") == expected
    body = envelope(gzip.compress(messages.StreamingOutputCallRequest().SerializeToString()), flags=1)
    answer = ask(port, version, STREAM, body, *(("connect-content-encoding", line) for line in lines), content_type=STREAM_FORMATS["connect"])
    assert code_of(answer, "connect", streams=True) == expected


@versions
@pytest.mark.parametrize("coding, known", [("gzip", True), ("GZIP", False), ("x-gzip", False), ("identity,gzip", False)])
def test_grpc_s_codings_are_named_exactly(port, version, coding, known):
    body = envelope(gzip.compress(small().SerializeToString()), flags=1)
    answer = ask(port, version, UNARY, body, ("grpc-encoding", coding), content_type=FORMATS["grpc-web"])
    assert code_of(answer, "grpc-web") == (0 if known else 12)


WHOLE = gzip.compress(bytes(1_000), mtime=0)
# None: the body ends within a prefix.
CORRUPT = {"cut short": WHOLE[:-1], "a part of the header": WHOLE[:9], "a wrong checksum": WHOLE[:-5] + bytes([WHOLE[-5] ^ 1]) + WHOLE[-4:],
           "more behind it": WHOLE + b"x", "plain": b"not gzip", "cut off": None}


@versions
@pytest.mark.parametrize("protocol", FORMATS)
@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("bad", CORRUPT.values(), ids=CORRUPT)
def test_corrupt_gzip_and_a_body_that_ends_within_a_message_are_the_caller_s_fault(port, version, protocol, streams, bad):
    """INTERNAL in gRPC ("Status codes and their use in gRPC"). Connect names no status; connect-go answers invalid_argument."""
    is_connect = protocol.startswith("connect")
    naming = names_of(protocol, streams)[0]
    body = bad if bad is not None else bytes(3)
    if streams or not is_connect:
        body = envelope(body, flags=1) if bad is not None else body
    elif bad is None:
        return
    if protocol == "grpc-web-text":
        body = base64.b64encode(body)
    answer = ask(port, version, STREAM if streams else UNARY, body, (naming, "gzip"), content_type=(STREAM_FORMATS if streams else FORMATS)[protocol])
    assert code_of(answer, protocol, streams) == ("invalid_argument" if is_connect else 13)


# MARK: the service

@pytest.fixture(scope="module")
def web():
    with open_folder() as folder, Server(folder=folder, arguments=("--web-origins", ORIGIN[1])) as running, Person(running) as person:
        person.sign_up()
        yield running, person.metadata


@versions
@pytest.mark.parametrize("protocol", FORMATS)
@pytest.mark.parametrize("coding", ["gzip", None])
def test_an_export_is_compressed_for_a_page_that_takes_it(web, version, protocol, coding):
    server, token = web
    naming, asking = names_of(protocol, streams=True)
    answer = ask(server.port, version, EXPORT, encode(export_pb2.ExportRequest(format=export_pb2.EXPORT_FORMAT_JSON), protocol, streams=True),
                 ORIGIN, *token, *accepting(asking, coding), content_type=STREAM_FORMATS[protocol])
    assert answer.status == 200 and answer.fields.get(naming) == coding
    assert any(flags == 1 for flags, _ in frames(answer, protocol)) == (coding is not None)
    # A page must know the coding to read the messages.
    assert naming in answer.fields["access-control-expose-headers"] and answer.fields["vary"] == "origin"


@versions
@pytest.mark.parametrize("coding", ["gzip", None])
def test_a_get_says_that_its_answer_depends_on_the_accepted_codings(web, version, coding):
    server, token = web
    answer = ask(server.port, version, "/streak.v1.AccountService/GetAccount?connect=v1&encoding=json&message=%7B%7D", b"", ORIGIN, *token,
                 *accepting("accept-encoding", coding), method="GET")
    assert answer.status == 200 and "accept-encoding" in answer.fields["vary"], answer


@versions
@pytest.mark.parametrize("coding, known", [(lines[0], known) for lines, known in CODINGS if len(lines) == 1])
def test_the_message_of_a_get_is_in_http_s_content_codings(web, version, coding, known):
    server, token = web
    message = base64.urlsafe_b64encode(gzip.compress(b"{}"))
    query = urllib.parse.urlencode({"encoding": "json", "base64": 1, "compression": coding, "message": message})
    answer = ask(server.port, version, f"/streak.v1.AccountService/GetAccount?{query}", b"", *token, method="GET")
    assert code_of(answer, "connect") == ("ok" if known else "unimplemented")


@pytest.mark.parametrize(("protocol", "codec"), [("connect", "proto"), ("connect", "json"), ("grpc-web", "proto")])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_stock_client_expands_what_was_compressed(web, protocol, codec, version):
    server, ((_, bearer),) = web
    answers = ConnectPython(server.address, protocol, codec, version).stream(
        method("Export"), export_pb2.ExportRequest(format=export_pb2.EXPORT_FORMAT_JSON), bearer.removeprefix("Bearer "))
    document = b"".join(answer.chunk for answer in answers)
    assert len(document) == answers[-1].manifest.document_bytes and json.loads(document)

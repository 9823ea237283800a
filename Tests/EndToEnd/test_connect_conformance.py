"""The Connect conformance suite's requirements of a server, over every protocol, codec,
compression and HTTP version: the program that the suite starts, and calls made by hand."""

import base64
import contextlib
import dataclasses
import itertools
import signal
import struct
import subprocess
import time

import conformance_pb2 as schema
import pytest
from connect_peer import SERVICE, TYPES, UNARY, Answer, ConnectPeer, Format, envelope, read
from google.protobuf import any_pb2
from server import PROGRAMS

MESSAGE_BYTES_MAX = 200 * 1024
RESPONSE = b"test response"
HEADERS = [("x-custom-header", "a"), ("x-custom-header", "b"), ("x-custom-header-bin", base64.b64encode(b"\x00\xff").decode().rstrip("="))]
TRAILERS = [("x-custom-trailer", "c"), ("x-custom-trailer", "d")]
SENT = [("x-conformance-test", "Value1"), ("x-conformance-test", "Value2"), ("x-conformance-test-bin", "AP8")]
MESSAGE = "oops: \t% “später”\n"
DETAIL = any_pb2.Any()
DETAIL.Pack(schema.Header(name="a", value=["b"]))
INVALID_ARGUMENT, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL = 3, 4, 8, 12, 13
FORMATS = [Format(*parts) for parts in itertools.product(["grpc", "grpc-web", "connect"], ["proto", "json"], ["identity", "gzip"])]


@contextlib.contextmanager
def conformance_server(certificates=None, client_authority=b""):
    """The program, started as the suite starts it."""
    wanted = schema.ServerCompatRequest(
        protocol=schema.PROTOCOL_CONNECT, http_version=schema.HTTP_VERSION_2, message_receive_limit=MESSAGE_BYTES_MAX,
        use_tls=certificates is not None, client_tls_cert=client_authority)
    if certificates:
        wanted.server_creds.cert = (certificates / "server.pem").read_bytes()
        wanted.server_creds.key = (certificates / "server.key").read_bytes()
    process = subprocess.Popen([str(PROGRAMS / "connect-conformance-server")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        data = wanted.SerializeToString()
        process.stdin.write(struct.pack(">I", len(data)) + data)
        process.stdin.close()
        (count,) = struct.unpack(">I", process.stdout.read(4))
        process.answer = schema.ServerCompatResponse.FromString(process.stdout.read(count))
        assert process.answer.host == "127.0.0.1"
        assert process.answer.pem_cert == wanted.server_creds.cert
        yield process
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def servers(certificates):
    with conformance_server() as plain, conformance_server(certificates) as tls:
        yield {False: (plain.answer.port, None), True: (tls.answer.port, str(certificates / "ca.pem"))}


def header_messages(fields):
    names = {}
    for name, value in fields:
        names.setdefault(name, []).append(value)
    return [schema.Header(name=name, value=values) for name, values in names.items()]


def definition(method, responses=1, error=None, delay=0):
    """The definition of the answer."""
    common = dict(
        response_headers=header_messages(HEADERS), response_trailers=header_messages(TRAILERS), response_delay_ms=delay)
    if method in UNARY or method == "ClientStream":
        chosen = dict(error=error) if error else dict(response_data=RESPONSE)
        return schema.UnaryResponseDefinition(**common, **chosen)
    return schema.StreamResponseDefinition(**common, response_data=[RESPONSE] * responses, error=error)


def requests(method, definition=None, full_duplex=False, count=None):
    kind = TYPES[method][0]
    more = dict(full_duplex=True) if full_duplex else {}
    first = kind(response_definition=definition, request_data=b"\x00first", **more)
    count = count or (2 if method in ("ClientStream", "BidiStream") else 1)
    return [first] + [kind(request_data=b"next")] * (count - 1)


def check_info(info, sent, timeout=None):
    seen = {header.name: list(header.value) for header in info.request_headers}
    assert seen["x-conformance-test"] == ["Value1", "Value2"] or seen["x-conformance-test"] == ["Value1, Value2"]
    assert [value.rstrip("=") for value in seen["x-conformance-test-bin"]] == ["AP8"]
    for seen, message in zip(info.requests, sent, strict=True):
        copy = type(message)()
        assert seen.Unpack(copy)
        assert copy == message
    assert info.HasField("timeout_ms") == (timeout is not None)
    assert timeout is None or timeout - 1_000 <= info.timeout_ms <= timeout


def check_metadata(result):
    assert ", ".join(result.headers["x-custom-header"]) == "a, b"
    assert result.headers["x-custom-header-bin"] == ["AP8"]
    assert ", ".join(result.trailers["x-custom-trailer"]) == "c, d"


def timeout_header(format, milliseconds):
    return ("connect-timeout-ms", str(milliseconds)) if format.protocol == "connect" else ("grpc-timeout", f"{milliseconds}m")


def methods(version):
    return [
        (method, is_full_duplex)
        for method, is_full_duplex in [
            ("Unary", False), ("IdempotentUnary", False), ("ServerStream", False), ("ClientStream", False),
            ("BidiStream", False), ("BidiStream", True)]
        if version == 2 or method != "BidiStream"
    ]


@pytest.fixture(params=[1, 2], ids=lambda version: f"HTTP/{version}")
def way(request, servers):
    """A version of HTTP and a connection that speaks it."""
    return request.param, ConnectPeer(request.param, *servers[False])


def every_way(formats=FORMATS):
    """Calls by each version of HTTP in each format; gRPC needs HTTP/2."""
    ways = [(version, format) for version in (1, 2) for format in formats if (version, format.protocol) != (1, "grpc")]
    return pytest.mark.parametrize(
        "way, format", ways, indirect=["way"],
        ids=[f"HTTP/{version} {format.protocol} {format.codec} {format.compression}" for version, format in ways])


@pytest.mark.parametrize("tls", [False, True], ids=["", "TLS"])
@every_way()
def test_calls(way, format, servers, tls):
    version = way[0]
    peer = ConnectPeer(version, *servers[tls])
    for method, full_duplex in methods(version):
        sent = requests(method, definition(method, responses=2), full_duplex)
        result = peer.call(method, format, sent, [*SENT, timeout_header(format, 30_000)])
        assert (result.code, result.message, result.details) == (0, "", []), (method, result)
        is_stream = method in ("ServerStream", "BidiStream")
        assert [message.payload.data for message in result.messages] == [RESPONSE] * (1 + is_stream)
        check_metadata(result)
        infos = [message.payload.request_info for message in result.messages]
        check_info(infos[0], sent[:1] if full_duplex else sent, 30_000)
        if full_duplex:
            assert len(infos[1].requests) == 1 and not infos[1].request_headers


@every_way()
def test_errors(way, format):
    version, peer = way
    for place, (method, full_duplex) in enumerate(methods(version)):
        # All codes over all methods.
        for code in range(1 + place % 4, 17, 4):
            responses = 2 if code > 8 and method in ("ServerStream", "BidiStream") else 0
            error = schema.Error(code=code, message=MESSAGE, details=[DETAIL, DETAIL])
            sent = requests(method, definition(method, responses, error), full_duplex)
            result = peer.call(method, format, sent, SENT)
            assert (result.code, result.message) == (code, MESSAGE), (method, result)
            assert len(result.messages) == responses
            assert result.details[:2] == [DETAIL, DETAIL]
            check_metadata(result)
            if responses:
                assert len(result.details) == 2
            else:
                info = schema.ConformancePayload.RequestInfo()
                assert len(result.details) == 3 and result.details[2].Unpack(info)
                # A full-duplex call without responses ends with its first request.
                check_info(info, sent[:1] if full_duplex else sent)


@every_way()
def test_calls_without_anything(way, format):
    version, peer = way
    for method, _ in methods(version):
        result = peer.call(method, format, [TYPES[method][0]()])
        assert result.code == 0, result
        assert len(result.messages) == (0 if method in ("ServerStream", "BidiStream") else 1)
    error = schema.Error(code=UNIMPLEMENTED)
    result = peer.call("Unary", format, [schema.UnaryRequest(response_definition=schema.UnaryResponseDefinition(error=error))])
    assert (result.code, result.message) == (UNIMPLEMENTED, "")
    for method in ("ClientStream", *(["BidiStream"] if version == 2 else [])):
        assert peer.call(method, format, []).code == 0


@every_way()
def test_deadlines(way, format):
    version, peer = way
    for method, full_duplex in methods(version):
        sent = requests(method, definition(method, delay=5_000), full_duplex)
        started = time.monotonic()
        result = peer.call(method, format, sent, [timeout_header(format, 20)])
        assert (result.code, result.details) == (DEADLINE_EXCEEDED, []), result
        assert time.monotonic() - started < 2


@every_way([format for format in FORMATS if (format.codec, format.compression) != ("json", "gzip")])
def test_message_sizes(way, format):
    version, peer = way
    plain = Format(format.protocol, format.codec)
    # Base64 has steps of four characters for three bytes.
    step, width = (3, 4) if format.codec == "json" else (1, 1)
    for method in ["Unary", "ServerStream", "ClientStream", *["BidiStream"] * (version == 2)]:
        sent = requests(method, definition(method))
        sent[-1].request_data = bytes((MESSAGE_BYTES_MAX - 1024) // width // 3 * 3 * step)
        room = MESSAGE_BYTES_MAX - len(plain.encoded(sent[-1]))
        sent[-1].request_data += bytes(room // width * step)
        assert MESSAGE_BYTES_MAX - width < len(plain.encoded(sent[-1])) <= MESSAGE_BYTES_MAX
        assert peer.call(method, format, sent).code == 0, method
        sent[-1].request_data += bytes(step)
        result = peer.call(method, format, sent)
        assert (result.code, result.details) == (RESOURCE_EXHAUSTED, []), (method, result)


@every_way()
def test_unknown_methods(way, format):
    version, peer = way
    result = peer.call("Unimplemented", format, [schema.UnimplementedRequest()])
    assert result.code == UNIMPLEMENTED or (format.protocol, result.http_status) == ("connect", 404), result
    answer = peer.raw("POST", "/connectrpc.conformance.v1.UnknownService/UnknownMethod", format.headers("Unary"), b"")
    if format.protocol == "connect":
        assert answer.status == 404
    else:
        assert read(answer, "Unary", format).code == UNIMPLEMENTED


@every_way()
def test_requests_that_no_method_takes(way, format):
    """Unsupported verbs, content types, codecs and compressions."""
    version, peer = way
    path, method = f"/{SERVICE}/Unary", "Unary"
    body = format.body(method, [schema.UnaryRequest()])
    headers = format.headers(method)
    for verb in ("DELETE", "PUT", "GET"):
        answer = peer.raw(verb, path, headers, b"" if verb == "GET" else body)
        assert (answer.status, dict(answer.headers)["allow"]) == (405, "POST")
    for kind in ("image/jpeg", f"application/{format.protocol}+foo", "application/foo", ""):
        answer = peer.raw("POST", path, [("content-type", kind)], body)
        assert answer.status == 415 and "application/json" in dict(answer.headers)["accept-post"]
    name = format.encoding_names(method)[0]
    answer = peer.raw("POST", path, [*((n, v) for n, v in Format(format.protocol, format.codec).headers(method)), (name, "foo")], body)
    result = read(answer, method, format)
    assert result.code == UNIMPLEMENTED
    assert "gzip" in result.headers[format.encoding_names(method)[1]][0]


@every_way([Format(protocol) for protocol in ("grpc", "grpc-web", "connect")])
def test_bodies_that_no_method_takes(way, format):
    """No message, more than one, a compressed one without a compression, half of one."""
    version, peer = way
    for method in ("Unary", "ServerStream"):
        if not format.is_framed(method):
            continue
        message = envelope(format.encoded(TYPES[method][0]()))
        for body, code in [
                (b"", UNIMPLEMENTED), (message * 2, UNIMPLEMENTED), (envelope(b"", 1), INTERNAL),
                (message[:4], INVALID_ARGUMENT if format.protocol == "connect" else INTERNAL),
                (envelope(b"\xff"), INVALID_ARGUMENT)]:
            result = read(peer.raw("POST", f"/{SERVICE}/{method}", format.headers(method), body), method, format)
            assert result.code == code, (method, body, result)


def test_odd_timeouts(way):
    version, peer = way
    for format, values in [
            (Format("connect"), {"0": DEADLINE_EXCEEDED, "9999999999": 0, "00": DEADLINE_EXCEEDED, "10000000000": INVALID_ARGUMENT,
                                 "-1": INVALID_ARGUMENT, "1.5": INVALID_ARGUMENT, "": INVALID_ARGUMENT, "1e3": INVALID_ARGUMENT}),
            (Format("grpc-web"), {"0n": DEADLINE_EXCEEDED, "99999999H": 0, "99999999S": 0, "1n": DEADLINE_EXCEEDED,
                                  "100000000S": INTERNAL, "1": INTERNAL, "1x": INTERNAL, "": INTERNAL, "-1S": INTERNAL})]:
        name = timeout_header(format, 0)[0]
        for value, code in values.items():
            sent = requests("Unary", definition("Unary", delay=20 if code == DEADLINE_EXCEEDED else 0))
            assert peer.call("Unary", format, sent, [(name, value)]).code == code, value


@pytest.mark.parametrize("codec", ["proto", "json"])
@pytest.mark.parametrize("compression", ["identity", "gzip"])
def test_get(way, codec, compression):
    version, peer = way
    format = Format("connect", codec, compression)
    message = requests("IdempotentUnary", definition("IdempotentUnary"))[0]
    result = peer.get(format, message, [*SENT, ("connect-timeout-ms", "30000")], unknown="x")
    assert result.code == 0, result
    info = result.messages[0].payload.request_info
    check_info(info, [message], 30_000)
    seen = {parameter.name: list(parameter.value) for parameter in info.connect_get_info.query_params}
    assert seen["encoding"] == [codec] and seen["unknown"] == ["x"] and seen.get("compression", ["identity"]) == [compression]
    check_metadata(result)
    error = schema.Error(code=INVALID_ARGUMENT, message=MESSAGE)
    result = peer.get(format, requests("IdempotentUnary", definition("IdempotentUnary", error=error))[0])
    assert (result.code, result.message, result.http_status) == (INVALID_ARGUMENT, MESSAGE, 400)
    # With and without padding, and a text that is not base64.
    padded = base64.urlsafe_b64encode(format.encoded(schema.IdempotentUnaryRequest(request_data=b"1"))).decode()
    assert peer.get(format, message, message=padded.rstrip("=")).code == 0
    for parameters in [dict(encoding="foo"), dict(encoding=None), dict(message=None), dict(message="*"), dict(connect="v2"), dict(base64="x")]:
        assert peer.get(format, message, **parameters).code == INVALID_ARGUMENT, parameters
    assert peer.get(format, message, compression="foo").code == UNIMPLEMENTED
    assert peer.raw("GET", f"/{SERVICE}/Unary?encoding=json&message=%7B%7D", []).status == 405


def test_get_whose_names_are_escaped_and_that_has_other_parameters_twice(way):
    version, peer = way
    query = "utm=1&m%65ssage=%7B%7D&utm=2&%63onnect=%76%31&encoding=js%6Fn&bad%zz=%zz&base64=%30"
    assert read(peer.raw("GET", f"/{SERVICE}/IdempotentUnary?{query}", []), "IdempotentUnary", Format("connect", "json")).code == 0
    answer = peer.raw("GET", f"/{SERVICE}/IdempotentUnary?{query}&%6Dessage=", [])
    assert read(answer, "IdempotentUnary", Format("connect", "json")).code == INVALID_ARGUMENT


def test_get_of_text(way):
    version, peer = way
    path = f"/{SERVICE}/IdempotentUnary?message=%7B%22requestData%22:%22YQ%22%7D&connect=v1&encoding=json"
    result = read(peer.raw("GET", path, []), "IdempotentUnary", Format("connect", "json"))
    request = schema.IdempotentUnaryRequest()
    assert result.messages[0].payload.request_info.requests[0].Unpack(request) and request.request_data == b"a"


@pytest.mark.parametrize("text", [
    b"{\"requestData\": \"\xff\"}", b"{", b"{\"requestData\": 1}", b"{\"requestData\": \"YQ\", \"requestData\": \"YQ\"}", b"[" * 50_000,
    b"{\"responseDefinition\": {\"responseDelayMs\": 1e400}}", b"{\"responseDefinition\": {\"responseDelayMs\": -1}}",
    b"{\"responseDefinition\": {\"error\": {\"details\": [{\"@type\": \"a/b\"}]}}}", b"{\"x\": " * 200 + b"1" + b"}" * 200, b"",
])
def test_json_that_is_no_request(way, text):
    version, peer = way
    for format in [Format("connect", "json"), Format("grpc-web", "json")]:
        body = envelope(text) if format.is_framed("Unary") else text
        result = read(peer.raw("POST", f"/{SERVICE}/Unary", format.headers("Unary"), body), "Unary", format)
        assert result.code == INVALID_ARGUMENT, result
        assert ":" in result.message


@pytest.mark.parametrize(("code", "text"), [
    (0, b' \n\t{}\r\n '), (0, b'{"responseDefinition":null,"requestData":null}'), (0, b'{"request_data":"YQ=="}'),
    (0, b'{"responseDefinition":{"responseDelayMs":"1"}}'), (0, b'{"responseDefinition":{"responseDelayMs":1e0}}'),
    (0, b'{"unknown":{"a":[1,2,{"b":"NaN"}]}}'), (0, b'{"requestData":"_-8"}'), (0, b'{"requestData":"_-8="}'),
    (5, b'{"responseDefinition":{"error":{"code":5}}}'), (5, b'{"responseDefinition":{"error":{"code":"CODE_NOT_FOUND"}}}'),
    (5, b'{"responseDefinition":{"error":{"code":5,"message":"\\ud83d\\ude00"}}}'),
    *((INVALID_ARGUMENT, text) for text in (
        b'{"responseDefinition":{"error":{"code":"NO_SUCH"}}}', b'{"responseDefinition":{"error":{"code":1.5}}}',
        b'{"responseDefinition":{"responseDelayMs":4294967296}}', b'{"responseDefinition":{"responseDelayMs":true}}',
        b'{"responseDefinition":{"responseDelayMs":" 1"}}', b'{"responseDefinition":{"responseDelayMs":01}}',
        b'{"responseDefinition":{"responseDelayMs":NaN}}', b'{"unknown":NaN}', b'{"request_data":"YQ==","requestData":"YQ=="}',
        b'{"responseDefinition":{"responseHeaders":[null]}}', b'{"responseDefinition":{"responseData":"YQ==","error":{"code":5}}}',
        b'{"responseDefinition":{"error":{"code":5,"message":"\\ud83d"}}}', b'{"responseDefinition":{"error":{"code":5,"message":"a\x01b"}}}',
        b'{"requestData":"YQ ="}', b'{"requestData":"YQ="}', b'{"requestData":"YQ==",}', b'\xef\xbb\xbf{}', b'{} {}', b'[]', b'null', b'"x"')),
])
def test_values_of_json_at_their_edges(way, code, text):
    version, peer = way
    result = read(peer.raw("POST", f"/{SERVICE}/Unary", Format("connect", "json").headers("Unary"), text), "Unary", Format("connect", "json"))
    assert result.code == code, result


@pytest.mark.parametrize(("status", "content_type"), [
    (200, "application/json; charset=utf-8"), (200, "APPLICATION/JSON"), (200, "application/json;"), (415, "application/x-json"),
    (415, "application/json, application/proto"),
])
def test_content_types_with_parameters_and_in_other_case(way, status, content_type):
    version, peer = way
    assert peer.raw("POST", f"/{SERVICE}/Unary", [("content-type", content_type)], b"{}").status == status


def test_bidirectional_calls_need_http2(servers):
    peer = ConnectPeer(1, *servers[False])
    answer = peer.raw("POST", f"/{SERVICE}/BidiStream", Format("connect").headers("BidiStream"), b"")
    assert (answer.status, dict(answer.headers)["connection"]) == (505, "close")


def test_client_certificates(certificates):
    authority = (certificates / "ca.pem").read_bytes()
    with conformance_server(certificates, authority) as process:
        with pytest.raises((OSError, AssertionError)):
            ConnectPeer(2, process.answer.port, str(certificates / "ca.pem")).call("Unary", Format("grpc"), requests("Unary"))


def test_ends_with_its_runner():
    """The suite's runner closes standard input once it has written its request, as this test's context does, and makes
    its calls then; standard output it closes when it ends."""
    with conformance_server() as process:
        peer = ConnectPeer(2, process.answer.port)
        for _ in range(2):
            assert peer.call("Unary", Format("connect"), requests("Unary")).code == 0
        process.stdout.close()
        assert process.wait(timeout=10) == 0
        process.poll = lambda: None


def test_ends_on_a_signal():
    with conformance_server() as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
        process.poll = lambda: None


@pytest.mark.parametrize("body", [
    pytest.param(b"", id="no trailers"),
    pytest.param(envelope(b""), id="a message without trailers"),
    pytest.param(envelope(b"grpc-status: 0\r\n", 0x80) * 2, id="trailers twice"),
    pytest.param(envelope(b"grpc-status: 0\r\n", 0x80) + envelope(b""), id="a message behind the trailers"),
    pytest.param(envelope(b"grpc-status: 0\r\n", 0x80) + b"\0", id="bytes behind the trailers"),
    pytest.param(envelope(b"Grpc-Status: 0\r\n", 0x80), id="a name in upper case"),
    pytest.param(envelope(b"grpc-status: 0\r\n\r\n", 0x80), id="an empty line"),
    pytest.param(envelope(b"grpc-status: 0", 0x80), id="no line end"),
    pytest.param(envelope(b"grpc-message: x\r\n", 0x80), id="no status"),
    pytest.param(envelope(b"", 0x80), id="nothing in the trailers"),
    pytest.param(envelope(b"grpc-status: 0\r\n", 0x82), id="a reserved flag"),
])
def test_the_reader_of_these_tests_is_strict_with_trailers_in_the_body(body):
    answer = Answer(200, [("content-type", "application/grpc-web+proto")], envelope(b"") + body, [])
    with pytest.raises((AssertionError, struct.error)):
        read(answer, "Unary", Format("grpc-web"))
    assert read(dataclasses.replace(answer, body=envelope(b"grpc-status: 0\r\n", 0x80)), "Unary", Format("grpc-web")).code == 0

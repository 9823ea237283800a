"""gRPC's interop test descriptions, as far as stock grpcio can run them, with our runtime's interop
server.

grpcio does not show a response's compressed flag: RPCTests check it on the wire.
"""

import threading
import time

import grpc
import interop_pb2 as messages
import interop_pb2_grpc as services
import pytest

REQUEST_SIZES = [27_182, 8, 1_828, 45_904]
RESPONSE_SIZES = [31_415, 9, 2_653, 58_979]
SPECIAL_MESSAGE = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"
YES, NO = messages.BoolValue(value=True), messages.BoolValue(value=False)


@pytest.fixture
def stub(interop_address):
    with grpc.insecure_channel(interop_address) as channel:
        yield services.TestServiceStub(channel)


def payload(size):
    return messages.Payload(body=bytes(size))


def parameters(size, **more):
    return messages.ResponseParameters(size=size, **more)


def test_empty_unary(stub):
    assert stub.EmptyCall(messages.Empty(), timeout=10) == messages.Empty()


def test_cacheable_unary(stub):
    """Without a caching proxy the answers differ; the server marks them as cacheable."""
    call = stub.CacheableUnaryCall.with_call
    answers = [call(messages.SimpleRequest(payload=payload(8)), metadata=(("x-user-ip", "1.2.3.4"),), timeout=10) for _ in range(2)]
    first, second = (int(answer.payload.body) for answer, _ in answers)
    assert 0 < first < second
    assert ("cache-control", "max-age=60, public") in list(answers[0][1].initial_metadata())


def test_large_unary(stub):
    answer = stub.UnaryCall(messages.SimpleRequest(response_size=314_159, payload=payload(271_828)), timeout=10)
    assert answer.payload.body == bytes(314_159)


def test_large_unary_calls_at_once(stub):
    """More than a connection has room for at once: the others wait, and none is refused
    (concurrent_large_unary)."""
    request = messages.SimpleRequest(response_size=9, payload=payload(271_828))
    calls = [stub.UnaryCall.future(request, timeout=60) for _ in range(1_000)]
    assert [len(call.result().payload.body) for call in calls] == [9] * 1_000


def test_a_payload_type_that_the_protocol_does_not_have(stub):
    with pytest.raises(grpc.RpcError) as caught:
        stub.UnaryCall(messages.SimpleRequest(response_type=1), timeout=10)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(grpc.RpcError) as caught:
        list(stub.StreamingOutputCall(messages.StreamingOutputCallRequest(response_type=1), timeout=10))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("compressed", [True, False])
def test_client_compressed_unary(stub, compressed):
    """The request's description of its own compression must be checked."""
    request = messages.SimpleRequest(response_size=314_159, payload=payload(271_828), expect_compressed=YES)
    with pytest.raises(grpc.RpcError) as caught:
        stub.UnaryCall(request, compression=grpc.Compression.NoCompression, timeout=10)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    request.expect_compressed.value = compressed
    coding = grpc.Compression.Gzip if compressed else grpc.Compression.NoCompression
    assert stub.UnaryCall(request, compression=coding, timeout=10).payload.body == bytes(314_159)


@pytest.mark.parametrize("compressed", [YES, NO])
def test_server_compressed_unary(stub, compressed):
    call = stub.UnaryCall.with_call(
        messages.SimpleRequest(response_size=314_159, payload=payload(271_828), response_compressed=compressed), timeout=10)
    answer, details = call
    assert answer.payload.body == bytes(314_159)


def test_client_streaming(stub):
    answer = stub.StreamingInputCall(
        (messages.StreamingInputCallRequest(payload=payload(size)) for size in REQUEST_SIZES), timeout=10)
    assert answer.aggregated_payload_size == 74_922


def test_client_compressed_streaming(stub):
    requests = [messages.StreamingInputCallRequest(payload=payload(size), expect_compressed=YES) for size in (27_182, 45_904)]
    with pytest.raises(grpc.RpcError) as caught:
        stub.StreamingInputCall(iter(requests), timeout=10)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    answer = stub.StreamingInputCall(iter(requests), compression=grpc.Compression.Gzip, timeout=10)
    assert answer.aggregated_payload_size == 73_086


def test_server_streaming(stub):
    answers = stub.StreamingOutputCall(
        messages.StreamingOutputCallRequest(response_parameters=[parameters(size) for size in RESPONSE_SIZES]), timeout=10)
    assert [len(answer.payload.body) for answer in answers] == RESPONSE_SIZES


def test_server_compressed_streaming(stub):
    answers = stub.StreamingOutputCall(
        messages.StreamingOutputCallRequest(response_parameters=[
            parameters(31_415, compressed=YES), parameters(92_653, compressed=NO)]), timeout=10)
    assert [len(answer.payload.body) for answer in answers] == [31_415, 92_653]


def test_ping_pong(stub):
    turn = threading.Semaphore(0)

    def requests():
        for request_size, response_size in zip(REQUEST_SIZES, RESPONSE_SIZES):
            yield messages.StreamingOutputCallRequest(
                response_parameters=[parameters(response_size)], payload=payload(request_size))
            assert turn.acquire(timeout=10)

    sizes = []
    for answer in stub.FullDuplexCall(requests(), timeout=20):
        sizes.append(len(answer.payload.body))
        turn.release()
    assert sizes == RESPONSE_SIZES


@pytest.mark.parametrize("excess", [0, 1])
def test_half_duplex_holds_so_many_responses_and_no_more(stub, excess):
    requests = [messages.StreamingOutputCallRequest(response_parameters=[parameters(0)] * (10_000 + excess))]
    call = stub.HalfDuplexCall(iter(requests), timeout=30)
    if excess:
        with pytest.raises(grpc.RpcError) as caught:
            list(call)
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    else:
        assert len(list(call)) == 10_000


def test_half_duplex(stub):
    requests = (messages.StreamingOutputCallRequest(response_parameters=[parameters(size)]) for size in RESPONSE_SIZES)
    assert [len(answer.payload.body) for answer in stub.HalfDuplexCall(requests, timeout=10)] == RESPONSE_SIZES


def test_empty_stream(stub):
    assert list(stub.FullDuplexCall(iter(()), timeout=10)) == []


def test_custom_metadata(stub):
    value, binary = "test_initial_metadata_value", bytes(range(256))
    metadata = (("x-grpc-test-echo-initial", value), ("x-grpc-test-echo-trailing-bin", binary))
    _, call = stub.UnaryCall.with_call(
        messages.SimpleRequest(response_size=314_159, payload=payload(271_828)), metadata=metadata, timeout=10)
    assert ("x-grpc-test-echo-initial", value) in list(call.initial_metadata())
    assert ("x-grpc-test-echo-trailing-bin", binary) in list(call.trailing_metadata())
    duplex = stub.FullDuplexCall(
        iter([messages.StreamingOutputCallRequest(response_parameters=[parameters(314_159)])]), metadata=metadata, timeout=10)
    assert ("x-grpc-test-echo-initial", value) in list(duplex.initial_metadata())
    assert len(list(duplex)) == 1
    assert ("x-grpc-test-echo-trailing-bin", binary) in list(duplex.trailing_metadata())


def test_status_code_and_message(stub):
    status = messages.EchoStatus(code=2, message="test status message")
    with pytest.raises(grpc.RpcError) as caught:
        stub.UnaryCall(messages.SimpleRequest(response_status=status), timeout=10)
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.UNKNOWN, "test status message")
    duplex = stub.FullDuplexCall(iter([messages.StreamingOutputCallRequest(response_status=status)]), timeout=10)
    assert (duplex.code(), duplex.details()) == (grpc.StatusCode.UNKNOWN, "test status message")


@pytest.mark.parametrize("message", [SPECIAL_MESSAGE, " a b ", " ", "x  ", "%20"])
def test_special_status_message(stub, message):
    with pytest.raises(grpc.RpcError) as caught:
        stub.UnaryCall(messages.SimpleRequest(response_status=messages.EchoStatus(code=2, message=message)), timeout=10)
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.UNKNOWN, message)


def test_unimplemented_method(stub):
    with pytest.raises(grpc.RpcError) as caught:
        stub.UnimplementedCall(messages.Empty(), timeout=10)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_unimplemented_service(interop_address):
    with grpc.insecure_channel(interop_address) as channel, pytest.raises(grpc.RpcError) as caught:
        services.UnimplementedServiceStub(channel).UnimplementedCall(messages.Empty(), timeout=10)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_cancel_after_begin(stub):
    blocked = threading.Event()

    def requests():
        blocked.wait(20)
        yield from ()

    call = stub.StreamingInputCall.future(requests(), timeout=20)
    call.cancel()
    assert call.code() == grpc.StatusCode.CANCELLED
    blocked.set()


def test_cancel_after_first_response(stub):
    blocked = threading.Event()

    def requests():
        yield messages.StreamingOutputCallRequest(response_parameters=[parameters(31_415)], payload=payload(27_182))
        blocked.wait(20)

    call = stub.FullDuplexCall(requests(), timeout=20)
    assert len(next(call).payload.body) == 31_415
    call.cancel()
    with pytest.raises(grpc.RpcError):
        next(call)
    assert call.code() == grpc.StatusCode.CANCELLED
    blocked.set()


def test_timeout_on_sleeping_server(stub):
    blocked = threading.Event()

    def requests():
        yield messages.StreamingOutputCallRequest(payload=payload(27_182))
        blocked.wait(20)

    call = stub.FullDuplexCall(requests(), timeout=0.001)
    with pytest.raises(grpc.RpcError):
        next(call)
    assert call.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    blocked.set()


def test_a_deadline_ends_a_server_that_sleeps_between_responses(stub):
    blocked = threading.Event()

    def requests():
        yield messages.StreamingOutputCallRequest(
            response_parameters=[parameters(31_415, interval_us=60_000_000)], payload=payload(27_182))
        blocked.wait(20)

    call = stub.FullDuplexCall(requests(), timeout=0.05)
    started = time.monotonic()
    with pytest.raises(grpc.RpcError):
        next(call)
    assert call.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - started < 10
    blocked.set()


def test_unknown_compression_is_unimplemented_and_says_what_is_known(interop_address):
    """The server does not support grpcio's deflate."""
    with grpc.insecure_channel(interop_address) as channel, pytest.raises(grpc.RpcError) as caught:
        services.TestServiceStub(channel).UnaryCall(
            messages.SimpleRequest(payload=payload(100_000)), compression=grpc.Compression.Deflate, timeout=10)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert "gzip" in caught.value.details()

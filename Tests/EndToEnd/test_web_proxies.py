"""nginx and Envoy in front: a person's first day by stock clients through each, and pairs of requests
that two readers of HTTP/1.1 may read differently."""

import base64
import json
import os

import pytest
from device import completion, pair  # noqa: F401
from http1_peer import Http1Peer, call, request
from journeys import method, travel
from proxies import envoy, nginx
from server import open_folder
from streak.v1 import sync_pb2
from web_clients import BufCurl, ConnectPython, Sonora, schema_image

START = method("StartSession").path


@pytest.fixture(scope="module")
def nginx_address(server):
    with open_folder() as folder, nginx(folder, server.address) as address:
        yield address


@pytest.fixture(scope="module")
def envoy_addresses(server):
    with open_folder() as folder, envoy(folder, server.address) as addresses:
        yield addresses


@pytest.mark.parametrize(("protocol", "codec"), [("connect", "proto"), ("connect", "json"), ("grpc-web", "proto")])
def test_connectrpc_through_nginx(nginx_address, protocol, codec):
    travel(ConnectPython(nginx_address, protocol, codec, "HTTP/1.1"))


def test_connectrpc_reads_by_get_through_nginx(nginx_address):
    travel(ConnectPython(nginx_address, "connect", "json", "HTTP/1.1", gets=True))


def test_sonora_through_nginx(nginx_address):
    travel(Sonora(nginx_address))


def test_buf_curl_through_nginx(nginx_address, tmp_path):
    travel(BufCurl(nginx_address, "connect", "HTTP/1.1", schema_image(tmp_path)))


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/2"])
def test_connectrpc_through_envoys_translator(envoy_addresses, version):
    travel(ConnectPython(envoy_addresses["translator"], "grpc-web", version=version))


def test_sonora_through_envoys_translator(envoy_addresses):
    travel(Sonora(envoy_addresses["translator"]))


@pytest.mark.parametrize(("protocol", "codec"), [("connect", "proto"), ("connect", "json"), ("grpc-web", "proto")])
def test_connectrpc_through_plain_envoy(envoy_addresses, protocol, codec):
    travel(ConnectPython(envoy_addresses["plain"], protocol, codec, "HTTP/1.1"))


def test_sonora_through_plain_envoy(envoy_addresses):
    travel(Sonora(envoy_addresses["plain"]))


# MARK: streams

@pytest.mark.parametrize(("proxy", "client"), [
    pytest.param("nginx", lambda address: ConnectPython(address, "connect", "proto", "HTTP/1.1"), id="nginx, Connect"),
    pytest.param("nginx", lambda address: ConnectPython(address, "connect", "json", "HTTP/1.1"), id="nginx, Connect with JSON"),
    pytest.param("nginx", lambda address: ConnectPython(address, "grpc-web", "proto", "HTTP/1.1"), id="nginx, gRPC-Web"),
    pytest.param("translator", lambda address: ConnectPython(address, "grpc-web", "proto", "HTTP/1.1"), id="Envoy's translator"),
    pytest.param("translator", lambda address: ConnectPython(address, "grpc-web", "proto", "HTTP/2"), id="Envoy's translator, HTTP/2"),
    pytest.param("plain", lambda address: ConnectPython(address, "connect", "proto", "HTTP/1.1"), id="Envoy, Connect"),
])
def test_each_message_of_an_open_stream_passes_the_proxy_at_once(nginx_address, envoy_addresses, pair, proxy, client):
    """Each message has a cause that comes after the one before it is read: none waits for the
    stream's end, which does not come."""
    phone, tablet, habit = pair
    address = nginx_address if proxy == "nginx" else envoy_addresses[proxy]
    (_, bearer), = tablet.metadata
    hints = client(address).open_stream(method("Watch"), sync_pb2.WatchRequest(), bearer.removeprefix("Bearer "))
    assert next(hints).cursor.change_number == tablet.cursor.change_number
    for _ in range(2):
        phone.make(**completion(habit, note=os.urandom(4).hex()))
        phone.sync()
        assert next(hints).cursor.change_number == phone.cursor.change_number


# MARK: request smuggling

HOST = "Host: test"
JSON = "Content-Type: application/json"
SMUGGLED = request("GET /smuggled HTTP/1.1", HOST, "X: ")[:-4]


def start_session(key):
    return json.dumps({"idempotencyKey": base64.b64encode(key).decode()}).encode()


def session_of(address, key):
    with Http1Peer(int(address.rpartition(":")[2])) as peer:
        peer.send(call(START, start_session(key)))
        answer = peer.answer()
        assert answer.status == 200, answer
        return json.loads(answer.body)["sessionId"]


@pytest.mark.parametrize("proxy", ["nginx", "envoy"])
@pytest.mark.parametrize("sent", [
    pytest.param(request(f"POST {START} HTTP/1.1", HOST, JSON, f"Content-Length: {5 + len(SMUGGLED)}", "Transfer-Encoding: chunked",
                         body=b"0\r\n\r\n" + SMUGGLED), id="CL.TE"),
    pytest.param(request(f"POST {START} HTTP/1.1", HOST, JSON, "Content-Length: 4", "Transfer-Encoding: chunked",
                         body=f"{len(SMUGGLED):x}\r\n".encode() + SMUGGLED + b"\r\n0\r\n\r\n"), id="TE.CL"),
    pytest.param(request(f"POST {START} HTTP/1.1", HOST, JSON, "Content-Length: 4", "Transfer-Encoding : chunked",
                         body=f"{len(SMUGGLED):x}\r\n".encode() + SMUGGLED + b"\r\n0\r\n\r\n"), id="TE with a space"),
    pytest.param(request(f"POST {START} HTTP/1.1", HOST, JSON, f"Content-Length: {5 + len(SMUGGLED)}", "Transfer-Encoding: xchunked",
                         body=b"0\r\n\r\n" + SMUGGLED), id="TE of another name"),
    pytest.param(request(f"POST {START} HTTP/1.1", HOST, JSON, f"Content-Length: {5 + len(SMUGGLED)}", "Transfer-Encoding: \x0bchunked",
                         body=b"0\r\n\r\n" + SMUGGLED), id="TE with a vertical tab"),
    pytest.param(request(f"POST {START} HTTP/1.1", HOST, JSON, f"Content-Length: {5 + len(SMUGGLED)}", "X: y\nTransfer-Encoding: chunked",
                         body=b"0\r\n\r\n" + SMUGGLED), id="TE after a bare LF"),
    pytest.param(request(f"POST {START} HTTP/1.1", HOST, JSON, "Content-Length: 0", f"Content-Length: {len(SMUGGLED)}", body=SMUGGLED),
                 id="CL.CL"),
    pytest.param(request(f"POST {START} HTTP/1.1", HOST, JSON, "Transfer-Encoding: chunked",
                         body=b"2;x\n\r\n{}\r\n0\r\n\r\n" + SMUGGLED), id="a chunk's extension with a bare LF"),
    pytest.param(request(f"POST {START} HTTP/1.1", HOST, JSON, "Transfer-Encoding: chunked",
                         body=b"1000000000000000002\r\n{}\r\n0\r\n\r\n" + SMUGGLED), id="a chunk's size that overflows"),
    pytest.param(request(f"GET {START} HTTP/1.1", HOST, f"Content-Length: {len(SMUGGLED)}", body=SMUGGLED), id="GET with a body"),
    pytest.param(request("POST /no.Service/Method HTTP/1.1", HOST, JSON, "Expect: 100-continue", f"Content-Length: {len(SMUGGLED)}",
                         body=SMUGGLED), id="refused before its body"),
])
def test_a_smuggled_request_takes_nobodys_answer(server, nginx_address, envoy_addresses, proxy, sent):
    """The proxies keep their connection to the server: what a request leaves there would be the
    beginning of the next one."""
    address = nginx_address if proxy == "nginx" else envoy_addresses["plain"]
    keys = [os.urandom(16) for _ in range(3)]
    sessions = [session_of(server.address, key) for key in keys]
    session_of(address, keys[0])
    with Http1Peer(int(address.rpartition(":")[2])) as attacker:
        attacker.send(sent)
        while (status := attacker.answer().status) == 100:
            pass
        assert status >= 400
        assert [session_of(address, key) for key in keys] == sessions

"""Stock clients of Connect, gRPC-Web and gRPC over HTTP/1.1 and HTTP/2: a person's first day by
each."""

import pytest
from journeys import travel
from web_clients import BufCurl, ConnectPython, Sonora, schema_image


@pytest.mark.parametrize(("protocol", "codec", "version"), [
    ("connect", "proto", "HTTP/1.1"), ("connect", "proto", "HTTP/2"), ("connect", "json", "HTTP/1.1"), ("connect", "json", "HTTP/2"),
    ("grpc-web", "proto", "HTTP/1.1"), ("grpc-web", "proto", "HTTP/2"), ("grpc-web", "json", "HTTP/1.1"),
    ("grpc", "proto", "HTTP/2"), ("grpc", "json", "HTTP/2"),
])
def test_connectrpc(server, protocol, codec, version):
    travel(ConnectPython(server.address, protocol, codec, version))


@pytest.mark.parametrize("codec", ["proto", "json"])
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/2"])
def test_connectrpc_reads_by_get(server, codec, version):
    travel(ConnectPython(server.address, "connect", codec, version, gets=True))


def test_sonora(server):
    travel(Sonora(server.address))


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    return schema_image(tmp_path_factory.mktemp("buf"))


@pytest.mark.parametrize(("protocol", "version"), [
    ("connect", "HTTP/1.1"), ("connect", "HTTP/2"), ("grpc-web", "HTTP/1.1"), ("grpc-web", "HTTP/2"), ("grpc", "HTTP/2")])
def test_buf_curl(server, schema, protocol, version):
    travel(BufCurl(server.address, protocol, version, schema))


def test_buf_curl_by_reflection(server):
    travel(BufCurl(server.address, "connect"))

"""The page's files as streakd serves them: by every version of HTTP, with the fields that protect
and cache them, and switched off."""

import gzip
import pathlib
import re
import subprocess

import pytest
from certificates import tls_arguments
from http1_peer import HOST, Http1Peer, request
from server import PROJECT, Server
from web_peer import VERSIONS, ask

FOLDER = PROJECT / "Sources/StreakWeb/Page"
FILES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file())
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; "
          "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json; charset=utf-8", ".json": "application/json; charset=utf-8",
         ".png": "image/png"}
GZIP = ("accept-encoding", "br;q=1.0, gzip;q=0.8, *;q=0.1")
# What the first visit loads, in compressed bytes (issue 24).
FIRST_LOAD_BYTES_MAX = 60_000
versions = pytest.mark.parametrize("version", VERSIONS)


def get(server, path, *fields, version="HTTP/1.1", method="GET"):
    return ask(server.port, version, path, b"", *fields, method=method)


@versions
def test_every_file_is_served_at_its_path(server, version):
    for name in FILES:
        content = (FOLDER / name).read_bytes()
        plain, packed = get(server, f"/{name}", version=version), get(server, f"/{name}", GZIP, version=version)
        assert (plain.status, plain.body) == (200, content) and "content-encoding" not in plain.fields
        assert plain.fields["content-type"] == TYPES[pathlib.Path(name).suffix], name
        assert plain.fields["content-length"] == str(len(content))
        if packed.fields.get("content-encoding") == "gzip":
            assert gzip.decompress(packed.body) == content and len(packed.body) < len(content)
            assert packed.fields["etag"] != plain.fields["etag"] and packed.fields["vary"] == plain.fields["vary"] == "accept-encoding"
        else:
            assert packed.body == content
    root = get(server, "/", version=version)
    assert (root.status, root.body) == (200, (FOLDER / "index.html").read_bytes())
    assert get(server, "/?from=a-link", version=version).body == root.body


@versions
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("fields", [(), (GZIP,)], ids=["plain", "gzip"])
def test_the_fields_of_every_answer(server, version, method, fields):
    whole = get(server, "/", *fields, version=version)
    for answer in (get(server, "/", *fields, version=version, method=method),
                   get(server, "/", *fields, ("if-none-match", whole.fields["etag"]), version=version, method=method)):
        assert answer.fields["content-security-policy"] == POLICY
        assert answer.fields["cache-control"] == "no-cache"
        assert answer.fields["x-content-type-options"] == "nosniff"
        assert answer.fields["referrer-policy"] == "no-referrer"
        assert answer.fields["cross-origin-opener-policy"] == "same-origin"
        assert "camera=()" in answer.fields["permissions-policy"]
        assert re.fullmatch(r'"[A-Za-z0-9_-]{22}(-gzip)?"', answer.fields["etag"])
        assert answer.fields["etag"] == whole.fields["etag"]
    if method == "HEAD":
        answer = get(server, "/", *fields, version=version, method="HEAD")
        assert (answer.status, answer.body) == (200, b"") and answer.fields["content-length"] == str(len(whole.body))


@versions
def test_a_known_version_is_not_sent_again(server, version):
    plain, packed = (get(server, "/index.html", *fields, version=version).fields["etag"] for fields in ((), (GZIP,)))
    for tag in (plain, f'"x", {plain}', f"W/{plain}", "*"):
        answer = get(server, "/index.html", ("if-none-match", tag), version=version)
        assert (answer.status, answer.body) == (304, b"") and answer.fields["etag"] == plain and "content-type" not in answer.fields
    for tag in (packed, '"x"', plain.strip('"')):
        assert get(server, "/index.html", ("if-none-match", tag), version=version).status == 200
    assert get(server, "/index.html", GZIP, ("if-none-match", packed), version=version).status == 304


@versions
@pytest.mark.parametrize("coding", ["gzip;q=0", "gzip; q=0.000", "identity", "deflate, br", "xgzip", ""])
def test_bytes_are_compressed_only_for_those_that_take_it(server, version, coding):
    assert "content-encoding" not in get(server, "/", ("accept-encoding", coding), version=version).fields


@versions
def test_what_is_no_file_is_not_found(server, version):
    for path in ("/index.htm", "//index.html", "/../index.html", "/Page/index.html", "/%69ndex.html", "/index.html/", "/streak.v1"):
        assert get(server, path, version=version).status == 404, path
    # A method's path stays a method's, and a file takes no POST.
    assert get(server, "/streak.v1.SessionService/StartSession", version=version).status == 405
    assert ask(server.port, version, "/", b"{}", content_type="application/json").status == 404


def test_a_connection_serves_files_and_calls(server):
    with Http1Peer(server.port) as peer:
        for _ in range(3):
            peer.send(request("GET / HTTP/1.1", HOST))
            assert peer.answer().status == 200
            peer.send(request("HEAD /index.html HTTP/1.1", HOST))
            assert peer.answer(has_body=False).status == 200
            peer.send(request("POST /streak.v1.SessionService/TakeStash HTTP/1.1", HOST, "Content-Type: application/json",
                              "Connect-Protocol-Version: 1", "Content-Length: 2", body=b"{}"))
            assert peer.answer().body == b"{}"


@pytest.mark.parametrize("option", ["--http1.1", "--http2"])
def test_files_are_served_with_tls(database, certificates, option):
    with Server(database=database, arguments=tls_arguments(certificates)) as server:
        done = subprocess.run(
            ["curl", "-sS", "-i", option, "--compressed", "--cacert", str(certificates / "ca.pem"), f"https://localhost:{server.port}/"],
            capture_output=True, check=True)
        head, body = done.stdout.split(b"\r\n\r\n", 1)
        assert b" 200" in head.split(b"\r\n")[0] and body == (FOLDER / "index.html").read_bytes()
        assert POLICY.encode() in head


def test_switched_off_there_is_no_page(database):
    with Server(database=database, arguments=["--web", "off"]) as server:
        for version in VERSIONS:
            for name in ("", *FILES):
                assert get(server, f"/{name}", version=version).status == 404
        assert not any("serving the page" in line for line in server.lines)


def test_files_count_for_the_limit_of_an_address(database):
    with Server(database=database, arguments=["--calls-per-address-max", "5"]) as server:
        assert any(f"http://localhost:{server.port}/" in line for line in server.lines if "serving the page" in line)
        with Http1Peer(server.port) as peer:
            statuses = []
            for _ in range(40):
                peer.send(request("GET / HTTP/1.1", HOST))
                answer = peer.answer()
                statuses.append(answer.status)
                if answer.status == 429:
                    break
        assert statuses[0] == 200 and statuses[-1] == 429 and answer.fields["retry-after"] == "1"

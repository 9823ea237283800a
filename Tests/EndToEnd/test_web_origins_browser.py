"""Pages of other origins in a real browser: Chromium lets a page of an allowed origin read what a
refusal says, and keeps the page of another origin from the service."""

import base64
import contextlib
import http.server
import threading

import pytest
from browsers import browser
from documents import scrape
from http1_peer import Answer, Http1Peer, call
from limits import declared
from server import Server
from streak.v1 import account_pb2, session_pb2
from web_peer import FORMATS, STREAM_FORMATS, Refusal, encode

pytestmark = pytest.mark.alone
TAKE_BACK = "/streak.v1.AccountService/TakeBackAddress"
START = "/streak.v1.SessionService/StartSession"
# Makes a call as a page does, and returns what the browser lets the page read.
FETCH = """
const [address, contentType, body] = arguments;
const bytes = (text) => Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
const headers = { "content-type": contentType, ...(contentType.includes("grpc-web") ? { "x-grpc-web": "1" } : { "connect-protocol-version": "1" }) };
const response = await fetch(address, { method: "POST", headers, body: bytes(body) }).catch((error) => error);
if (response instanceof Error) return { failure: response.name };
const answer = new Uint8Array(await response.arrayBuffer());
return { status: response.status, fields: Object.fromEntries(response.headers), body: btoa(String.fromCharCode(...answer)) };
"""


class EmptyPage(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        content = b"<!doctype html><title>another app</title><link rel=icon href=data:,>"
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def other_app():
    """The address of an app of another origin: its host and port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), EmptyPage) as app:
        threading.Thread(target=app.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{app.server_port}"
        app.shutdown()


def calls(server):
    """How many calls of the two methods there were, with any outcome."""
    return sum(float(line.split()[-1]) for line in scrape(server).splitlines()
               if line.startswith("streakd_rpc_") and "_total{" in line and ('TakeBackAddress"' in line or 'StartSession"' in line))


def exhaust(server, message):
    """Makes so many calls that the next one is refused."""
    with Http1Peer(server.port) as peer:
        for _ in range(declared(account_pb2, "TakeBackAddress").per_address.calls):
            peer.send(call(TAKE_BACK, encode(message, "connect-json")))
            assert peer.answer().status != 429


def test_a_page_of_another_origin_reads_refusals_if_it_is_allowed_and_does_not_reach_the_service_if_not(database, folder):
    message = account_pb2.TakeBackAddressRequest(token="x", new_password="correct horse battery staple")
    start = encode(session_pb2.StartSessionRequest(idempotency_key=bytes(16)), "connect-json")
    with other_app() as allowed, other_app() as refused:
        arguments = ("--web-origins", f"http://{allowed}", "--rate-limit-factor", "1", "--admin-listen", "127.0.0.1:0")
        with Server(database=database, arguments=arguments) as server, browser(allowed, folder / "profile") as page:
            def ask(path, content_type, body):
                return page.promise(FETCH, f"http://{server.address}{path}", content_type, base64.b64encode(body).decode())

            exhaust(server, message)
            page.open()
            for protocol in FORMATS:
                found = ask(TAKE_BACK, FORMATS[protocol], encode(message, protocol))
                answer = Answer(found["status"], found["fields"], base64.b64decode(found["body"]))
                refusal = Refusal(answer, protocol)
                assert (refusal.code, refusal.reason) == ("resource_exhausted", "TOO_MANY_REQUESTS"), protocol
                assert 0 < refusal.retry_seconds <= 3600, protocol
                assert found["status"] == (429 if protocol.startswith("connect") else 200)
            assert ask(START, "application/json", start)["status"] == 200

            # A page of an origin that is not allowed.
            before = calls(server)
            assert before > 0
            page.address = refused
            page.open()
            for protocol in FORMATS:
                assert ask(TAKE_BACK, FORMATS[protocol], encode(message, protocol)) == {"failure": "TypeError"}, protocol
            assert ask(START, "application/json", start) == {"failure": "TypeError"}
            assert ask("/streak.v1.ExportService/Export", STREAM_FORMATS["connect-json"], b"\0\0\0\0\2{}") == {"failure": "TypeError"}
            assert calls(server) == before

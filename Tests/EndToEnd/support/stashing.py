"""The stash as a page uses it: calls of Connect, and the cookie that a browser keeps."""

import re

from google.protobuf import json_format
from person import captured_session
from sessions import days, habit
from streak.v1 import session_pb2
from web_peer import ask, encode

STASH = "/streak.v1.SessionService/StashSession"
TAKE = "/streak.v1.SessionService/TakeStash"
VERSION = ("connect-protocol-version", "1")
COOKIE = "__Host-streak-session"
YEAR_SECONDS = 31_536_000


def post(server, path, message, *fields, version="HTTP/1.1", protocol="connect-json"):
    """A call with the header that Connect's clients send."""
    content_type = {"connect-json": "application/json", "connect": "application/proto"}[protocol]
    return ask(server.port, version, path, encode(message, protocol), VERSION, *fields, content_type=content_type)


def cookie(answer):
    """The value of the cookie that an answer sets, and its attributes."""
    name, value, attributes = re.fullmatch(r"([^=]+)=([^;]*); (.*)", answer.fields["set-cookie"]).groups()
    assert name == COOKIE
    return value, set(attributes.split("; "))


def sent(value):
    """The request's field with that cookie, among others."""
    return ("cookie", f"theme=dark; {COOKIE}={value}; x=y")


def capture(count=12, note=""):
    """A habit that was done on the last days, the last day with a note."""
    read = habit()
    entries = days(read, count)
    entries[-1].note = note
    return captured_session([read], entries)


def stash(server, session, captured, number=1, secret=None, unanchored=False, **options):
    return post(server, STASH, session_pb2.StashSessionRequest(
        session_id=session.id, session_secret=secret or session.secret, unanchored=unanchored, capture_number=number,
        captured=captured), **options)


def stashed(*arguments, **options):
    """The answer to a stash that is accepted, and the cookie's value."""
    answer = stash(*arguments, **options)
    assert answer.status == 200, answer
    return json_format.Parse(answer.body, session_pb2.StashSessionResponse()), cookie(answer)[0]


def take(server, *fields, session=None, remove=False, **options):
    request = session_pb2.TakeStashRequest(remove=remove)
    if session is not None:
        request.session_id, request.session_secret = session.id, session.secret
    return post(server, TAKE, request, *fields, **options)


def taken(*arguments, **options):
    """What an accepted call returns."""
    answer = take(*arguments, **options)
    assert answer.status == 200, answer
    return json_format.Parse(answer.body, session_pb2.TakeStashResponse())

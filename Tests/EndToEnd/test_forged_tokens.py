"""Tokens that no server issued: of another kind, with another owner, with a changed byte, written
otherwise. Each is refused like any wrong one, and none harms the genuine one beside it."""

import base64
import os

import pytest
from databases import database, sql  # noqa: F401
from mail_server import MailServer, arguments
from mailing import account, change_address, forget_password, verified, verify
from person import Person
from refusals import refusal
from server import Server
from streak.v1 import account_pb2, session_pb2

NEW = "a quite new password"


class Owner:
    """A person with one living token of each kind."""

    def __init__(self, server, mails):
        self.person = verified(Person(server), mails)
        former = self.person.email
        moved, further = (f"{os.urandom(8).hex()}@example.com" for _ in range(2))
        change_address(self.person, moved)
        verify(self.person, mails.to(moved).code)
        self.person.email = moved
        forget_password(self.person)
        change_address(self.person, further)
        started = self.person.sessions.StartSession(session_pb2.StartSessionRequest(idempotency_key=os.urandom(16)), timeout=30)
        self.user = account(self.person).user_id
        self.tokens = {
            "access": self.person.tokens.access_token, "refresh": self.person.tokens.refresh_token,
            "session": text("session", started.session_id, started.session_secret), "verify": mails.to(further).token,
            "reset": mails.to(moved, count=2).token, "takeback": mails.to(former, count=2).token}

    def present(self, kind, token):
        """Where a token of a kind is taken; its refusal."""
        person = self.person
        bearer = (("authorization", f"Bearer {token}"),)
        calls = {
            "access": (person.accounts.GetAccount, account_pb2.GetAccountRequest(), bearer),
            "refresh": (person.accounts.Refresh, account_pb2.RefreshRequest(refresh_token=token), ()),
            "session": (person.sessions.KeepSession, session_pb2.KeepSessionRequest(), bearer),
            "verify": (person.accounts.VerifyAddress, account_pb2.VerifyAddressRequest(proof=token), person.metadata),
            "reset": (person.accounts.ResetPassword, account_pb2.ResetPasswordRequest(token=token, new_password=NEW), ()),
            "takeback": (person.accounts.TakeBackAddress, account_pb2.TakeBackAddressRequest(token=token, new_password=NEW), ())}
        call, request, metadata = calls[kind]
        return refusal(call, request, metadata=metadata, timeout=60)[1]


REFUSED = {"access": {"CREDENTIALS_INVALID"}, "refresh": {"CREDENTIALS_INVALID"}, "session": {"SESSION_INVALID"},
           "verify": {"MAIL_PROOF_INVALID"}, "reset": {"MAIL_PROOF_INVALID"}, "takeback": {"MAIL_PROOF_INVALID"}}


def text(kind, owner, secret):
    return f"{kind}." + base64.urlsafe_b64encode(owner + secret).decode().rstrip("=")


def parts(token):
    """The owner and the secret."""
    payload = base64.urlsafe_b64decode(token.partition(".")[2])
    return payload[:16], payload[16:]


def flipped(data, place):
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)


@pytest.fixture
def owners(database):  # noqa: F811
    with MailServer() as mails, Server(database=database, arguments=arguments(mails)) as server:
        made = [Owner(server, mails), Owner(server, mails)]
        yield made
        for owner in made:
            owner.person.close()


def state(database):  # noqa: F811
    return sql(database, "select (select string_agg(u::text, ',' order by user_id) from users u), "
                         "(select string_agg(d::text, ',' order by user_id, device_id) from devices d), "
                         "(select string_agg(t::text, ',' order by token_hash) from mail_tokens t)")


def test_no_token_works_as_another_kind_s_or_another_owner_s(database, owners):  # noqa: F811
    owner, other = owners
    before = state(database)
    for kind in REFUSED:
        for source, token in owner.tokens.items():
            if source != kind:
                assert owner.present(kind, text(kind, *parts(token))) in REFUSED[kind], (source, kind)
                # With its own prefix, where another kind belongs.
                assert owner.present(kind, token) in REFUSED[kind], (source, kind)
        held, secret = parts(owner.tokens[kind])
        for stranger in (parts(other.tokens[kind])[0], bytes(16), os.urandom(16)):
            assert owner.present(kind, text(kind, stranger, secret)) in REFUSED[kind], kind
        assert owner.present(kind, text(kind, held, parts(other.tokens[kind])[1])) in REFUSED[kind], kind
    assert state(database) == before


def test_a_changed_token_is_refused_and_the_genuine_one_goes_on(database, owners):  # noqa: F811
    owner = owners[0]
    before = state(database)
    for kind, token in owner.tokens.items():
        held, secret = parts(token)
        for place in (0, 7, 15, 16, 24, 31):
            assert owner.present(kind, text(kind, held, flipped(secret, place))) in REFUSED[kind], (kind, place)
        payload = token.partition(".")[2]
        for written in (f"{kind.upper()}.{payload}", f"{kind}.{payload}=", f"{kind}.{payload}A", f"{kind}.{payload[:-1]}",
                        f"{kind}{payload}", f"{kind}.", payload):
            assert owner.present(kind, written) in REFUSED[kind], (kind, written)
    assert state(database) == before
    # Each genuine token still works in its place; a link's first, because the others end with it.
    person = owner.person
    person.sessions.KeepSession(session_pb2.KeepSessionRequest(), metadata=(("authorization", f"Bearer {owner.tokens['session']}"),), timeout=30)
    person.use(person.accounts.Refresh(account_pb2.RefreshRequest(refresh_token=owner.tokens["refresh"]), timeout=30).tokens)
    assert account(person).user_id == owner.user
    former = verify(person, owner.tokens["verify"]).account.email
    taken = person.accounts.TakeBackAddress(
        account_pb2.TakeBackAddressRequest(token=owner.tokens["takeback"], new_password=NEW), timeout=60)
    assert taken.devices_signed_out == 1 and former != person.email

"""A sign-in that another signed-in device approves: both show the same six digits."""

import os
import re

import pytest
from databases import database, sql  # noqa: F401
from limits import declared
from person import Person
from refusals import reason
from server import Server
from streak.v1 import account_pb2, credential_pb2

PENDING, APPROVED, ENDED = (credential_pb2.SIGN_IN_APPROVAL_STATE_PENDING, credential_pb2.SIGN_IN_APPROVAL_STATE_APPROVED,
                            credential_pb2.SIGN_IN_APPROVAL_STATE_ENDED)


@pytest.fixture
def server(database):  # noqa: F811
    with Server(database=database) as running:
        yield running


def ask(person, email=None, **options):
    request = credential_pb2.RequestSignInApprovalRequest(email=email or person.email, device=person.device)
    return person.credentials.RequestSignInApproval(request, timeout=60, **options)


def look(person, asked, secret=None):
    request = credential_pb2.GetSignInApprovalRequest(request_id=asked.request_id, request_secret=secret or asked.request_secret)
    return person.credentials.GetSignInApproval(request, timeout=60)


def listed(person):
    return list(person.credentials.ListSignInApprovals(credential_pb2.ListSignInApprovalsRequest(), metadata=person.metadata, timeout=60).requests)


def approve(person, asked, digits=None):
    request = credential_pb2.ApproveSignInRequest(request_id=asked.request_id, digits=digits or asked.digits)
    person.credentials.ApproveSignIn(request, metadata=person.metadata, timeout=60)


def deny(person, asked):
    person.credentials.DenySignIn(credential_pb2.DenySignInRequest(request_id=asked.request_id), metadata=person.metadata, timeout=60)


def test_a_device_that_another_one_approves_is_signed_in_once(server, database):  # noqa: F811
    with Person(server) as phone, Person(server) as tablet:
        user = phone.sign_up().account.user_id
        habit = phone.put_habit()
        tablet.email = phone.email
        asked = ask(tablet)
        assert re.fullmatch("[0-9]{6}", asked.digits) and look(tablet, asked).state == PENDING
        request, = listed(phone)
        assert (request.digits, request.device, request.address) == (asked.digits, tablet.device, "127.0.0.1")
        approve(phone, request)
        approve(phone, request)
        answer = look(tablet, asked)
        assert answer.state == APPROVED and answer.account.user_id == user
        # The same again gives the same credentials.
        assert look(tablet, asked) == answer
        tablet.use(answer.tokens)
        assert tablet.streak(habit).current == 0 and listed(phone) == []
        # The approval is no proof of the person, so the new device cannot take the account.
        delete = account_pb2.DeleteAccountRequest(email=phone.email, confirmation="delete my account")
        assert reason(tablet.accounts.DeleteAccount, delete, metadata=tablet.metadata) == "REAUTHENTICATION_REQUIRED"
        events = sql(database, "select string_agg(method, ' ' order by number) from audit_events where method ~ 'CredentialService' and outcome = 'OK'")
        assert events == ("CredentialService/RequestSignInApproval CredentialService/ApproveSignIn CredentialService/ApproveSignIn "
                          "CredentialService/GetSignInApproval")


def test_calls_at_the_same_moment_get_the_same_credentials(server):
    with Person(server) as phone, Person(server) as tablet:
        phone.sign_up()
        tablet.email = phone.email
        asked = ask(tablet)
        approve(phone, asked)
        request = credential_pb2.GetSignInApprovalRequest(request_id=asked.request_id, request_secret=asked.request_secret)
        calls = [tablet.credentials.GetSignInApproval.future(request, timeout=60) for _ in range(8)]
        answers = {call.result().SerializeToString() for call in calls}
        assert len(answers) == 1
        tablet.use(calls[0].result().tokens)
        assert tablet.accounts.GetAccount(account_pb2.GetAccountRequest(), metadata=tablet.metadata)


def test_wrong_digits_other_people_and_wrong_secrets_decide_nothing(server):
    with Person(server) as phone, Person(server) as tablet, Person(server) as stranger:
        phone.sign_up()
        stranger.sign_up()
        tablet.email = phone.email
        asked = ask(tablet)
        wrong = f"{(int(asked.digits) + 1) % 1_000_000:06}"
        for call in (lambda: approve(phone, asked, wrong), lambda: approve(stranger, asked), lambda: deny(stranger, asked),
                     lambda: look(tablet, asked, os.urandom(32))):
            assert reason(call) == "SIGN_IN_APPROVAL_NOT_FOUND"
        assert listed(stranger) == [] and look(tablet, asked).state == PENDING
        deny(phone, asked)
        deny(phone, asked)
        assert reason(approve, phone, asked) == "SIGN_IN_APPROVAL_NOT_FOUND"
        other = ask(tablet)
        approve(phone, other)
        assert reason(deny, phone, other) == "SIGN_IN_APPROVAL_NOT_FOUND"


def test_a_denial_and_an_unknown_email_look_like_a_request_that_nobody_decides(server, database):  # noqa: F811
    with Person(server) as phone, Person(server) as tablet:
        phone.sign_up()
        denied, ignored, unknown = ask(tablet, phone.email), ask(tablet, phone.email), ask(tablet, "nobody@example.com")
        deny(phone, denied)
        for state in (PENDING, ENDED):
            answers = [look(tablet, asked) for asked in (denied, ignored, unknown)]
            assert [answer.state for answer in answers] == [state] * 3 and len({answer.SerializeToString() for answer in answers}) == 1
            sql(database, "update sign_in_approvals set expires_at = expires_at - interval '300 seconds'")
        assert reason(approve, phone, ignored) == "SIGN_IN_APPROVAL_NOT_FOUND"


def test_an_approval_that_is_not_used_in_time_ends(server, database):  # noqa: F811
    with Person(server) as phone, Person(server) as tablet:
        phone.sign_up()
        asked = ask(tablet, phone.email)
        sql(database, "update sign_in_approvals set expires_at = expires_at - interval '290 seconds'")
        approve(phone, asked)
        sql(database, "update sign_in_approvals set expires_at = expires_at - interval '290 seconds'")
        assert sql(database, "select expires_at > now() from sign_in_approvals") == "t"
        sql(database, "update sign_in_approvals set expires_at = expires_at - interval '11 seconds'")
        assert look(tablet, asked).state == ENDED
        assert sql(database, "select count(*) from devices") == "1"


def test_requests_are_limited_by_email_and_by_address(database):  # noqa: F811
    rate = declared(credential_pb2, "RequestSignInApproval")
    with Server(database=database, arguments=["--rate-limit-factor", "1", "--trusted-proxies", "127.0.0.1"]) as server, \
            Person(server) as phone, Person(server) as stranger:
        phone.sign_up()
        for number in range(rate.per_person.calls):
            ask(stranger, phone.email, metadata=[("x-forwarded-for", f"10.0.0.{number}")])
        assert reason(ask, stranger, phone.email, metadata=[("x-forwarded-for", "10.0.1.1")]) == "TOO_MANY_REQUESTS"
        assert len(listed(phone)) == 20
        for _ in range(rate.per_address.calls):
            ask(stranger, f"{os.urandom(8).hex()}@example.com", metadata=[("x-forwarded-for", "10.0.2.1")])
        assert reason(ask, stranger, "nobody@example.com", metadata=[("x-forwarded-for", "10.0.2.1")]) == "TOO_MANY_REQUESTS"


def test_requests_that_ended_long_ago_are_removed(server, database):  # noqa: F811
    with Person(server) as phone:
        phone.sign_up()
        for _ in range(5):
            ask(phone)
        sql(database, "update sign_in_approvals set expires_at = expires_at - interval '2 hours'")
        last = ask(phone)
        assert sql(database, "select count(*) from sign_in_approvals") == "1"
        assert listed(phone)[0].request_id == last.request_id

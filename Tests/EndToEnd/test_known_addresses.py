"""Whether an address has an account is told by no method: the same text, as many statements, as much
time. The schema says which methods take an address, so that a new one fails here until it is tried."""

import os
import time

import grpc
import pytest
from databases import empty_database, sql
from mail_server import MailServer, arguments
from mailing import forget_password, verified
from metrics import ADMIN, Metrics
from person import Person, details
from server import Server, wait_until
from streak.v1 import account_admin_pb2, account_pb2, annotations_pb2, common_pb2, credential_pb2

NEW = "a quite new password"
CALLS, CALLS_MAX = 10, 60


def methods_with_an_address():
    """The methods that a person calls with an address, signed in or not."""
    found = set()
    for module in (account_pb2, credential_pb2):
        for service in module.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                policy = method.GetOptions().Extensions[annotations_pb2.policy]
                if "email" in method.input_type.fields_by_name and policy.authentication != annotations_pb2.AUTHENTICATION_ADMIN:
                    found.add(method.name)
    return found


def stranger():
    return common_pb2.Device(device_id=os.urandom(16))


# Each with a known or an unknown address. DeleteAccount takes the account's own one only. SignUp
# tells openly of a taken address, with its limit; with a code it tells nothing.
REQUESTS = {
    "SignIn": lambda email: account_pb2.SignInRequest(email=email, password="a wrong guess", device=stranger()),
    "SignUp": lambda email: account_pb2.SignUpRequest(
        idempotency_key=os.urandom(16), email=email, password=NEW, device=stranger(), address_code="12345678"),
    "RequestPasswordReset": lambda email: account_pb2.RequestPasswordResetRequest(email=email),
    "RequestSignUpCode": lambda email: account_pb2.RequestSignUpCodeRequest(email=email),
    "RequestAddressChange": lambda email: account_pb2.RequestAddressChangeRequest(email=email),
    "RecoverAccount": lambda email: credential_pb2.RecoverAccountRequest(
        idempotency_key=os.urandom(16), email=email, recovery_code="AAAAA-AAAAA", new_password=NEW, device=stranger()),
    "RequestSignInApproval": lambda email: credential_pb2.RequestSignInApprovalRequest(email=email, device=stranger()),
}
SIGNED_IN = {"RequestAddressChange"}
# The answer has random values.
RANDOM = {"RequestSignInApproval": ("request_id", "request_secret", "digits", "expires_at")}


def test_every_method_that_takes_an_address_is_tried_here():
    assert methods_with_an_address() == set(REQUESTS) | {"DeleteAccount"}
    operators = account_admin_pb2.DESCRIPTOR.services_by_name["AccountAdminService"].methods
    assert all(method.GetOptions().Extensions[annotations_pb2.policy].authentication == annotations_pb2.AUTHENTICATION_ADMIN for method in operators)


def answer(person, method, email):
    """What the caller learns."""
    stub = getattr(person.accounts, method, None) or getattr(person.credentials, method)
    metadata = person.metadata if method in SIGNED_IN else ()
    try:
        reply, call = stub.with_call(REQUESTS[method](email), metadata=metadata, timeout=60)
    except grpc.RpcError as error:
        return error.code(), error.details(), details(error)[0].reason, sorted(key for key, _ in error.trailing_metadata())
    for field in RANDOM.get(method, ()):
        reply.ClearField(field)
    return reply.SerializeToString(), sorted(call.trailing_metadata())


class Prepared:
    """A server whose mail worker takes nothing more, and addresses with and without an account."""

    def __init__(self, database, mails, server, caller, known):
        self.database, self.mails, self.server, self.caller, self.known = database, mails, server, caller, known

    def unknown(self):
        return f"{os.urandom(8).hex()}@example.com"

    def fresh_proof(self):
        sql(self.database, "update devices set proven_at = now() where proven_at is not null")


@pytest.fixture(scope="module", params=["verified", "not verified"])
def prepared(request):
    options = ("--health-seconds", "60", *ADMIN)
    with empty_database() as database, MailServer() as mails, Server(database=database, arguments=arguments(mails, *options)) as server, \
            Person(server) as known, Person(server) as caller:
        verified(caller, mails)
        if request.param == "verified":
            verified(known, mails)
        else:
            known.sign_up()
        known.credentials.CreateRecoveryCodes(credential_pb2.CreateRecoveryCodesRequest(), metadata=known.metadata, timeout=60)
        wait_until(lambda: sql(database, "select count(*) from mail_outbox where due_at is not null") == "0")
        # The worker's own statements end with as many deliveries as it has under way.
        attempts = mails.attempts
        mails.gate.clear()
        for _ in range(4):
            forget_password(caller)
        wait_until(lambda: mails.attempts == attempts + 4)
        yield Prepared(database, mails, server, caller, known.email)
        # A server that stops waits for the deliveries that are under way.
        mails.gate.set()


def are_alike(counts, times):
    """Of as many statements, and of one time. Whatever else the machine does only adds to both, so that the
    smallest of several calls are compared."""
    known, unknown = (min(times[kind]) for kind in ("known", "unknown"))
    return min(counts["known"]) == min(counts["unknown"]) and abs(known - unknown) < max(0.3 * max(known, unknown), 0.002)


@pytest.mark.alone
@pytest.mark.parametrize("method", sorted(REQUESTS))
def test_known_and_unknown_addresses_are_answered_alike(prepared, method):
    answers, counts, times = ({"known": [], "unknown": []} for _ in range(3))

    def sent():
        return Metrics(prepared.server).value("streakd_postgres_statements_sent_total")

    prepared.fresh_proof()
    number = 0
    # A difference that is there stays however often it is measured.
    while number < CALLS or number < CALLS_MAX and not are_alike(counts, times):
        number += 1
        for kind in ("known", "unknown") if number % 2 else ("unknown", "known"):
            email = prepared.known if kind == "known" else prepared.unknown()
            before, began = sent(), time.perf_counter()
            told = answer(prepared.caller, method, email)
            times[kind].append(time.perf_counter() - began)
            counts[kind].append(sent() - before)
            answers[kind].append(told)
    assert answers["known"] == answers["unknown"] and len({str(told) for told in answers["known"]}) == 1
    assert are_alike(counts, times), (counts, times)

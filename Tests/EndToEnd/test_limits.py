"""Limits declared in the schema: the N-th call passes, the next is refused with a delay, others
continue."""

import os
import time

import grpc
import pytest
from databases import sql
from limits import SIGN_INS, declared, refused
from person import Person, details
from server import Server
from streak.v1 import account_pb2, common_pb2, export_pb2, session_pb2

# The declared limits.
ARGUMENTS = ["--rate-limit-factor", "1"]


EXPORTS = declared(export_pb2, "Export").per_person.calls
SESSIONS = declared(session_pb2, "StartSession").per_address.calls
DELETIONS = declared(account_pb2, "DeleteAccount").per_person.calls
SIGN_UPS = declared(account_pb2, "SignUp").per_person.calls


def test_c107_the_call_after_the_last_is_refused_and_another_person_of_the_address_is_not(database):
    with Server(database=database, arguments=ARGUMENTS) as server, Person(server) as person, Person(server) as other:
        person.sign_up()
        other.sign_up()
        for _ in range(EXPORTS):
            person.export()
        assert 3500 < refused(person.export) <= 3601
        other.export()
        person.put_habit()  # calls without a limit of their own continue
        # When the first call is as old as the window there is room for one more.
        sql(database, "update rate_limits set calls = array(select c - interval '1 hour' from unnest(calls) c order by c)")
        person.export()


def test_limits_survive_a_restart_and_hold_across_processes(database):
    with Server(database=database, arguments=ARGUMENTS) as one, Server(database=database, arguments=ARGUMENTS) as two:
        with Person(one) as here, Person(two) as there:
            here.sign_up()
            there.use(here.tokens)
            for number in range(EXPORTS):
                (here, there)[number % 2].export()
            refused(here.export)
            refused(there.export)
            tokens = here.tokens
    with Server(database=database, arguments=ARGUMENTS) as again, Person(again) as person:
        person.use(tokens)
        refused(person.export)


def test_sign_ins_are_limited_alike_for_known_and_unknown_emails(database):
    with Server(database=database, arguments=ARGUMENTS) as server, Person(server) as person, Person(server) as stranger:
        person.sign_up()
        for email in (person.email, stranger.email):
            def attempt():
                return stranger.accounts.SignIn(account_pb2.SignInRequest(
                    email=email, password="not it at all", device=common_pb2.Device(device_id=os.urandom(16))),
                    metadata=[("x-forwarded-for", "203.0.113.77")], timeout=60)
            for _ in range(SIGN_INS):
                with pytest.raises(grpc.RpcError) as caught:
                    attempt()
                assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
            refused(attempt)


def test_a_replayed_sign_up_costs_nothing(database):
    with Server(database=database, arguments=ARGUMENTS) as server, Person(server) as person:
        request = person.sign_up_request()
        first = person.accounts.SignUp(request, timeout=60)
        for _ in range(SIGN_UPS + 5):
            assert person.accounts.SignUp(request, timeout=60) == first
        # Other requests for the same email are attempts of their own; the first request has used
        # one of them.
        for _ in range(SIGN_UPS - 1):
            with pytest.raises(grpc.RpcError) as caught:
                person.accounts.SignUp(person.sign_up_request(), timeout=60)
            assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
        refused(person.accounts.SignUp, person.sign_up_request(), timeout=60)
        assert person.accounts.SignUp(request, timeout=60) == first
        with Person(server) as other:
            other.sign_up()


def test_an_address_is_the_one_the_trusted_proxy_names(database):
    with Server(database=database, arguments=[*ARGUMENTS, "--trusted-proxies", "127.0.0.1"]) as server, Person(server) as person:
        def start(address):
            return person.sessions.StartSession.future(
                session_pb2.StartSessionRequest(idempotency_key=os.urandom(16)),
                metadata=[("x-forwarded-for", f"198.51.100.{os.urandom(1)[0]}, {address}")], timeout=60)

        def code(address):
            return start(address).code()

        calls = [start("2001:db8:0:1::%x" % number) for number in range(SESSIONS + 20)]
        codes = [call.code() for call in calls]
        assert codes.count(grpc.StatusCode.OK) == SESSIONS
        assert codes.count(grpc.StatusCode.RESOURCE_EXHAUSTED) == 20
        assert code("2001:db8:0:1::ffff") == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert code("2001:db8:0:2::1") == grpc.StatusCode.OK
        assert code("192.0.2.1") == grpc.StatusCode.OK
        assert int(sql(database, "select count(*) from rate_limits")) <= 4
        # A flood is answered from the cache and leaves only the necessary events.
        for _ in range(100):
            assert code("2001:db8:0:1::1") == grpc.StatusCode.RESOURCE_EXHAUSTED
        events = int(sql(database, "select count(*) from audit_events where outcome = 'RESOURCE_EXHAUSTED'"))
        assert events < 40
        addresses = sql(database, "select distinct peer_address from audit_events where outcome = 'OK'").split("\n")
        assert "192.0.2.1" in addresses and "127.0.0.1" not in addresses


def test_the_header_is_nothing_without_a_trusted_proxy(database):
    with Server(database=database, arguments=ARGUMENTS) as server, Person(server) as person:
        person.sessions.StartSession(session_pb2.StartSessionRequest(idempotency_key=os.urandom(16)),
                                     metadata=[("x-forwarded-for", "192.0.2.1")], timeout=60)
        assert sql(database, "select distinct peer_address from audit_events") == "127.0.0.1"


def test_a_flood_of_strangers_does_not_fill_the_audit_trail(database):
    with Server(database=database, arguments=ARGUMENTS) as server, Person(server) as person:
        began = time.monotonic()
        nobody = (("authorization", "Bearer nonsense"),)
        calls = [person.accounts.DeleteAccount.future(account_pb2.DeleteAccountRequest(email="a@b.c", confirmation="x"), metadata=nobody, timeout=60)
                 for _ in range(500)]
        assert {call.code() for call in calls} == {grpc.StatusCode.UNAUTHENTICATED}
        events = int(sql(database, "select count(*) from audit_events where reason = 'CREDENTIALS_INVALID'"))
        assert 10 <= events <= 10 * (time.monotonic() - began + 2)
        person.sign_up()
        assert sql(database, "select outcome from audit_events where method = 'AccountService/SignUp'") == "OK"


def test_a_deletion_is_limited_and_the_answer_to_a_repeated_one_counts_for_nothing(database):
    with Server(database=database, arguments=ARGUMENTS) as server, Person(server) as person:
        person.sign_up()
        wrong = account_pb2.DeleteAccountRequest(email=person.email, confirmation="no")
        right = account_pb2.DeleteAccountRequest(email=person.email, confirmation="delete my account", immediately=True,
                                                 proof=account_pb2.PersonProof(password=person.password))
        for _ in range(DELETIONS - 1):
            with pytest.raises(grpc.RpcError) as caught:
                person.accounts.DeleteAccount(wrong, metadata=person.metadata, timeout=30)
            assert details(caught.value)[0].reason == "INVALID_FIELD"
        person.accounts.DeleteAccount(right, metadata=person.metadata, timeout=30)
        for _ in range(3):
            with pytest.raises(grpc.RpcError) as caught:
                person.accounts.DeleteAccount(right, metadata=person.metadata, timeout=30)
            assert details(caught.value)[0].reason == "ACCOUNT_ERASED"
        with Person(server) as other:
            other.sign_up()
            for _ in range(DELETIONS):
                with pytest.raises(grpc.RpcError):
                    other.accounts.DeleteAccount(wrong, metadata=other.metadata, timeout=30)
            refused(other.accounts.DeleteAccount, wrong, metadata=other.metadata, timeout=30)


def test_one_person_or_address_that_calls_too_fast_is_shed_and_others_are_not(database):
    arguments = [*ARGUMENTS, "--calls-per-person-max", "20"]
    with Server(database=database, arguments=arguments) as server, Person(server) as fast, Person(server) as other:
        fast.sign_up()
        other.sign_up()
        request = account_pb2.GetAccountRequest()
        calls = [fast.accounts.GetAccount.future(request, metadata=fast.metadata, timeout=60) for _ in range(400)]
        codes = [call.code() for call in calls]
        assert 20 <= codes.count(grpc.StatusCode.OK) < 400
        assert set(codes) == {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert other.accounts.GetAccount(request, metadata=other.metadata, timeout=60)

"""Every limit of the service is counted under its name, at the limit and one past it.

The other limits: `test_attacks_budgets` (streams, calls and transfers of one person, events without
an account, the rate of transfers), `test_stash` (stashes), `LimitTests` (captures).
"""

import os
import threading

import grpc
import pytest
from limits import declared, refused
from metrics import ADMIN, Metrics
from person import Person, details
from server import Server, wait_until
from streak.v1 import account_pb2, export_pb2, session_pb2

NAMES = {"method_rate", "calls_per_person", "calls_per_address", "stash_per_address", "streams_per_person", "unauthenticated_events", "exports",
         "imports", "transfers_per_person", "transfer_rate", "captures"}
NAME = "streakd_limits_reached_total"


def reached(server):
    """The limits that were reached, with the number of times."""
    return {sample.labels["limit"]: sample.value for sample in Metrics(server).samples if sample.name == NAME and sample.value}


def test_the_metrics_list_every_limit_from_the_start(database):
    with Server(database=database, arguments=ADMIN) as server:
        assert {sample.labels["limit"] for sample in Metrics(server).samples if sample.name == NAME} == NAMES


def test_a_methods_limit_is_counted_under_its_name(database):
    sessions = declared(session_pb2, "StartSession").per_address.calls
    with Server(database=database, arguments=[*ADMIN, "--rate-limit-factor", "1"]) as server, Person(server) as person:
        for _ in range(sessions):
            person.sessions.StartSession(session_pb2.StartSessionRequest(idempotency_key=os.urandom(16)), timeout=60)
        assert reached(server) == {}
        refused(person.sessions.StartSession, session_pb2.StartSessionRequest(idempotency_key=os.urandom(16)), timeout=60)
        assert reached(server) == {"method_rate": 1}


def test_an_addresss_calls_of_a_second_are_counted_and_others_go_on(database):
    arguments = [*ADMIN, "--calls-per-address-max", "50", "--trusted-proxies", "127.0.0.1"]
    with Server(database=database, arguments=arguments) as server, Person(server) as person:
        def call(address):
            return person.accounts.GetAccount.future(
                account_pb2.GetAccountRequest(), metadata=[("x-forwarded-for", address)], timeout=60)

        codes = [each.code() for each in [call("203.0.113.1") for _ in range(50)]]
        assert set(codes) == {grpc.StatusCode.UNAUTHENTICATED} and "calls_per_address" not in reached(server)
        codes = [each.code() for each in [call("203.0.113.2") for _ in range(1_000)]]
        past = codes.count(grpc.StatusCode.RESOURCE_EXHAUSTED)
        assert set(codes) == {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.RESOURCE_EXHAUSTED} and 1_000 - past >= 50
        assert reached(server)["calls_per_address"] == past
        assert call("203.0.113.3").code() == grpc.StatusCode.UNAUTHENTICATED


class Held:
    """An import whose document has not come."""

    def __init__(self, server):
        self.person, self.ending = Person(server), threading.Event()
        self.person.sign_up()
        self.call = self.person.exports.Import.future(self.requests(), metadata=self.person.metadata, timeout=120)

    def requests(self):
        yield export_pb2.ImportRequest(begin=export_pb2.ImportBegin(import_id=os.urandom(16), format=export_pb2.EXPORT_FORMAT_JSON))
        self.ending.wait(60)
        yield export_pb2.ImportRequest(chunk=b"{")

    def end(self):
        self.ending.set()
        return details(self.call.exception())[0].reason


def test_so_many_imports_run_on_a_loop_and_one_more_is_refused(database):
    """ExportLimits.importsPerLoopMax."""
    with Server(database=database, arguments=ADMIN) as server, Person(server) as more:
        more.sign_up()
        held = [Held(server), Held(server)]

        def reason():
            with pytest.raises(grpc.RpcError) as caught:
                more.bring_in(b"{")
            return details(caught.value)[0].reason

        wait_until(lambda: reason() == "TOO_MANY_REQUESTS")
        assert reached(server) == {"imports": 1}
        assert held.pop().end() == "IMPORT_UNREADABLE"
        assert reason() == "IMPORT_UNREADABLE" and reached(server) == {"imports": 1}
        assert held.pop().end() == "IMPORT_UNREADABLE"

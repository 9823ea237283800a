"""Sign-ups and migrations over a network that cuts anywhere: in the end each took effect exactly
once."""

import concurrent.futures
import os
import random

import grpc
import pytest
from cutting_proxy import CuttingProxy
from databases import sql
from person import Person
from sessions import Session, days, habit, listed
from streak.v1 import migration_pb2

SIGN_UPS = 200 * int(os.environ.get("STREAKD_SEED_FACTOR", "1"))
DAYS = 3
# Before the request; within it; after the commit and before the reply; within the reply.
CLASSES = ["before", "request", "commit", "reply"]


class Through:
    """A server as `Person` needs it."""

    def __init__(self, proxy):
        self.address = proxy.address


def plan(generator, size):
    where = generator.choice(CLASSES)
    return where, {"request": generator.randrange(1, size + 400), "reply": generator.randrange(1, 600)}.get(where, 0)


def attempt(proxy, send):
    """One call over a connection of its own; None if it was cut."""
    with Person(Through(proxy)) as client:
        try:
            return send(client)
        except grpc.RpcError as error:
            assert error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN,
                                    grpc.StatusCode.INTERNAL), error
            return None


def test_sign_ups_over_a_network_that_cuts_migrate_exactly_once(server):
    before = [int(sql(server, f"select count(*) from {table}")) for table in ("users", "migrations", "cells")]

    def sign_up(seed):
        generator = random.Random(seed)
        captured = habit()
        with CuttingProxy(server.port) as proxy, Person(server) as person:
            session = Session(person, anchored=False)
            request = person.sign_up_request(session.claim([captured], days(captured, DAYS)))
            attempts = generator.randrange(1, 4)
            for _ in range(attempts):
                proxy.plan = plan(generator, request.ByteSize())
                attempt(proxy, lambda client: client.accounts.SignUp(request, timeout=60))
            proxy.plan = ("none", 0)
            response = attempt(proxy, lambda client: client.accounts.SignUp(request, timeout=60))
            assert response is not None, f"seed {seed}"
            assert response.migration.habits[0].days_counted == DAYS, f"seed {seed}"
            person.use(response.tokens)
            assert person.streak(captured.habit.id).current == DAYS, f"seed {seed}"
            assert len(listed(person).migrations) == 1, f"seed {seed}"
            return proxy.cuts

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        cuts = list(pool.map(sign_up, range(SIGN_UPS)))
    after = [int(sql(server, f"select count(*) from {table}")) for table in ("users", "migrations", "cells")]
    assert [new - old for new, old in zip(after, before)] == [SIGN_UPS, SIGN_UPS, SIGN_UPS * DAYS]
    total = {where: sum(cut.get(where, 0) for cut in cuts) for where in CLASSES}
    print(total)
    assert min(total.values()) > SIGN_UPS // 20


@pytest.mark.parametrize("where, count", [("before", 0), ("request", 300), ("commit", 0), ("reply", 5)])
def test_c17_c36_a_migration_that_is_cut_is_done_once_however_often_it_is_sent(server, where, count):
    with CuttingProxy(server.port) as proxy, Person(server) as account:
        account.sign_up()
        captured = habit()
        session = Session(account)
        claim = session.claim([captured], days(captured, 2))
        request = migration_pb2.MigrateRequest(session=claim)
        proxy.plan = (where, count)
        assert attempt(proxy, lambda client: client.migrations.Migrate(request, metadata=account.metadata, timeout=30)) is None
        done = where in ("commit", "reply")
        assert proxy.cuts.get(where)
        if not done:
            assert account.history() == []
            session.keep()
        response, call = account.migrations.Migrate.with_call(request, metadata=account.metadata, timeout=30)
        assert ("streak-replayed" in dict(call.trailing_metadata())) == done
        assert account.streak(captured.habit.id).current == 2 and len(account.history()) == 2
        assert len(listed(account).migrations) == 1

"""Promotions of an asynchronous standby that lacks the last commits, while devices write: what was
acknowledged comes back with its devices, once. scripts/check --failover takes many."""

import os
import random

import sanitizer
from audited import Devices
from faults import ADMIN, readiness
from postgres import DATABASE
from promotions import KINDS, Pair, promotion
from server import Server, wait_until

PROMOTIONS = int(os.environ.get("STREAKD_PROMOTIONS", 4))
# Commits that a standby lacks at its promotion, at most.
CUT_MAX = 40
LOG_LINES_PER_PROMOTION_MAX = 400
GROWTH_KIB_MAX = sanitizer.memory(96 * 1024)


def test_what_was_acknowledged_survives_promotions_that_lost_the_last_commits(folder):
    seed = int(os.environ.get("STREAKD_SEED", random.randrange(1 << 32)))
    choice = random.Random(seed)
    pair = Pair(folder)
    figures = []
    try:
        with Server(database=pair.place("one"), arguments=ADMIN) as one, \
                Server(database=pair.place("two", 6002), arguments=ADMIN) as two, \
                Devices([one, two], seed=seed) as devices:
            devices.wait_for_writes()
            sizes = {}
            for number in range(PROMOTIONS):
                kind = KINDS[number % len(KINDS)]
                cut = choice.randrange(CUT_MAX)
                lost, seconds = promotion(pair, kind, cut, one, two, devices)
                figures.append((kind, lost, seconds))
                for server in (one, two):
                    wait_until(lambda: readiness(server)[0] == 200)
                devices.come_back()
                devices.audit(lambda query: pair.primary.sql(query, database=DATABASE))
                devices.go_on()
                for server in (one, two):
                    first = sizes.setdefault(server, server.resident_kib())
                    assert server.resident_kib() - first < GROWTH_KIB_MAX, "memory grows"
                    assert len(server.lines) < LOG_LINES_PER_PROMOTION_MAX * (number + 1), "the log grows"
                pair.follow()
            devices.wait_for_writes()
            report(seed, figures, devices)
    except BaseException:
        print(f"seed {seed}: {figures}")
        raise
    finally:
        pair.stop()
    if PROMOTIONS >= len(KINDS):
        # Otherwise the test would show nothing.
        assert any(lost for _, lost, _ in figures), f"seed {seed}: no promotion lost a commit"


def report(seed, figures, devices):
    for kind in KINDS:
        own = [figure for figure in figures if figure[0] == kind]
        if own:
            seconds = sorted(figure[2] for figure in own)
            print(f"{len(own)} x {kind}: {sum(figure[1] for figure in own)} acknowledged operations were lost and came back; "
                  f"first writes after {seconds[len(seconds) // 2]:.1f} s (median), {seconds[-1]:.1f} s (longest)")
    print(f"seed {seed}: {sum(devices.acknowledged().values())} operations, 0 lost, 0 doubled")

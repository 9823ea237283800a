"""streak-harness gives the same report by every protocol and HTTP version: the same checks with the
same status, reason, details and side effects."""

import os
import subprocess
import xml.etree.ElementTree

import pytest
from server import PROGRAMS

# One suite of each kind, or with STREAKD_LONG all that need no operator: unary with side effects,
# unary without, credentials of a session, operations with their own outcomes, a stream of
# responses, a stream of requests.
SUITES = ["SessionService/KeepSession", "StreakService/PutHabit", "StreakService/GetStreak", "SyncService/Sync", "SyncService/Watch",
          "ExportService/Export", "ExportService/Import"]
EVERY_SUITE = ["AccountService", "CredentialService", "ExportService", "MigrationService", "RecoveryService", "SessionService", "StreakService", "SyncService"]
LONG = "STREAKD_LONG" in os.environ


# gRPC-Web's text has no streams of requests.
REQUEST_STREAMS = {"ExportService/Import", "SyncService/SyncStream"}
# Every other protocol is refused, which is their only check there.
CONNECT_ONLY = {"SessionService/StashSession", "SessionService/TakeStash"}
# HTTP/1.1 carries no stream in both directions.
BIDIRECTIONAL = {"SyncService/SyncStream"}


def report(address, protocol, suites, version="2"):
    """The names of the checks of each suite. All must succeed."""
    path = f"{os.environ['STREAKD_TEST_RUN']}/junit-{protocol}-{os.urandom(4).hex()}"
    done = subprocess.run([PROGRAMS / "streak-harness", "--address", address, "--protocol", protocol, "--http-version", version, "--fuzz-rounds", "4" if LONG else "1",
                           "--junit", path, *[part for suite in suites for part in ("--only", suite)]],
                          capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    suites = xml.etree.ElementTree.parse(path).getroot()
    return {suite.get("name"): {case.get("name") for case in suite} for suite in suites}


@pytest.fixture(scope="module")
def by_grpc(server):
    found = report(server.address, "grpc", EVERY_SUITE if LONG else SUITES)
    assert len(found) >= len(SUITES) and all(len(checks) > 5 or suite in CONNECT_ONLY for suite, checks in found.items()), found
    return found


def is_expressible(protocol, check):
    """ProtoJSON has no wire types, tags and lengths to get wrong; a client that knows the schema writes no list beyond its limit."""
    return protocol != "connect-json" or not check.startswith(("malformed: ", "rule max_items "))


@pytest.mark.parametrize("version", ["2", "1.1"])
@pytest.mark.parametrize("protocol", ["grpc-web", "grpc-web-text", "connect", "connect-json"])
def test_the_report_is_that_of_grpc(server, by_grpc, protocol, version):
    left_out = (REQUEST_STREAMS if protocol == "grpc-web-text" else set()) | (BIDIRECTIONAL if version == "1.1" else set())
    suites = [suite for suite in by_grpc if suite not in left_out]
    found = report(server.address, protocol, suites, version)
    if protocol.startswith("connect"):
        for suite in CONNECT_ONLY & set(suites):
            assert len(found.pop(suite)) > 5, suite
            suites.remove(suite)
    wanted = {suite: {check for check in by_grpc[suite] if is_expressible(protocol, check)} for suite in suites}
    if protocol == "connect-json":
        # The harness leaves out random requests that have no JSON, such as a text that is no UTF-8.
        # They are few.
        left_out = [(suite, check) for suite in suites for check in wanted[suite] - found.get(suite, set()) if check.startswith("fuzz, round ")]
        assert len(left_out) * 10 <= sum(check.startswith("fuzz, round ") for checks in wanted.values() for check in checks), left_out
        for suite, check in left_out:
            wanted[suite].remove(check)
    # Only what differs: the reports are long.
    assert not {suite: sorted(found.get(suite, set()) ^ checks) for suite, checks in wanted.items() if found.get(suite) != checks}
    assert found.keys() == wanted.keys()

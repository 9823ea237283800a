"""streak-harness with a real streakd, which must match its schema, and with proxies with one fault
each, which it must find."""

import json
import os
import shlex
import subprocess
import xml.etree.ElementTree

import faulty_proxy
import pytest
from operator_tools import Keys
from server import PROGRAMS, PROJECT, Server, wait_until

HARNESS = str(PROGRAMS / "streak-harness")


def harness(address, *arguments, timeout=120):
    """Its exit code and its output."""
    done = subprocess.run([HARNESS, "--address", address, *arguments], capture_output=True, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout + done.stderr


def test_streakd_is_as_its_schema_says(server, tmp_path):
    """Checks every method in the server's reflection; the reports for programs agree with the text
    report."""
    code, output = harness(server.address, "--schema", "server", "--json", str(tmp_path / "json"), "--junit", str(tmp_path / "xml"))
    assert code == 0, output
    report = json.loads((tmp_path / "json").read_text())
    suites = {suite["name"]: suite for suite in report["suites"]}
    assert report["checks"] > 1000 and suites["StreakService/PutHabit"]["checks"] > 30, output
    junit = xml.etree.ElementTree.parse(tmp_path / "xml").getroot()
    assert (int(junit.get("tests")), len(list(junit.iter("testcase")))) == (report["checks"], report["checks"])
    # A new method is tested automatically; only methods that need the operator's token may be left
    # out.
    assert [name for name, suite in suites.items() if suite["checks"] == 0 and not name.startswith(("AdminService/", "AccountAdminService/"))] == []


def test_the_operators_methods_are_tried_with_the_operators_token(folder, tmp_path):
    keys = Keys(folder)
    (folder / "token").write_text(os.urandom(32).hex() + "\n")
    arguments = ("--backup-folder", str(folder / "backups"), "--backup-recipient", keys.recipient, "--operator-token-file", str(folder / "token"))
    with Server(folder=folder, arguments=arguments) as server:
        # The day's backup is made at once, and no other can run meanwhile.
        wait_until(lambda: list((folder / "backups").glob("2*/manifest.json")))
        code, output = harness(server.address, "--only", "AdminService", "--only", "AccountAdminService", "--operator-token-file", str(folder / "token"), "--json",
                               str(tmp_path / "json"))
        assert code == 0, output
        suites = {suite["name"]: suite for suite in json.loads((tmp_path / "json").read_text())["suites"]}
        assert all(suite["checks"] > 10 for suite in suites.values()), output
        # Only methods that depend on a person's recovery, or on mail, are not fully tested.
        assert {name for name, suite in suites.items() if suite["notTried"]} == {
            "AdminService/FulfilRecovery", "AccountAdminService/StartPasswordReset"}
        for file in sorted((PROJECT / "Tests/Scenarios/operated").glob("*.scenario")):
            code, output = harness(server.address, "--scenario", str(file), "--operator-token-file", str(folder / "token"))
            assert code == 0, output
        (folder / "token").write_text("nonsense")
        assert harness(server.address, "--only", "AdminService/ListBackups", "--operator-token-file", str(folder / "token"))[0] == 1


def test_limits_are_those_of_the_schema(folder):
    with Server(folder=folder, arguments=["--rate-limit-factor", "1"]) as server:
        code, output = harness(server.address, "--limits", "--only", "MigrationService", "--only", "ExportService")
    assert code == 0 and "ok    MigrationService/Migrate" in output, output


# Fault, the method that shows it, and the beginning of the check's name.
FAULTS = [
    (faulty_proxy.wrong_status, "StreakService/PutHabit", "rule required of habit.name"),
    (faulty_proxy.missing_rule, "StreakService/RecordCompletion", "rule max_bytes of note"),
    (faulty_proxy.missing_authentication, "StreakService/ListHabits", "credentials: no credentials"),
    (faulty_proxy.leaked_data, "StreakService/ListHabits", "nothing of a stranger's is shown"),
    (faulty_proxy.lost_idempotency_key, "SessionService/StartSession", "the same again"),
    (faulty_proxy.doubled_effect, "StreakService/PutHabit", "the same again"),
    (faulty_proxy.effect_of_a_refused_call, "StreakService/PutHabit", "refused calls leave no trace"),
    (faulty_proxy.wrong_field_path, "StreakService/PutHabit", "rule max_bytes of habit.name"),
    (faulty_proxy.missing_reason, "StreakService/GetStreak", "rule required of habit_id"),
    (faulty_proxy.bad_operation_accepted, "SyncService/Sync", "rule max_bytes of operations[0].set_completion.note"),
    (faulty_proxy.good_operation_rejected, "SyncService/Sync", "rule max_bytes of operations[1].edit_habit.habit.name"),
    (faulty_proxy.token_outlives_sign_out, "StreakService/GetStreak", "credentials: a revoked token"),
    (faulty_proxy.limit_too_low, "StreakService/ListHabits", "boundary range of page_size"),
    (faulty_proxy.unknown_fields_refused, "StreakService/GetStreak", "unknown fields are tolerated"),
    (faulty_proxy.malformed_accepted, "StreakService/ListHabits", "malformed: wire type 7"),
]


@pytest.mark.parametrize("fault, method, check", FAULTS, ids=[fault.__name__ for fault, *_ in FAULTS])
def test_a_fault_is_found(server, tmp_path, fault, method, check):
    with faulty_proxy.faulty_proxy(server.address, fault) as address:
        code, output = harness(address, "--only", method, "--fuzz-rounds", "0", "--json", str(tmp_path / "json"))
        found = [failure for suite in json.loads((tmp_path / "json").read_text())["suites"] for failure in suite["failures"]]
        assert code == 1 and check in [failure["check"] for failure in found], output


def test_a_proxy_without_a_fault_passes(server):
    with faulty_proxy.faulty_proxy(server.address, faulty_proxy.honest) as address:
        code, output = harness(address, "--fuzz-rounds", "0", *[part for method in sorted({method for _, method, _ in FAULTS}) for part in ("--only", method)])
        assert code == 0, output


def test_a_failure_is_shrunk_and_its_command_shows_it_again(server, tmp_path):
    with faulty_proxy.faulty_proxy(server.address, faulty_proxy.missing_rule) as address:
        harness(address, "--only", "StreakService/RecordCompletion", "--seed", "7", "--json", str(tmp_path / "json"))
        [failure] = [failure for failure in json.loads((tmp_path / "json").read_text())["suites"][0]["failures"]
                     if failure["check"] == "rule max_bytes of note"]
        request = json.loads(failure["request"]) if not failure["request"].endswith("...") else None
        # The note that breaks the rule and the required fields remain; "queue_drained", offset and
        # day start are removed.
        assert sorted(request) == ["clientTime", "day", "habitId", "note"] and sorted(request["clientTime"]) == ["occurredAt", "zone"], failure
        assert len(request["note"]) == 4097
        program, *arguments = shlex.split(failure["replay"])
        again = subprocess.run([str(PROGRAMS / program), *arguments], capture_output=True, text=True, timeout=120)
        assert again.returncode == 1 and failure["check"] in again.stdout


SCENARIOS = sorted((PROJECT / "Tests/Scenarios").glob("*.scenario"))


@pytest.mark.parametrize("file", SCENARIOS, ids=[file.stem for file in SCENARIOS])
def test_scenarios(server, file):
    code, output = harness(server.address, "--scenario", str(file))
    assert code == 0, output


def test_a_scenario_that_goes_otherwise_fails_and_says_where(server, tmp_path):
    """Each kind of check fails at its line with a wrong value."""
    begin = 'scenario X1 wrong\n  person anna\n  call StreakService/PutHabit {"habit": {"id": "$read", "name": "Read"}}\n'
    wrongs = {
        '    reply {"habit": {"name": "Write"}}\n': "habit.name is",
        "    refused NOT_FOUND HABIT_NOT_FOUND\n": "OK",
        '  call StreakService/GetStreak {"habitId": "$other"}\n  sync\n': "HABIT_NOT_FOUND",
        '  call StreakService/GetStreak {"habitId": "$other"}\n': "HABIT_NOT_FOUND",
        '  queue {"deleteHabit": {"habitId": "$other"}}\n  sync\n    outcomes applied\n': "outcomes are rejected:HABIT_NOT_FOUND",
        "  again\n    same\n  call SessionService/KeepSession {}\n    same\n": "another",
        "    save it habit.nothing\n": "has no habit.nothing",
        "  nonsense\n": "no step nonsense",
    }
    for wrong, said in wrongs.items():
        (tmp_path / "file").write_text(begin + wrong)
        code, output = harness(server.address, "--scenario", str(tmp_path / "file"))
        assert code == 1 and said in output, output
    (tmp_path / "file").write_text(begin + '  reply {"habit": \n')
    assert harness(server.address, "--scenario", str(tmp_path / "file"))[0] == 64


def test_an_unreachable_server_and_wrong_arguments_are_reported(tmp_path):
    code, output = harness("127.0.0.1:1", "--schema", "server", timeout=60)
    assert code == 69, output
    assert harness("nonsense")[0] == 64

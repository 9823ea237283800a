"""streak-load with a real streakd: its report, its audit, its output."""

import json
import os
import pathlib
import subprocess
import threading
import xml.etree.ElementTree

import pytest
from certificates import tls_arguments
from databases import sql
from hdrh.histogram import HdrHistogram
from metrics import admin_address
from server import PROGRAMS, Server, open_folder

LOAD = str(PROGRAMS / "streak-load")
MIX = "check=5,read=40,record=20,sync=20,watch=5,sign-up=2,export=1"
# Small and fast, with every kind of journey.
SMALL = ["--people", "12", "--habits", "2", "--days", "3", "--quiet", "--call-seconds", "60"]


def load(*arguments, timeout=240, environment=None):
    """Its exit code and its output."""
    done = subprocess.run([LOAD, *map(str, arguments)], capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL,
                          env={**os.environ, **(environment or {})})
    return done.returncode, done.stdout + done.stderr


def conninfo(server):
    return f"host={pathlib.Path(server.folder) / 'data/socket'} user=streakd dbname=postgres"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A streakd on a database of its own, which tests may change directly."""
    with open_folder() as folder, Server(folder=folder, arguments=["--admin-listen", "127.0.0.1:0"]) as server:
        server.admin = admin_address(server)
        yield server


@pytest.fixture(scope="module")
def mixed(running, tmp_path_factory):
    """Two seconds of all journeys, with every report."""
    folder = tmp_path_factory.mktemp("load")
    (folder / "database").write_text(conninfo(running) + "\n")
    code, output = load("--address", running.address, "--mix", MIX, "--rate", 150, "--seconds", 2, *SMALL, "--server-metrics", running.admin,
                        "--json", folder / "json", "--html", folder / "html", "--keep", folder / "keep",
                        "--database-file", folder / "database")
    return code, output, folder


def test_a_mixed_run_ends_without_errors_and_with_a_clean_audit(mixed):
    code, output, folder = mixed
    assert code == 0 and "audit: clean" in output and "the service and the database" in output, output
    report = json.loads((folder / "json").read_text())
    assert report["total"]["failed"] == 0 and report["total"]["done"] == 300
    assert {journey["name"] for journey in report["journeys"]} == {part.split("=")[0] for part in MIX.split(",")}
    assert report["audit"]["writes"] > 50 and report["audit"]["uncertain"] == 0
    assert len(report["samples"]) == 2 and report["server"]["cpuSeconds"] > 0 and report["server"]["residentBytesMax"] > 1_000_000
    assert report["client"]["cpuSeconds"] > 0
    # Only the owner may read the tokens.
    assert (folder / "keep").stat().st_mode & 0o077 == 0


def test_percentiles_are_those_of_hdrhistogram(mixed):
    """HdrHistogram's own library reads the histograms, with the same result."""
    report = json.loads((mixed[2] / "json").read_text())
    for figures in [report["total"], *report["journeys"], *report["calls"]]:
        latency = figures["latency"]
        histogram = HdrHistogram.decode(latency["histogram"])
        assert histogram.get_total_count() == figures["done"]
        for name, percentile in (("p50", 50), ("p90", 90), ("p99", 99), ("p999", 99.9)):
            theirs = histogram.get_value_at_percentile(percentile)
            # The two round ranks of few values differently: either neighbour is accepted.
            step = 100 / figures["done"]
            near = [histogram.get_value_at_percentile(max(0, min(100, percentile + part * step))) for part in (-1, 0, 1)]
            width = max(1, theirs >> 10)
            assert min(near) - width <= latency[name] <= max(near) + width, (figures["name"], name, latency[name], near)


def test_the_page_needs_nothing_else(mixed):
    text = (mixed[2] / "html").read_text()
    page = xml.etree.ElementTree.fromstring(text.split("\n", 1)[1])
    assert len(list(page.iter("svg"))) == 5
    for element in page.iter():
        assert element.tag not in ("script", "link", "img", "iframe", "object"), element.tag
        assert not {"src", "href"} & set(element.keys())
    assert "url(" not in text and "http" not in text.replace("http-equiv", "")
    for circle in page.iter("circle"):
        assert 0 <= float(circle.get("cx")) <= 900 and 0 <= float(circle.get("cy")) <= 260


def test_two_runs_are_compared(running, mixed, tmp_path):
    code, output = load("run", "--address", running.address, "--mix", "check=1", "--callers", 4, "--seconds", 1, *SMALL, "--json",
                        tmp_path / "json")
    assert code == 0, output
    code, output = load("compare", mixed[2] / "json", tmp_path / "json", "--json", tmp_path / "comparison")
    assert code == 0 and 'different settings: mode: "open", then "closed"' in output, output
    rows = json.loads((tmp_path / "comparison").read_text())["rows"]
    [row] = [row for row in rows if (row["name"], row["measure"]) == ("check", "p50")]
    assert row["ratio"] == pytest.approx(row["after"] / row["before"], rel=1e-4)
    assert load("compare", tmp_path / "json", tmp_path / "comparison")[0] == 64


def kept(running, folder):
    """A short run of writes by few people, and the audit's result before anything is changed."""
    code, output = load("--address", running.address, "--mix", "record=1,sync=1", "--rate", 100, "--seconds", 1, *SMALL, "--people", "3",
                        "--keep", folder / "keep", "--no-audit")
    assert code == 0, output
    people = json.loads((folder / "keep").read_text())
    assert audit(running, folder)[0] == 0
    return people["run"], people["people"]


def audit(running, folder, database=True):
    return load("audit", folder / "keep", "--address", running.address,
                environment={"STREAK_LOAD_DATABASE": conninfo(running) if database else ""})


def test_the_audit_finds_a_lost_write(running, tmp_path):
    run, people = kept(running, tmp_path)
    user = people[0]["user"]
    # The last write of a day is reset to the one before, as if it had never arrived.
    sql(running, f"""WITH last AS (SELECT DISTINCT ON (user_id, habit_id, day) * FROM cell_history WHERE user_id = '{user}'
             AND starts_with(note, '{run}-') ORDER BY user_id, habit_id, day, version DESC)
           UPDATE cells SET note = last.note FROM last WHERE (cells.user_id, cells.habit_id, cells.day) = (last.user_id, last.habit_id, last.day)""")
    code, output = audit(running, tmp_path, database=False)
    assert code == 1 and f"lost: {user}" in output and "is not there, write" in output, output
    code, output = audit(running, tmp_path)
    assert code == 1 and "was acknowledged and is not stored" in output and "is stored 2 times" in output, output


def test_the_audit_finds_a_doubled_write(running, tmp_path):
    run, people = kept(running, tmp_path)
    user = people[0]["user"]
    sql(running, f"UPDATE heads SET change_number = change_number + 1 WHERE user_id = '{user}'")
    code, output = audit(running, tmp_path, database=False)
    assert code == 1 and f"doubled: {user}" in output, output
    sql(running, f"UPDATE heads SET change_number = change_number - 1 WHERE user_id = '{user}'")
    assert audit(running, tmp_path)[0] == 0
    # A write's former state, stored once more: only the database shows it.
    sql(running, f"""INSERT INTO cell_history SELECT user_id, habit_id, source_id, seq, changed_time, version, version + 1, occurred_at, recorded_at,
             day - 1, utc_offset_seconds, day_start_minutes, quarantine_reason, done, note, zone, details FROM cells
           WHERE user_id = '{user}' AND starts_with(note, '{run}-') LIMIT 1""")
    assert audit(running, tmp_path, database=False)[0] == 0
    code, output = audit(running, tmp_path)
    assert code == 1 and "is stored 2 times" in output, output


def test_the_audit_finds_what_else_is_wrong(running, tmp_path):
    run, people = kept(running, tmp_path)
    user = people[0]["user"]
    sql(running, f"UPDATE cells SET note = 'somebody else' WHERE user_id = '{user}' AND starts_with(note, '{run}-')")
    code, output = audit(running, tmp_path, database=False)
    assert code == 1 and f"wrong: {user}" in output and "the digest is not that of the state" in output, output


def test_wrong_answers_are_failures_of_the_run(running):
    """Days are changed in the database while reads continue."""
    process = subprocess.Popen([LOAD, "--address", running.address, "--mix", "read=1", "--rate", "200", "--seconds", "3", "--people", "3",
                                "--habits", "1", "--days", "3", "--no-audit"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # The first line of progress: people exist, and reads run.
    for line in process.stderr:
        if "done" in line:
            break
    sql(running, """UPDATE habits SET total_days = total_days + 1 WHERE user_id IN (
           SELECT user_id FROM users WHERE email LIKE '%@load.example' ORDER BY created_at DESC LIMIT 3)""")
    rest = threading.Thread(target=process.stderr.read)
    rest.start()
    output = process.stdout.read()
    rest.join()
    assert process.wait() == 1 and "WRONG_ANSWER" in output and "GetStreak: 4 days, where 3...3 were acknowledged" in output, output


def test_a_server_that_is_killed_is_reported_by_status_and_loses_nothing(folder, tmp_path):
    """kill -9 in the middle; another streakd starts on the same port and database, and the run
    continues."""
    database = tmp_path / "database"
    with Server(folder=folder) as first:
        database.write_text(conninfo(first))
        port = first.port
        process = subprocess.Popen(
            [LOAD, "--address", first.address, "--mix", "record=1,sync=2,read=1", "--rate", "300", "--seconds", "8", "--people", "20", "--habits",
             "2", "--days", "3", "--json", tmp_path / "json", "--database-file", database, "--call-seconds", "30"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for line in process.stderr:
            if "done" in line:
                break
        first.kill()
    rest = threading.Thread(target=process.stderr.read)
    rest.start()
    with Server(folder=folder, arguments=["--listen", f"127.0.0.1:{port}"]):
        output = process.stdout.read()
    rest.join()
    assert process.wait() == 1, output
    report = json.loads((tmp_path / "json").read_text())
    failures = report["total"]["failures"]
    assert failures.get("NOT_CONNECTED", 0) > 0, output
    assert set(failures) <= {"NOT_CONNECTED", "CONNECTION_LOST", "STREAM_RESET", "UNAVAILABLE", "UNAVAILABLE STORAGE_UNAVAILABLE"}, output
    assert report["connectionsLost"] >= 10
    assert report["audit"]["clean"] and report["audit"]["readsDatabase"] and report["audit"]["writes"] > 100, output


def test_the_search_ends_with_the_highest_rate_within_the_objective(running):
    code, output = load("search", "--address", running.address, "--mix", "check=1", "--seconds", "0.3", "--start-rate", 50, "--rate-max", 100,
                        "--within-ms", 5000, *SMALL)
    assert code == 0 and "best: 100.0 a second" in output, output
    code, output = load("search", "--address", running.address, "--mix", "check=1", "--seconds", "0.1", "--start-rate", 50, "--rate-max", 100,
                        "--within-ms", 0.000001, *SMALL)
    assert code == 1 and "no rate that was tried met the objective" in output, output


def test_a_closed_loop_has_as_many_journeys_open_as_callers(running, tmp_path):
    code, output = load("--address", running.address, "--mix", "read=1", "--callers", 7, "--seconds", 1, *SMALL, "--json", tmp_path / "json",
                        "--loops", 2, "--connections", 2, "--warm-up-seconds", 0.5)
    report = json.loads((tmp_path / "json").read_text())
    assert code == 0 and report["samples"][0]["open"] <= 7 and report["total"]["done"] > 100, output
    assert report["settings"]["callers"] == 7 and report["seconds"] == pytest.approx(0.5, abs=0.2)


def test_people_made_in_the_tables_are_like_those_who_signed_up(running, tmp_path):
    code, output = load("--address", running.address, "--mix", "read=4,record=2,sync=2,watch=1,export=1", "--callers", 1, "--seconds", 1, *SMALL,
                        "--people", 250, "--people-by-sql", "--json", tmp_path / "json",
                        environment={"STREAK_LOAD_DATABASE": conninfo(running)})
    assert code == 0, output
    report = json.loads((tmp_path / "json").read_text())
    assert report["audit"]["clean"] and report["audit"]["writes"] > 10 and len(report["journeys"]) == 5
    assert load("--address", running.address, "--people-by-sql")[0] == 64


def test_load_over_tls(certificates):
    with open_folder() as folder, Server(folder=folder, arguments=tls_arguments(certificates)) as server:
        code, output = load("--address", f"localhost:{server.port}", "--mix", "read=2,record=1", "--callers", 2, "--seconds", 0.5, *SMALL,
                            "--people", 2, "--tls-ca", certificates / "ca.pem")
        assert code == 0 and "audit: clean" in output, output
        # Not an authority that signed the server's certificate.
        assert load("--address", f"localhost:{server.port}", "--quiet", "--tls-ca", certificates / "client.pem")[0] == 69


def test_an_unreachable_server_and_wrong_arguments_are_reported():
    assert load("--address", "127.0.0.1:1", "--quiet")[0] == 69
    for wrong in (["--mix", "walk=1"], ["--rate", "0"], ["--rate", "10", "--callers", "3"], ["--seconds", "0.05"], ["--people", "0"],
                  ["--people", "1000001"], ["--loops", "65"], ["--connections", "10001"], ["--callers", "100001"], ["--days", "401"],
                  ["--address", "nonsense"], ["--call-seconds", "0"], ["--operations", "101"], ["--warm-up-seconds", "11"]):
        code, output = load(*wrong)
        assert code == 64, (wrong, output)

"""The admin server's pages and the log, read by the tools of operators."""

import contextlib
import ctypes
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import grpc
import pytest
from metrics import ADMIN, OPENER, Metrics, admin_address, get, program
from person import Person
from raw_client import RawClient, frame
from server import Server, wait_until



def make_calls(server):
    """Four completions, a missing habit, and unknown methods."""
    with Person(server) as person:
        person.sign_up()
        habit = person.put_habit()
        for _ in range(4):
            person.record(habit)
        with pytest.raises(grpc.RpcError):
            person.streak(os.urandom(16))
        for path in ["/no.Such/Method", "/streak.v1.StreakService/Nothing"]:
            with pytest.raises(grpc.RpcError):
                person.channel.unary_unary(path)(b"", timeout=10)
        return person.tokens


def test_the_stock_parser_reads_the_figures_of_the_calls_made(folder):
    with Server(folder=folder, arguments=[*ADMIN, "--loops", "2"]) as server:
        before = Metrics(server)
        make_calls(server)
        after = Metrics(server)

        calls, streaks = "streakd_rpc_calls_total", {"service": "streak.v1.StreakService"}
        assert before.value(calls, method="RecordCompletion", code="OK", **streaks) == 0
        assert after.value(calls, method="RecordCompletion", code="OK", **streaks) == 4
        assert after.value(calls, method="GetStreak", code="NOT_FOUND", **streaks) == 1
        assert after.value(calls, method="SignUp", code="OK") == 1
        assert after.value(calls, service="unknown", method="unknown", code="UNIMPLEMENTED") == 2
        assert sum(after.values(calls)) == 1 + 1 + 4 + 1 + 2
        assert set(after.values("streakd_rpc_calls_in_flight")) == {0}

        duration = "streakd_rpc_call_duration_seconds"
        assert after.value(f"{duration}_count", method="RecordCompletion") == 4
        buckets = after.values(f"{duration}_bucket", method="RecordCompletion")
        assert buckets == sorted(buckets) and buckets[-1] == 4
        assert after.value(f"{duration}_bucket", method="RecordCompletion", le="60") == 4
        assert 0 < after.value(f"{duration}_sum", method="RecordCompletion") < 60
        # It hashes a password: never faster than the first border.
        assert after.value(f"{duration}_bucket", method="SignUp", le="0.00025") == 0

        for name in ["streakd_rpc_received_bytes_total", "streakd_rpc_sent_bytes_total"]:
            assert after.value(name, method="RecordCompletion") > 4 * 5
        assert after.value("streakd_connections_accepted_total") == 1
        wait_until(lambda: Metrics(server).value("streakd_connections_open") == 0)
        assert sum(Metrics(server).values("streakd_connections_ended_total")) == 1

        assert after.value("streakd_ready") == 1 and after.value("streakd_build_info") == 1
        assert after.value("streakd_postgres_connections_open") == 8 == after.value("streakd_postgres_connections_max")
        assert after.value("streakd_postgres_statements_sent_total") > before.value("streakd_postgres_statements_sent_total")
        assert after.values("streakd_postgres_waiting") == [0, 0]
        assert after.value("streakd_large_request_bytes") == 0 == after.value("streakd_large_requests_waiting")
        assert len(after.values("streakd_loop_lag_seconds_count")) == 2
        resident = after.value("process_resident_memory_bytes") / 1024
        assert 0.5 < resident / server.resident_kib() < 2
        assert after.value("process_cpu_seconds_total") > 0 and after.value("process_open_fds") > 10


@pytest.mark.parametrize("microseconds", [0, 10_000])
def test_a_loop_stays_awake_for_a_change_that_is_alone_unless_told_not_to(folder, microseconds):
    with Server(folder=folder, arguments=[*ADMIN, f"--busy-poll-microseconds={microseconds}"]) as server, Person(server) as person:
        person.sign_up()
        habit = person.put_habit()
        for number in range(5):
            person.record(habit, note=str(number))
        # It needs a second core, for PostgreSQL.
        awake = microseconds > 0 and len(os.sched_getaffinity(0)) > 1
        assert (Metrics(server).value("streakd_busy_polls_total") > 0) == awake


@pytest.mark.parametrize("mib", [0, 1])
def test_what_a_change_left_is_remembered_unless_told_not_to(folder, mib):
    with Server(folder=folder, arguments=[*ADMIN, f"--ledger-cache-mib={mib}"]) as server, Person(server) as person:
        person.sign_up()
        habit = person.put_habit()
        for number in range(5):
            person.record(habit, note=str(number))
        metrics = Metrics(server)
        # The habit itself and its first day are unknown before.
        assert metrics.value("streakd_ledger_cache_lookups_total", result="hit") == (4 if mib else 0)
        assert metrics.value("streakd_ledger_cache_lookups_total", result="miss") == (2 if mib else 6)
        assert (metrics.value("streakd_ledger_cache_bytes") > 0) == bool(mib)


def test_promtool_finds_nothing_to_complain_about(folder):
    promtool = program("promtool")
    with Server(folder=folder, arguments=ADMIN) as server:
        make_calls(server)
        check = subprocess.run(
            [promtool, "check", "metrics"], input=Metrics(server).text, text=True, capture_output=True, timeout=60)
        assert (check.returncode, check.stdout + check.stderr) == (0, "")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


@contextlib.contextmanager
def prometheus(folder, target):
    """Runs a real Prometheus that scrapes `target`; returns the address of its API."""
    binary = program("prometheus")
    configuration = pathlib.Path(folder) / "prometheus.yml"
    configuration.write_text(json.dumps({  # JSON is YAML.
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [{"job_name": "streakd", "static_configs": [{"targets": [target]}]}]}))
    address = f"127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [binary, f"--config.file={configuration}", f"--storage.tsdb.path={folder}/prometheus",
         f"--web.listen-address={address}"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield address
    finally:
        process.kill()
        process.wait()


def test_a_real_prometheus_scrapes_it_and_answers_with_its_figures(folder):
    with Server(folder=folder, arguments=ADMIN) as server, prometheus(folder, admin_address(server)) as api:
        make_calls(server)

        def query(expression):
            url = f"http://{api}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
            try:
                with OPENER.open(url, timeout=10) as response:
                    return [float(result["value"][1]) for result in json.load(response)["data"]["result"]]
            except (urllib.error.URLError, ConnectionError):
                return None

        completions = 'streakd_rpc_calls_total{service="streak.v1.StreakService",method="RecordCompletion",code="OK"}'
        wait_until(lambda: query(completions) == [4], seconds=60)
        assert query('up{job="streakd"}') == [1]
        assert query('sum(streakd_rpc_calls_total{method="unknown"})') == [2]
        [median] = query('histogram_quantile(0.5, streakd_rpc_call_duration_seconds_bucket{method="RecordCompletion"})')
        assert 0 < median < 60


def test_readiness_follows_a_postgres_that_is_killed_and_started_again(folder):
    with contextlib.ExitStack() as stack:
        owner = Server(folder=folder)
        stack.callback(owner.kill)
        lines = (pathlib.Path(folder) / "data/cluster/postmaster.pid").read_text().split("\n")
        database = f"host='{lines[4]}' port={lines[3]} user=streakd dbname=postgres"
        server = stack.enter_context(Server(database=database, arguments=ADMIN))
        assert get(server, "/readyz")[::2] == (200, "ready\n")
        # Its parent first: it would start PostgreSQL again.
        owner.kill()
        os.kill(int(lines[0]), signal.SIGKILL)
        wait_until(lambda: get(server, "/readyz")[0] == 503)
        status, content_type, text = get(server, "/readyz")
        assert status == 503 and text.startswith("not ready: the database") and content_type.startswith("text/plain")
        assert Metrics(server).value("streakd_ready") == 0
        assert Metrics(server).value("streakd_postgres_connections_lost_total") > 0
        assert get(server, "/livez")[0] == 200
        stack.enter_context(Server(folder=folder))
        wait_until(lambda: get(server, "/readyz")[0] == 200)
        assert Metrics(server).value("streakd_ready") == 1


def test_the_server_is_not_ready_while_it_stops(folder):
    with Server(folder=folder, arguments=ADMIN) as server, Person(server) as person:
        call = person.channel.unary_stream("/grpc.health.v1.Health/Watch")(b"", timeout=60)
        assert next(iter(call)) == b"\x08\x01"
        server.terminate()
        wait_until(lambda: get(server, "/readyz")[::2] == (503, "not ready: the server is stopping\n"))
        call.cancel()


@contextlib.contextmanager
def frozen_thread(thread):
    """Stops one thread of a process, as a debugger does it."""
    seize, interrupt, detach, all_threads = 0x4206, 0x4207, 17, 0x40000000
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if libc.ptrace(seize, thread, None, None) != 0:
        pytest.skip("this machine lets nobody trace")
    try:
        assert libc.ptrace(interrupt, thread, None, None) == 0
        os.waitpid(thread, all_threads)
        yield
    finally:
        libc.ptrace(detach, thread, None, None)


def test_a_loop_that_is_stuck_is_noticed(folder):
    with Server(folder=folder, arguments=[*ADMIN, "--stuck-seconds", "1"]) as server:
        assert get(server, "/livez")[0] == 200
        tasks = pathlib.Path(f"/proc/{server.process.pid}/task")

        def wakings():
            return {int(task.name): int(re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)", (task / "status").read_text())[1])
                    for task in tasks.iterdir()}

        # The only serving loop is the only thread that wakes ten times a second while idle.
        before = wakings()
        loop = wait_until(lambda: next((thread for thread, count in wakings().items() if count - before.get(thread, count) > 20), None))
        with frozen_thread(loop):
            wait_until(lambda: get(server, "/livez")[0] == 503)
            assert re.fullmatch(r"loop 0 has given no sign of life for \d+ s\n", get(server, "/livez")[2])
        wait_until(lambda: get(server, "/livez")[::2] == (200, "alive\n"))
    for seconds in ("0", "3601"):
        with pytest.raises(RuntimeError, match="stuck-seconds must be a number from 1 to 3600"):
            Server(folder=folder, arguments=["--stuck-seconds", seconds])


def test_the_admin_server_serves_nothing_else_and_bounds_what_it_takes(folder):
    with Server(folder=folder, arguments=ADMIN) as server:
        assert get(server, "/livez") == (200, "text/plain; charset=utf-8", "alive\n")
        assert get(server, "/")[0] == 404
        host, port = admin_address(server).split(":")

        def answer(request):
            with socket.create_connection((host, int(port)), timeout=30) as peer:
                peer.sendall(request)
                return b"".join(iter(lambda: peer.recv(65_536), b""))

        assert answer(b"POST /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").startswith(b"HTTP/1.1 405 ")
        assert answer(b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400 ")
        assert answer(b"GET /" + b"a" * 8_200 + b" HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 414 ")
        # Incomplete requests time out; connections beyond the limit are closed at once.
        silent = [socket.create_connection((host, int(port)), timeout=30) for _ in range(33)]
        assert silent[-1].recv(1) == b""
        assert silent[0].recv(1) == b""
        for peer in silent:
            peer.close()
        wait_until(lambda: get(server, "/livez")[0] == 200)


def test_the_admin_server_stays_on_this_machine_unless_told_otherwise(folder):
    with pytest.raises(RuntimeError, match="the admin pages are served without TLS"):
        Server(folder=folder, arguments=["--admin-listen", "0.0.0.0:0"])
    with Server(folder=folder) as server:
        assert not any("/metrics" in line for line in server.lines)


def log_lines(server):
    """The log of a server that has ended, as objects, without the one line that is not a log line."""
    return [json.loads(line) for line in server.lines if not line.startswith("listening on ")]


def test_json_log_lines_parse_and_the_access_log_says_what_happened_but_no_secret(folder):
    with Server(folder=folder, arguments=["--access-log", "--log-format", "json"]) as server:
        tokens = make_calls(server)
    lines = log_lines(server)
    for line in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert line["level"] in {"info", "warning"} and line["message"]
    calls = [line for line in lines if line["message"] == "call"]
    assert [(call["method"], call["status"]) for call in calls] == [
        ("streak.v1.AccountService/SignUp", "OK"), ("streak.v1.StreakService/PutHabit", "OK"),
        *[("streak.v1.StreakService/RecordCompletion", "OK")] * 4, ("streak.v1.StreakService/GetStreak", "NOT_FOUND"),
        *[("unknown", "UNIMPLEMENTED")] * 2]
    for call in calls:
        assert call["level"] == "info" and call["peer"].startswith("127.0.0.1:")
        assert float(call["duration_ms"]) >= 0
    assert int(calls[0]["received_bytes"]) > 5 and int(calls[0]["sent_bytes"]) > 5
    text = "".join(server.lines)
    for secret in [tokens.access_token, tokens.refresh_token, "@example.com", Person.password, "Bearer"]:
        assert secret and secret not in text


LIST_HABITS = "/streak.v1.StreakService/ListHabits"


def test_ordinary_calls_are_not_logged_unless_asked_for_but_faults_are(folder):
    with Server(folder=folder) as server:
        make_calls(server)
        with RawClient(server) as client:
            # A compressed message of a call that names no encoding.
            assert client.call(LIST_HABITS, frame(b"", flag=1))["grpc-status"] == "13"
    calls = [line for line in server.lines if " call" in line and "status=" in line]
    assert len(calls) == 1 and " error " in calls[0]
    assert "status=INTERNAL" in calls[0] and "method=streak.v1.StreakService/ListHabits" in calls[0]
    assert "reason=The message is flagged as compressed" in calls[0]


def test_a_fault_that_every_call_meets_fills_no_log(folder):
    """20 lines a second, and the next line has the number of those left out."""
    made, began = 0, time.monotonic()
    with Server(folder=folder) as server, RawClient(server) as client:
        def burst():
            nonlocal made
            for _ in range(100):
                assert client.call(LIST_HABITS, frame(b"", flag=1))["grpc-status"] == "13"
                made += 1
            return any("not_logged=" in line for line in server.lines)
        wait_until(burst)
    faults = [line for line in server.lines if "status=INTERNAL" in line]
    counts = [int(found[1]) for line in faults if (found := re.search(r"not_logged=(\d+)", line))]
    assert counts and len(faults) + sum(counts) <= made
    assert len(faults) <= 20 * (time.monotonic() - began + 1)

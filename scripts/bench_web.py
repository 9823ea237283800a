"""The rows of scripts/bench for browsers' protocols: Connect and gRPC-Web beside gRPC, HTTP/1.1
beside HTTP/2, JSON beside protobuf, and Envoy's translator in front.

Every round measures each way once, in turn, every second round in the reverse order; a row is the
median of the rounds' ratios. h2load makes
the calls of the echo service, streak-load those of `Sync`.
"""

import contextlib
import json
import os
import pathlib
import random
import re
import socket
import statistics
import subprocess
import sys

import conftest  # noqa: F401  (generates the stubs)
from proxies import envoy
from server import Server, open_folder, wait_until

PROGRAMS = pathlib.Path(os.environ["STREAKD_PROGRAMS"])
PATH = "/bench.Echo/Unary"
UNLIMITED = ["--rate-limit-factor", "0", "--changes-per-day-max", "0", "--calls-per-person-max", "0", "--calls-per-address-max", "0"]
MESSAGE = b"\x0a\x05hello\x12\x20" + bytes(32)
FRAMED = b"\0" + len(MESSAGE).to_bytes(4) + MESSAGE
POINTS = [(1, 100), (10, 10), (100, 1)]  # connections, calls at once on each
SYNC_CALLERS = 100
# Content type and body of a call by each protocol.
CALLS = {"gRPC": ("application/grpc", FRAMED), "gRPC-Web": ("application/grpc-web+proto", FRAMED), "Connect": ("application/proto", MESSAGE)}
# Row, its way, what it is compared with, the points; the largest ratio that is accepted.
ROWS = [("Connect / gRPC", ("Connect", "h2"), ("gRPC", "h2"), POINTS, 0.95),
        ("gRPC-Web / gRPC", ("gRPC-Web", "h2"), ("gRPC", "h2"), POINTS, None),
        ("Connect over HTTP/1.1 / over HTTP/2", ("Connect", "h1"), ("Connect", "h2"), [(100, 1)], 1.3)]


def cpu_seconds(*pids):
    ticks = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def pin(pid, cpu):
    """Keeps all threads of a process on one CPU; those that it has begun already, too."""
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {cpu})


def h2load(folder, address, protocol, version, connections, streams, seconds):
    """How many calls succeeded. A failed one ends the benchmark."""
    content_type, body = CALLS[protocol]
    path = folder / f"body-{protocol}"
    path.write_bytes(body)
    run = subprocess.run(
        ["taskset", "-c", "1", "h2load", "-D", str(seconds), "-c", str(connections), "-m", str(streams), "-t", "1", "-d", str(path),
         *(["--h1"] if version == "h1" else []), "-H", f"content-type: {content_type}", "-H", "te: trailers", f"http://{address}{PATH}"],
        capture_output=True, text=True)
    found = re.search(r"status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx", run.stdout)
    if run.returncode != 0 or not found or int(found[1]) == 0:
        sys.exit(f"h2load by {protocol} over {version} failed: {run.stdout}{run.stderr}")
    return int(found[1])


def is_served(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True


@contextlib.contextmanager
def echo_server():
    """The address of an echo-server on CPU 0, and its process."""
    port = random.randrange(20_000, 32_000)
    process = subprocess.Popen(["taskset", "-c", "0", str(PROGRAMS / "echo-server"), "--port", str(port)], stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: is_served(port))
        yield f"127.0.0.1:{port}", process.pid
    finally:
        process.kill()
        process.wait()


def echo_rows(folder, seconds, rounds):
    """The rounds' CPU us of the server per call, by way and point; and of the server and Envoy
    together for gRPC-Web through Envoy's translator."""
    found = {}
    ways = list(dict.fromkeys((*way, point) for _, one, other, points, _ in ROWS for way in (one, other) for point in points))
    with echo_server() as (address, pid), envoy(folder, address) as addresses:
        translator = addresses["translator"]
        proxy = int(addresses["pid"])
        pin(proxy, cpu=0)
        for number in range(rounds):
            for protocol, version, point in ways if number % 2 == 0 else reversed(ways):
                before = cpu_seconds(pid)
                count = h2load(folder, address, protocol, version, *point, seconds)
                found.setdefault((protocol, version, point), []).append((cpu_seconds(pid) - before) / count * 1e6)
            for point in POINTS:
                before = cpu_seconds(pid, proxy)
                count = h2load(folder, translator, "gRPC-Web", "h2", *point, seconds)
                found.setdefault(("Envoy", "h2", point), []).append((cpu_seconds(pid, proxy) - before) / count * 1e6)
    return found


def sync_rows(seconds, rounds):
    """The rounds' CPU us of streakd per one-operation Sync, by protocol."""
    found = {}
    with open_folder() as folder, Server(folder=folder, arguments=["--loops", "1", *UNLIMITED]) as server:
        for _ in range(rounds):
            for protocol in ("connect", "connect-json"):
                path = folder / "report.json"
                run = subprocess.run(
                    [str(PROGRAMS / "streak-load"), "run", "--address", server.address, "--protocol", protocol, "--mix", "sync=1",
                     "--callers", str(SYNC_CALLERS), "--connections", "10", "--people", str(SYNC_CALLERS), "--days", "1",
                     "--operations", "1", "--seconds", str(seconds), "--server-pid", str(server.process.pid), "--no-audit", "--quiet",
                     "--json", str(path)], capture_output=True, text=True)
                if run.returncode != 0:
                    sys.exit(f"streak-load by {protocol} failed: {run.stdout}{run.stderr}")
                found.setdefault(protocol, []).append(json.loads(path.read_text())["server"]["cpuMicrosecondsPerCall"])
    return found


def ratio(ones, others):
    """The median of the rounds' ratios."""
    return statistics.median(one / other for one, other in zip(ones, others))


def report(folder, seconds, rounds):
    echo = echo_rows(folder, seconds, rounds)
    print("\nServer CPU per small unary call by the protocols of browsers, in us, by connections x calls at once:\n")
    print("| call | " + " | ".join(f"{c} x {s}" for c, s in POINTS) + " | accepted |\n| --- | --- | --- | --- | --- |")

    def line(title, values, accepted=""):
        print(f"| {title} | " + " | ".join(values.get(point, "") for point in POINTS) + f" | {accepted} |")

    names = {"h2": "HTTP/2", "h1": "HTTP/1.1"}
    for protocol, version in dict.fromkeys((protocol, version) for protocol, version, _ in echo if protocol != "Envoy"):
        line(f"{protocol}, {names[version]}", {point: f"{statistics.median(echo[protocol, version, point]):.2f}"
                                               for point in POINTS if (protocol, version, point) in echo})
    line("gRPC-Web through Envoy's translator, both programs", {point: f"{statistics.median(echo['Envoy', 'h2', point]):.2f}" for point in POINTS})
    for title, one, other, points, most in ROWS:
        line(title, {point: f"{ratio(echo[*one, point], echo[*other, point]):.2f}" for point in points}, f"at most {most}" if most else "")
    line("Envoy's translator / gRPC-Web", {point: f"{ratio(echo['Envoy', 'h2', point], echo['gRPC-Web', 'h2', point]):.2f}" for point in POINTS})
    sync = sync_rows(seconds, rounds)
    print(f"\nServer CPU per Sync of one operation, in us: Connect with protobuf {statistics.median(sync['connect']):.1f}, with JSON "
          f"{statistics.median(sync['connect-json']):.1f}; ratio {ratio(sync['connect-json'], sync['connect']):.2f}, accepted at most 2.\n")

"""The measuring core of scripts/bench-load, which builds the programs and calls this."""

import argparse
import json
import os
import pathlib
import re
import resource
import statistics
import subprocess
import sys

import conftest  # noqa: F401  (generates the stubs)
from person import Person
from server import Server, open_folder
from streak.v1 import streak_pb2

LOAD = pathlib.Path(os.environ["STREAKD_PROGRAMS"]) / "streak-load"
POINTS = [(1, 100), (10, 10), (100, 1)]  # connections, streams on each
UNLIMITED = ["--loops", "1", "--rate-limit-factor", "0", "--changes-per-day-max", "0", "--calls-per-person-max", "0", "--calls-per-address-max", "0"]
ROUNDS = 3


def spent(command):
    """The CPU seconds of a command, and its output."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed: {done.stdout}{done.stderr}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def h2load(server, path, body, connections, streams, seconds, headers=()):
    """CPU us per call, if all calls ended with 200."""
    arguments = [part for header in ("content-type: application/grpc", "te: trailers", *headers) for part in ("-H", header)]
    used, output = spent(["h2load", "-D", seconds, "-c", connections, "-m", streams, "-t", 1, "-d", body, *arguments,
                          f"http://{server.address}{path}"])
    count = int(re.search(r"status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx", output)[1])
    return used / count * 1e6


def streak_load(server, mix, connections, streams, seconds, report):
    """CPU us per call, if all answers were correct. One sign-up is part of it, less than a
    thousandth."""
    used, _ = spent([LOAD, "--address", server.address, "--mix", mix, "--callers", connections * streams, "--connections", connections,
                     "--seconds", seconds, "--people", connections * streams if mix != "check=1" else 1, "--days", 1, "--quiet", "--no-audit",
                     "--json", report])
    total = json.loads(report.read_text())["client"]
    return total["cpuMicrosecondsPerCall"], used


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=3)
    seconds = parser.parse_args().seconds
    print("CPU us of the client for each call, by connections x streams:\n")
    print("| call | h2load | streak-load | ratio |\n| --- | --- | --- | --- |")
    with open_folder() as folder, Server(folder=folder, arguments=UNLIMITED) as server, Person(server) as person:
        person.sign_up()
        habit = person.put_habit()
        (folder / "check").write_bytes(bytes(5))
        message = streak_pb2.GetStreakRequest(habit_id=habit).SerializeToString()
        (folder / "read").write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
        token = f"authorization: {person.metadata[0][1]}"
        for name, mix, path, body, headers in (
                ("Health/Check", "check=1", "/grpc.health.v1.Health/Check", "check", ()),
                ("GetStreak", "read=1", "/streak.v1.StreakService/GetStreak", "read", (token,))):
            for connections, streams in POINTS:
                theirs, ours = [], []
                for _ in range(ROUNDS):
                    theirs.append(h2load(server, path, folder / body, connections, streams, seconds, headers))
                    ours.append(streak_load(server, mix, connections, streams, seconds, folder / "report")[0])
                left, right = statistics.median(theirs), statistics.median(ours)
                print(f"| {name} {connections} x {streams} | {left:.2f} | {right:.2f} | {right / left:.2f} |", flush=True)


if __name__ == "__main__":
    main()

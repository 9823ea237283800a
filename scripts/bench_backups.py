"""The measurements of scripts/bench --backup: the CPU time of a backup beside `pg_dump | zstd |
age` by hand, of the same database alternately."""

import os
import pathlib
import resource
import statistics
import subprocess
import time

import conftest  # noqa: F401  (finds the tests' modules)
from operator_tools import STREAKCTL, Keys, fill, sql
from server import Server

PEOPLE, DAYS = 100_000, 100
MIB = 1_048_576


def postgres_seconds(server):
    """CPU seconds of the private PostgreSQL's connections that have ended, and of its main process."""
    fields = pathlib.Path(f"/proc/{server.postgres_pid()}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Place:
    def __init__(self, folder, server):
        self.server, self.data, self.backups, self.keys = server, folder / "data", folder / "backups", Keys(folder)
        self.by_hand_file = folder / "by-hand"
        self.nowhere = folder / "nowhere"
        self.nowhere.write_text("")  # a scratch folder that is a file: no trial restore

    def spent(self, work):
        """The CPU seconds of the programs and of PostgreSQL, and the result of `work`."""
        programs, postgres = children_seconds(), postgres_seconds(self.server)
        answer = work()
        time.sleep(0.2)  # time for PostgreSQL to collect its children
        return children_seconds() - programs, postgres_seconds(self.server) - postgres, answer

    def by_hand(self):
        subprocess.run(
            ["bash", "-o", "pipefail", "-c",
             f"pg_dump --no-owner --no-privileges --encoding=UTF8 -h {self.data}/socket -U streakd postgres | zstd -q -c | "
             f"age --encrypt -r {self.keys.recipient} > {self.by_hand_file}"], check=True)
        size = self.by_hand_file.stat().st_size
        self.by_hand_file.unlink()
        return size

    def ours(self, has_trial):
        """The peak memory of our own process, in bytes."""
        arguments = [STREAKCTL, "backup", "run", "--folder", self.backups, "--data-folder", self.data, "--recipient", self.keys.recipient]
        run = subprocess.Popen([*map(str, arguments), *([] if has_trial else ["--scratch-folder", str(self.nowhere)])],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        held = 0
        while run.poll() is None:
            try:
                status = pathlib.Path(f"/proc/{run.pid}/status").read_text()
            except OSError:
                break
            held = max([held, *(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))])
            time.sleep(0.1)
        out, errors = run.communicate()
        if run.returncode != (0 if has_trial else 1) or not out.strip() or (not has_trial and "not verified" not in errors):
            raise RuntimeError(f"backup run: {run.returncode} {out}{errors}")
        return held


def report(folder, rounds):
    data = folder / "backups-bench"
    data.mkdir()
    data.chmod(0o755)
    with Server(folder=data) as server:
        place = Place(data, server)
        print(f"filling a database with {PEOPLE:,} people and {PEOPLE * DAYS:,} completions", flush=True)
        fill(place.data, PEOPLE, DAYS)
        sql(place.data, "VACUUM ANALYZE")  # otherwise the first reader pays for all
        sql(place.data, "CHECKPOINT")
        kinds = {"by hand": place.by_hand, "ours, without its trial": lambda: place.ours(False), "ours": lambda: place.ours(True)}
        found = {name: [] for name in kinds}
        for _ in range(rounds):
            for name, work in kinds.items():
                found[name].append(place.spent(work))
    print(f"\nA backup of {PEOPLE:,} people with {PEOPLE * DAYS:,} completions, CPU seconds, medians of {rounds} rounds; file by hand "
          f"{found['by hand'][0][2] / 1e6:.0f} MB:\n")
    print("| backup | programs | PostgreSQL | in all | ratio | our process held, MiB |\n| --- | --- | --- | --- | --- | --- |")
    base = statistics.median(programs + postgres for programs, postgres, _ in found["by hand"])
    for name, runs in found.items():
        programs, postgres = (statistics.median(run[index] for run in runs) for index in (0, 1))
        total = statistics.median(run[0] + run[1] for run in runs)
        held = "" if name == "by hand" else f"{max(run[2] for run in runs) / MIB:.0f}"
        print(f"| {name} | {programs:.1f} | {postgres:.1f} | {total:.1f} | {total / base:.2f} | {held} |", flush=True)

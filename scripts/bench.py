"""The measuring core of scripts/bench, which builds the programs and calls this."""

import argparse
import base64
import contextlib
import datetime
import hashlib
import json
import math
import os
import pathlib
import platform
import random
import re
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid

import bench_accounts
import bench_backups
import bench_cursor
import bench_web
import conftest  # noqa: F401  (generates the stubs)
import grpc
from google.protobuf import timestamp_pb2
from device import Device, cell_item, digest_of, habit_item
from person import today
from server import SERVER_KEY, Server
from streak.v1 import common_pb2, export_pb2, streak_pb2, streak_pb2_grpc, sync_pb2

PROGRAMS = pathlib.Path(os.environ["STREAKD_PROGRAMS"])
POINTS = [(1, 100), (10, 10), (100, 1)]  # connections, streams on each
STREAMING = {"Collect": "received", "Repeat": "sent", "Chat": "received and sent back"}
STREAM_COUNTS = [1, 100]
ECHO = "/bench.Echo/Unary"
CLIENT_COUNTS = [1, 4, 8, 16, 32]
HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
SETTINGS_ACK = bytes([0, 0, 0, 4, 1, 0, 0, 0, 0])
PEOPLE = 4000
NOTES = 5  # of each, so that the next note differs from the stored one
HABIT = "Read"
SYNC_CALLERS = [80, 250, 1000]  # divisors of PEOPLE / 2: one caller sends all of a user's operations
SYNC_OPERATIONS = 100_000  # for each second of a run; each is sent once
APPLIED = "SELECT count(*) FROM operations WHERE status = 1"
UNLIMITED = ["--rate-limit-factor", "0", "--changes-per-day-max", "0", "--calls-per-person-max", "0", "--calls-per-address-max", "0",
             "--password-memory-mib", "64"]
PULLS = 2_000
SOURCE_BYTES = 44
DIRECT_CALLS = uuid.UUID(int=0)
ALONE_ROUNDS = 5
ALONE_CALLS = 20_000  # for each second of a run, more than one caller makes
EXPORTS = 9

# pgbench has no text parameters: each of its scripts names one habit.
READ_SCRIPTS = 100  # pgbench takes at most 128

# PostgreSQL's minimum for one durable change of a cell: one statement, one transaction.
WRITE = """\\set n random(1, {last})
WITH k AS (SELECT user_id, habit_id FROM bench_people WHERE n = :n), changed AS (
  UPDATE heads SET change_number = change_number + 1 FROM k WHERE heads.user_id = k.user_id
  RETURNING heads.user_id, heads.change_number, k.habit_id
), kept AS (
  INSERT INTO cell_history SELECT c.user_id, c.habit_id, c.source_id, c.seq, c.changed_time, c.version, changed.change_number,
    c.occurred_at, c.recorded_at, c.day, c.utc_offset_seconds, c.day_start_minutes, c.quarantine_reason, c.done, c.note, c.zone, c.details
  FROM cells c JOIN changed USING (user_id, habit_id) WHERE day = {day}
  ON CONFLICT DO NOTHING
)
UPDATE cells SET note = changed.change_number::text, version = changed.change_number, recorded_at = now()
FROM changed WHERE cells.user_id = changed.user_id AND cells.habit_id = changed.habit_id AND cells.day = {day};
"""


def utc_day():
    return int(time.time()) // 86_400


def utc_time():
    return common_pb2.LocalTime(occurred_at=timestamp_pb2.Timestamp(seconds=int(time.time())), zone="Etc/UTC")


def free_port():
    """A port below the range of the system's outgoing connections."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def resident_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


def wait_for_port(port):
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.02)
    sys.exit(f"nothing listens on {port}")


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def statements(sources, device):
    """The last statement of each source in the column `heads.sources` (StreakDomain's `Sources`: 16 bytes id, 8 bytes
    last number, 20 bytes more): the device's number, and what it has seen of the others."""
    entries = [sources[start:start + SOURCE_BYTES] for start in range(0, len(sources), SOURCE_BYTES)]
    last = {entry[:16]: int.from_bytes(entry[16:24], "big", signed=True) for entry in entries}
    return last.pop(device, 0), [common_pb2.StatementId(source_id=source, seq=seq) for source, seq in last.items()]


class Bench:
    def __init__(self, folder, seconds, rounds):
        self.folder, self.seconds, self.rounds = folder, seconds, rounds

    def load(self, port, path, what, connections, streams):
        """The result of one run of grpc_load on CPU 1. A failed call ends the benchmark."""
        run = subprocess.run(
            ["taskset", "-c", "1", str(self.folder / "grpc_load"), str(port), path, what, str(connections), str(streams),
             str(self.seconds)], capture_output=True, text=True)
        if run.returncode != 0:
            sys.exit(f"load on {path} failed: {run.stdout}{run.stderr}")
        return json.loads(run.stdout)

    def echo(self):
        """Server CPU per call in us: median over the rounds, for each program and point."""
        ports = {name: free_port() for name in ("bare nghttp2", "C++ gRPC", "streakd runtime")}
        commands = {
            "bare nghttp2": [self.folder / "null_server", str(ports["bare nghttp2"]), "echo"],
            "C++ gRPC": [self.folder / "cpp_echo", str(ports["C++ gRPC"])],
            "streakd runtime": [PROGRAMS / "echo-server", "--port", str(ports["streakd runtime"])],
        }
        found = {(name, point): [] for name in commands for point in POINTS}
        processes = {}
        try:
            for name, command in commands.items():
                processes[name] = subprocess.Popen(
                    ["taskset", "-c", "0", *map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                wait_for_port(ports[name])
            for _ in range(self.rounds):
                for point in POINTS:
                    for name, process in processes.items():
                        before = cpu_seconds(process.pid)
                        answer = self.load(ports[name], ECHO, "echo", *point)
                        found[name, point].append((cpu_seconds(process.pid) - before) / answer["ok"] * 1e6)
        finally:
            for process in processes.values():
                process.kill()
                process.wait()
        return {key: statistics.median(values) for key, values in found.items()}

    def streaming(self):
        """Server CPU per message of 1 KiB in us, by program, method and number of streams on one connection: medians over the rounds."""
        ports = {name: free_port() for name in ("C++ gRPC", "streakd runtime")}
        commands = {"C++ gRPC": [self.folder / "cpp_stream", str(ports["C++ gRPC"]), "callback"],
                    "streakd runtime": [PROGRAMS / "echo-server", "--port", str(ports["streakd runtime"])]}
        found = {(name, method, count): [] for name in commands for method in STREAMING for count in STREAM_COUNTS}
        processes = {}
        try:
            for name, command in commands.items():
                processes[name] = subprocess.Popen(
                    ["taskset", "-c", "0", *map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                wait_for_port(ports[name])
            for _ in range(self.rounds):
                for method in STREAMING:
                    for count in STREAM_COUNTS:
                        for name, process in processes.items():
                            # A call of one of the two that does not end is reported and repeated
                            # once. A failure of the yardstick itself ends nothing.
                            for attempts_left in (1, 0):
                                before = cpu_seconds(process.pid)
                                run = subprocess.run(
                                    ["taskset", "-c", "1", str(self.folder / "stream_load"), str(ports[name]), method, str(count),
                                     str(self.seconds)], capture_output=True, text=True)
                                if run.returncode == 0:
                                    break
                                print(f"{name}: {count} streams of {method}: {run.stdout}{run.stderr}", file=sys.stderr)
                                if not attempts_left and name == "streakd runtime":
                                    sys.exit(1)
                            if run.returncode == 0:
                                found[name, method, count].append(
                                    (cpu_seconds(process.pid) - before) / json.loads(run.stdout)["messages"] * 1e6)
        finally:
            for process in processes.values():
                process.kill()
                process.wait()
        return {key: statistics.median(values) if values else math.nan for key, values in found.items()}

    def idle_kib(self):
        """Resident KiB of the servers per connection that is established and idle."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        count = min(10_000, hard - 500)
        ports = {name: free_port() for name in ("bare nghttp2", "streakd runtime")}
        commands = {"bare nghttp2": [self.folder / "null_server", str(ports["bare nghttp2"]), "echo"],
                    "streakd runtime": [PROGRAMS / "echo-server", "--port", str(ports["streakd runtime"])]}
        found = {}
        for name, command in commands.items():
            process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                wait_for_port(ports[name])
                before = resident_kib(process.pid)
                # From several loopback addresses, because each has a limited number of ports.
                peers = [socket.create_connection(("127.0.0.1", ports[name]), source_address=(f"127.0.0.{2 + n // 1500}", 0))
                         for n in range(count)]
                for peer in peers:
                    peer.sendall(HELLO)
                for peer in peers:
                    peer.recv(65_536)
                    peer.sendall(SETTINGS_ACK)
                time.sleep(1)
                found[name] = (resident_kib(process.pid) - before) / count
                for peer in peers:
                    peer.close()
            finally:
                process.kill()
                process.wait()
        return count, found

    def database(self, has_load):
        """Calls per second of GetStreak and RecordCompletion, and of pgbench with the same
        statements, at several numbers of clients."""
        data = self.folder / "tracker"
        data.mkdir()
        data.chmod(0o755)
        with Server(folder=data, arguments=["--loops", str(os.cpu_count()), *UNLIMITED]) as server:
            self.socket = str(data / "data" / "socket")
            # Direct calls and queues state different days, so that each day has one source.
            people = self.make_people()
            callers, devices = people[:PEOPLE // 2], people[PEOPLE // 2:]
            read_lines = self.write_lines("read.txt", [(token, streak_pb2.GetStreakRequest(habit_id=habit)) for token, _, habit in people])
            # Few days count for a new account: so each habit gets one note after the other for
            # today. In random order, like pgbench's.
            writes = [(token, streak_pb2.RecordCompletionRequest(habit_id=habit, day=utc_day(), note=str(number), client_time=utc_time()))
                      for token, _, habit in callers for number in range(NOTES)]
            random.Random(1).shuffle(writes)
            write_lines = self.write_lines("write.txt", writes)
            one_person = self.write_lines("one.txt", [line for line in writes if line[0] == people[0][0]])
            self.alone = {}
            read_scripts = self.write_read_scripts(server, people[0])
            write_script = self.folder / "write.sql"
            write_script.write_text(WRITE.format(last=PEOPLE, day=utc_day()))
            results = {}
            for _ in range(self.rounds):
                for clients in CLIENT_COUNTS:
                    for name, scripts in (("read", read_scripts), ("write", [write_script])):
                        results.setdefault(("pgbench", name, clients), []).append(self.pgbench(scripts, clients)[0])
                if has_load:
                    for streams in (1, 10, 100):
                        for name, method, lines in (("read", "GetStreak", read_lines), ("write", "RecordCompletion", write_lines)):
                            answer = self.load(server.port, f"/streak.v1.StreakService/{method}", f"@{lines}", 10, streams)
                            results.setdefault(("streakd", name, 10 * streams), []).append(answer["rps"])
                    answer = self.load(server.port, "/streak.v1.StreakService/RecordCompletion", f"@{one_person}", 10, 10)
                    results.setdefault(("streakd", "one person", 100), []).append(answer["rps"])
            if has_load:
                for _ in range(self.rounds):
                    for count in SYNC_CALLERS:
                        answer = self.sync_load(server.port, devices, count)
                        results.setdefault(("streakd", "sync", count), []).append(answer["rps"])
                self.alone = self.latencies_alone(server, callers[0], devices[0], write_script)
            self.pulls = self.pull_cost(server)
            self.accounts = bench_accounts.measure(server)
        return {key: statistics.median(values) for key, values in results.items()}

    def make_people(self):
        """Users with a device and a habit that is done today, written directly to the tables:
        signing up would need a password hash for each."""
        people, rows = [], []
        for _ in range(PEOPLE):
            user, device, habit, secret = (os.urandom(size) for size in (16, 16, 16, 32))
            cell = cell_item(common_pb2.Cell(habit_id=habit, day=utc_day(), done=True))
            digest = digest_of([habit_item(common_pb2.Habit(id=habit, name=HABIT)), cell])
            rows.append(f"('{user.hex()}', '{device.hex()}', '{habit.hex()}', '\\x{hashlib.sha256(secret).hexdigest()}', "
                        f"'\\x{digest.hex()}')")
            people.append(("access." + base64.urlsafe_b64encode(user + secret).decode().rstrip("="), user, habit))
        self.psql(f"""CREATE TABLE bench_people (
              n serial PRIMARY KEY, user_id uuid, device_id uuid, habit_id uuid, access_hash bytea, digest bytea);
            INSERT INTO bench_people (user_id, device_id, habit_id, access_hash, digest) VALUES {', '.join(rows)};
            INSERT INTO users (user_id, email, sealed_password, created_at, sealed_sign_up)
              SELECT user_id, '', '', now(), '' FROM bench_people;
            -- The day's source is the direct calls, or for the second half of the people the device. StreakDomain's `Sources`:
            -- id, last number, caught up now, nothing claimed.
            INSERT INTO heads (user_id, change_number, digest, habit_count, first_day, sources)
              SELECT user_id, 2, digest, 1, 10957, CASE WHEN n <= {PEOPLE // 2} THEN uuid_send('{DIRECT_CALLS}') || int8send(1) || rest
                ELSE '' END || uuid_send(device_id) || int8send(CASE WHEN n <= {PEOPLE // 2} THEN 0 ELSE 1 END) || rest
              FROM bench_people, (SELECT int8send((extract(epoch FROM now()) * 1000)::bigint) || int4send(0) || int8send(0) AS rest) AS rest;
            INSERT INTO devices (user_id, device_id, name, platform, app_version, registered_at, access_hash, access_expires_at)
              SELECT user_id, device_id, '', '', '', now(), access_hash, now() + interval '1 day' FROM bench_people;
            INSERT INTO habits (user_id, habit_id, name, description, color, position, archived, version, created_at,
                total_days, longest_run, last_run_first_day, last_run_last_day)
              SELECT user_id, habit_id, '{HABIT}', '', 0, 0, false, 1, now(), 1, 1, {utc_day()}, {utc_day()} FROM bench_people;
            INSERT INTO cells (user_id, habit_id, day, done, note, quarantine_reason, version, occurred_at, zone,
                utc_offset_seconds, day_start_minutes, recorded_at, first_version, source_id, seq, changed_time)
              SELECT user_id, habit_id, {utc_day()}, true, '', 0, 2, now(), 'Etc/UTC', 0, 0, now(), 2,
                CASE WHEN n <= {PEOPLE // 2} THEN '{DIRECT_CALLS}' ELSE device_id END, 1, 0
              FROM bench_people;
            VACUUM ANALYZE;""")
        return people

    def latencies_alone(self, server, person, device, write_script):
        """Medians in us of one caller that changes one cell repeatedly: pgbench's, and ours by TCP
        and, like pgbench, by a Unix socket."""
        socket = self.folder / "near"
        token, _, habit = person
        found = {}
        with Server(database=f"host={self.socket} user=streakd dbname=postgres", arguments=["--listen", f"unix:{socket}", *UNLIMITED]):
            for number in range(ALONE_ROUNDS):
                found.setdefault(("pgbench", ""), []).append(self.pgbench([write_script], 1)[1])
                for way, place in (("TCP", server.port), ("Unix socket", socket)):
                    path = self.folder / "alone.txt"
                    with path.open("w") as file:
                        for count in range(ALONE_CALLS * self.seconds):
                            request = streak_pb2.RecordCompletionRequest(
                                habit_id=habit, day=utc_day(), note=f"{way} {number} {count}", client_time=utc_time())
                            file.write(f"Bearer {token}\t{request.SerializeToString().hex()}\n")
                    answer = self.ordered_load(place, "/streak.v1.StreakService/RecordCompletion", path, 1)
                    found.setdefault(("RecordCompletion", way), []).append(answer["p50"])
                    found.setdefault(("Sync", way), []).append(self.sync_load(place, [device], 1)["p50"])
        return {key: statistics.median(values) for key, values in found.items()}

    def ordered_load(self, place, method, path, callers):
        """On any CPU, like pgbench."""
        run = subprocess.run(
            [str(self.folder / "ordered_load"), str(place), method, str(path),
             str(min(callers, 10)), str(callers), str(self.seconds)], capture_output=True, text=True)
        if run.returncode != 0:
            sys.exit(f"ordered_load failed: {run.stdout}{run.stderr}")
        return json.loads(run.stdout)

    def sync_load(self, place, people, callers):
        """`Sync` with one operation each, by devices that are up to date. Fails unless every
        operation was applied."""
        rows = self.psql("""SELECT user_id, change_number, device_id, encode(sources, 'hex')
          FROM heads JOIN bench_people USING (user_id)""").split()
        places = {uuid.UUID(user).bytes: (int(change), *statements(bytes.fromhex(sources), uuid.UUID(device).bytes))
                  for user, change, device, sources in (row.split("|") for row in rows)}
        epoch, bits, sealed, applied = re.split(
            r"[|\n]", self.psql(f"SELECT epoch, epoch_bits FROM service_state; SELECT encode(sealed, 'hex') FROM server_key; {APPLIED}"))[:4]
        epoch, bits, applied = int(epoch), int(bits) % (1 << 64), int(applied)
        key = bench_cursor.cursor_key(bench_cursor.server_key_root(SERVER_KEY, bytes.fromhex(sealed)))
        operations = SYNC_OPERATIONS * self.seconds // len(people)
        path = self.folder / "sync.txt"
        with path.open("w") as file:
            for number in range(operations):
                for token, user, habit in people:
                    change, seq, seen = places[user]
                    cursor = sync_pb2.Cursor(
                        epoch=epoch, epoch_bits=bits, change_number=change + number,
                        tag=bench_cursor.cursor_tag(key, user, epoch, bits, change + number))
                    operation = sync_pb2.Operation(
                        seq=seq + number + 1, hybrid_time=int(time.time() * 1000) << 16, seen=seen,
                        set_completion=sync_pb2.SetCompletion(
                            habit_id=habit, day=utc_day(), done=True, note=f"note {seq + number}", client_time=utc_time()))
                    request = sync_pb2.SyncRequest(user_id=user, cursor=cursor, operations=[operation], queue_drained=True)
                    file.write(f"Bearer {token}\t{request.SerializeToString().hex()}\n")
        answer = self.ordered_load(place, "/streak.v1.SyncService/Sync", path, callers)
        if int(self.psql(APPLIED)) - applied < answer["ok"]:
            sys.exit("not every operation was applied")
        return answer

    def postgres_cpu_seconds(self, server):
        """CPU seconds of the private PostgreSQL, including its processes that have ended."""
        main = server.postgres_pid()
        fields = pathlib.Path(f"/proc/{main}/stat").read_text().rsplit(")", 1)[1].split()
        seconds = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
        for pid in pathlib.Path(f"/proc/{main}/task/{main}/children").read_text().split():
            with contextlib.suppress(OSError):
                seconds += cpu_seconds(pid)
        return seconds

    def pull_cost(self, server):
        """CPU ms of streakd and PostgreSQL for a pull with one change, after a month and after ten
        years of 20 habits; and for a first pull."""
        found, self.exports = {}, {}
        for title, days in (("a month", 30), ("ten years", 3650)):
            with Device(server) as phone:
                habits = [os.urandom(16) for _ in range(20)]
                for number, habit in enumerate(habits):
                    phone.make(edit_habit=dict(habit=dict(id=habit, name=f"habit {number}")))
                phone.sync()
                user = phone.user_id.hex()
                self.psql(f"""INSERT INTO cells (user_id, habit_id, day, done, note, quarantine_reason, version, occurred_at, zone,
                      utc_offset_seconds, day_start_minutes, recorded_at, first_version, source_id, seq, changed_time)
                    SELECT user_id, habit_id, {today()} - day, true, '', 0, 20 + row_number() OVER w, now(), 'UTC', 0, 0, now(),
                      20 + row_number() OVER w, user_id, 1, 0
                    FROM habits CROSS JOIN generate_series(1, {days}) AS day WHERE user_id = '{user}' WINDOW w AS (ORDER BY day DESC);
                    UPDATE heads SET change_number = 20 + {20 * days} WHERE user_id = '{user}';
                    VACUUM ANALYZE cells;""")
                first = self.first_pull(server, phone)
                self.exports[title] = self.export_start(phone)
                phone.record(habits[0])
                request = phone.request([], queue_drained=False)
                before = cpu_seconds(server.process.pid) + self.postgres_cpu_seconds(server)
                for _ in range(PULLS):
                    assert len(phone.send(request).cells) == 1
                spent = cpu_seconds(server.process.pid) + self.postgres_cpu_seconds(server) - before
                found[title] = (spent / PULLS * 1000, first)
        return found

    def first_pull(self, server, phone):
        """Cells per second of a first pull, and the KiB by which streakd grew."""
        phone.cursor, before, started, count = None, server.resident_kib(), time.time(), 0
        while True:
            response = phone.send(phone.request([], page_size=5000))
            count += len(response.cells)
            phone.cursor = response.cursor
            if not response.has_more:
                return count / (time.time() - started), count, server.resident_kib() - before

    def export_start(self, phone):
        """Median ms from the call to the document's first byte, on an idle server, and the seconds
        and bytes of a whole export."""
        first = []
        for _ in range(EXPORTS):
            started = time.perf_counter()
            count = 0
            for response in phone.exports.Export(export_pb2.ExportRequest(), metadata=phone.metadata, timeout=60):
                if response.chunk and not count:
                    first.append((time.perf_counter() - started) * 1000)
                count += len(response.chunk)
            seconds = time.perf_counter() - started
        return statistics.median(first), seconds, count

    def write_lines(self, name, requests):
        path = self.folder / name
        path.write_text("".join(f"Bearer {token}\t{request.SerializeToString().hex()}\n" for token, request in requests))
        return path

    def psql(self, text):
        return subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", self.socket, "-U", "streakd", "postgres"],
                              input=text, text=True, check=True, capture_output=True).stdout

    def read_statement(self, server, person):
        """StreakStore's own statement for one streak: the one that a connection ran last after `GetStreak`."""
        token, _, habit = person
        with grpc.insecure_channel(server.address) as channel:
            streak_pb2_grpc.StreakServiceStub(channel).GetStreak(
                streak_pb2.GetStreakRequest(habit_id=habit), metadata=[("authorization", f"Bearer {token}")])
        return self.psql("SELECT query FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE '%FROM habits h JOIN heads%$2%'")

    def write_read_scripts(self, server, person):
        statement = self.read_statement(server, person)
        rows = self.psql(f"SELECT user_id, habit_id FROM bench_people ORDER BY random() LIMIT {READ_SCRIPTS}").split()
        paths = []
        for number, row in enumerate(rows):
            user_id, habit_id = row.split("|")
            paths.append(self.folder / f"read{number}.sql")
            paths[-1].write_text(statement.replace("$1", f"'{user_id}'").replace("$2", f"'{habit_id}'") + ";")
        return paths

    def pgbench(self, scripts, clients):
        """Transactions per second, and with one client the median latency in us."""
        with tempfile.TemporaryDirectory(dir=self.folder) as logs:
            log = ["--log", f"--log-prefix={logs}/log"] if clients == 1 else []
            text = subprocess.run(
                ["pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T", str(self.seconds), *log,
                 *[f"--file={script}" for script in scripts], "-h", self.socket, "-U", "streakd", "postgres"],
                check=True, capture_output=True, text=True).stdout
            latencies = [int(line.split()[2]) for path in pathlib.Path(logs).iterdir() for line in path.read_text().splitlines()]
        return float(re.search(r"tps = ([\d.]+)", text)[1]), statistics.median(latencies) if latencies else None


def machine():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", text)
    return f"{model[1] if model else platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backup", action="store_true")
    options = parser.parse_args()
    if options.backup:
        print(f"`scripts/bench --backup --rounds {options.rounds}`, {datetime.date.today()}, {machine()}.\n")
        return bench_backups.report(options.folder, options.rounds)
    bench = Bench(options.folder, options.seconds, options.rounds)
    has_load = (options.folder / "grpc_load").exists()

    print(f"`scripts/bench --seconds {options.seconds} --rounds {options.rounds}`, {datetime.date.today()}, {machine()}; "
          f"medians of {options.rounds} rounds.\n")
    if has_load:
        echo = bench.echo()
        print("Server CPU per small unary call, in us, by connections x streams:\n")
        print("| program | " + " | ".join(f"{c} x {s}" for c, s in POINTS) + " |\n| --- | --- | --- | --- |")
        for name in ("bare nghttp2", "streakd runtime", "C++ gRPC"):
            print(f"| {name} | " + " | ".join(f"{echo[name, point]:.2f}" for point in POINTS) + " |")
        for other in ("bare nghttp2", "C++ gRPC"):
            ratios = " | ".join(f"{echo['streakd runtime', point] / echo[other, point]:.2f}" for point in POINTS)
            print(f"| streakd runtime / {other} | {ratios} |")
        streaming = bench.streaming()
        print("\nServer CPU per message of 1 KiB on streams of one connection, in us:\n")
        print("| messages | streams | streakd runtime | C++ gRPC | ratio |\n| --- | --- | --- | --- | --- |")
        for method, title in STREAMING.items():
            for count in STREAM_COUNTS:
                ours, theirs = (streaming[name, method, count] for name in ("streakd runtime", "C++ gRPC"))
                print(f"| {title} | {count} | {ours:.2f} | {theirs:.2f} | {ours / theirs:.2f} |")
        count, idle = bench.idle_kib()
        sizes = ", ".join(f"{name} {kib:.1f}" for name, kib in idle.items())
        print(f"\nResident KiB for each of {count:,} idle connections: {sizes}.\n", flush=True)
    results = bench.database(has_load)
    print("Per second, PostgreSQL with fsync on:\n")
    print("| work | pgbench, best (clients) | streakd, best (calls at once) | ratio |\n| --- | --- | --- | --- |")
    def best(program, name):
        return max(((rate, count) for (found, work, count), rate in results.items() if (found, work) == (program, name)),
                   default=None)

    for name, like, title in (("read", "read", "GetStreak"), ("write", "write", "RecordCompletion"),
                              ("one person", "write", "RecordCompletion, one person"), ("sync", "write", "Sync, one operation")):
        theirs, ours = best("pgbench", like), best("streakd", name)
        cells = [f"{rate:,.0f} ({count})" if (rate, count) else "" for rate, count in filter(None, (theirs, ours))]
        ratio = f"{ours[0] / theirs[0]:.2f}" if ours else ""
        print(f"| {title} | {cells[0]} | {cells[1] if len(cells) > 1 else ''} | {ratio} |")
    if bench.alone:
        theirs = bench.alone["pgbench", ""]
        latencies = [f"{title} by {way} {median:.0f} ({median / theirs:.2f})" for (title, way), median in bench.alone.items() if way]
        print(f"\nMedian latency of a caller alone, in us: pgbench by its Unix socket {theirs:.0f}, {', '.join(latencies)}.\n")
    print("Pulls after a history of 20 habits:\n")
    print("| history | CPU ms of a pull with one change | cells per second of a first pull | cells | growth of streakd, KiB |\n| --- | --- | --- | --- | --- |")
    for title, (spent, (rate, count, growth)) in bench.pulls.items():
        print(f"| {title} | {spent:.2f} | {rate:,.0f} | {count:,} | {growth:,} |")
    print("\nExports of the same:\n")
    print("| history | ms to the first byte | s in all | document, MB |\n| --- | --- | --- | --- |")
    for title, (first, seconds, count) in bench.exports.items():
        print(f"| {title} | {first:.1f} | {seconds:.1f} | {count / 1e6:.1f} |")
    bench_accounts.report(*bench.accounts)
    bench_web.report(options.folder, options.seconds, options.rounds)


if __name__ == "__main__":
    main()

"""Real streakd processes."""

import atexit
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

PROJECT = pathlib.Path(__file__).resolve().parents[3]
PROGRAMS = pathlib.Path(os.environ.get("STREAKD_PROGRAMS", PROJECT / ".build" / "debug"))
START_SECONDS = 90

def _shared_server_key():
    """One server key for all servers of a test run: a database may be served by several, and restored to other places."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="streakd-e2e-key-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "server-key"
    # As root, streakd reads it before it becomes another user.
    with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
        file.write(f"streakd-server-key-{os.urandom(32).hex()}\n")
    return path


SERVER_KEY = _shared_server_key()
# All clients of the tests and of the benchmark have one address: the limits are raised, except in
# tests of limits. Passwords are hashed at the lowest cost that the setting allows.
DEFAULTS = {"--listen": "127.0.0.1:0", "--loops": "1", "--rate-limit-factor": "1000", "--calls-per-person-max": "0",
            "--calls-per-address-max": "0", "--password-memory-mib": "19", "--server-key-file": str(SERVER_KEY)}


@contextlib.contextmanager
def open_folder():
    """A temporary folder that PostgreSQL's user may enter."""
    path = tempfile.mkdtemp(prefix="streakd-e2e-")
    os.chmod(path, 0o755)
    try:
        yield pathlib.Path(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def interop_server(**options):
    """An interop-server, with its `port`; it must still run at the end."""
    process = subprocess.Popen([str(PROGRAMS / "interop-server"), "--port=0"], stdout=subprocess.PIPE, text=True, **options)
    try:
        process.port = int(re.search(r":(\d+)", process.stdout.readline())[1])
        yield process
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


class Server:
    """A streakd on a free port of loopback: on a private PostgreSQL in a folder, or on a database
    of a given address, or as a settings file among the arguments says."""

    def __init__(self, folder=None, database=None, arguments=(), sockets=(), prefix=()):
        """`sockets`: listening ones that the server inherits, as from a service manager. `prefix`: a command
        that runs the server's."""
        where = ["--database", database] if database else ["--data-folder", str(pathlib.Path(folder) / "data")] if folder else []
        defaults = [part for option, value in DEFAULTS.items() if option not in arguments
                    for part in (option, value)]
        self.folder = folder
        # The data folder of its own PostgreSQL, if it has one.
        self.data = pathlib.Path(folder) / "data" if folder else None
        self.lines = []
        self.terminated = False
        command = [*prefix, str(PROGRAMS / "streakd"), *defaults, *where, *arguments]
        descriptors = [each.fileno() for each in sockets]
        if descriptors:
            # Each twice, so that none is overwritten before its turn.
            moves = [f"exec {place + 50}<&{descriptor}" for place, descriptor in enumerate(descriptors)]
            moves += [f"exec {place + 3}<&{place + 50} {place + 50}<&-" for place in range(len(descriptors))]
            script = "; ".join([*moves, f'LISTEN_PID=$$ LISTEN_FDS={len(descriptors)} exec "$@"'])
            command = ["bash", "-c", script, "bash", *command]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, pass_fds=descriptors)
        self.port = None
        self._listening = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._listening.wait(START_SECONDS)
        if self.port is None:
            self.kill()
            raise RuntimeError("streakd did not start:\n" + "".join(self.lines))

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line)
            found = re.search(r"listening on (?:unix:|\S*:(\d+))", line)
            if found and self.port is None:
                self.port = int(found[1] or 0)
                self._listening.set()
        self._listening.set()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def resident_kib(self) -> int:
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1])

    def postgres_pid(self) -> int:
        """The private PostgreSQL's main process."""
        return int((pathlib.Path(self.folder) / "data/cluster/postmaster.pid").read_text().split("\n")[0])

    def terminate(self):
        """Sends SIGTERM. Only once: a second signal would end it at once."""
        if not self.terminated:
            self.terminated = True
            self.process.send_signal(signal.SIGTERM)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Stops it in order; returns the exit code."""
        self.terminate()
        try:
            return self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        code = self.stop() if self.process.poll() is None else 0
        self._reader.join(timeout=5)
        # After a sanitizer's report the exit code is 99.
        if code != 0 and kind is None:
            raise AssertionError(f"streakd ended with {code}:\n" + "".join(self.lines))


def wait_until(condition, seconds=30.0):
    """Repeats `condition` until it returns a true value, and returns that."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"did not come true within {seconds} s")

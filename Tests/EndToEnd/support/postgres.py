"""PostgreSQL servers of single tests, which change their settings, disks and roles."""

import os
import pathlib
import shutil
import signal
import subprocess

from clusters import initdb, programs
from databases import sql
from server import wait_until

ROLE = "keeper"
DATABASE = "streaks"


def as_server_user(*command, check=True, **options):
    """Runs a command as another user than root, which PostgreSQL refuses."""
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    return subprocess.run([*prefix, *map(str, command)], cwd="/", check=check, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, **options)


def own(path):
    """Gives a folder to the server's user."""
    path.mkdir(exist_ok=True)
    path.chmod(0o700)
    if os.geteuid() == 0:
        subprocess.run(["chown", "postgres", path], check=True)


def _runs(process) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Postgres:
    """A server on a Unix socket in its folder, with a role that owns one database and has no other
    rights."""

    def __init__(self, folder, port=5432, data=None, encoding="UTF8", settings=(), source=None):
        self.folder, self.port = pathlib.Path(folder), port
        own(self.folder)
        # Clients of another user connect there.
        self.folder.chmod(0o711)
        self.data = data or self.folder / f"data{port}"
        self.settings = ["fsync=off", "listen_addresses=", f"unix_socket_directories={self.folder}", f"port={port}",
                         "unix_socket_permissions=0777", *settings]
        if source is None:
            as_server_user(initdb(), f"--pgdata={self.data}", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C",
                           "--no-sync")
            # The log in another folder: a test may fill the data's disk.
            wal = self.folder / f"wal{port}"
            as_server_user("mv", self.data / "pg_wal", wal)
            as_server_user("ln", "-s", wal, self.data / "pg_wal")
        else:
            as_server_user(programs() / "pg_basebackup", "-D", self.data, "-d", f"{source.place('postgres')} dbname=postgres",
                           "-R", "--checkpoint=fast", "--no-sync")
        self.start()
        if source is None:
            self.sql(f"CREATE ROLE {ROLE} LOGIN")
            self.sql(f"CREATE DATABASE {DATABASE} OWNER {ROLE} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")

    def start(self):
        options = " ".join(f"-c {setting}" for setting in self.settings)
        log = self.folder / f"log{self.port}"
        done = as_server_user(programs() / "pg_ctl", "-D", self.data, "-l", log, "-w", "-t", "60", "-o", options, "start", check=False)
        assert done.returncode == 0, done.stdout + log.read_text()[-2000:]

    def stop(self, mode="immediate"):
        as_server_user(programs() / "pg_ctl", "-D", self.data, "-m", mode, "-w", "stop", check=False)

    def processes(self):
        """The process ids: the main process first."""
        process = int((self.data / "postmaster.pid").read_text().split("\n")[0])
        children = pathlib.Path(f"/proc/{process}/task/{process}/children").read_text().split()
        return [process, *map(int, children)]

    def signal(self, number):
        """Sends a signal to every process."""
        for each in self.processes():
            try:
                os.kill(each, number)
            except ProcessLookupError:
                pass

    def kill(self):
        """Kills it as a power cut would: without notice to clients."""
        processes = self.processes()
        self.signal(signal.SIGKILL)
        for each in processes:
            wait_until(lambda: not _runs(each))  # noqa: B023  (evaluated before the next one)
        # Where init does not reap zombies, the process id would count as a running server's.
        (self.data / "postmaster.pid").unlink()
        (self.folder / f".s.PGSQL.{self.port}.lock").unlink()

    def forget(self):
        """Removes its files, after its end."""
        for path in (self.data, self.folder / f"wal{self.port}"):
            shutil.rmtree(path, ignore_errors=True)

    def promote(self):
        as_server_user(programs() / "pg_ctl", "-D", self.data, "-w", "promote")

    def place(self, role=ROLE) -> str:
        return f"host={self.folder} port={self.port} user={role}"

    @property
    def database(self) -> str:
        return f"{self.place()} dbname={DATABASE}"

    def sql(self, statement, database="postgres", role="postgres") -> str:
        return sql(f"{self.place(role)} dbname={database}", statement)

    def set(self, name, value):
        """Changes a setting of the running server."""
        self.sql(f"ALTER SYSTEM SET {name} = '{value}'")
        self.sql("SELECT pg_reload_conf()")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Disk:
    """A small file system in memory; needs root."""

    def __init__(self, folder, mebibytes):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", self.folder], check=True)
        own(self.folder)

    def fill(self):
        """Fills the rest of the disk."""
        with (self.folder / "ballast").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass

    def free(self):
        (self.folder / "ballast").unlink()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.folder], check=False)

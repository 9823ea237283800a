"""streakd stops in order, within its time limit, after any kind of signal at any time, and no
PostgreSQL outlives it."""

import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

import pytest
from clusters import real_initdb
from faults import ADMIN, frozen, readiness
from metrics import Metrics
from operator_tools import Keys, fill, streakctl
from server import DEFAULTS, PROGRAMS, Server, wait_until


def postgres_in(folder):
    """Processes of PostgreSQL whose working folder is inside a folder."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if os.readlink(f"/proc/{entry}/cwd").startswith(f"{folder}/") and "postgres" in os.readlink(f"/proc/{entry}/exe"):
                    found.append(entry)
            except OSError:
                pass
    return found


def children(process):
    """The names of a process's children."""
    names = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            name, _, rest = pathlib.Path(f"/proc/{entry}/stat").read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue
        if int(rest.split()[1]) == process:
            names.append(name)
    return names


class Starting:
    """A streakd whose start the test does not wait for."""

    def __init__(self, folder, *arguments):
        self.folder, self.lines = folder, []
        defaults = [part for option, value in DEFAULTS.items() if option not in arguments for part in (option, value)]
        self.process = subprocess.Popen([str(PROGRAMS / "streakd"), *defaults, "--data-folder", str(folder / "data"), *map(str, arguments)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True)
        self.reader.start()

    def wait(self, seconds=60):
        code = self.process.wait(seconds)
        self.reader.join(5)
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


MOMENTS = {
    "at once": lambda starting: True,
    "while the cluster is made": lambda starting: (starting.folder / "data/cluster.new").exists(),
    "while PostgreSQL starts": lambda starting: (starting.folder / "data/cluster/postmaster.pid").exists(),
    "while the schema is made": lambda starting: any("schema versions applied" in line for line in starting.lines),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_signal_during_the_start_ends_it_in_order(folder, moment):
    with real_initdb(), Starting(folder) as starting:
        wait_until(lambda: any("starting the private PostgreSQL" in line for line in starting.lines))
        wait_until(lambda: MOMENTS[moment](starting) or starting.process.poll() is not None)
        starting.process.send_signal(signal.SIGTERM)
        assert starting.wait() == 0, starting.lines
    assert postgres_in(folder) == []
    # No unfinished files block the next start.
    with Server(folder=folder):
        pass


def test_two_signals_at_once_are_one(folder):
    """As sent by `timeout` and a terminal: to the program, and to its process group."""
    with Server(folder=folder) as server:
        for _ in range(3):
            server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(60) == 0, server.lines
        assert postgres_in(folder) == []


def test_a_part_that_does_not_end_is_named_and_ends_with_the_process_in_the_stated_time(folder):
    """grace-seconds and 45 more: here PostgreSQL is frozen. The watch of the archive, which waits for
    its answer, ends before."""
    with Server(folder=folder, arguments=("--grace-seconds", "1")) as server:
        streakctl("pitr", "setup", "--data-folder", folder / "data", "--repository", folder / "repository")
        with frozen(server.postgres_pid()):
            wait_until(lambda: "psql" in children(server.process.pid))
            server.terminate()
            assert server.process.wait(60) == 1, server.lines
        server._reader.join(5)
        last = next(line for line in server.lines if "did not end in time" in line)
        assert "parts=private PostgreSQL" in last, last
        wait_until(lambda: postgres_in(folder) == [])
    with Server(folder=folder):
        pass


def test_postgresql_never_outlives_streakd(folder):
    with Server(folder=folder) as server:
        assert postgres_in(folder)
        server.kill()
        wait_until(lambda: postgres_in(folder) == [])
    with Server(folder=folder):
        pass


@pytest.mark.parametrize("option", ["--listen", "--admin-listen"])
def test_an_address_in_use_is_reported_before_anything_is_made(folder, option):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with Starting(folder, option, f"127.0.0.1:{taken.getsockname()[1]}") as starting:
            assert starting.wait() != 0
            assert "in use" in "".join(starting.lines)
    assert not (folder / "data").exists()


def test_a_certificate_that_cannot_be_used_is_reported_before_anything_is_made(folder):
    for arguments, said in ((expired_certificate(folder), "expired"), (["--tls-certificate", folder / "none.pem", "--tls-key", folder / "key.pem"], "none.pem")):
        with Starting(folder, *arguments) as starting:
            assert starting.wait() != 0 and said in "".join(starting.lines), starting.lines
        assert not (folder / "data").exists()


def test_a_certificate_that_expires_while_it_is_served_is_logged_and_not_read_again(folder):
    end = int(time.time() + 30)
    arguments = expired_certificate(folder, time.strftime("%Y%m%d%H%M%SZ", time.gmtime(end)))
    with Server(folder=folder, arguments=(*map(str, arguments), "--tls-check-seconds", "1", *ADMIN)) as server:
        assert Metrics(server).value("streakd_tls_certificate_end_timestamp_seconds") == end
        wait_until(lambda: any("the TLS certificate has expired" in line for line in server.lines), 60)
        assert "warning: the TLS certificate has expired" in readiness(server)[1]
        arguments[1].touch()
        wait_until(lambda: any("the old one stays" in line and "has expired" in line for line in server.lines))
        assert sum("has expired: clients refuse it" in line for line in server.lines) == 1


def expired_certificate(folder, end="20200102000000Z"):
    """A self-signed certificate that has expired, or will at a moment."""
    key, request, file = folder / "key.pem", folder / "request.pem", folder / "expired.pem"
    subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key), "-out",
                    str(request), "-subj", "/CN=localhost"], check=True, capture_output=True)
    (folder / "ca").mkdir()
    (folder / "ca/index.txt").touch()
    (folder / "ca/conf").write_text(f"[ca]\ndefault_ca=x\n[x]\ndatabase={folder}/ca/index.txt\nnew_certs_dir={folder}/ca\nserial={folder}/ca/serial\n"
                                    "default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n")
    subprocess.run(["openssl", "ca", "-batch", "-selfsign", "-config", str(folder / "ca/conf"), "-create_serial", "-keyfile", str(key), "-in",
                    str(request), "-out", str(file), "-startdate", "20200101000000Z", "-enddate", end, "-notext"],
                   check=True, capture_output=True)
    return ["--tls-certificate", file, "--tls-key", key]


@pytest.mark.parametrize("recipient", ["age1malformed", "ssh-ed25519 nonsense", "/nowhere/recipients"])
def test_a_recipient_that_nothing_can_be_encrypted_to_is_reported_before_anything_is_made(folder, recipient):
    with Starting(folder, "--backup-folder", folder / "backups", "--backup-recipient", recipient) as starting:
        assert starting.wait() != 0
        assert recipient.split()[-1] in "".join(starting.lines), starting.lines
    assert not (folder / "data").exists() and not (folder / "backups").exists()


def test_a_backup_that_is_under_way_does_not_hold_up_a_stop_for_longer_than_the_grace(folder):
    """With a pg_dump that never ends."""
    programs = folder / "programs"
    programs.mkdir()
    real = pathlib.Path(subprocess.run(["find", "/usr/lib/postgresql", "-name", "pg_dump"], capture_output=True, text=True, check=True).stdout.split()[-1]).parent
    for program in real.iterdir():
        (programs / program.name).symlink_to(program)
    (programs / "pg_dump").unlink()
    (programs / "pg_dump").write_text(f"#!/bin/sh\ntouch {folder}/dumping\nexec sleep 1000\n")
    (programs / "pg_dump").chmod(0o755)
    folder.chmod(0o777)
    with Server(folder=folder):
        fill(folder / "data", 2, 2)
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{programs}:{path}"
    try:
        server = Server(folder=folder, arguments=["--backup-folder", str(folder / "backups"), "--backup-recipient", Keys(folder).recipient,
                                                  "--backup-scratch-folder", str(folder / "scratch"), "--grace-seconds", "1"])
    finally:
        os.environ["PATH"] = path
    with server:
        wait_until(lambda: (folder / "dumping").exists())
        server.terminate()
        assert server.process.wait(20) == 0, server.lines
    assert postgres_in(folder) == [] and os.listdir(folder / "scratch") == []
    assert [name for name in os.listdir(folder / "backups") if "Z-" in name] == []

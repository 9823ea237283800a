"""A streakd that root starts is not root's when it serves, and all that it does goes on."""

import os
import pathlib
import pwd
import shutil
import signal
import socket
import ssl
import subprocess

import pytest
from certificates import make_authority
from clusters import real_initdb
from databases import sql
from operator_tools import Keys, streakctl
from person import Person
from server import PROGRAMS, Server, open_folder, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give away")


def ids(process, kind):
    """The real, effective, saved and file system's id of each thread of a process."""
    return {number for status in pathlib.Path(f"/proc/{process}/task").glob("*/status")
            for line in status.read_text().splitlines() if line.startswith(f"{kind}:") for number in map(int, line.split()[1:])}


def user(name="postgres"):
    return pwd.getpwnam(name)


def assert_runs_as(server, entry):
    """No thread has any id of root's, nor a group of root's, nor a capability."""
    process = server.process.pid
    assert ids(process, "Uid") == {entry.pw_uid} and ids(process, "Gid") == {entry.pw_gid}
    assert 0 not in ids(process, "Groups")
    for status in pathlib.Path(f"/proc/{process}/task").glob("*/status"):
        capabilities = [line.split()[1] for line in status.read_text().splitlines() if line.startswith(("CapPrm", "CapEff", "CapAmb"))]
        assert len(capabilities) == 3 and all(int(mask, 16) == 0 for mask in capabilities)


def test_no_thread_is_roots_and_it_serves_and_stops(folder):
    with Server(folder=folder, arguments=("--loops", "2")) as server:
        assert_runs_as(server, user())
        assert ids(server.postgres_pid(), "Uid") == {user().pw_uid}
        with Person(server) as person:
            person.sign_up()
            person.record(person.put_habit("Swim"))
        assert server.stop() == 0
    # The same data folder again, and PostgreSQL is started anew as the same user when it crashes.
    with Server(folder=folder) as server, Person(server, email=person.email) as back:
        first = server.postgres_pid()
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: any("PostgreSQL is running again" in line for line in server.lines))
        assert server.postgres_pid() != first and ids(server.postgres_pid(), "Uid") == {user().pw_uid}
        wait_until(lambda: signs_in(back))


def signs_in(person):
    import grpc
    try:
        person.sign_in()
        return True
    except grpc.RpcError:
        return False


def test_another_user_is_named_and_root_is_said_aloud(folder):
    # The copies that tests make of clusters are for one user.
    with real_initdb(), Server(folder=folder, arguments=("--user", "nobody")) as server:
        assert_runs_as(server, user("nobody"))
        assert ids(server.postgres_pid(), "Uid") == {user("nobody").pw_uid}
    with pytest.raises(RuntimeError, match="does not belong to the user postgres"):
        Server(folder=folder)
    with pytest.raises(RuntimeError, match="there is no user nobody-at-all"):
        Server(folder=folder, arguments=("--user", "nobody-at-all"))
    with open_folder() as other, Server(folder=other, arguments=("--user", "root")) as server:
        assert ids(server.process.pid, "Uid") == {0}
        assert any("serves as root" in line for line in server.lines)


def test_a_user_is_named_by_root_only(folder):
    folder.chmod(0o777)
    done = subprocess.run(
        ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", str(PROGRAMS / "streakd"), "--listen", "127.0.0.1:0", "--data-folder",
         str(folder / "data"), "--user", "nobody"], capture_output=True, text=True, timeout=60, cwd="/")
    assert done.returncode != 0 and "only root can start a server as another user" in done.stderr, done.stderr


def test_backups_are_made_and_restored(folder):
    """By the server, and by root's commands in the same folder: neither is in the other's way."""
    keys, backups = Keys(folder), folder / "backups"
    arguments = ("--backup-folder", str(backups), "--backup-recipient", keys.recipient, "--admin-listen", "127.0.0.1:0")
    with Server(folder=folder, arguments=arguments) as server, Person(server) as person:
        assert_runs_as(server, user())
        person.sign_up()
        person.record(person.put_habit("Swim"))
        made = wait_until(lambda: [path for path in backups.glob("*Z-*") if not path.name.startswith(".")], 120)
        by_root = streakctl("backup", "run", "--folder", backups, "--data-folder", folder / "data", "--recipient", keys.recipient).strip()
        assert {path.stat().st_uid for path in backups.rglob("*")} == {user().pw_uid}
        # Both are good in the server's eyes: it reads what root has made.
        assert streakctl("backup", "verify", "--folder", backups, made[0].name, "--identity", keys.identity)
        assert {path.stat().st_uid for path in backups.rglob("*")} == {user().pw_uid}
    (folder / "new").mkdir(mode=0o755)
    streakctl("backup", "restore", "--folder", backups, "--identity", keys.identity, "--into", folder / "new" / "data", by_root)
    with Server(folder=folder / "new", arguments=arguments) as server, Person(server, email=person.email) as back:
        assert_runs_as(server, user())
        back.sign_in()
        assert sql(server, "SELECT count(*) FROM cells") == "1"


def test_a_backup_folder_that_the_user_cannot_write_is_told_before_anything_is_served(folder):
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(RuntimeError, match="cannot write the backup folder"):
        Server(folder=folder, arguments=("--backup-folder", str(closed / "backups")))
    assert list(closed.iterdir()) == [] and list(folder.iterdir()) == [closed]


def test_a_start_that_is_refused_leaves_no_folder_behind(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        with pytest.raises(RuntimeError, match="in use"):
            Server(folder=folder, arguments=("--listen", address, "--backup-folder", str(folder / "backups")))
    assert list(folder.iterdir()) == []


def test_a_certificate_that_only_root_can_read_is_renewed(folder):
    """On SIGHUP and in silence; a broken one is told by the name that the operator gave it."""
    tls = folder / "tls"
    tls.mkdir(mode=0o700)
    make_authority(tls, "first", "second")

    def install(name):
        for kind in ("pem", "key"):
            shutil.copy(tls / f"{name}.{kind}", tls / f"next.{kind}")
            os.replace(tls / f"next.{kind}", tls / f"server.{kind}")

    def serial(server):
        context = ssl.create_default_context(cafile=tls / "ca.pem")
        context.set_alpn_protocols(["h2"])
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as wrapped:
                return wrapped.getpeercert()["serialNumber"]

    install("first")
    arguments = ("--tls-certificate", str(tls / "server.pem"), "--tls-key", str(tls / "server.key"))
    with Server(folder=folder, arguments=arguments) as server:
        assert_runs_as(server, user())
        first = serial(server)
        install("second")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: serial(server) != first)
        (tls / "server.key").write_text("no key")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: any(f"{tls}/server.key holds no key" in line for line in server.lines))
        assert serial(server) != first
        reader = children(server)["sh"]
        server.kill()
        wait_until(lambda: not pathlib.Path(f"/proc/{reader}").exists())
    install("first")
    with Server(folder=folder, arguments=(*arguments, "--tls-check-seconds", "1")) as server:
        assert serial(server) == first
        install("second")
        wait_until(lambda: serial(server) != first)


def children(server):
    """The program of each child, and its process id."""
    found = subprocess.run(["ps", "--ppid", str(server.process.pid), "-o", "pid=,comm="], capture_output=True, text=True, check=True)
    return {line.split()[1]: int(line.split()[0]) for line in found.stdout.splitlines()}


def test_ports_and_sockets_of_roots_are_served(folder):
    """A port below 1024, and sockets in a folder that only root can write; they are removed at the end."""
    with socket.socket() as probe:
        port = next(port for port in range(1023, 600, -1) if probe.connect_ex(("127.0.0.1", port)) != 0)
    with Server(folder=folder, arguments=("--listen", f"127.0.0.1:{port}", "--loops", "2")) as server, Person(server) as person:
        assert_runs_as(server, user())
        assert server.port == port
        person.sign_up()
    path, admin = folder / "grpc.socket", folder / "admin.socket"
    with Server(folder=folder, arguments=("--listen", f"unix:{path}", "--admin-listen", f"unix:{admin}", "--loops", "2")) as server:
        assert_runs_as(server, user())
        assert path.is_socket() and admin.is_socket()
        page = subprocess.run(["curl", "-s", "--unix-socket", str(admin), "http://localhost/readyz"], capture_output=True, text=True, check=True)
        assert page.stdout.startswith("ready")
        assert server.stop() == 0
    assert not path.exists() and not admin.exists()


def test_secrets_that_only_root_can_read_are_read(folder):
    secret = folder / "secret"
    secret.mkdir(mode=0o700)
    (secret / "token").write_text(os.urandom(32).hex())
    (secret / "settings").write_text("log-level = info\n")
    (secret / "breached").write_text("correct horse battery\n")
    with Server(folder=folder, arguments=("--operator-token-file", str(secret / "token"), "--config", str(secret / "settings"),
                                          "--breached-passwords", str(secret / "breached"))) as server:
        assert_runs_as(server, user())

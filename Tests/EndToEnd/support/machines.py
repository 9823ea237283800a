"""Machines as network namespaces on one bridge, and on them the databases that the operator's page
HighAvailability shows. The caller runs in a network namespace of its own: scripts/check --failover."""

import json
import os
import pathlib
import re
import signal
import subprocess
import urllib.error
import urllib.request

from clusters import programs
from documents import blocks, page
from postgres import own
from server import wait_until

BRIDGE = "streaks0"
NAMES = {"db1": "10.0.0.11", "db2": "10.0.0.12", "db3": "10.0.0.13"}
PAGE = "Operate/HighAvailability.md"


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


def recipe(language) -> str:
    """The page's block of a language."""
    return blocks(page(PAGE), language)[0]


def make_bridge(*addresses):
    """The network of all machines; `addresses` are those of this namespace."""
    assert "streaks0" not in subprocess.run(["ip", "-br", "link"], capture_output=True, text=True).stdout
    ip("link", "set", "lo", "up")
    ip("link", "add", BRIDGE, "type", "bridge")
    ip("link", "set", BRIDGE, "up")
    for address in addresses:
        ip("addr", "add", f"{address}/24", "dev", BRIDGE)


class Machine:
    """A network namespace with etcd, Patroni and a PostgreSQL."""

    def __init__(self, folder, name):
        self.name, self.address = name, NAMES[name]
        self.folder = folder / name
        own(self.folder)
        self.holder = subprocess.Popen(["unshare", "-n", "sleep", "infinity"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        self.link = f"v{name}"
        wait_until(lambda: os.readlink(f"/proc/{self.holder.pid}/ns/net") != os.readlink("/proc/self/ns/net"))
        ip("link", "add", self.link, "type", "veth", "peer", "name", "eth0", "netns", str(self.holder.pid))
        ip("link", "set", self.link, "master", BRIDGE, "up")
        self._inside("ip", "link", "set", "lo", "up")
        self._inside("ip", "link", "set", "eth0", "up")
        self._inside("ip", "addr", "add", f"{self.address}/24", "dev", "eth0")
        self._write()
        self.start()

    def _inside(self, *command):
        subprocess.run(["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", *command], check=True, capture_output=True)

    def _own_text(self, language):
        text = re.sub(r"\bNAME\b", self.name, recipe(language).replace("ADDRESS", self.address))
        places = {"/var/lib/etcd/streaks": "etcd", "/var/lib/postgresql/15/streaks": "data",
                  "/var/lib/postgresql/patroni.pgpass": "pgpass", "/var/run/postgresql": ""}
        for shown, used in places.items():
            text = text.replace(shown, str(self.folder / used).rstrip("/"))
        return text.replace("/usr/lib/postgresql/15/bin", str(programs()))

    def _write(self):
        self.settings = self.folder / "patroni.yml"
        self.settings.write_text(self._own_text("patroni"))
        self.environment = dict(line.split("=", 1) for line in self._own_text("etcd").splitlines())

    def start(self):
        """Starts what is not running."""
        commands = {"etcd": ["etcd"], "patroni": ["/usr/bin/patroni", str(self.settings)]}
        for name, command in commands.items():
            log = open(self.folder / f"{name}.log", "a")
            environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", **(self.environment if name == "etcd" else {})}
            subprocess.Popen(
                ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "runuser", "-u", "postgres", "--", *command],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd="/")

    def processes(self):
        """The ids of all its processes, but for the one that holds the namespace."""
        space = os.readlink(f"/proc/{self.holder.pid}/ns/net")
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if int(entry.name) != self.holder.pid and os.readlink(entry / "ns/net") == space:
                    yield int(entry.name)
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                pass

    def signal(self, number):
        for process in list(self.processes()):
            try:
                os.kill(process, number)
            except ProcessLookupError:
                pass

    def kill(self):
        """As if its power was cut."""
        def ended():
            self.signal(signal.SIGKILL)
            # Zombies have no namespace any more.
            return not list(self.processes())

        wait_until(ended)

    def end(self):
        self.kill()
        self.holder.kill()
        self.holder.wait()

    def cut(self):
        """Its network is unplugged."""
        ip("link", "set", self.link, "down")

    def mend(self):
        ip("link", "set", self.link, "up")

    def log(self):
        return (self.folder / "patroni.log").read_text()[-3000:] + (self.folder / "etcd.log").read_text()[-1500:]


class Databases:
    """The three machines."""

    def __init__(self, folder):
        self.machines = {}
        try:
            for name in NAMES:
                self.machines[name] = Machine(folder, name)
            self.wait_until_whole(180)
            self.primary = self.leader()
        except BaseException:
            for machine in self.machines.values():
                print(machine.name, machine.log())
            self.end()
            raise

    def members(self):
        """What Patroni says of each member, from the first machine that answers."""
        for address in NAMES.values():
            try:
                with urllib.request.urlopen(f"http://{address}:8008/cluster", timeout=2) as answer:
                    return json.load(answer)["members"]
            except (OSError, ValueError):
                continue
        return []

    def set(self, **settings):
        """Changes Patroni's settings for all machines."""
        leader = self.leader()
        request = urllib.request.Request(f"http://{leader.address}:8008/config", json.dumps(settings).encode(), method="PATCH")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200

    def leader(self):
        """The machine of the primary; None: there is none."""
        for machine in self.machines.values():
            try:
                with urllib.request.urlopen(f"http://{machine.address}:8008/primary", timeout=2) as answer:
                    if answer.status == 200:
                        return machine
            except OSError:
                continue
        return None

    def wait_until_whole(self, seconds=120, synchronous=True):
        """One primary and two standbys that follow it, one of them synchronous if asked for."""
        def whole():
            members = self.members()
            roles = sorted(member["role"] for member in members)
            wanted = ["leader", "replica", "sync_standby"] if synchronous else ["leader", "replica", "replica"]
            return roles == wanted and all(member["state"] in ("running", "streaming") for member in members) and len(
                {member.get("timeline") for member in members}) == 1 and all(
                member["role"] == "leader" or member.get("lag") == 0 for member in members)

        try:
            wait_until(whole, seconds)
        except AssertionError:
            raise AssertionError(f"the databases are not whole: {self.members()}") from None

    def sql(self, statement, database="streaks") -> str:
        """A query on the primary that Patroni named last, as its superuser."""
        password = re.search(r"superuser: .*password: (\S+)}", recipe("patroni"))[1]
        done = subprocess.run(
            ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", f"host={self.primary.address} user=postgres dbname={database} connect_timeout=3", "-c", statement], capture_output=True, text=True,
            stdin=subprocess.DEVNULL, env={**os.environ, "PGPASSWORD": password})
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def end(self):
        for machine in self.machines.values():
            machine.end()


class Proxy:
    """HAProxy with the page's settings."""

    def __init__(self, folder):
        own(folder)
        settings = folder / "haproxy.cfg"
        settings.write_text(recipe("haproxy"))
        self.log = open(folder / "haproxy.log", "w")
        self.process = subprocess.Popen(["haproxy", "-db", "-f", str(settings)], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def end(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        self.log.close()

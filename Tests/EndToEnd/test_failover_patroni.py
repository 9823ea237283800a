"""The recipe of the operator's page HighAvailability: three databases under Patroni, HAProxy, three
streakd. Primaries die while devices write; nothing is done by hand. scripts/check --failover."""

import collections
import os
import random
import signal
import time
import urllib.error
import urllib.request

import pytest
from audited import Devices
from machines import NAMES, Databases, Proxy, make_bridge, recipe
from server import Server, wait_until

FAILOVERS = int(os.environ.get("STREAKD_FAILOVERS", 3))
FAULTS = ("kill", "pause", "cut")
APPS = ("10.0.0.21", "10.0.0.22", "10.0.0.23")
PROXY = "10.0.0.31"
FIRST_WRITE_SECONDS_MAX = 90
Place = collections.namedtuple("Place", "address")


def is_ready(address) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}:9464/readyz", timeout=5) as answer:
            return answer.status == 200
    except (OSError, urllib.error.HTTPError):
        return False


def app(folder, address, database_by_proxy):
    text = recipe("streakd").replace("ADDRESS", address).replace("/srv/streakd/backups", str(folder / "backups"))
    text = "".join(line + "\n" for line in text.splitlines() if not line.startswith("server-key-file"))
    if database_by_proxy:
        text = text.replace(f"host={','.join(NAMES.values())}", f"host={PROXY} port=5000")
    settings = folder / f"{address}.conf"
    settings.write_text(text + "allow-cleartext = true\n")
    return Server(arguments=("--config", str(settings), "--listen", f"{address}:50051"))


@pytest.fixture(scope="module")
def databases():
    from server import open_folder
    make_bridge("10.0.0.1", *APPS, PROXY)
    with open_folder() as folder:
        running = Databases(folder)
        proxy = Proxy(folder / "proxy")
        try:
            for statement in recipe("sql").strip().split("\n"):
                running.sql(statement, database="postgres")
            yield running
        finally:
            proxy.end()
            running.end()


@pytest.mark.parametrize("synchronous", [True, False], ids=["synchronous", "asynchronous"])
def test_primaries_die_and_nothing_acknowledged_is_lost(databases, folder, synchronous):
    seed = int(os.environ.get("STREAKD_SEED", random.randrange(1 << 32)))
    databases.set(synchronous_mode=synchronous)
    databases.wait_until_whole(synchronous=synchronous)
    figures = []
    with app(folder, APPS[0], False) as one, app(folder, APPS[1], False) as two, app(folder, APPS[2], True) as three:
        servers = (one, two, three)
        # One device through each way: a list of hosts, the database's proxy, the servers' proxy.
        ways = [Place(f"{APPS[0]}:50051"), Place(f"{APPS[2]}:50051"), Place(f"{PROXY}:50051")]
        wait_until(lambda: all(is_ready(address) for address in APPS))
        with Devices(ways, seed=seed) as devices:
            devices.wait_for_writes()
            for number in range(FAILOVERS):
                fault = FAULTS[number % len(FAULTS)]
                figures.append((fault, *failover(databases, devices, fault, synchronous)))
                print(f"{fault}: {figures[-1][1]} acknowledged operations lacked, first writes after {figures[-1][2]:.1f} s", flush=True)
                wait_until(lambda: all(is_ready(address) for address in APPS), 60)
                devices.come_back()
                devices.audit(databases.sql)
                databases.wait_until_whole(synchronous=synchronous, seconds=180)
                devices.go_on()
                devices.wait_for_writes()
            seconds = sorted(figure[2] for figure in figures)
            print(f"{len(figures)} failovers, seed {seed}: {sum(devices.acknowledged().values())} operations; "
                  f"{sum(figure[1] for figure in figures)} lacked at once, 0 lost, 0 doubled; "
                  f"first writes after {seconds[len(seconds) // 2]:.1f} s (median), {seconds[-1]:.1f} s (longest)")
        for server in servers:
            assert len(server.lines) < 600 * (FAILOVERS + 1), "the log grows"


def failover(databases, devices, fault, synchronous):
    """- Returns: How many acknowledged operations the new primary lacked, and the seconds to the first
    acknowledged write of every device."""
    old = databases.primary
    if fault == "kill":
        old.kill()
    elif fault == "pause":
        old.signal(signal.SIGSTOP)
    else:
        old.cut()
    acknowledged = devices.acknowledged()
    begun = time.monotonic()
    # Until a standby is promoted no server says that it is ready.
    wait_until(lambda: not any(is_ready(address) for address in APPS))
    databases.primary = wait_until(lambda: (found := databases.leader()) and found is not old and found, 60)
    lost = devices.lost_at(databases.sql, acknowledged)
    assert lost == 0 or not synchronous, f"{lost} acknowledged operations are lost"
    wait_until(lambda: devices.acknowledged_since(begun), FIRST_WRITE_SECONDS_MAX)
    seconds = time.monotonic() - begun
    if fault == "kill":
        old.start()
    elif fault == "pause":
        old.signal(signal.SIGCONT)
    else:
        old.mend()
    return lost, seconds

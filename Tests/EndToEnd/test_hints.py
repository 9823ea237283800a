"""Hints to watching devices: sent after the commit, between servers, and only while a device watches."""

import subprocess
import threading

import pytest
from device import Device, completion
from person import today
from postgres import DATABASE, Postgres
from server import Server, wait_until
from streak.v1 import sync_pb2

HOLDER = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


class Watching:
    """A device's stream of hints."""

    def __init__(self, device):
        self.numbers = []
        self.call = device.service.Watch(sync_pb2.WatchRequest(), metadata=device.metadata, timeout=120)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()
        wait_until(lambda: self.numbers)

    def _read(self):
        try:
            for response in self.call:
                self.numbers.append(response.cursor.change_number)
        except Exception:  # noqa: BLE001  (the stream's end)
            pass

    def end(self):
        self.call.cancel()
        self.thread.join(timeout=30)


@pytest.fixture
def postgres(folder):
    with Postgres(folder / "postgres") as running:
        # The service's commits wait for no standby: only others' do.
        running.sql("ALTER ROLE keeper SET synchronous_commit = 'local'")
        yield running


@pytest.fixture
def pair(postgres):
    """A person's phone and tablet, on two servers."""
    with Server(database=postgres.database) as one, Server(database=postgres.database) as two:
        with Device(one) as phone, Device(two, of=phone) as tablet:
            yield phone, tablet


def record(phone, habit, count, first=0):
    for number in range(first, first + count):
        phone.make(**completion(habit, today() - number))
        phone.take(phone.service.Sync(phone.request(), metadata=phone.metadata, timeout=10))
    return phone.cursor.change_number


def test_a_device_that_watches_through_another_server_is_told(pair):
    phone, tablet = pair
    habit = phone.new_habit()
    watching = Watching(tablet)
    last = record(phone, habit, 5)
    wait_until(lambda: watching.numbers[-1] >= last)
    watching.end()


def test_no_durable_write_waits_for_postgresqls_lock_for_notifications(postgres, pair):
    phone, tablet = pair
    habit = phone.new_habit()
    watching = Watching(tablet)
    told = record(phone, habit, 1)
    wait_until(lambda: watching.numbers[-1] >= told)
    # Given: a transaction with a notification, which holds the lock while its commit waits for a
    # standby that does not exist.
    postgres.set("synchronous_standby_names", "nobody")
    place = f"{postgres.place('postgres')} dbname={DATABASE}"

    def hold():
        return subprocess.Popen(["psql", "-XAtq", place, "-c", "CREATE TEMPORARY TABLE held (); NOTIFY elsewhere"],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    holder = hold()
    try:
        # The checkpointer applies the setting; a commit before that does not wait.
        while wait_until(lambda: postgres.sql(HOLDER) or holder.poll() is not None and "ended") == "ended":
            holder = hold()
        # When and then: writes are acknowledged.
        last = record(phone, habit, 20, first=1)
        assert holder.poll() is None and postgres.sql(HOLDER)
    finally:
        postgres.sql(f"SELECT pg_cancel_backend(pid) FROM ({HOLDER}) AS waiting")
        holder.wait(timeout=30)
    # The hint that waited for the lock arrives.
    wait_until(lambda: watching.numbers[-1] >= last)
    watching.end()


def notifications(postgres, body):
    """The notifications of hints while `body` runs, and in the 0.2 s after it: a hint follows its commit within
    milliseconds (HintRelay)."""
    place = f"{postgres.place('postgres')} dbname={DATABASE}"
    listening = subprocess.Popen(["psql", "-XAtq", place], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    listening.stdin.write("LISTEN streakd_changes; SELECT 'listening';\n")
    listening.stdin.flush()
    assert listening.stdout.readline() == "listening\n"
    body()
    postgres.sql("NOTIFY streakd_changes, 'the last'", database=DATABASE)
    out, _ = listening.communicate("SELECT pg_sleep(0.2);\n", timeout=30)
    found = [line for line in out.splitlines() if line.startswith("Asynchronous notification")]
    own = [line for line in found if "the last" in line]
    assert len(own) == 1, out
    return [line for line in found if line not in own]


def test_without_a_watching_device_there_are_no_notifications(postgres, pair):
    phone, tablet = pair
    habit = phone.new_habit()
    assert notifications(postgres, lambda: record(phone, habit, 20)) == []
    watching = Watching(tablet)

    def told():
        last = record(phone, habit, 5, first=20)
        wait_until(lambda: watching.numbers[-1] >= last)

    assert 1 <= len(notifications(postgres, told)) <= 5
    watching.end()
    # Once the other server's probe has said that its device watches no more.
    wait_until(lambda: postgres.sql("SELECT count(*) FROM server_probes WHERE watches", database=DATABASE) == "0")
    first = iter(range(25, 100))
    wait_until(lambda: notifications(postgres, lambda: record(phone, habit, 1, first=next(first))) == [])
    assert notifications(postgres, lambda: record(phone, habit, 3, first=next(first))) == []


def test_a_device_on_the_same_server_is_told_without_a_notification(postgres):
    with Server(database=postgres.database, arguments=("--loops", "2")) as server, Device(server) as phone:
        with Device(server, of=phone) as tablet:
            habit = phone.new_habit()
            watching = Watching(tablet)

            def told():
                last = record(phone, habit, 5)
                wait_until(lambda: watching.numbers[-1] >= last)

            assert notifications(postgres, told) == []
            watching.end()

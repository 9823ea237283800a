"""Devices that go on writing while the database moves, and the audit of what was acknowledged."""

import random
import threading
import time

import grpc
from device import Device, completion, edit, note, refusal
from person import today
from server import wait_until

DAYS = 28
HABITS = 4
CALL_SECONDS = 8
# Calls with these codes are repeated later.
PASSING = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED,
           grpc.StatusCode.RESOURCE_EXHAUSTED}


class AuditedDevice(Device):
    """A device on a thread of its own. It taps days that no other device taps, so that its own last
    operation decides each of them."""

    channel_options = (("grpc.initial_reconnect_backoff_ms", 50), ("grpc.min_reconnect_backoff_ms", 500),
                       ("grpc.max_reconnect_backoff_ms", 500))

    def __init__(self, server, seed, place, count, of=None):
        self.choice = random.Random(seed)
        super().__init__(server, of=of)
        self.server, self.place, self.count = server, place, count
        self.habit_ids = []
        # By habit and day: whether the day is done after this device's operations.
        self.expected = {}
        self.notes = {}
        # The highest number that was ever acknowledged, and when the last one was.
        self.acknowledged = 0
        self.acknowledged_at = 0.0
        self.sent_at = 0.0
        self.codes = {}
        self.failure = None
        self.taps = threading.Event()
        self.stopping = threading.Event()
        self.turn = threading.Lock()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def send(self, request):
        return self.service.Sync(request, metadata=self.metadata, timeout=CALL_SECONDS)

    def tap(self):
        habit = self.choice.choice(self.habit_ids)
        day = today() - self.choice.randrange(DAYS // self.count) * self.count - self.place
        kind = self.choice.random()
        if kind < 0.2:
            text = f"{self.place}-{self.decided + len(self.queue) + 1}"
            self.make(**note(habit, text, day))
            self.notes[habit, day] = text
            return
        done = kind < 0.75 or not self.expected.get((habit, day), False)
        self.make(**completion(habit, day, done=done))
        self.expected[habit, day] = done

    def exchange(self):
        """Sends the queue and fetches everything."""
        self.sent_at = time.monotonic()
        before = self.decided
        sent_at = self.sent_at
        try:
            response = self.take(self.send(self.request(self.queue[:500])))
            if self.decided > before:
                self.acknowledged_at = sent_at
            while response.has_more:
                response = self.take(self.send(self.request([])))
        finally:
            self.acknowledged = max(self.acknowledged, self.decided)

    def attempt(self) -> bool:
        """One exchange; False if it is to be repeated."""
        try:
            self.exchange()
            return True
        except grpc.RpcError as error:
            code = error.code()
            self.codes[code.name] = self.codes.get(code.name, 0) + 1
            if code == grpc.StatusCode.FAILED_PRECONDITION and refusal(error).expected_seq > 0:
                self.send_again(after=refusal(error).expected_seq - 1)
            elif code == grpc.StatusCode.UNAUTHENTICATED:
                # The sign-in was among the lost commits, or its time is over.
                try:
                    self.sign_in()
                except grpc.RpcError as error:
                    if error.code() not in PASSING:
                        raise
            elif code not in PASSING:
                raise
            return False

    def _run(self):
        try:
            while not self.stopping.wait(0.03):
                with self.turn:
                    if self.taps.is_set() and len(self.queue) < 50:
                        self.tap()
                    self.attempt()
        except BaseException as error:  # noqa: B036  (the audit reports it)
            self.failure = error

    def check(self):
        if self.failure:
            raise self.failure


class Devices:
    """People with three devices each."""

    def __init__(self, servers, people=1, devices=3, seed=0):
        self.all, self.people = [], []
        for person in range(people):
            own = []
            for place in range(devices):
                server = servers[place % len(servers)]
                own.append(AuditedDevice(server, f"{seed}-{person}-{place}", place, devices, of=own[0] if own else None))
            first = own[0]
            habits = [first.choice.randbytes(16) for _ in range(HABITS)]
            for number, habit in enumerate(habits):
                first.make(**edit(habit, f"habit {number}"))
            first.exchange()
            for device in own:
                device.habit_ids = habits
                device.exchange()
            self.people.append(own)
            self.all += own
        for device in self.all:
            device.taps.set()
            device.thread.start()

    def check(self):
        for device in self.all:
            device.check()

    def acknowledged_since(self, moment, devices=None):
        """Whether each device got an acknowledgement for what it sent after a moment."""
        self.check()
        return all(device.acknowledged_at > moment for device in devices or self.all)

    def wait_for_writes(self, seconds=120, devices=None) -> float:
        """Waits until each device got an acknowledgement for what it sends from now on.
        - Returns: The seconds."""
        begun = time.monotonic()
        wait_until(lambda: self.acknowledged_since(begun, devices), seconds)
        return time.monotonic() - begun

    def come_back(self, seconds=120):
        """Nothing is tapped any more; waits until each device has sent everything and all devices of
        a person are equal."""
        for device in self.all:
            device.taps.clear()

        def equal():
            self.check()
            for own in self.people:
                for device in own:
                    with device.turn:
                        if device.queue or not device.cursor:
                            return False
                if len({device.digest() for device in own}) > 1:
                    return False
                if len({device.cursor.change_number for device in own}) > 1:
                    return False
            return True

        wait_until(equal, seconds)

    def go_on(self):
        for device in self.all:
            device.taps.set()

    def acknowledged(self):
        """By device id in hexadecimal: the highest acknowledged number."""
        return {device.device.device_id.hex(): device.acknowledged for device in self.all}

    def lost_at(self, sql, acknowledged) -> int:
        """How many of the acknowledged operations a database lacks.
        - Parameter sql: Runs a query on it."""
        held = dict(row.split("|") for row in sql(
            "SELECT replace(device_id::text, '-', ''), max(seq) FROM operations GROUP BY 1").splitlines())
        return sum(max(0, number - int(held.get(device, 0))) for device, number in acknowledged.items())

    def audit(self, sql):
        """Compares the database with the devices, which have come back."""
        people = ", ".join(f"'{own[0].user_id.hex()}'" for own in self.people)
        counted = {row.split("|")[0]: row.split("|")[1:] for row in sql(
            "SELECT replace(device_id::text, '-', ''), count(*), count(DISTINCT seq), max(seq) FROM operations GROUP BY 1").splitlines()}
        for device in self.all:
            number = str(device.decided)
            assert counted[device.device.device_id.hex()] == [number] * 3, "an operation is lost or doubled"
            assert device.decided >= device.acknowledged, "an acknowledged operation is lost"
        rows = [row.split("|") for row in sql(
            "SELECT replace(habit_id::text, '-', ''), day, done, note "
            f"FROM cells WHERE user_id IN ({people})").splitlines()]
        found = {(bytes.fromhex(habit), int(day)): (done == "t", text) for habit, day, done, text in rows}
        assert len(found) == len(rows), "a day is doubled"
        for device in self.all:
            for place, done in device.expected.items():
                assert found[place][0] == done, f"a day is {'lost' if done else 'back'}: {place}"
            for place, text in device.notes.items():
                assert found[place][1] == text, f"a note is lost: {place}"
        assert sql(f"SELECT count(*) FROM rejected_operations WHERE user_id IN ({people})") == "0", "something is in the inbox"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for device in self.all:
            device.stopping.set()
        for device in self.all:
            device.thread.join(timeout=CALL_SECONDS * 2)
            device.close()

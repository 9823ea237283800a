"""A device that syncs: a stock grpcio client with a replica of its own, written from
proto/streak/v1/sync.proto alone."""

import hashlib
import os
import struct
import time

import pytest
from google.protobuf import timestamp_pb2
from google.rpc import status_pb2
from person import Person, local_time, today
from streak.v1 import common_pb2, sync_pb2, sync_pb2_grpc

MODULUS = 1 << 64


def text(value):
    data = value.encode()
    return struct.pack(">I", len(data)) + data


def habit_item(habit):
    return (b"\x01" + habit.id + text(habit.name) + text(habit.description) + struct.pack(">Ii", habit.color, habit.position)
            + bytes([habit.archived]))


def cell_item(cell):
    return (b"\x02" + cell.habit_id + struct.pack(">i", cell.day) + bytes([cell.done, cell.quarantine_reason]) + text(cell.note))


def digest_of(items):
    first = second = 0
    for item in items:
        one, other = struct.unpack(">QQ", hashlib.sha256(item).digest()[:16])
        first, second = (first + one) % MODULUS, (second + other) % MODULUS
    return struct.pack(">QQ", first, second)


def refusal(error):
    """The `SyncRefusal` in a status's details."""
    packed = dict(error.trailing_metadata()).get("grpc-status-details-bin", b"")
    found = sync_pb2.SyncRefusal()
    for detail in status_pb2.Status.FromString(packed).details:
        detail.Unpack(found)
    return found


def completion(habit, day=None, done=True, note="", client_time=None, undone=()):
    """`undone`: the completions that an undo takes back; `Device.make` fills in those that the
    device knows."""
    day = today() if day is None else day
    return dict(set_completion=sync_pb2.SetCompletion(
        habit_id=habit, day=day, done=done, note=note, client_time=client_time or local_time(day), undone=undone))


def note(habit, text, day=None, client_time=None):
    day = today() if day is None else day
    return dict(set_note=sync_pb2.SetNote(habit_id=habit, day=day, note=text, client_time=client_time or local_time(day)))


def edit(habit, name="Read", fields=(), **values):
    return dict(edit_habit=sync_pb2.EditHabit(habit=common_pb2.Habit(id=habit, name=name, **values), fields=fields))


def delete(habit):
    return dict(delete_habit=sync_pb2.DeleteHabit(habit_id=habit))


class Device(Person):
    """A person's device with a queue and the received state."""

    def __init__(self, server, of=None):
        super().__init__(server, email=of.email if of else None)
        self.habits, self.cells, self.notices = {}, {}, {}
        self.cursor, self.queue, self.decided, self.outcomes = None, [], 0, {}
        self.seen = []  # the sources that the last complete pull contained
        self.latest_time = self.ahead = 0  # the device's clock, and how far it is ahead, in seconds
        self.day_start = 0
        self.kept = []  # decided operations, in case the server loses them
        self.former_habits = {}  # known before the server lost data
        if of:
            self.user_id = self.sign_in().account.user_id
        else:
            self.user_id = self.sign_up().account.user_id

    def connect(self, server):
        super().connect(server)
        self.service = sync_pb2_grpc.SyncServiceStub(self.channel)

    def make(self, ahead=0, **change):
        """Adds an operation to the queue, made `ahead` seconds from now."""
        seq = self.decided + len(self.queue) + 1
        wanted = change.get("set_completion")
        if wanted is not None and not wanted.done and not wanted.undone:
            change = dict(set_completion=sync_pb2.SetCompletion())
            change["set_completion"].CopyFrom(wanted)
            change["set_completion"].undone.extend(self.standing(wanted.habit_id, wanted.day))
        self.ahead = ahead
        self.latest_time = max(int((time.time() + ahead) * 1000) << 16, self.latest_time + 1)
        self.queue.append(sync_pb2.Operation(seq=seq, hybrid_time=self.latest_time, seen=self.seen, **change))
        return seq

    def standing(self, habit, day):
        """The standing completions of a day that this device knows: received ones, and its own."""
        known = self.cells.get((habit, day))
        own = [common_pb2.StatementId(source_id=self.device.device_id, seq=operation.seq) for operation in self.kept + self.queue
               if operation.HasField("set_completion") and operation.set_completion.done
               and (operation.set_completion.habit_id, operation.set_completion.day) == (habit, day)]
        return (list(known.completions) if known else []) + own[-32:]

    def request(self, operations=None, queue_drained=True, page_size=0):
        return sync_pb2.SyncRequest(
            user_id=self.user_id, cursor=self.cursor, operations=self.queue if operations is None else operations,
            queue_drained=queue_drained, page_size=page_size, sent_at=timestamp_pb2.Timestamp(seconds=int(time.time() + self.ahead)),
            restated_habits=list(self.former_habits.values()),
            oldest_kept_seq=(self.kept + self.queue)[0].seq if self.kept or self.queue else 0,
            acknowledged_seq=self.decided, digest=self.digest() if self.cursor and not self.cursor.resume else b"")

    def send(self, request):
        return self.service.Sync(request, metadata=self.metadata, timeout=30)

    def take(self, response):
        """Applies a response and compares the server's digest with the replica's own."""
        for outcome in response.outcomes:
            self.outcomes[outcome.seq] = outcome
            if outcome.reason == common_pb2.CLOCK_SKEW:
                self.latest_time = 0  # this device's clock was wrong: from now on the wall clock is used
            if self.queue and self.queue[0].seq == outcome.seq:
                self.kept.append(self.queue.pop(0))
                self.decided = outcome.seq
        self.former_habits = {}
        if self.kept and response.last_seq < self.kept[-1].seq:
            self.send_again(after=response.last_seq)
        elif response.reset:
            self.former_habits = dict(self.habits)
        if response.reset:
            self.habits, self.cells, self.notices, self.day_start = {}, {}, {}, 0
        if response.HasField("settings"):
            self.day_start = response.settings.day_start_minutes
        self.latest_time = max(self.latest_time, response.latest_time)
        if not response.has_more:
            self.seen = list(response.seen)
        for habit in response.deleted_habit_ids:
            self.habits.pop(habit, None)
            self.cells = {key: cell for key, cell in self.cells.items() if key[0] != habit}
        self.habits.update({habit.id: habit for habit in response.habits})
        for cell in response.cells:
            known = self.cells.get((cell.habit_id, cell.day))
            if known is None or known.version <= cell.version:
                self.cells[cell.habit_id, cell.day] = cell
        self.notices.update({notice.notice_id: notice for notice in response.notices})
        self.cursor = response.cursor
        assert response.has_more != response.HasField("digest")
        if not response.has_more:
            assert response.digest.sum == self.digest(), "diverged"
        return response

    def send_again(self, after):
        """The server has lost data: operations that it may lack are sent again unchanged, and the
        habits before them."""
        self.former_habits = dict(self.habits)
        self.queue = [operation for operation in self.kept if operation.seq > after] + self.queue
        self.kept = [operation for operation in self.kept if operation.seq <= after]
        self.decided = after

    def digest(self):
        settings = [b"\x03" + struct.pack(">i", self.day_start)] if self.day_start else []
        return digest_of([habit_item(habit) for habit in self.habits.values()]
                         + [cell_item(cell) for cell in self.cells.values()] + settings)

    def sync(self, page_size=0):
        """Sends the queue and fetches everything; returns the outcomes of this round by number."""
        before = len(self.queue)
        first = self.decided + 1
        response = self.take(self.send(self.request(self.queue[:500], page_size=page_size)))
        while response.has_more:
            response = self.take(self.send(self.request([], page_size=page_size)))
        return [self.outcomes[seq] for seq in range(first, first + min(before, 500))]

    def cell(self, habit, day=None):
        return self.cells.get((habit, today() if day is None else day))

    def new_habit(self, name="Read"):
        habit = os.urandom(16)
        self.make(**edit(habit, name))
        self.sync()
        return habit


@pytest.fixture
def pair(server):
    """Two devices of one person, with one habit that both know."""
    with Device(server) as phone:
        habit = phone.new_habit()
        with Device(server, of=phone) as tablet:
            tablet.sync()
            yield phone, tablet, habit

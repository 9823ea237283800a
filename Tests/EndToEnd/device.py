"""A device that syncs: a stock grpcio client with a replica of its own, written from proto/streak/v1/sync.proto alone."""

import hashlib
import os
import struct
import time

import grpc
from google.protobuf import timestamp_pb2
from google.rpc import status_pb2
from person import Person, local_time, today
from streak.v1 import common_pb2, streak_pb2, sync_pb2, sync_pb2_grpc

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
    """The `SyncRefusal` among a status' details."""
    packed = dict(error.trailing_metadata()).get("grpc-status-details-bin", b"")
    found = sync_pb2.SyncRefusal()
    for detail in status_pb2.Status.FromString(packed).details:
        detail.Unpack(found)
    return found


def completion(habit, day=None, done=True, note="", made=None):
    day = today() if day is None else day
    return dict(set_completion=sync_pb2.SetCompletion(
        habit_id=habit, day=day, done=done, note=note, made=made or local_time(day)))


def edit(habit, name="Read", fields=(), **values):
    return dict(edit_habit=sync_pb2.EditHabit(habit=common_pb2.Habit(id=habit, name=name, **values), fields=fields))


def delete(habit):
    return dict(delete_habit=sync_pb2.DeleteHabit(habit_id=habit))


class Device(Person):
    """Somebody's device with a queue and what it has received."""

    def __init__(self, server, of=None):
        super().__init__(server, email=of.email if of else None)
        self.habits, self.cells, self.notices = {}, {}, {}
        self.cursor, self.queue, self.decided, self.outcomes = None, [], 0, {}
        self.kept = []  # decided operations, in case the server loses them
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
        seen = sync_pb2.Cursor(epoch=self.cursor.epoch, change_number=self.cursor.change_number) if self.cursor else None
        self.queue.append(sync_pb2.Operation(
            seq=seq, hybrid_time=(int((time.time() + ahead) * 1000) << 16) + min(seq, 65_535), seen=seen, **change))
        return seq

    def request(self, operations=None, nothing_left=True, page_size=0):
        return sync_pb2.SyncRequest(
            user_id=self.user_id, cursor=self.cursor, operations=self.queue if operations is None else operations,
            nothing_left=nothing_left, page_size=page_size)

    def send(self, request):
        return self.service.Sync(request, metadata=self.metadata, timeout=30)

    def take(self, response):
        """Applies a response and holds the server's digest against the replica's own."""
        for outcome in response.outcomes:
            self.outcomes[outcome.seq] = outcome
            if self.queue and self.queue[0].seq == outcome.seq:
                self.kept.append(self.queue.pop(0))
                self.decided = outcome.seq
        if self.cursor and self.cursor.epoch != response.cursor.epoch:
            # The server was restored to an earlier moment: what it has not lost gets its first outcome again.
            self.queue, self.kept = self.kept + self.queue, []
            self.decided = self.queue[0].seq - 1 if self.queue else self.decided
        if response.reset:
            self.habits, self.cells, self.notices = {}, {}, {}
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

    def digest(self):
        return digest_of([habit_item(habit) for habit in self.habits.values()]
                         + [cell_item(cell) for cell in self.cells.values()])

    def sync(self, page_size=0):
        """Sends the queue and fetches everything; answers the outcomes of this round by number."""
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

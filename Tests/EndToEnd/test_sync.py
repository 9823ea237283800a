"""Sync through stock clients: the cases of Cases.md, by number, each device with a replica written
from the contract alone."""

import os
import queue
import random
import signal
import threading
import time

import grpc
import pytest
from cutting_proxy import CuttingProxy
from databases import sql
from device import Device, completion, delete, edit, note, pair, refusal  # noqa: F401
from google.protobuf import timestamp_pb2
from person import DAY_SECONDS, details, local_time, today
from server import Server, wait_until
from streak.v1 import common_pb2, streak_pb2, sync_pb2

APPLIED, SUPERSEDED, REJECTED = (
    sync_pb2.OPERATION_STATUS_APPLIED, sync_pb2.OPERATION_STATUS_SUPERSEDED, sync_pb2.OPERATION_STATUS_REJECTED)


def converge(*devices):
    """All devices sync until they are equal."""
    for _ in range(3):
        for device in devices:
            device.sync()
    assert len({device.digest() for device in devices}) == 1


def refused(call, code, reason):
    with pytest.raises(grpc.RpcError) as caught:
        call()
    assert caught.value.code() == code
    assert details(caught.value)[0].reason == reason
    return caught.value


def test_c75_a_batch_sent_twice(pair):
    phone, tablet, habit = pair
    for day in range(3):
        phone.make(**completion(habit, today() - day))
    request = phone.request()
    first, second = phone.send(request), phone.send(request)
    assert [outcome.SerializeToString() for outcome in first.outcomes] == [
        outcome.SerializeToString() for outcome in second.outcomes]
    assert first.digest == second.digest
    assert phone.streak(habit).current == 3
    phone.take(first)
    converge(phone, tablet)


def test_c77_a_number_used_twice(pair):
    phone, _, habit = pair
    phone.make(**completion(habit))
    phone.sync()
    other = sync_pb2.Operation(seq=phone.decided, hybrid_time=1, **completion(habit, note="another"))
    refused(lambda: phone.send(phone.request([other])), grpc.StatusCode.FAILED_PRECONDITION, "OPERATION_REUSED")
    assert phone.cell(habit).note == ""


def test_a_gap_is_refused_with_the_number_expected(pair):
    phone, _, habit = pair
    later = sync_pb2.Operation(seq=phone.decided + 3, hybrid_time=1, **completion(habit))
    error = refused(lambda: phone.send(phone.request([later])), grpc.StatusCode.FAILED_PRECONDITION, "SEQUENCE_GAP")
    assert refusal(error).expected_seq == phone.decided + 1
    assert not phone.history()


def test_c79_one_bad_operation_of_a_hundred(pair):
    phone, tablet, habit = pair
    for number in range(100):
        if number == 41:
            phone.make(**completion(habit, today() + 2, note="never lost"))
        else:
            phone.make(**completion(habit, today() - number % 3, note=str(number)))
    outcomes = phone.sync()
    assert [outcome.status for outcome in outcomes].count(APPLIED) == 99
    assert (outcomes[41].status, outcomes[41].reason) == (REJECTED, common_pb2.FUTURE_DAY)
    inbox = phone.service.ListRejectedOperations(
        sync_pb2.ListRejectedOperationsRequest(), metadata=tablet.metadata, timeout=30).operations
    assert [(one.seq, one.reason) for one in inbox] == [(outcomes[41].seq, common_pb2.FUTURE_DAY)]
    assert inbox[0].operation.set_completion.note == "never lost"
    document, _ = phone.export()
    assert b"never lost" in document
    converge(phone, tablet)


def test_c80_c81_notes_on_two_phones(pair):
    phone, tablet, habit = pair
    phone.make(**completion(habit, note="rain"))
    tablet.make(ahead=1, **completion(habit, note="sun"))
    phone.make(**completion(habit, today() - 1, note="same"))
    tablet.make(**completion(habit, today() - 1, note="same"))
    phone.sync()
    outcomes = tablet.sync()
    assert [outcome.status for outcome in outcomes] == [APPLIED, APPLIED]
    converge(phone, tablet)
    assert phone.cell(habit).note == tablet.cell(habit).note == "sun"
    (notice,) = phone.notices.values()
    assert tablet.notices == phone.notices
    assert (notice.kind, notice.winning_value.text, notice.losing_value.text) == (sync_pb2.NOTICE_KIND_NOTE_CONFLICT, "sun", "rain")
    assert notice.losing_device_id == phone.device.device_id and notice.day == today()

    def shown(device):
        request = sync_pb2.ListNoticesRequest()
        return [one.notice_id for one in device.service.ListNotices(request, metadata=device.metadata, timeout=30).notices]

    request = sync_pb2.AcknowledgeNoticesRequest(notice_ids=[notice.notice_id])
    phone.service.AcknowledgeNotices(request, metadata=phone.metadata, timeout=30)
    assert shown(phone) == [] and shown(tablet) == [notice.notice_id]
    tablet.make(resolve_conflict=sync_pb2.ResolveConflict(notice_id=notice.notice_id, take_losing=True))
    assert tablet.sync()[0].status == APPLIED
    converge(phone, tablet)
    assert phone.cell(habit).note == "rain"


@pytest.mark.parametrize("closing", ["resolution", "stated resolution", "another note"])
def test_a_device_is_not_given_a_notice_again_that_it_has_acknowledged_and_closes(pair, closing):
    phone, tablet, habit = pair
    phone.make(**completion(habit, note="rain"))
    tablet.make(ahead=1, **completion(habit, note="sun"))
    phone.sync()
    tablet.sync()
    converge(phone, tablet)
    (notice,) = tablet.notices
    request = sync_pb2.AcknowledgeNoticesRequest(notice_ids=[notice])
    tablet.service.AcknowledgeNotices(request, metadata=tablet.metadata, timeout=30)
    tablet.notices.clear()
    choice = sync_pb2.ResolveConflict(notice_id=notice, take_losing=True)
    if closing == "stated resolution":
        choice.set_note.CopyFrom(note(habit, "rain")["set_note"])
    tablet.make(**(completion(habit, note="wind") if closing == "another note" else dict(resolve_conflict=choice)))
    assert tablet.sync()[0].status == APPLIED
    assert tablet.notices == {} and tablet.cell(habit).note == ("wind" if closing == "another note" else "rain")
    phone.sync()
    assert phone.notices[notice].resolved


def test_a_choice_is_decided_by_the_value_it_states_where_the_server_has_lost_the_conflict(pair):
    phone, tablet, habit = pair

    def choose(device, take_losing=True, **statement):
        choice = sync_pb2.ResolveConflict(notice_id=os.urandom(16), take_losing=take_losing, **statement)
        device.make(resolve_conflict=choice)
        (outcome,) = device.sync()
        assert (outcome.status, outcome.reason) == (APPLIED, 0)

    choose(phone, **note(habit, "rain"))
    choose(phone, take_losing=False, **completion(habit))
    assert (phone.cell(habit).done, phone.cell(habit).note) == (True, "rain")
    tablet.sync()
    undo = completion(habit, done=False)["set_completion"]
    undo.undone.extend(tablet.cell(habit).completions)
    assert len(undo.undone) == 1
    choose(tablet, set_completion=undo)
    assert (tablet.cell(habit).done, tablet.cell(habit).note) == (False, "rain")
    choose(phone, **edit(habit, "row", fields=[sync_pb2.HABIT_FIELD_NAME]))
    assert phone.habits[habit].name == "row"
    choose(phone, **delete(habit))
    assert habit not in phone.habits
    # without the value it cannot be decided
    phone.make(resolve_conflict=sync_pb2.ResolveConflict(notice_id=os.urandom(16)))
    (outcome,) = phone.sync()
    assert (outcome.status, outcome.reason) == (REJECTED, common_pb2.CONFLICT_NOT_FOUND)


def test_c82_deleted_here_ticked_there(pair):
    phone, tablet, habit = pair
    phone.make(**completion(habit, today() - 1))
    phone.sync()
    phone.make(**delete(habit))
    tablet.make(**completion(habit))
    phone.sync()
    assert habit not in phone.habits
    assert [outcome.status for outcome in tablet.sync()] == [APPLIED]
    converge(phone, tablet)
    assert phone.habits[habit].archived and phone.cell(habit).done and phone.cell(habit, today() - 1).done
    assert [notice.kind for notice in phone.notices.values()] == [sync_pb2.NOTICE_KIND_DELETION_CONFLICT]


def test_c83_made_and_deleted_before_another_device_looks(server):
    with Device(server) as phone:
        habit = phone.new_habit()
        phone.make(**completion(habit))
        phone.make(**delete(habit))
        phone.sync()
        with Device(server, of=phone) as tablet:
            tablet.sync()
            assert not tablet.habits and not tablet.cells
        document, _ = phone.export()
        assert habit.hex() not in document.decode() and b'"deleted":true' in document.replace(b" ", b"")


def test_c85_c86_clocks(pair):
    phone, tablet, habit = pair
    phone.make(ahead=3600, **completion(habit, note="an hour ahead"))
    response = phone.take(phone.send(phone.request()))
    assert response.outcomes[0].status == APPLIED
    assert 3_590_000 < response.clock_ahead_milliseconds < 3_610_000
    tablet.make(ahead=2, **completion(habit, note="real"))
    assert tablet.sync()[0].status == APPLIED
    phone.make(ahead=73 * 365 * DAY_SECONDS, **completion(habit, note="2099"))
    response = phone.take(phone.send(phone.request()))
    assert (response.outcomes[0].status, response.outcomes[0].reason) == (REJECTED, common_pb2.CLOCK_SKEW)
    assert abs(response.server_time.seconds - time.time()) < 60
    phone.make(ahead=-int(time.time()), **completion(habit, note="1970"))
    assert phone.sync()[0].status == APPLIED
    made = common_pb2.LocalTime(occurred_at=timestamp_pb2.Timestamp(seconds=0), zone="Etc/UTC")
    phone.make(**completion(habit, 0, client_time=made))
    assert phone.sync()[0].status == REJECTED
    converge(phone, tablet)
    assert tablet.cell(habit).note == "1970"


def test_c93_a_queue_is_never_taken_under_another_account(server, pair):
    phone, _, habit = pair
    phone.make(**completion(habit))
    with Device(server) as stranger:
        refused(
            lambda: stranger.service.Sync(phone.request(), metadata=stranger.metadata, timeout=30),
            grpc.StatusCode.FAILED_PRECONDITION, "ACCOUNT_MISMATCH")
        assert not stranger.history()
    assert phone.sync()[0].status == APPLIED


def test_c62_c64_a_late_day_heals_the_streak_with_a_notice(pair):
    phone, tablet, habit = pair
    for ago in (4, 3):
        phone.make(**completion(habit, today() - ago))
    phone.sync()
    # Both are new devices: of the days before their registration only two count.
    assert {cell.quarantine_reason for cell in phone.cells.values()} == {common_pb2.QUARANTINE_REASON_BACKFILL}
    for ago in (2, 0):
        phone.make(**completion(habit, today() - ago))
    phone.sync()
    assert phone.streak(habit).current == 1
    tablet.make(**completion(habit, today() - 1))
    tablet.sync()
    converge(phone, tablet)
    assert phone.streak(habit).current == 3
    assert [(notice.kind, notice.winning_value.number, notice.losing_value.number) for notice in phone.notices.values()] == [
        (sync_pb2.NOTICE_KIND_STREAK_HEALED, 3, 1)]


def test_explain_streak(pair):
    phone, _, habit = pair
    for ago, done in ((0, True), (1, True), (5, True)):
        phone.make(**completion(habit, today() - ago))
    phone.make(**completion(habit, today() - 1, done=False))
    phone.sync()
    answer = phone.streaks.ExplainStreak(
        streak_pb2.ExplainStreakRequest(habit_id=habit), metadata=phone.metadata, timeout=30)
    assert (answer.run.first_day, answer.run.last_day, answer.streak.current) == (today(), today(), 1)
    assert [(day.day, day.omission, day.quarantine_reason) for day in answer.left_out] == [
        (today() - 5, streak_pb2.STREAK_OMISSION_QUARANTINED, common_pb2.QUARANTINE_REASON_BACKFILL),
        (today() - 1, streak_pb2.STREAK_OMISSION_UNDONE, 0)]


def test_record_and_sync_are_one_path(pair):
    """A pull contains the changes of RecordCompletion and PutHabit; GetStreak shows those of Sync."""
    phone, tablet, habit = pair
    phone.record(habit, note="direct")
    phone.streaks.UndoCompletion(
        streak_pb2.UndoCompletionRequest(habit_id=habit, day=today(), client_time=local_time()), metadata=phone.metadata)
    other = phone.put_habit("Run", color=5)
    tablet.sync()
    assert tablet.cell(habit).note == "direct" and not tablet.cell(habit).done
    assert tablet.habits[other].color == 5
    converge(phone, tablet)


def test_c51_every_device_gets_the_zones_that_decide_what_today_is(pair):
    phone, tablet, habit = pair
    now = int(time.time())

    def tap(device, hours):
        """A tap of now, where it is so many hours later than in UTC."""
        made = common_pb2.LocalTime(occurred_at=timestamp_pb2.Timestamp(seconds=now), zone="Etc/Test", utc_offset_seconds=hours * 3600)
        device.make(**completion(habit, (now + hours * 3600) // DAY_SECONDS, client_time=made))
        return device.take(device.send(device.request()))

    def zones(response):
        return [(use.utc_offset_seconds // 3600, use.day_start_minutes, use.last_used_at.seconds) for use in response.zone_uses]

    assert zones(tap(phone, -11)) == [(-11, 0, now)]
    # 24 hours from the other zone, so that the dates differ at every hour.
    ahead = tap(tablet, 13)
    assert set(zones(ahead)) == {(-11, 0, now), (13, 0, now)}
    assert zones(phone.take(phone.send(phone.request()))) == zones(ahead)
    # On every device alike: the run that holds the earliest date, or begins after it.
    assert phone.streak(habit).state == tablet.streak(habit).state == common_pb2.STREAK_STATE_DONE_TODAY
    with Device(phone_server(phone), of=phone) as third:
        first = third.send(third.request(page_size=1))
        assert first.has_more and not zones(first)
        third.take(first)
        while (page := third.take(third.send(third.request()))).has_more:
            pass
        assert zones(page) == zones(ahead)


def test_many_pages(pair):
    phone, tablet, habit = pair
    for number in range(40):
        phone.make(**completion(habit, today() - number))
    phone.sync()
    with Device(phone_server(phone), of=phone) as watch:
        watch.sync(page_size=7)
        assert len(watch.cells) == 40 and watch.digest() == phone.digest()
    tablet.cursor = sync_pb2.Cursor(change_number=-1)
    response = tablet.take(tablet.send(tablet.request([])))
    assert response.reset and len(tablet.cells) == 40


def test_a_sync_sends_of_a_day_what_a_device_uses(pair):
    """When the server stored it is in the history. A pull of years has tens of thousands of days."""
    phone, tablet, habit = pair
    phone.make(**completion(habit, today()))
    stored = phone.take(phone.send(phone.request())).cells[0]
    tablet.sync()
    history = phone.streaks.GetHistory(
        streak_pb2.GetHistoryRequest(filter=streak_pb2.HistoryFilter(habit_id=habit)), metadata=phone.metadata).cells[0]
    assert history.HasField("recorded_at") and not stored.HasField("recorded_at")
    history.ClearField("recorded_at")
    assert history == stored == tablet.cell(habit)
    assert stored.ByteSize() <= 100


def test_c130_a_forged_cursor_is_refused_and_no_other_device_pulls(pair):
    phone, tablet, habit = pair
    genuine = sync_pb2.Cursor()
    genuine.CopyFrom(phone.cursor)
    for change in (dict(change_number=10_000_000), dict(change_number=genuine.change_number + 1), dict(epoch=genuine.epoch + 1),
                   dict(epoch_bits=1), dict(tag=b""), dict(tag=bytes(16)), dict(resume=b"x" * 44)):
        phone.cursor.CopyFrom(genuine)
        for name, value in change.items():
            setattr(phone.cursor, name, value)
        refused(lambda: phone.send(phone.request([])), grpc.StatusCode.INVALID_ARGUMENT, "CURSOR_INVALID")
    # Another account's cursor is refused as well.
    with Device(phone_server(phone)) as stranger:
        stranger.new_habit()
        phone.cursor.CopyFrom(stranger.cursor)
        refused(lambda: phone.send(phone.request([])), grpc.StatusCode.INVALID_ARGUMENT, "CURSOR_INVALID")
    phone.cursor.CopyFrom(genuine)
    assert not phone.take(phone.send(phone.request([]))).reset
    response = tablet.take(tablet.send(tablet.request([])))
    assert not response.reset and not response.cells


def test_days_that_changed_many_times_are_sent_once_in_consecutive_pages(pair):
    phone, tablet, habit = pair
    tablet.sync()
    for number in range(60):
        phone.make(**completion(habit, today() - number % 3, note=str(number)))
    phone.sync()
    told, pages = [], 0
    while True:
        response = tablet.take(tablet.send(tablet.request([], page_size=7)))
        told += [cell.note for cell in response.cells]
        pages += 1
        if not response.has_more:
            break
    # Every change is a step of the walk; only the last one of a day gives the day.
    assert sorted(told) == ["57", "58", "59"] and pages <= 60 // 7 + 1
    converge(phone, tablet)


def phone_server(device):
    """The server of a device, in the form that `Device` needs."""
    class Address:
        address = device.channel._channel.target().decode()

    return Address()


SEEDS = range(4 * int(os.environ.get("STREAKD_SEED_FACTOR", "1")))


@pytest.mark.parametrize("seed", SEEDS)
def test_c89_simulation_with_real_processes(folder, seed):
    """Four devices tap in any order over a network that cuts anywhere; requests are repeated,
    replies are lost, streakd and PostgreSQL are killed. In the end all are equal, and every
    operation is there once."""
    chance = random.Random(seed)
    running = Server(folder=folder)
    with CuttingProxy(running.port) as proxy:
        try:
            devices = [Device(running)]
            habits = [devices[0].new_habit(name) for name in ("a", "b")]
            devices += [Device(running, of=devices[0]) for _ in range(3)]
            for device in devices:
                device.sync()
            for step in range(160):
                device = chance.choice(devices)
                habit, day = chance.choice(habits), today() - chance.randrange(3)
                what = chance.randrange(20)
                if step == 60:
                    kill_postgres(running)
                elif step == 110:
                    running.kill()
                    running = Server(folder=folder)
                    proxy.target = running.port
                elif what < 9:
                    done = chance.random() < 0.7
                    device.make(**completion(habit, day, done=done, note=chance.choice(["", "x", "y"])))
                elif what < 11:
                    device.make(**edit(habit, chance.choice("abc"), color=chance.randrange(3),
                                       fields=[chance.choice([sync_pb2.HABIT_FIELD_NAME, sync_pb2.HABIT_FIELD_COLOR])]))
                elif what < 12:
                    device.make(**chance.choice([delete(habit), SHAPES[0]]))
                else:
                    proxy.plan = (chance.choice(["none", "none", "before", "request", "commit", "reply"]), chance.randrange(1, 900))
                    exchange(device, proxy, chance)
            for device in devices:
                device.connect(running)
            patiently(lambda: converge(*devices))
            made = sum(device.decided for device in devices)
            counted = sql(folder / "data", "SELECT count(*), count(DISTINCT (device_id, seq)) FROM operations")
            assert counted == f"{made}|{made}", f"seed {seed}"
            rejected = sum(outcome.status == REJECTED for device in devices for outcome in device.outcomes.values())
            assert sql(folder / "data", "SELECT count(*) FROM rejected_operations") == str(rejected), f"seed {seed}"
            for device in devices:
                device.close()
        finally:
            running.stop()


def exchange(device, proxy, chance):
    """One round trip over a connection of its own; messages may be lost, or the round trip is
    repeated."""
    device.channel.close()
    device.connect(proxy)
    try:
        response = device.send(device.request(page_size=chance.choice([0, 1, 3])))
        if chance.randrange(4) == 0:
            device.send(device.request())
            return  # both replies are lost
        device.take(response)
    except grpc.RpcError as error:
        assert error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN, grpc.StatusCode.CANCELLED,
                                grpc.StatusCode.INTERNAL), error


def patiently(attempt, seconds=30):
    """Repeats while PostgreSQL starts again and calls are UNAVAILABLE."""
    deadline = time.time() + seconds
    while True:
        try:
            return attempt()
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.UNAVAILABLE and time.time() < deadline, error


# Streams


class Hints:
    """Reads a stream in the background."""

    def __init__(self, call):
        self.call, self.items = call, queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for item in self.call:
                self.items.put(item)
            self.items.put(None)
        except grpc.RpcError as error:
            self.items.put(error)

    def next(self, seconds=20):
        return self.items.get(timeout=seconds)


def watch(device):
    return Hints(device.service.Watch(sync_pb2.WatchRequest(), metadata=device.metadata))


def test_watch_hints_of_other_devices_only(pair):
    phone, tablet, habit = pair
    hints = watch(tablet)
    assert hints.next().cursor.change_number == tablet.cursor.change_number
    tablet.make(**completion(habit))
    tablet.sync()
    phone.sync()
    phone.make(**completion(habit, note="news"))
    phone.sync()
    hint = hints.next().cursor
    assert (hint.epoch, hint.epoch_bits, hint.change_number) == (
        phone.cursor.epoch, phone.cursor.epoch_bits, phone.cursor.change_number)
    tablet.sync()
    assert tablet.cell(habit).note == "news"
    hints.call.cancel()


def test_watch_ends_when_the_device_is_signed_out(pair):
    from streak.v1 import account_pb2
    phone, tablet, _ = pair
    hints = watch(tablet)
    hints.next()
    phone.accounts.SignOut(account_pb2.SignOutRequest(all_devices=True), metadata=phone.metadata, timeout=30)
    error = hints.next()
    assert error.code() == grpc.StatusCode.UNAUTHENTICATED
    assert details(error)[0].reason == "CREDENTIALS_INVALID"


def test_sync_stream(pair):
    phone, tablet, habit = pair
    requests = queue.Queue()
    stream = Hints(tablet.service.SyncStream(iter(requests.get, None), metadata=tablet.metadata))
    tablet.make(**completion(habit, note="one"))
    requests.put(tablet.request())
    assert tablet.take(stream.next()).outcomes[0].status == APPLIED
    phone.sync()
    phone.make(**completion(habit, note="two"))
    phone.sync()
    tablet.take(stream.next())  # without a request
    assert tablet.cell(habit).note == "two"
    for number in range(30):
        tablet.make(**completion(habit, today() - number % 3, note=str(number)))
    requests.put(tablet.request(page_size=1))
    while True:
        response = tablet.take(stream.next())
        if not response.has_more:
            break
    assert tablet.decided == 31
    requests.put(None)
    assert stream.next() is None
    converge(phone, tablet)


def test_sync_stream_refuses_and_ends(pair):
    phone, _, habit = pair
    operation = sync_pb2.Operation(seq=phone.decided + 5, hybrid_time=1, **completion(habit))
    stream = Hints(phone.service.SyncStream(iter([phone.request([operation])]), metadata=phone.metadata))
    assert stream.next().code() == grpc.StatusCode.FAILED_PRECONDITION


def test_hints_cross_processes_and_broken_links(folder):
    """Two streakd on one database; the listening connection is broken; no hint is lost."""
    with Server(folder=folder) as one:
        database = f"host={folder}/data/socket user=streakd dbname=postgres"
        with Server(folder=folder, database=database) as two, Device(one) as phone:
            habit = phone.new_habit()
            with Device(two, of=phone) as tablet:
                tablet.sync()
                hints = watch(tablet)
                assert hints.next().cursor.change_number == tablet.cursor.change_number
                for round_number in range(3):
                    phone.sync()
                    phone.make(**completion(habit, note=str(round_number)))
                    phone.sync()
                    while (hint := hints.next()).cursor.change_number < phone.cursor.change_number:
                        pass
                    terminate_listeners(folder)
                    # Made while no connection listens, or just when one listens again.
                    phone.make(**completion(habit, today() - 1, note=str(round_number)))
                    phone.sync()
                    while (hint := hints.next()).cursor.change_number < phone.cursor.change_number:
                        pass
                tablet.sync()
                assert tablet.digest() == phone.digest()
                hints.call.cancel()


def kill_postgres(running):
    """Kills the running one: after a kill, some time passes until the next one has written its
    process id."""
    def killed():
        try:
            os.kill(running.postgres_pid(), signal.SIGKILL)
            return True
        except (ProcessLookupError, FileNotFoundError, ValueError):
            return False

    wait_until(killed)


def terminate_listeners(folder):
    sql(folder / "data", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ILIKE 'listen%'")


def test_c94_a_token_expires_in_the_middle_of_a_stream(folder):
    from streak.v1 import account_pb2
    with Server(folder=folder) as running, Device(running) as phone:
        habit = phone.new_habit()
        phone.sign_in()
        sql(folder / "data", "UPDATE devices SET access_expires_at = now() + interval '2 s'")
        requests = queue.Queue()
        stream = Hints(phone.service.SyncStream(iter(requests.get, None), metadata=phone.metadata))
        phone.make(**completion(habit, note="before"))
        requests.put(phone.request())
        phone.take(stream.next())
        error = stream.next()
        assert (error.code(), details(error)[0].reason) == (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID")
        phone.make(**completion(habit, note="after"))
        refused(phone.sync, grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID")
        phone.use(phone.accounts.Refresh(
            account_pb2.RefreshRequest(refresh_token=phone.tokens.refresh_token), timeout=30).tokens)
        assert phone.sync()[0].status == APPLIED
        assert phone.cell(habit).note == "after"
        requests.put(None)


def accepts_connections(data):
    try:
        return sql(data, "SELECT 1") == "1"
    except AssertionError:
        return False


@pytest.mark.parametrize("victim", ["streakd", "postgres"])
def test_c76_c92_a_queue_survives_kills(folder, victim):
    """Every operation once, however often server or database are killed during the queue; meanwhile
    the device gets UNAVAILABLE."""
    running = Server(folder=folder)
    try:
        with Device(running) as phone:
            habit = phone.new_habit()
            for number in range(600):
                phone.make(**completion(habit, today() - number % 3, note=str(number)))
            chance = random.Random(7)
            kills = 0
            deadline = time.time() + 120
            while phone.queue:
                assert time.time() < deadline
                if kills < 3 and phone.decided > 120 * (kills + 1):
                    kills += 1
                    # Running while the victim dies.
                    flight = phone.service.Sync.future(phone.request(phone.queue[:50]), metadata=phone.metadata, timeout=30)
                    if victim == "streakd":
                        running.kill()
                        flight.exception()
                        phone.channel.close()
                        running = Server(folder=folder)
                        phone.connect(running)
                    else:
                        kill_postgres(running)
                        flight.exception()
                try:
                    phone.take(phone.send(phone.request(phone.queue[:chance.randrange(1, 40)], queue_drained=False)))
                except grpc.RpcError as error:
                    assert error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN), error.details()
            assert kills == 3
            phone.sync()
            # A killed PostgreSQL's connections serve a little longer than it accepts others.
            wait_until(lambda: accepts_connections(folder / "data"))
            assert sql(folder / "data", "SELECT count(*), count(DISTINCT seq), max(seq) FROM operations") == "601|601|601"
            assert [phone.cell(habit, today() - ago).note for ago in range(3)] == ["597", "598", "599"]
            # 600 edits of 3 cells: each state once.
            assert sql(folder / "data", "SELECT (SELECT count(*) FROM cell_history) + (SELECT count(*) FROM cells)") == "600"
    finally:
        running.stop()


# Bad input

SHAPES = [
    dict(), dict(set_completion=sync_pb2.SetCompletion()), dict(edit_habit=sync_pb2.EditHabit()),
    dict(delete_habit=sync_pb2.DeleteHabit()), dict(resolve_conflict=sync_pb2.ResolveConflict()),
    dict(set_completion=sync_pb2.SetCompletion(habit_id=b"x" * 15)),
    dict(edit_habit=sync_pb2.EditHabit(habit=common_pb2.Habit(id=b"x" * 16))),
    dict(edit_habit=sync_pb2.EditHabit(habit=common_pb2.Habit(id=b"x" * 16, name="\u202e\n"))),
    dict(edit_habit=sync_pb2.EditHabit(habit=common_pb2.Habit(id=b"x" * 16, name="n" * 257))),
    dict(edit_habit=sync_pb2.EditHabit(habit=common_pb2.Habit(id=b"x" * 16, name="n", color=1 << 24))),
    dict(edit_habit=sync_pb2.EditHabit(habit=common_pb2.Habit(id=b"x" * 16, name="n", position=-1))),
    dict(edit_habit=sync_pb2.EditHabit(habit=common_pb2.Habit(id=b"x" * 16, name="n"), fields=[99])),
    dict(edit_habit=sync_pb2.EditHabit(habit=common_pb2.Habit(id=b"x" * 16, name="n", description="d" * 2049))),
    dict(resolve_conflict=sync_pb2.ResolveConflict(notice_id=b"x" * 16)),
    dict(delete_habit=sync_pb2.DeleteHabit(habit_id=b"y" * 16)),
    dict(resolve_conflict=sync_pb2.ResolveConflict(notice_id=b"x" * 16, set_note=sync_pb2.SetNote())),
    dict(resolve_conflict=sync_pb2.ResolveConflict(set_note=sync_pb2.SetNote(habit_id=b"x" * 16, day=20_000))),
    dict(resolve_conflict=sync_pb2.ResolveConflict(notice_id=b"x" * 16, delete_habit=sync_pb2.DeleteHabit())),
    dict(resolve_conflict=sync_pb2.ResolveConflict(notice_id=b"x" * 16, set_completion=sync_pb2.SetCompletion(done=True))),
    dict(resolve_conflict=sync_pb2.ResolveConflict(
        notice_id=b"x" * 16, edit_habit=sync_pb2.EditHabit(habit=common_pb2.Habit(id=b"x" * 16, name="n" * 257)))),
]


def hostile(habit):
    """Completions with one invalid value each."""
    def made(**wrong):
        time = local_time()
        for name, value in wrong.items():
            setattr(time, name, value)
        return time

    extremes = [-(1 << 31), -1, 0, 10_956, 2_932_897, (1 << 31) - 1]
    yield from (completion(habit, day, client_time=local_time()) for day in extremes)
    yield completion(habit, note="n" * 4097)
    yield completion(habit, note="n" * 100_000)
    yield completion(habit, client_time=made(zone=""))
    yield completion(habit, client_time=made(zone="z" * 65))
    yield completion(habit, client_time=made(zone="a\x07"))
    yield from (completion(habit, client_time=made(utc_offset_seconds=value)) for value in (-43_201, 50_401, -(1 << 31), (1 << 31) - 1))
    yield from (completion(habit, client_time=made(day_start_minutes=value)) for value in (-1, 1440, (1 << 31) - 1))
    for seconds, nanos in ((-(1 << 63), 0), ((1 << 63) - 1, 0), (0, -1), (0, (1 << 31) - 1), (-62_135_596_801, 0)):
        time = local_time()
        time.occurred_at.CopyFrom(timestamp_pb2.Timestamp(seconds=seconds, nanos=nanos))
        yield completion(habit, client_time=time)


def test_every_bad_operation_is_rejected_by_itself(pair):
    phone, tablet, habit = pair
    changes = SHAPES + list(hostile(habit))
    for change in changes:
        phone.make(**change)
    outcomes = phone.sync()
    assert [outcome.status for outcome in outcomes] == [REJECTED] * len(changes)
    assert all(outcome.reason for outcome in outcomes)
    phone.make(**completion(habit))
    assert phone.sync()[0].status == APPLIED
    inbox = phone.service.ListRejectedOperations(
        sync_pb2.ListRejectedOperationsRequest(page_size=1000), metadata=phone.metadata, timeout=30).operations
    assert len(inbox) == len(changes)
    assert [one.HasField("operation") for one in inbox].count(False) == 1  # the one of 100,000 bytes
    converge(phone, tablet)


@pytest.mark.parametrize("seen", [
    [(b"", 1)], [(b"x" * 15, 1)], [(bytes(16), 1 << 62)], [(b"x" * 16, -(1 << 63))], [(b"x" * 16, (1 << 63) - 1)]],
    ids=["no source", "no id", "direct calls", "least", "greatest"])
def test_lies_about_what_was_seen(pair, seen):
    """False knowledge in an operation affects its own account at most; a source that is not an id
    is an invalid field."""
    phone, tablet, habit = pair
    phone.make(**completion(habit))
    phone.queue[0].seen.extend(common_pb2.StatementId(source_id=source, seq=seq) for source, seq in seen)
    outcome = phone.sync()[0]
    assert outcome.status == (APPLIED if len(seen[0][0]) in (0, 16) else REJECTED)
    converge(phone, tablet)


@pytest.mark.parametrize("numbers", [[0], [-1], [1 << 62], [(1 << 63) - 1], [1, 3], [2, 1], [1, 1]])
def test_lies_about_numbers(pair, numbers):
    phone, tablet, habit = pair
    base = phone.decided
    operations = [sync_pb2.Operation(seq=base + number if 0 < number < 100 else number, hybrid_time=1, **completion(habit))
                  for number in numbers]
    with pytest.raises(grpc.RpcError) as caught:
        phone.send(phone.request(operations))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert details(caught.value)[1][0].field.startswith("operations[")
    phone.make(**completion(habit))
    assert phone.sync()[0].status == APPLIED


def test_operations_at_the_limit_and_one_past(pair):
    phone, _, habit = pair
    for number in range(501):
        phone.make(**completion(habit, today() - number % 3, note=str(number)))
    refused(lambda: phone.send(phone.request()), grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert len(phone.sync()) == 500
    assert len(phone.sync()) == 1


@pytest.mark.parametrize("resume", [b"x", b"\xff" * 36, b"\x00" * 36, b"\x7f" * 64], ids=range(4))
def test_a_place_that_no_server_made_is_refused(pair, resume):
    phone, _, habit = pair
    phone.make(**completion(habit))
    phone.sync()
    phone.cursor.resume = resume
    refused(lambda: phone.send(phone.request([])), grpc.StatusCode.INVALID_ARGUMENT, "CURSOR_INVALID")


def test_another_persons_notices_and_conflicts(server, pair):
    phone, tablet, habit = pair
    phone.make(**completion(habit, note="a"))
    tablet.make(ahead=1, **completion(habit, note="b"))
    phone.sync()
    tablet.sync()
    (notice,) = tablet.notices
    with Device(server) as stranger:
        stranger.service.AcknowledgeNotices(
            sync_pb2.AcknowledgeNoticesRequest(notice_ids=[notice]), metadata=stranger.metadata, timeout=30)
        stranger.make(resolve_conflict=sync_pb2.ResolveConflict(notice_id=notice, take_losing=True))
        stranger.make(**completion(habit))
        stranger.make(**delete(habit))
        assert [outcome.reason for outcome in stranger.sync()] == [
            common_pb2.CONFLICT_NOT_FOUND, common_pb2.HABIT_NOT_FOUND, common_pb2.HABIT_NOT_FOUND]
    converge(phone, tablet)
    assert phone.cell(habit).note == "b" and not phone.notices[notice].resolved

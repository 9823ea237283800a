"""Limits of what one person or address can make the server write and do (S5, S7, S10, S11): each
attack ends at its limit, and others are served.

Bounded, and on loopback only. Every attack runs beside another person's calls, of which at least
CALLS_MIN complete meanwhile.
"""

import contextlib
import os
import threading
import time

import grpc
import pytest
import sanitizer
from databases import sql
from device import Device, completion, note
from limits import declared, refused
from metrics import ADMIN, Metrics
from person import Person, details, today
from server import Server, wait_until
from sessions import Session, entry, habit
from streak.v1 import (account_pb2, common_pb2, export_pb2, migration_pb2, streak_pb2, sync_pb2)

MIB = 1 << 20
# Largest growth of a debug build's memory in the attacks below.
GROWTH_KIB_MAX = sanitizer.memory(192 * 1024)
CALLS_MIN = 20
CALL_SECONDS_MAX = sanitizer.seconds(5)
TEXT = "n" * 4096


class Others:
    """Another person's calls, one after the other, during the attack."""

    def __init__(self, server, seconds=0):
        """`seconds`: Between two calls, for a server that takes only so many of a person."""
        self.server, self.seconds, self.failure, self.pause = server, [], None, seconds
        self.person = Person(server)
        self.person.sign_up()
        self.habit = self.person.put_habit()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            while not self._stopping.is_set() or len(self.seconds) < CALLS_MIN:
                begin = time.monotonic()
                self.person.record(self.habit, note=str(len(self.seconds)))
                self.seconds.append(time.monotonic() - begin)
                self._stopping.wait(self.pause)
        except Exception as failure:  # pylint: disable=broad-except  (told by the test's thread)
            self.failure = failure

    def __enter__(self):
        self.resident_kib = self.server.resident_kib()
        self._thread.start()
        return self

    def __exit__(self, kind, *_):
        self._stopping.set()
        self._thread.join()
        self.person.close()
        if kind is None:
            assert self.failure is None, self.failure
            assert len(self.seconds) >= CALLS_MIN and max(self.seconds) < CALL_SECONDS_MAX, self.seconds
            assert self.server.resident_kib() - self.resident_kib < GROWTH_KIB_MAX


def counted(server, name, **labels):
    return sum(sample.value for sample in Metrics(server).samples
               if sample.name == name and labels.items() <= sample.labels.items())


@pytest.fixture
def small(database):  # noqa: F811
    """A server with small quotas."""
    arguments = [*ADMIN, "--texts-per-person-mib", "1", "--history-per-person-mib", "1", "--inbox-per-person-mib", "1",
                 "--changes-per-day-max", "3000"]
    with Server(database=database, arguments=arguments) as server:
        server.database = database
        yield server


def test_notes_written_again_and_again_fill_the_history_up_to_its_quota(small):
    with Others(small), Device(small) as device:
        read = device.new_habit()
        device.sync()
        for _ in range(4):
            for number in range(125):
                device.make(set_note=sync_pb2.SetNote(habit_id=read, day=today(), note=f"{number:04}" + TEXT[4:],
                                                      client_time=completion(read)["set_completion"].client_time))
            device.sync()
        person = f"user_id = '{device.user_id.hex()}'"
        kept, hashes, rows = map(int, sql(small.database, f"""
            select coalesce(sum(octet_length(note) + octet_length(details)), 0), count(*) filter (where note_hash <> ''), count(*)
            from cell_history where {person}""").split("|"))
        assert rows == 499 and MIB - 16_384 < kept <= MIB and hashes == rows - kept // 4096 > 0
        assert device.cell(read).note == "0124" + TEXT[4:]
        assert counted(small, "streakd_quota_reached_total", quota="history") == hashes


def test_notes_beyond_the_quota_are_refused_and_their_days_are_not(small):
    with Others(small), Device(small) as device:
        read = device.new_habit()
        first = today() - 299
        for day in range(first, today() + 1):
            device.make(**completion(read, day, note=TEXT))
        device.sync()
        refused_notes = [seq for seq, outcome in device.outcomes.items() if outcome.reason == common_pb2.TEXT_QUOTA]
        assert all(outcome.status == sync_pb2.OPERATION_STATUS_APPLIED for outcome in device.outcomes.values())
        assert len(device.cells) == 300 and sum(cell.done for cell in device.cells.values()) == 300
        held = sum(len(cell.note) for cell in device.cells.values())
        assert MIB - 8_192 < held <= MIB and len(refused_notes) == 300 - held // 4096 > 0
        inbox = device.service.ListRejectedOperations(
            sync_pb2.ListRejectedOperationsRequest(page_size=1000), metadata=device.metadata, timeout=30)
        assert {(found.seq, found.operation.set_completion.note) for found in inbox.operations} == {(seq, TEXT) for seq in refused_notes}
        direct = streak_pb2.RecordCompletionRequest(habit_id=read, day=today(), note=TEXT + "", client_time=completion(read)["set_completion"].client_time)
        answer = device.streaks.RecordCompletion(direct, metadata=device.metadata, timeout=30)
        assert answer.cell.done and answer.note_reason == common_pb2.TEXT_QUOTA
        assert counted(small, "streakd_quota_reached_total", quota="texts") == len(refused_notes) + 1


def test_rejected_operations_fill_the_inbox_up_to_its_quota(small):
    with Others(small), Device(small) as device:
        device.sync()
        for _ in range(3):
            for _ in range(120):
                device.make(**completion(os.urandom(16), note=TEXT))
            device.sync()
        assert {outcome.reason for outcome in device.outcomes.values()} == {common_pb2.HABIT_NOT_FOUND}
        kept, rows, hashes = map(int, sql(small.database, f"""
            select sum(octet_length(operation)), count(*), count(*) filter (where operation is null and length(payload_hash) = 16)
            from rejected_operations where user_id = '{device.user_id.hex()}'""").split("|"))
        assert rows == 360 and MIB - 8_192 < kept <= MIB and 0 < hashes < 360
        assert counted(small, "streakd_quota_reached_total", quota="inbox") == hashes
        # Pages of the inbox are limited by bytes.
        listed, token, pages = 0, "", 0
        while True:
            page = device.service.ListRejectedOperations(
                sync_pb2.ListRejectedOperationsRequest(page_size=1000, page_token=token), metadata=device.metadata, timeout=30)
            assert page.ByteSize() < MIB + 65_536
            listed, pages, token = listed + len(page.operations), pages + 1, page.next_page_token
            if not token:
                break
        assert listed == 360 and pages >= 1


def test_changes_beyond_a_days_come_back_later_and_nothing_is_lost(small):
    with Others(small), Device(small) as device:
        read = device.new_habit()
        device.sync()
        for _ in range(6):
            for _ in range(500):
                device.make(**completion(read))
            if len(device.outcomes) < 2_501:
                device.sync()
        # 2,501 changes so far: 500 more are one too many.
        with pytest.raises(grpc.RpcError) as caught:
            device.send(device.request())
        assert details(caught.value)[0].reason == "TOO_MANY_REQUESTS"
        device.queue = device.queue[:-1]
        device.sync()
        assert len(device.outcomes) == 3_000 and device.cell(read).done
        assert counted(small, "streakd_quota_reached_total", quota="changes") == 1


def test_strangers_of_many_addresses_leave_few_audit_events(database):  # noqa: F811
    arguments = [*ADMIN, "--trusted-proxies", "127.0.0.1"]
    with Server(database=database, arguments=arguments) as server, Others(server), Person(server) as person:
        began = time.monotonic()
        request = account_pb2.DeleteAccountRequest(email="a@b.c", confirmation="x")
        calls = [person.accounts.DeleteAccount.future(
            request, metadata=[("authorization", "Bearer nonsense"), ("x-forwarded-for", f"10.0.{number // 250}.{number % 250}")], timeout=60)
            for number in range(1_000)]
        assert {call.code() for call in calls} == {grpc.StatusCode.UNAUTHENTICATED}
        events = int(sql(database, "select count(*) from audit_events where reason = 'CREDENTIALS_INVALID'"))
        assert 20 <= events <= 20 * (time.monotonic() - began + 2)
        assert counted(server, "streakd_limits_reached_total", limit="unauthenticated_events") == 1_000 - events


@pytest.mark.parametrize("method", ["Refresh", "RevokeDevice"])
def test_what_leaves_audit_events_is_limited(database, method):  # noqa: F811
    calls = declared(account_pb2, method).per_person.calls
    with Server(database=database, arguments=["--rate-limit-factor", "1"]) as server, Others(server), Person(server) as person:
        tokens = person.sign_up().tokens

        def call():
            nonlocal tokens
            if method == "Refresh":
                tokens = person.accounts.Refresh(account_pb2.RefreshRequest(refresh_token=tokens.refresh_token), timeout=30).tokens
            else:
                with pytest.raises(grpc.RpcError) as caught:
                    person.accounts.RevokeDevice(
                        account_pb2.RevokeDeviceRequest(device_id=os.urandom(16)), metadata=person.metadata, timeout=30)
                assert details(caught.value)[0].reason == "DEVICE_NOT_FOUND"

        for _ in range(calls):
            call()
        if method == "Refresh":
            refused(person.accounts.Refresh, account_pb2.RefreshRequest(refresh_token=tokens.refresh_token), timeout=30)
        else:
            refused(person.accounts.RevokeDevice, account_pb2.RevokeDeviceRequest(device_id=os.urandom(16)),
                    metadata=person.metadata, timeout=30)
        events = int(sql(database, f"select count(*) from audit_events where method = 'AccountService/{method}'"))
        assert events == calls + 1


def test_a_person_has_so_many_streams_open_and_no_more(database):  # noqa: F811
    with Server(database=database, arguments=[*ADMIN, "--streams-per-person-max", "4"]) as server, Others(server):
        with Device(server) as device, Device(server) as other:
            def watch(who):
                stream = who.service.Watch(sync_pb2.WatchRequest(), metadata=who.metadata, timeout=60)
                next(stream)
                return stream

            streams = [watch(device) for _ in range(4)]
            assert refused(watch, device) <= 2
            watch(other).cancel()
            streams.pop().cancel()
            streams.append(wait_until(lambda: attempt(lambda: watch(device))))
            assert counted(server, "streakd_limits_reached_total", limit="streams_per_person") >= 1
            # A client that sends this person's id with a wrong token occupies none of the person's
            # streams.
            nonsense = device.metadata[0][1][:-4] + "AAAA"
            for stream in streams:
                stream.cancel()
            guesses = [device.service.Watch(sync_pb2.WatchRequest(), metadata=[("authorization", nonsense)], timeout=60) for _ in range(50)]
            assert {guess.code() for guess in guesses} == {grpc.StatusCode.UNAUTHENTICATED}
            wait_until(lambda: attempt(lambda: watch(device)))


def attempt(call):
    with contextlib.suppress(grpc.RpcError):
        return call()
    return None


def test_requests_of_a_stream_are_limited_as_calls_are(database):  # noqa: F811
    with Server(database=database, arguments=[*ADMIN, "--calls-per-person-max", "50"]) as server:
        with Others(server, seconds=0.025), Device(server) as device:
            request = device.request(operations=[])
            stream = device.service.SyncStream(iter([request] * 2_000), metadata=device.metadata, timeout=60)
            answers = 0
            with pytest.raises(grpc.RpcError) as caught:
                for _ in stream:
                    answers += 1
            assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED and 20 <= answers < 2_000
            assert counted(server, "streakd_limits_reached_total", limit="calls_per_person") >= 1


def long_life(server, count=3_000):
    """A person whose export has some megabytes."""
    device = Device(server)
    read = device.new_habit()
    for number in range(count):
        device.make(**completion(read, today() - number, note=os.urandom(1_000).hex()))  # gzip can hardly compress it
        if number % 400 == 399:
            device.sync()
    device.sync()
    return device


def test_slow_readers_hold_up_neither_exports_for_long_nor_imports_at_all(database):  # noqa: F811
    arguments = [*ADMIN, "--connections-per-loop", "4", "--transfer-grace-seconds", "6"]
    with Server(database=database, arguments=arguments) as server, Others(server):
        slow = [long_life(server), long_life(server)]
        with Person(server) as reader, Person(server) as writer:
            for person in reader, writer:
                person.sign_up()
            # grpc reads as its window allows: the received part is not consumed, then the server
            # waits.
            narrow = [("grpc.http2.lookahead_bytes", 1024), ("grpc.use_local_subchannel_pool", 1), ("grpc.http2.bdp_probe", 0)]
            held = []
            for device in slow:
                channel = grpc.insecure_channel(server.address, options=narrow)
                stream = export_pb2.DESCRIPTOR and channel.unary_stream(
                    "/streak.v1.ExportService/Export", request_serializer=export_pb2.ExportRequest.SerializeToString,
                    response_deserializer=export_pb2.ExportResponse.FromString)(
                        export_pb2.ExportRequest(), metadata=device.metadata, timeout=120)
                next(stream)
                held.append((channel, stream))
            refused(slow[0].export)
            assert counted(server, "streakd_limits_reached_total", limit="exports") == 0
            refused(reader.export)
            assert counted(server, "streakd_limits_reached_total", limit="exports") == 1
            document = b'{"schemaVersion":2'
            with pytest.raises(grpc.RpcError) as caught:
                writer.bring_in(document)
            assert details(caught.value)[0].reason == "IMPORT_UNREADABLE"
            wait_until(lambda: counted(server, "streakd_limits_reached_total", limit="transfer_rate") == 2, seconds=60)
            for _, stream in held:
                with pytest.raises(grpc.RpcError) as caught:
                    for _ in stream:
                        pass
                assert details(caught.value)[0].reason == "EXPORT_TOO_SLOW"
            assert reader.export() and slow[0].export()
            assert counted(server, "streakd_limits_reached_total", limit="transfers_per_person") == 1
            for channel, _ in held:
                channel.close()
        for device in slow:
            device.close()


def test_an_import_that_is_not_sent_ends(database):  # noqa: F811
    with Server(database=database, arguments=[*ADMIN, "--transfer-grace-seconds", "1"]) as server, Others(server):
        with Person(server) as person:
            person.sign_up()
            ended = threading.Event()

            def requests():
                yield export_pb2.ImportRequest(begin=export_pb2.ImportBegin(import_id=os.urandom(16), format=export_pb2.EXPORT_FORMAT_JSON))
                ended.wait(60)

            with pytest.raises(grpc.RpcError) as caught:
                person.exports.Import(requests(), metadata=person.metadata, timeout=60)
            ended.set()
            assert details(caught.value)[0].reason == "EXPORT_TOO_SLOW"


def test_a_document_of_one_member_again_and_again_is_refused(database):  # noqa: F811
    with Server(database=database, arguments=ADMIN) as server, Others(server), Person(server) as person:
        person.sign_up()
        with pytest.raises(grpc.RpcError) as caught:
            person.bring_in(b"{" + b'"schemaVersion":2,' * 1_500_000)
        assert details(caught.value)[0].reason == "IMPORT_UNREADABLE"


def test_guesses_of_many_addresses_keep_the_owner_from_nothing(database):  # noqa: F811
    """More at once than hashes of passwords are computed and may wait."""
    arguments = [*ADMIN, "--trusted-proxies", "127.0.0.1"]
    with Server(database=database, arguments=arguments) as server, Person(server) as person, Person(server) as stranger:
        person.sign_up()
        owner = [("x-forwarded-for", "192.0.2.1")]
        signing_in = account_pb2.SignInRequest(email=person.email, password=person.password, device=person.device)
        person.accounts.SignIn(signing_in, metadata=owner, timeout=60)
        with Others(server):
            guesses = [stranger.accounts.SignIn.future(
                account_pb2.SignInRequest(email=person.email, password=f"wrong {number} and long", device=stranger.device),
                metadata=[("x-forwarded-for", f"10.0.0.{number}")], timeout=120) for number in range(200)]
            for _ in range(3):
                assert person.accounts.SignIn(signing_in, metadata=owner, timeout=60).tokens.access_token
            assert {guess.code() for guess in guesses} <= {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.RESOURCE_EXHAUSTED}


def test_calls_that_wait_for_their_own_migration_hold_up_nobody(database):  # noqa: F811
    """More of them than the loop has connections to the database, all of which need the row that the migration has locked."""
    with Server(database=database, arguments=[*ADMIN, "--connections-per-loop", "2"]) as server, Person(server) as person:
        person.sign_up()
        swim = person.put_habit("Swim")
        habits = [habit(f"Habit {number}") for number in range(10)]
        entries = [entry(captured, today() - number, note=TEXT[:100]) for captured in habits for number in range(2_000)]
        request = migration_pb2.MigrateRequest(session=Session(person).claim(habits, entries))
        made = completion(swim)["set_completion"].client_time
        with Others(server):
            migration = person.migrations.Migrate.future(request, metadata=person.metadata, timeout=300)
            changes = []
            while not migration.done():
                batch = [person.streaks.RecordCompletion.future(
                    streak_pb2.RecordCompletionRequest(habit_id=swim, day=today(), note=str(len(changes) + number), client_time=made),
                    metadata=person.metadata, timeout=300) for number in range(8)]
                changes += batch
                batch[-1].result()
            assert migration.result().migration.habits and all(change.result().cell.done for change in changes)


def corrupt(session, count):
    """A claim with a wrong hash."""
    captured = habit()
    claim = session.claim([captured], [entry(captured, today() - number % 400) for number in range(count)])
    claim.captured.manifest.sha256 = os.urandom(32)
    return claim


def test_corrupt_captures_are_counted_before_they_are_looked_at(database):  # noqa: F811
    attempts = declared(migration_pb2, "PreviewMigration").per_person.calls
    sign_ups = declared(account_pb2, "SignUp").per_person.calls
    with Server(database=database, arguments=["--rate-limit-factor", "1"]) as server, Others(server), Person(server) as person:
        claim = corrupt(Session(person), 300)
        sign_up = person.sign_up_request(claim)
        for _ in range(sign_ups):
            with pytest.raises(grpc.RpcError) as caught:
                person.accounts.SignUp(sign_up, timeout=60)
            assert details(caught.value)[0].reason == "CAPTURE_CORRUPT"
        refused(person.accounts.SignUp, sign_up, timeout=60)
        with Person(server) as account:
            account.sign_up()
            for number in range(attempts):
                call, request = [(account.migrations.Migrate, migration_pb2.MigrateRequest(session=claim)),
                                 (account.migrations.PreviewMigration, migration_pb2.PreviewMigrationRequest(session=claim))][number % 2]
                with pytest.raises(grpc.RpcError) as caught:
                    call(request, metadata=account.metadata, timeout=60)
                assert details(caught.value)[0].reason == "CAPTURE_CORRUPT"
            refused(account.migrations.Migrate, migration_pb2.MigrateRequest(session=claim), metadata=account.metadata, timeout=60)


def test_six_previews_of_fifty_thousand_entries_hold_no_loop(database):  # noqa: F811
    with Server(database=database, arguments=ADMIN) as server, Person(server) as person:
        person.sign_up()
        habits = [habit(f"Habit {number}") for number in range(20)]
        entries = [entry(captured, today() - number) for captured in habits for number in range(2_500)]
        request = migration_pb2.PreviewMigrationRequest(session=Session(person).claim(habits, entries))
        with Others(server) as others:
            others.seconds.clear()
            begin = time.monotonic()
            calls = [person.migrations.PreviewMigration.future(request, metadata=person.metadata, timeout=300) for _ in range(6)]
            assert all(call.result().preview.plan_hash for call in calls)
            took = time.monotonic() - begin
            print(f"six previews: {took:.1f} s; others' slowest {max(others.seconds):.2f} s of {len(others.seconds)} calls; "
                  f"lag {counted(server, 'streakd_loop_lag_recent_max_seconds'):.2f} s")
            assert len(others.seconds) >= CALLS_MIN


def test_a_pull_of_many_conflicts_is_cut_by_bytes(small):
    # Of notices that one person can have: the quota of texts bounds them as well.
    with Others(small), Device(small) as first, Device(small, of=first) as second:
        read = first.new_habit()
        first.sync()
        second.sync()
        for day in range(today() - 99, today() + 1):
            first.make(**note(read, "a" * 4_000, day))
            second.make(**note(read, "b" * 4_000, day))
        first.sync()
        second.sync()
        fresh = sync_pb2.SyncRequest(user_id=first.user_id)
        answer = first.service.Sync(fresh, metadata=first.metadata, timeout=60)
        assert answer.notices and sum(len(found.winning_value.text) + len(found.losing_value.text) for found in answer.notices) <= MIB

"""Recovery of one account: a person's lost data returns from a real encrypted backup, with the help
of the key's holder."""

import os
import socket
import subprocess
import uuid

import grpc
import pytest
from device import Device, completion, delete as delete_habit
from erasure import delete
from operated import TOKEN, Operated
from operator_tools import STREAKCTL, Keys, sql, streakctl
from person import Person, captured_session, details, local_time, today
from recovering import Recovering
from refusals import refusal
from server import Server, open_folder, wait_until
from streak.v1 import admin_pb2, admin_pb2_grpc, common_pb2, migration_pb2, recovery_pb2

READY, MERGED, FAILED = recovery_pb2.RECOVERY_STATE_READY, recovery_pb2.RECOVERY_STATE_MERGED, recovery_pb2.RECOVERY_STATE_FAILED


@pytest.fixture(scope="module")
def operated():
    with open_folder() as folder, Operated(folder) as server:
        yield server


def events(person):
    """The audit trail of a person, from the export."""
    import json
    return [(event["method"], event["outcome"], event.get("detail", "")) for event in json.loads(person.export()[0])["audit"]]


def test_an_account_gets_back_what_it_lost(operated):
    phone = Device(operated)
    lost, kept, noted = phone.new_habit("Lost"), phone.new_habit("Kept"), phone.new_habit("Noted")
    tablet = Device(operated, of=phone)
    for ago in range(4):
        phone.make(**completion(lost, today() - ago, note=f"lost {ago}\t\\N\n"))
        phone.make(**completion(noted, today() - ago, note=f"before {ago}"))
    phone.make(**completion(kept, today() - 40))  # quarantined: TOO_OLD
    phone.sync()
    tablet.sync()
    with Person(operated) as other:
        other.sign_up()
        other.record(other.put_habit("of somebody else"))
        point = operated.back_up()

        # An accidental deletion, and normal use after it.
        phone.make(**delete_habit(lost))
        for ago in range(3):
            phone.make(**completion(noted, today() - ago, done=False))
        phone.make(**completion(noted, today() - 3, note="changed since"))
        phone.make(**completion(kept, note="new since"))
        phone.sync()
        # Worse: rows deleted directly in the database.
        sql(operated.place / "data", f"DELETE FROM cells WHERE user_id = '{phone.user_id.hex()}' AND day = {today() - 40}")
        way = Recovering(phone)
        assert point in way.points()
        for wrong in ("20260101T000000Z-aaaaaa", "../../etc", point + "x"):
            assert refusal(way.ask, wrong) == (grpc.StatusCode.NOT_FOUND, "RECOVERY_POINT_NOT_FOUND")
        assert refusal(way.preview) == (grpc.StatusCode.NOT_FOUND, "RECOVERY_NOT_FOUND")
        asked = way.ask(point)
        assert asked.state == recovery_pb2.RECOVERY_STATE_REQUESTED and way.ask(point) == asked
        assert refusal(Recovering(phone).ask, point)[1] == "RECOVERY_UNDER_WAY"
        assert refusal(way.preview)[1] == refusal(way.confirm, b"x")[1] == "RECOVERY_NOT_READY"
        # No other person sees or changes it.
        stranger = Recovering(other)
        stranger.id = way.id
        for call in (stranger.preview, lambda: stranger.confirm(b"x"), lambda: stranger.call("CancelRecovery", recovery_id=way.id)):
            assert refusal(call)[1] == "RECOVERY_NOT_FOUND"
        with pytest.raises(grpc.RpcError) as caught:
            admin_pb2_grpc.AdminServiceStub(phone.channel).ListRecoveryRequests(
                admin_pb2.ListRecoveryRequestsRequest(), metadata=phone.metadata, timeout=30)
        assert details(caught.value)[0].reason == "CREDENTIALS_INVALID"

        # With the wrong key it fails and the request stays; the right key fulfils it.
        with open_folder() as elsewhere:
            done = operated.fulfil(check=False, identity=Keys(elsewhere).identity)
            assert done.returncode == 1 and "age" in done.stderr and "identity" in done.stderr
        assert "3 habits, 9 days" in operated.fulfil()
        assert operated.fulfil() == ""
        assert way.state().state == READY

        preview = way.preview()
        shown = {habit.habit_id: habit for habit in preview.habits}
        assert set(shown) == {lost, kept, noted}
        assert shown[lost].returns and shown[lost].name == "Lost" and shown[lost].after.current == 3
        assert list(shown[noted].days_changing) == [today() - 2, today() - 1, today()]
        assert list(shown[noted].days_conflicting) == [today() - 3]
        assert (shown[noted].before.current, shown[noted].after.current) == (0, 3)
        assert list(shown[kept].days_returning) == [today() - 40] and not shown[kept].returns
        assert way.preview() == preview

        # A change between the preview and the confirmation.
        tablet.sync()
        tablet.make(**completion(kept, today() - 1, note="meanwhile"))
        tablet.sync()
        with pytest.raises(grpc.RpcError) as caught:
            way.confirm(preview.plan_hash)
        assert (caught.value.code(), details(caught.value)[0].reason) == (grpc.StatusCode.ABORTED, "PLAN_CHANGED")
        preview = way.preview()
        done = way.confirm(preview.plan_hash)
        assert done.change_number > 0 and done.done.plan_hash == preview.plan_hash
        assert way.confirm(preview.plan_hash) == done and way.state().state == MERGED
        assert refusal(way.preview)[1] == "RECOVERY_NOT_READY"

        # Both devices reach the same state, and it is the union.
        for device in (phone, tablet, phone):
            device.sync()
        assert phone.digest() == tablet.digest()
        assert [phone.cell(lost, today() - ago).note for ago in range(4)] == [f"lost {ago}\t\\N\n" for ago in range(4)]
        assert phone.streak(lost).current == 3 and phone.streak(noted).current == 3
        assert phone.cell(noted, today() - 3).note == "changed since" and phone.cell(kept).note == "new since"
        old = phone.cell(kept, today() - 40)
        assert old.done and old.quarantine_reason == 3
        assert {notice.losing_value.text for notice in phone.notices.values() if notice.day == today() - 3} == {"before 3"}
        assert not any(habit.name == "of somebody else" for habit in phone.habits.values())
        trail = events(phone)
        for method in ("RecoveryService/RequestRecovery", "AdminService/FulfilRecovery", "RecoveryService/ConfirmRecovery"):
            assert (method, "CALL_STATUS_OK") in [event[:2] for event in trail], method
        assert ("RecoveryService/ConfirmRecovery", "CALL_STATUS_ABORTED") in [event[:2] for event in trail]
        assert "0 broken" in streakctl(
            "audit", "verify", "--database", f"host={operated.place}/data/socket user=streakd dbname=postgres", "--user", phone.user_id.hex())


def test_days_are_recovered_under_the_id_that_their_habit_has_had_since_the_backup(operated):
    with Device(operated) as phone:

        def bring(number, ago):
            """A session with one habit; a smaller number gives a smaller id, which the habit takes."""
            habit = migration_pb2.CapturedHabit(habit=common_pb2.Habit(id=bytes([number]) + os.urandom(15), name="Read"))
            entry = migration_pb2.CapturedEntry(
                habit_id=habit.habit.id, day=today() - ago, done=True, note=str(number), client_time=local_time(today() - ago))
            session = migration_pb2.SessionClaim(
                session_id=os.urandom(16), session_secret=os.urandom(32), migration_id=os.urandom(16), unanchored=True,
                captured=captured_session([habit], [entry]))
            phone.migrations.Migrate(migration_pb2.MigrateRequest(session=session), metadata=phone.metadata, timeout=60)
            phone.sync()
            return habit.habit.id

        former = bring(5, 0)
        point = operated.back_up()
        present = bring(2, 1)
        assert list(phone.habits) == [present] != [former]
        phone.make(**completion(present, done=False))
        phone.sync()
        way = Recovering(phone)
        way.ask(point)
        operated.fulfil()
        preview = way.preview()
        (shown,) = preview.habits
        assert (shown.habit_id, list(shown.days_returning), list(shown.days_changing)) == (present, [], [today()])
        assert (shown.before.current, shown.after.current) == (1, 2)
        way.confirm(preview.plan_hash)
        phone.sync()
        assert phone.cell(present).done and phone.cell(present, today() - 1).done


def test_a_backup_that_does_not_know_the_account_and_a_recovery_given_up(operated):
    with Person(operated) as person:
        person.sign_up()
        point = operated.back_up()
        way = Recovering(person)
        way.ask(point)
        done = operated.fulfil("--recovery", way.id.hex(), check=False)
        assert done.returncode == 1 and "nothing of this account" in done.stdout
        assert way.state().state == FAILED and "nothing" in way.state().failure
        again = Recovering(person)
        person.record(person.put_habit("Read"))
        again.ask(point)
        again.call("CancelRecovery", recovery_id=again.id)
        assert refusal(again.preview)[1] == "RECOVERY_NOT_READY"
        assert "does not wait" in operated.fulfil("--recovery", again.id.hex(), check=False).stderr


def test_an_erased_account_has_nothing_to_recover(operated):
    with Person(operated) as person:
        user_id = person.sign_up().account.user_id
        person.record(person.put_habit("Read"))
        point = operated.back_up()
        way = Recovering(person)
        way.ask(point)
        delete(person)
        assert refusal(way.points)[1] == "ACCOUNT_ERASED"
        assert operated.fulfil() == ""
        data = operated.place / "data"
        assert sql(data, f"SELECT count(*) FROM recoveries WHERE user_id = '{user_id.hex()}'") == "0"
        # A direct attempt without the list is refused, and audited without the person's identity.
        admin = admin_pb2_grpc.AdminServiceStub(person.channel)

        def force():
            begin = admin_pb2.FulfilRecoveryBegin(recovery_id=way.id, user_id=user_id)
            admin.FulfilRecovery(iter([admin_pb2.FulfilRecoveryRequest(begin=begin)]), timeout=30,
                                 metadata=(("authorization", f"Bearer {TOKEN}"),))

        assert refusal(force) == (grpc.StatusCode.NOT_FOUND, "RECOVERY_NOT_FOUND")
        assert "erased" in sql(data, "SELECT detail FROM audit_events WHERE method = 'AdminService/FulfilRecovery' AND outcome <> 'OK'")
        assert sql(data, f"SELECT count(*) FROM audit_events WHERE user_id = '{user_id.hex()}'") == "0"
        # The key's holder with an old list of requests, and a server that has forgotten: the ledger
        # beside the backups refuses.
        sql(data, f"DELETE FROM erasure.people WHERE user_id = '{user_id.hex()}'")
        sql(data, f"""INSERT INTO recoveries (user_id, recovery_id, backup, backup_at, requested_at, state)
                      VALUES ('{user_id.hex()}', '{way.id.hex()}', '{point}', now(), now(), 1)""")
        done = operated.fulfil(check=False)
        assert done.returncode == 1 and "was erased" in done.stdout
        assert sql(data, f"SELECT state, records IS NULL FROM recoveries WHERE recovery_id = '{way.id.hex()}'") == "5|t"


def test_without_backups_there_are_no_points(server):
    with Person(server) as person:
        person.sign_up()
        assert refusal(Recovering(person).points) == (grpc.StatusCode.FAILED_PRECONDITION, "BACKUPS_OFF")


def test_a_worker_beside_the_key_fulfils_what_comes(folder):
    """It waits, survives a server's restart, and prints each action at once."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = "127.0.0.1:%d" % probe.getsockname()[1]
    keys, backups = Keys(folder), folder / "backups"
    (folder / "token").write_text(TOKEN)
    arguments = ("--listen", address, "--backup-folder", str(backups), "--operator-token-file", str(folder / "token"))
    worker = subprocess.Popen(
        [STREAKCTL, "account", "recover", "--address", address, "--folder", str(backups), "--identity", str(keys.identity),
         "--every-seconds", "1"],
        env={**os.environ, "STREAKCTL_TOKEN": TOKEN}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        for number in range(2):
            with Server(folder=folder, arguments=arguments) as server, Person(server) as person:
                person.sign_up()
                person.record(person.put_habit("Swim"))
                point = streakctl("backup", "run", "--folder", backups, "--data-folder", folder / "data", "--recipient", keys.recipient).strip()
                way = Recovering(person)
                way.ask(point)
                wait_until(lambda: way.state().state == READY, seconds=60)
                assert worker.stdout.readline() == f"{uuid.UUID(bytes=way.id).hex}  1 habits, 1 days\n"
            assert worker.poll() is None
    finally:
        worker.kill()
        worker.wait()
        worker.stdout.close()
    for wrong in ("0", "86401"):
        done = streakctl("account", "recover", "--folder", backups, "--identity", keys.identity, "--every-seconds", wrong, check=False)
        assert done.returncode == 64 and "--every-seconds" in done.stderr

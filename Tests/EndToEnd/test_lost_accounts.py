"""C125, C126, C132: the devices' errors and actions when the server has lost acknowledged data."""

import base64
import os

import grpc
import pytest
from device import Device, completion, edit, note
from lost_commits import caught_up_before, head, lose_all_since, lose_days_since
from operator_tools import sql
from person import details, today
from server import Server
from streak.v1 import account_pb2, common_pb2, sync_pb2


def forget_account(server, user_id):
    """Changes the database like a restore to before the account was made; not an erasure."""
    for table in ("heads", "users", "emails", "devices", "habits", "cells", "cell_history", "operations", "notices"):
        sql(server.folder / "data", f"DELETE FROM {table} WHERE user_id = '{user_id.hex()}'")


def reason_of(call):
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code(), details(caught.value)[0].reason


def tampered(metadata, place):
    """The same token with one byte of its payload changed."""
    kind, text = metadata[0][1].removeprefix("Bearer ").split(".")
    payload = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    payload[place] ^= 1
    return [("authorization", f"Bearer {kind}." + base64.urlsafe_b64encode(bytes(payload)).decode().rstrip("="))]


def test_c125_a_genuine_token_of_an_account_that_the_server_lost(server):
    unknown = (grpc.StatusCode.UNAUTHENTICATED, "ACCOUNT_UNKNOWN")
    invalid = (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID")
    with Device(server) as phone:
        phone.new_habit()
        forget_account(server, phone.user_id)
        # The server's cached grant for the token does not outlive the account for long.
        sql(server.folder / "data", f"SELECT pg_notify('streakd_revocations', '{phone.user_id.hex()}')")
        get = account_pb2.GetAccountRequest()

        def answered():
            with pytest.raises(grpc.RpcError) as caught:
                phone.accounts.GetAccount(get, metadata=phone.metadata, timeout=30)
            return details(caught.value)[0].reason
        assert answered() in ("ACCOUNT_UNKNOWN", "CREDENTIALS_INVALID")
        assert reason_of(lambda: phone.send(phone.request())) == unknown
        assert reason_of(lambda: phone.accounts.Refresh(
            account_pb2.RefreshRequest(refresh_token=phone.tokens.refresh_token), timeout=30)) == unknown
        for place in (0, 16, 40, 47):
            assert reason_of(lambda: phone.service.Sync(
                phone.request(), metadata=tampered(phone.metadata, place), timeout=30)) == invalid


def test_a_revoked_token_of_an_account_that_is_there_is_no_lost_one(server):
    with Device(server) as phone:
        stolen = phone.metadata
        phone.accounts.SignOut(account_pb2.SignOutRequest(all_devices=True), metadata=phone.metadata, timeout=30)
        assert reason_of(lambda: phone.service.Sync(phone.request(), metadata=stolen, timeout=30)) == (
            grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID")


def test_c126_what_a_failover_lost_comes_back_and_nothing_is_in_the_inbox(folder):
    """The last commits are lost and the epoch has risen: devices send again, habits first; undone
    days stay undone."""
    server = Server(folder=folder)
    with Device(server) as phone, Device(server, of=phone) as tablet:
        data, user = server.folder / "data", phone.user_id.hex()
        habit = phone.new_habit("Read")
        tablet.sync()
        kept = head(data, user)
        other = phone.new_habit("Run")
        phone.make(**completion(habit))
        phone.make(**completion(habit, today() - 1, note="kept"))
        phone.make(**completion(other))
        phone.sync()
        tablet.sync()
        tablet.make(**completion(habit, done=False))
        tablet.sync()
        phone.sync()
        before = {key: (cell.done, cell.note, cell.trust) for key, cell in phone.cells.items()}
        lose_days_since(data, user, kept, other)
        server.kill()
        again = Server(folder=server.folder)
        try:
            for device in (tablet, phone):
                device.connect(again)
            for _ in range(4):
                tablet.sync()
                phone.sync()
            assert phone.digest() == tablet.digest()
            assert {key: (cell.done, cell.note, cell.trust) for key, cell in phone.cells.items()} == before
            assert not phone.cells[habit, today()].done and phone.cells[other, today()].done
            inbox = phone.service.ListRejectedOperations(
                sync_pb2.ListRejectedOperationsRequest(), metadata=phone.metadata, timeout=30).operations
            assert not inbox
        finally:
            again.stop()


def shown(device):
    """The habits, days and open conflicts that a device shows."""
    return ({habit.id: habit.name for habit in device.habits.values()},
            {key: (cell.done, cell.note, cell.trust) for key, cell in device.cells.items()},
            [notice for notice in device.notices.values() if not notice.resolved])


@pytest.mark.parametrize("first", ["document", "habits", "another device"])
def test_c126_a_lost_import_comes_back_whatever_is_sent_first(folder, first):
    """Of a document that was imported, and changed by two devices: an undone day stays undone, a
    cleared note cleared, and a day that one of them enters before the import comes again stays."""
    server = Server(folder=folder)
    with Device(server) as source, Device(server) as phone, Device(server, of=phone) as tablet:
        data, user = server.folder / "data", phone.user_id.hex()
        habit, walk = source.new_habit("Read"), source.new_habit("Walk")
        for ago in range(3):
            source.make(**completion(habit, today() - ago, note=f"note {ago}"))
        source.make(**completion(walk))
        source.sync()
        document, _ = source.export()
        kept, import_id = head(data, user), os.urandom(16)
        assert phone.bring_in(document, import_id=import_id).sealed
        phone.sync()
        tablet.sync()
        phone.make(**completion(habit, done=False))
        phone.make(**completion(walk, today() - 1))
        tablet.make(**note(habit, "", today() - 1))
        tablet.make(**edit(habit, "Read more", fields=[sync_pb2.HABIT_FIELD_NAME]))
        run = tablet.new_habit("Run")
        phone.sync()
        tablet.sync()
        before, digest = shown(phone), phone.digest()
        assert shown(tablet) == before and run in phone.habits
        lose_all_since(data, user, kept)
        server.kill()
        again = Server(folder=server.folder)
        try:
            for device in (phone, tablet):
                device.connect(again)
            for device in {"document": [], "habits": [phone, phone], "another device": [tablet, tablet]}[first]:
                device.sync()
            if first == "another device":
                tablet.make(**completion(walk, today() - 2))
                tablet.sync()
            answer = phone.bring_in(document, import_id=import_id)
            assert answer.sealed and answer.cell_count == 4
            assert phone.bring_in(document, import_id=import_id) == answer
            assert reason_of(lambda: phone.bring_in(document)) == (grpc.StatusCode.FAILED_PRECONDITION, "ACCOUNT_NOT_EMPTY")
            for _ in range(3):
                phone.sync()
                tablet.sync()
            if first == "another device":
                assert phone.cells.pop((walk, today() - 2)).done and tablet.cells.pop((walk, today() - 2)).done
            else:
                assert phone.digest() == digest
            assert shown(phone) == shown(tablet) == before
            assert not phone.cells[habit, today()].done and phone.cells[habit, today() - 1].note == ""
            inbox = phone.service.ListRejectedOperations(
                sync_pb2.ListRejectedOperationsRequest(), metadata=phone.metadata, timeout=30).operations
            assert not inbox
        finally:
            again.stop()


@pytest.mark.parametrize("first", ["phone", "tablet"])
def test_c132_lived_days_count_again_after_a_loss_that_the_epoch_does_not_show(folder, first):
    """A cold copy of the database has the same timeline and the same epoch. The phone's cursor is ahead of
    it; or no more, after the tablet's statements, and only the number of its own last operation is."""
    server = Server(folder=folder)
    with Device(server) as phone, Device(server, of=phone) as tablet:
        data, user = server.folder / "data", phone.user_id.hex()
        phone.new_habit("Read")
        # Neither device has been there for six days.
        caught_up_before(data, user, 6)
        kept = head(data, user)
        server.kill()
        server = again(server, phone, tablet)
        other = os.urandom(16)
        try:
            phone.make(**edit(other, "Run"))
            for ago in range(6):
                phone.make(**completion(other, today() - ago))
            phone.sync()
            tablet.sync()
            for ago in range(12):
                tablet.make(**note(other, "there", today() - ago))
            tablet.sync()
            before = {key: cell.trust for key, cell in phone.cells.items()}
            assert len(before) == 6 and set(before.values()) == {common_pb2.CELL_TRUST_COUNTED}
            lose_days_since(data, user, kept, other, raises_epoch=False)
            server.kill()
            server = again(server, phone, tablet)
            devices = (phone, tablet) if first == "phone" else (tablet, phone)
            for device in devices * 4:
                device.sync()
            assert phone.digest() == tablet.digest()
            assert {key: cell.trust for key, cell in phone.cells.items() if cell.done} == before
            inbox = phone.service.ListRejectedOperations(
                sync_pb2.ListRejectedOperationsRequest(), metadata=phone.metadata, timeout=30).operations
            assert not inbox
        finally:
            server.stop()


def again(server, *devices):
    """Starts the server once more, for the same devices."""
    started = Server(folder=server.folder)
    for device in devices:
        device.connect(started)
    return started

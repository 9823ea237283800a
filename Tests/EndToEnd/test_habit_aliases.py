"""Habits that sessions bring under several ids: which id stays, and the later meaning of the others
(C113, specification 5)."""

import itertools
import os
import time

from device import Device, completion, delete, edit, note
from person import captured_session, local_time, today
from streak.v1 import common_pb2, migration_pb2, streak_pb2, sync_pb2


def habit(number, name="Read", **fields):
    """A habit; a smaller number gives a smaller id."""
    return migration_pb2.CapturedHabit(habit=common_pb2.Habit(id=bytes([number]) + os.urandom(15), name=name, **fields))


def entry(captured, ago=0, text="", seconds=0, done=True):
    made = local_time(today() - ago)
    made.occurred_at.seconds -= seconds
    return migration_pb2.CapturedEntry(habit_id=captured.habit.id, day=today() - ago, done=done, note=text, client_time=made)


def claim(habits, entries, captured_at=None):
    """An unanchored session."""
    captured = captured_session(habits, entries)
    if captured_at is not None:
        captured.captured_at.occurred_at.seconds = captured_at
    return migration_pb2.SessionClaim(
        session_id=os.urandom(16), session_secret=os.urandom(32), migration_id=os.urandom(16), unanchored=True,
        captured=captured)


def migrate(person, session, **fields):
    return person.migrations.Migrate(
        migration_pb2.MigrateRequest(session=session, **fields), metadata=person.metadata, timeout=60).migration


def pulled(server, person):
    """The account's state on a new device."""
    with Device(server, of=person) as device:
        device.sync()
        return device.digest(), dict(device.habits), dict(device.cells)


def test_c113_three_sessions_in_every_order_give_the_same_ids_and_digest(server):
    habits = [habit(3, color=7), habit(1, " read ", description="books"), habit(2, "READ")]
    entries = [[entry(habits[place], ago, f"{place}" if ago == 1 else "", seconds=place * 60) for ago in range(place, place + 3)]
               for place in range(3)]
    digests, start = set(), int(time.time())
    for order in itertools.permutations(range(3)):
        with Device(server) as account:
            account.sync()
            for place in order:
                # The same captures each time, in another session, so that several accounts can
                # accept them.
                migrate(account, claim([habits[place]], entries[place], captured_at=start - place))
                # A device compares its digest with the server's at each answer.
                account.sync()
            assert list(account.habits) == [habits[1].habit.id]
            assert {day for _, day in account.cells} == {today() - ago for ago in range(5)}
            digest, known, _ = pulled(server, account)
            assert list(known) == [habits[1].habit.id] and digest == account.digest()
            digests.add(digest)
    assert len(digests) == 1


def test_sessions_with_several_habits_of_one_name_in_every_order(server):
    sessions = [[habit(2), habit(5)], [habit(1), habit(4)], [habit(3), habit(6, "Run")]]
    results, start = set(), int(time.time())
    for order in itertools.permutations(range(3)):
        with Device(server) as account:
            for place in order:
                migrate(account, claim(sessions[place], [entry(captured, place) for captured in sessions[place]], captured_at=start - place))
            results.add(pulled(server, account)[0])
    assert len(results) == 1


def test_an_accounts_own_habit_keeps_its_id(server):
    small, large = habit(0), habit(255)
    with Device(server) as account:
        own = account.put_habit("Read")
        for captured in (small, large):
            result = migrate(account, claim([captured], [entry(captured, 1)]))
            assert [migrated.habit_id for migrated in result.habits] == [own]
        assert list(pulled(server, account)[1]) == [own]


def test_the_former_id_means_the_habit_for_every_call(server):
    large, small = habit(2), habit(1)
    old, new = large.habit.id, small.habit.id
    with Device(server) as account:
        migrate(account, claim([large], [entry(large, 2, "old")]))
        account.sync()
        # Made offline, under the id that the device knows.
        account.make(**completion(old, today() - 1))
        account.make(**note(old, "written offline", today() - 2))
        account.make(**edit(old, "Read more", fields=[sync_pb2.HABIT_FIELD_NAME]))
        preview = account.migrations.PreviewMigration(
            migration_pb2.PreviewMigrationRequest(session=(session := claim([small], [entry(small)]))),
            metadata=account.metadata, timeout=30).preview
        assert preview.habits[0].habit_id == new and preview.habits[0].match == migration_pb2.HABIT_MATCH_NAME
        result = migrate(account, session, plan_hash=preview.plan_hash)
        assert result.habits[0].habit_id == new and result.habits[0].streak.current == preview.habits[0].after.current
        outcomes = account.sync()
        assert [outcome.status for outcome in outcomes] == [1, 1, 1]
        assert list(account.habits) == [new] and account.habits[new].name == "Read more"
        assert {day: cell.note for (_, day), cell in account.cells.items()} == {
            today() - 2: "written offline", today() - 1: "", today(): ""}
        # Direct calls, by the former id.
        assert account.streak(old).habit_id == new and account.streak(old).current == 3
        recorded = account.record(old, today() - 3)
        assert recorded.cell.habit_id == new and recorded.streak.habit_id == new
        assert len(account.history(habit_id=old)) == 4
        explained = account.streaks.ExplainStreak(
            streak_pb2.ExplainStreakRequest(habit_id=old), metadata=account.metadata, timeout=30)
        assert explained.streak.habit_id == new and explained.run.first_day == today() - 2
        counted = account.streaks.GetStatistics(
            streak_pb2.GetStatisticsRequest(habit_id=old), metadata=account.metadata, timeout=30).statistics
        assert counted.counted + counted.quarantined == 4
        put = account.streaks.PutHabit(
            streak_pb2.PutHabitRequest(habit=common_pb2.Habit(id=old, name="Books")), metadata=account.metadata, timeout=30)
        assert put.habit.id == new
        # A session with the former id is merged into the habit, independent of its current name.
        again = migrate(account, claim([large], [entry(large, 4)]))
        assert again.habits[0].habit_id == new and again.habits[0].match == migration_pb2.HABIT_MATCH_ID
        account.sync()
        account.make(**delete(old))
        account.sync()
        assert not account.habits and not pulled(server, account)[1]


def test_a_device_that_was_away_learns_the_new_id_and_the_name_of_the_old_one(server):
    captured = [habit(3), habit(2), habit(1)]
    with Device(server) as account:
        migrate(account, claim([captured[0]], [entry(captured[0], 2)]))
        with Device(server, of=account) as away:
            away.sync()
            for other in captured[1:]:
                migrate(account, claim([other], [entry(other, 1)]))
            response = away.take(away.send(away.request([])))
            assert {alias.alias_id: alias.habit_id for alias in response.habit_aliases} == {
                other.habit.id: captured[2].habit.id for other in captured[:2]}
            assert list(away.habits) == [captured[2].habit.id]
        with Device(server, of=account) as fresh:
            response = fresh.take(fresh.send(fresh.request([])))
            assert len(response.habit_aliases) == 2


def test_a_conflict_of_before_is_resolved_after_the_id_has_changed(server):
    large, small = habit(2), habit(1)
    with Device(server) as account:
        migrate(account, claim([large], [entry(large, 0)]))
        account.sync()
        with Device(server, of=account) as other:
            other.sync()
            for device, text in ((account, "mine"), (other, "other's")):
                device.make(**note(large.habit.id, text))
            account.sync()
            other.sync()
            account.sync()
            [conflict] = account.notices.values()
            migrate(account, claim([small], [entry(small, 1)]))
            # Offline, with the device's knowledge of the conflict.
            account.make(resolve_conflict=dict(notice_id=conflict.notice_id, take_losing=True))
            [outcome] = account.sync()
            assert outcome.status == 1
            assert account.cells[small.habit.id, today()].note == conflict.losing_value.text
            assert all(told.resolved and told.habit_id == small.habit.id for told in account.notices.values())
            other.sync()
            assert other.digest() == account.digest()


def test_undoing_the_migration_that_changed_the_id_leaves_the_other_sessions_days(server):
    large, small = habit(2), habit(1)
    with Device(server) as account:
        migrate(account, claim([large], [entry(large, 0), entry(large, 1)]))
        second = migrate(account, claim([small], [entry(small, 1), entry(small, 2)]))
        undone = account.migrations.UndoMigration(
            migration_pb2.UndoMigrationRequest(migration_id=second.migration_id), metadata=account.metadata, timeout=30)
        assert undone.days_reversed == 1 and not undone.deleted_habit_ids
        _, habits, cells = pulled(server, account)
        assert list(habits) == [small.habit.id]
        assert {day for (_, day), cell in cells.items() if cell.done} == {today(), today() - 1}


def test_a_map_to_its_own_id_makes_a_habit_of_an_alias(server):
    first, second = habit(1), habit(2)
    with Device(server) as account:
        migrate(account, claim([first], [entry(first)]))
        merged = migrate(account, claim([second], [entry(second, 1)]))
        account.migrations.UndoMigration(
            migration_pb2.UndoMigrationRequest(migration_id=merged.migration_id), metadata=account.metadata, timeout=30)
        own = migration_pb2.HabitMapping(captured_habit_id=second.habit.id, habit_id=second.habit.id)
        result = migrate(account, claim([second], [entry(second, 1)]), habit_map=[own])
        assert result.habits[0].habit_id == second.habit.id
        assert set(pulled(server, account)[1]) == {first.habit.id, second.habit.id}


def test_aliases_come_with_an_export(server):
    large, small = habit(2), habit(1)
    with Device(server) as account:
        migrate(account, claim([large], [entry(large, 0)]))
        migrate(account, claim([small], [entry(small, 1)]))
        before = account.streak(large.habit.id)
        document, _ = account.export()
        with Device(server) as new:
            new.bring_in(document)
            after = new.streak(large.habit.id)
            assert after.habit_id == small.habit.id and after.total == before.total
            assert pulled(server, new)[0] == pulled(server, account)[0]


def test_days_of_a_deleted_habit_stay_in_the_history(server):
    """H13: they stay in the ledger."""
    with Device(server) as account:
        kept, gone = account.put_habit("Run"), account.put_habit("Read")
        account.record(gone, note="last")
        account.record(kept)
        account.sync()
        account.make(**delete(gone))
        account.sync()
        assert [cell.note for cell in account.history(habit_id=gone)] == ["last"]
        assert {cell.habit_id for cell in account.history()} == {kept, gone}

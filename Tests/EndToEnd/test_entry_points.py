"""Every field rule applies at every entry point: calls, queued operations, captures, stashes,
documents, notices in documents, backups."""

import base64
import contextlib
import hashlib
import json
import os

import grpc
import pytest
from databases import sql
from device import Device, completion, edit
from exported import sections
from field_rules import FieldRules
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict
from operated import TOKEN, Operated
from person import Person, captured_session, details, local_time, today
from recovering import Recovering
from server import Server, open_folder
from stashing import STASH, post
from streak.v1 import (admin_pb2, admin_pb2_grpc, common_pb2, export_pb2, migration_pb2, session_pb2,
                       streak_pb2, sync_pb2)

HABIT = bytes(range(16))


# The schema

def violations(message, path=""):
    """For a valid message: (path, copy that breaks one rule of that field)."""
    for field in message.DESCRIPTOR.fields:
        rules = FieldRules(field)
        name = f"{path}{field.name}"
        broken = []
        is_text = field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)

        def text(count):
            return "x" * count if field.type == FieldDescriptor.TYPE_STRING else b"x" * count

        if rules.required:
            broken.append(None)
        if rules.uuid:
            broken += [text(15), text(17)]
        if is_text and rules.min_bytes > 1:
            broken.append(text(rules.min_bytes - 1))
        if is_text and rules.max_bytes:
            broken.append(text(rules.max_bytes + 1))
        if rules.maximum is not None:
            if rules.minimum > (0 if field.type == FieldDescriptor.TYPE_UINT32 else -(1 << 31)):
                broken.append(rules.minimum - 1)
            if rules.maximum < (1 << 31) - 1:
                broken.append(rules.maximum + 1)
        for value in broken:
            other = type(message)()
            other.CopyFrom(message)
            if value is None:
                other.ClearField(field.name)
            else:
                setattr(other, field.name, value)
            yield name, other
        if field.type == FieldDescriptor.TYPE_MESSAGE and not field.is_repeated and message.HasField(field.name) and not rules.is_ignored:
            for inner, changed in violations(getattr(message, field.name), name + "."):
                other = type(message)()
                other.CopyFrom(message)
                getattr(other, field.name).CopyFrom(changed)
                yield inner, other


def valid_habit():
    return common_pb2.Habit(id=HABIT, name="Read", description="a page", color=7, position=3)


def valid_statement():
    return sync_pb2.SetCompletion(habit_id=HABIT, day=today(), done=True, note="a note", client_time=local_time(today()))


# Rules beyond lengths and ranges: names are visible text of one line, zones have no control
# characters.
def broken_habits():
    yield from violations(valid_habit())
    for name in ("two\nlines", " ", "\u200b"):
        habit = valid_habit()
        habit.name = name
        yield "name", habit


def broken_statements():
    yield from violations(valid_statement())
    statement = valid_statement()
    statement.client_time.zone = "Etc/\x07"
    yield "client_time.zone", statement


def broken_changes():
    """Of the changes that only an operation brings."""
    for path, statement in STATEMENTS:
        if path.split(".")[0] in sync_pb2.SetNote.DESCRIPTOR.fields_by_name:
            yield "set_note", path, as_message(statement, sync_pb2.SetNote)
    for path, changed in violations(sync_pb2.SetDayStart(day_start_minutes=240)):
        yield "set_day_start", path, changed
    for path, changed in violations(sync_pb2.ResolveConflict(notice_id=HABIT)):
        yield "resolve_conflict", path, changed


HABITS, STATEMENTS = list(broken_habits()), list(broken_statements())
KINDS = [("habit", path, message) for path, message in HABITS] + [("day", path, message) for path, message in STATEMENTS]


def as_message(statement, kind):
    """The statement's fields in another message that has them."""
    found = kind()
    for field in ("habit_id", "day", "done", "note"):
        if field in kind.DESCRIPTOR.fields_by_name:
            setattr(found, field, getattr(statement, field))
    if statement.HasField("client_time"):
        found.client_time.CopyFrom(statement.client_time)
    return found


def test_the_schema_has_rules_for_what_is_tried_here():
    assert {path for path, _ in HABITS} >= {"id", "name", "description", "color", "position"}
    assert {path for path, _ in STATEMENTS} >= {
        "habit_id", "day", "note", "client_time", "client_time.occurred_at", "client_time.zone", "client_time.utc_offset_seconds", "client_time.day_start_minutes"}


# Entry points

@pytest.fixture(scope="module")
def place():
    shared = os.environ["STREAKD_TEST_POSTGRES"]
    name = f"doors_{os.urandom(6).hex()}"
    sql(shared, f"create database {name}")
    with Server(database=shared.replace("dbname=postgres", f"dbname={name}")) as running:
        yield running
    sql(shared, f"drop database {name} with (force)")


@contextlib.contextmanager
def refused(path, *reasons):
    """A refusal with a reason, INVALID_FIELD unless given, and the field."""
    with pytest.raises(grpc.RpcError) as caught:
        yield
    information, fields = details(caught.value)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT, (path, caught.value)
    assert information.reason in (reasons or ("INVALID_FIELD",)), (path, caught.value)
    assert any(field.field.endswith(path) or path.startswith(field.field.split(".")[-1]) for field in fields), (path, fields)


def is_empty(person):
    habits = person.streaks.ListHabits(streak_pb2.ListHabitsRequest(), metadata=person.metadata, timeout=30).habits
    return not habits and not person.history()


def goes_round(person, server):
    """The account's own export can be imported again, with an equal result."""
    document, _ = person.export()
    with Device(server) as back:
        back.bring_in(document)
        assert sections(back.export()[0]) == sections(document)


def test_calls(place):
    with Person(place) as person:
        person.sign_up()
        for path, habit in HABITS:
            with refused("habit." + path):
                person.streaks.PutHabit(streak_pb2.PutHabitRequest(habit=habit), metadata=person.metadata, timeout=30)
        assert is_empty(person)
        person.streaks.PutHabit(streak_pb2.PutHabitRequest(habit=valid_habit()), metadata=person.metadata, timeout=30)
        for path, statement in STATEMENTS:
            with refused(path):
                person.streaks.RecordCompletion(as_message(statement, streak_pb2.RecordCompletionRequest),
                                                metadata=person.metadata, timeout=30)
        assert not person.history()
        person.record(HABIT, note="stands")
        for path, statement in STATEMENTS:
            if path.split(".")[0] in streak_pb2.UndoCompletionRequest.DESCRIPTOR.fields_by_name:
                with refused(path):
                    person.streaks.UndoCompletion(as_message(statement, streak_pb2.UndoCompletionRequest), metadata=person.metadata, timeout=30)
        assert [(cell.done, cell.note) for cell in person.history()] == [(True, "stands")]
        goes_round(person, place)


@contextlib.contextmanager
def malformed(field):
    """The refusal of a request with text that cannot be read."""
    with pytest.raises(grpc.RpcError) as caught:
        yield
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT and field in caught.value.details(), caught.value
    assert details(caught.value)[0].reason == "MALFORMED_REQUEST"


def test_a_nul_character_in_any_text_is_refused_and_blocks_no_queue(place, template):
    """PostgreSQL stores none, and C strings end there."""
    with Device(place) as device:
        device.make(**edit(HABIT))
        device.sync()
        habit, statement = valid_habit(), valid_statement()
        for field in ("name", "description"):
            changed = common_pb2.Habit()
            changed.CopyFrom(habit)
            setattr(changed, field, "a\0b")
            with malformed(field):
                device.streaks.PutHabit(streak_pb2.PutHabitRequest(habit=changed), metadata=device.metadata, timeout=30)
            device.make(edit_habit=sync_pb2.EditHabit(habit=changed))
        for field in ("note", "zone"):
            changed = sync_pb2.SetCompletion()
            changed.CopyFrom(statement)
            setattr(changed if field == "note" else changed.client_time, field, "a\0b")
            with malformed(field):
                device.streaks.RecordCompletion(as_message(changed, streak_pb2.RecordCompletionRequest), metadata=device.metadata, timeout=30)
            device.make(set_completion=changed)
            captured = captured_session([migration_pb2.CapturedHabit(habit=habit)], [as_message(changed, migration_pb2.CapturedEntry)])
            with malformed(field):
                device.migrations.Migrate(migration_pb2.MigrateRequest(session=claim(captured)), metadata=device.metadata, timeout=60)
        for field, broken in (("name", document(template, habits=[stored_habit()], ledger=[]).replace(b'"Read"', b'"a\\u0000b"')),
                                ("note", document(template, habits=[stored_habit()], ledger=[stored_cell()]).replace(b'"a note"', b'"a\\u0000b"'))):
            with Device(place) as back, pytest.raises(grpc.RpcError) as caught:
                back.bring_in(broken)
            assert details(caught.value)[0].reason in ("IMPORT_UNREADABLE", "IMPORT_CORRUPT"), field
        assert not device.history()
        # Each of a queue by itself: the four are rejected, a fifth is applied, also by Connect's
        # JSON.
        device.make(**completion(HABIT, note="good"))
        first = device.decided + 1
        request = device.request()
        device.sync()
        assert [device.outcomes[seq].reason for seq in range(first, first + 5)] == 4 * [common_pb2.INVALID_FIELD] + [0]
        assert [cell.note for cell in device.history()] == ["good"] and device.habits[HABIT].name == "Read"
        inbox = device.service.ListRejectedOperations(sync_pb2.ListRejectedOperationsRequest(), metadata=device.metadata, timeout=30)
        assert sorted(found.seq for found in inbox.operations) == list(range(first, first + 4))
        request.ClearField("cursor")
        answer = post(place, "/streak.v1.SyncService/Sync", request, device.metadata[0])
        assert answer.status == 200 and len(json.loads(answer.body)["outcomes"]) == 5, answer


def by_call(device, request):
    return device.service.Sync(request, metadata=device.metadata, timeout=30)


def by_stream(device, request):
    return next(device.service.SyncStream(iter([request]), metadata=device.metadata, timeout=30))


@pytest.mark.parametrize("way", [by_call, by_stream])
def test_queued_operations(place, way):
    with Device(place) as device:
        device.send = lambda request: way(device, request)
        device.make(**edit(HABIT))
        device.sync()
        first = device.decided + 1
        for kind, _, message in KINDS:
            device.make(**(dict(edit_habit=sync_pb2.EditHabit(habit=message)) if kind == "habit" else dict(set_completion=message)))
        others = list(broken_changes())
        for kind, _, message in others:
            device.make(**{kind: message})
        device.make(**completion(HABIT, note="good"))
        device.sync()
        assert {kind for kind, _, _ in others} == {"set_note", "set_day_start", "resolve_conflict"}
        for seq, (kind, path, _) in enumerate([*KINDS, *others], first):
            outcome = device.outcomes[seq]
            assert (outcome.status, outcome.reason) == (
                sync_pb2.OPERATION_STATUS_REJECTED, common_pb2.ErrorReason.Value("INVALID_FIELD")), (kind, path)
        assert [habit.name for habit in device.habits.values()] == ["Read"]
        assert [cell.note for cell in device.history()] == ["good"]
        goes_round(device, place)


def broken_captures():
    for kind, path, message in KINDS:
        if kind == "habit":
            yield f"habits[0].habit.{path}", captured_session([migration_pb2.CapturedHabit(habit=message)], [])
        else:
            yield f"entries[0].{path}", captured_session(
                [migration_pb2.CapturedHabit(habit=valid_habit())], [as_message(message, migration_pb2.CapturedEntry)])


def claim(captured):
    return migration_pb2.SessionClaim(
        session_id=os.urandom(16), session_secret=os.urandom(32), migration_id=os.urandom(16), unanchored=True, captured=captured)


def test_captures(place):
    with Person(place) as person:
        person.sign_up()
        for path, captured in broken_captures():
            session = claim(captured)
            with Person(place) as newcomer, refused(path):
                newcomer.accounts.SignUp(newcomer.sign_up_request(session), timeout=60)
            with refused(path):
                person.migrations.PreviewMigration(
                    migration_pb2.PreviewMigrationRequest(session=session), metadata=person.metadata, timeout=60)
            stash = session_pb2.StashSessionRequest(
                session_id=session.session_id, session_secret=session.session_secret, unanchored=True, capture_number=1, captured=captured)
            answer = post(place, STASH, stash)
            assert answer.status == 400 and json.loads(answer.body)["code"] == "invalid_argument", (path, answer)
            assert b"INVALID_FIELD" in b"".join(
                base64.b64decode(detail["value"] + "==") for detail in json.loads(answer.body)["details"]), (path, answer)
            with refused(path):
                person.migrations.Migrate(migration_pb2.MigrateRequest(session=session), metadata=person.metadata, timeout=60)
        assert is_empty(person)
        good = captured_session([migration_pb2.CapturedHabit(habit=valid_habit())],
                                [as_message(valid_statement(), migration_pb2.CapturedEntry)])
        person.migrations.Migrate(migration_pb2.MigrateRequest(session=claim(good)), metadata=person.metadata, timeout=60)
        goes_round(person, place)


def document(template, **changed):
    """A document with other records, and a matching manifest."""
    whole = json.loads(template)
    for name, records in changed.items():
        whole[name] = [MessageToDict(record) if not isinstance(record, dict) else record for record in records]
        lines = "".join(json.dumps(record, separators=(",", ":"), ensure_ascii=False) + "\n" for record in whole[name])
        section = next(section for section in whole["manifest"]["sections"] if section["name"] == name)
        section.update(count=str(len(whole[name])), sha256=base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode())
    return json.dumps(whole).encode()


def stored_habit(habit=None):
    found = common_pb2.Habit()
    found.CopyFrom(habit or valid_habit())
    found.version = 1
    found.created_at.seconds = 1_700_000_000
    return found


def stored_cell(statement=None):
    cell = as_message(statement or valid_statement(), common_pb2.Cell)
    cell.version, cell.trust = 2, common_pb2.CELL_TRUST_COUNTED
    cell.recorded_at.seconds = 1_700_000_000
    return export_pb2.ExportedCell(date="2026-01-01", cell=cell)


def rejection(statement):
    found = export_pb2.ExportedRejection(
        rejected=common_pb2.RejectedEntry(entry_id=os.urandom(16), reason="FUTURE_DAY"), date="2026-01-01",
        entry=as_message(statement, migration_pb2.CapturedEntry))
    found.rejected_at.seconds = 1_700_000_000
    return found


def value_of(value):
    """As a `NoticeValue`; None: absent."""
    member = {str: "text", bool: "flag", int: "number"}.get(type(value))
    return member and sync_pb2.NoticeValue(**{member: value})


def notice(kind, kept=None, other=None, **values):
    found = sync_pb2.Notice(notice_id=os.urandom(16), kind=kind, habit_id=HABIT, version=3, winning_value=value_of(kept),
                            losing_value=value_of(other), **values)
    found.made_at.seconds = 1_700_000_000
    return found


FIELDS = {"name": sync_pb2.HABIT_FIELD_NAME, "description": sync_pb2.HABIT_FIELD_DESCRIPTION, "color": sync_pb2.HABIT_FIELD_COLOR,
          "position": sync_pb2.HABIT_FIELD_POSITION}


def broken_notices():
    """Both values of a conflict have the type of the conflict's field."""
    for path, habit in HABITS:
        if path in FIELDS:
            value, good = getattr(habit, path), getattr(valid_habit(), path)
            for kept, other, place in ((value, good, "winning_value"), (good, value, "losing_value")):
                yield place, notice(sync_pb2.NOTICE_KIND_FIELD_CONFLICT, field=FIELDS[path], kept=kept, other=other)
    for value in (-2**63, -2**31, -1, 2**32, 2**63 - 1, "7", True, None):
        for field in (sync_pb2.HABIT_FIELD_COLOR, sync_pb2.HABIT_FIELD_POSITION):
            yield "losing_value", notice(sync_pb2.NOTICE_KIND_FIELD_CONFLICT, field=field, kept=1, other=value)
    for value in ("true", 1, None):
        yield "losing_value", notice(sync_pb2.NOTICE_KIND_FIELD_CONFLICT, field=sync_pb2.HABIT_FIELD_ARCHIVED, kept=True, other=value)
        yield "losing_value", notice(sync_pb2.NOTICE_KIND_DONE_CONFLICT, day=today(), kept=True, other=value)
    for value in (7, False, None):
        yield "losing_value", notice(sync_pb2.NOTICE_KIND_FIELD_CONFLICT, field=sync_pb2.HABIT_FIELD_NAME, kept="a", other=value)
        yield "losing_value", notice(sync_pb2.NOTICE_KIND_NOTE_CONFLICT, day=today(), kept="a", other=value)
    yield "field", notice(sync_pb2.NOTICE_KIND_FIELD_CONFLICT, kept="a", other="b")
    yield "field", notice(sync_pb2.NOTICE_KIND_NOTE_CONFLICT, day=today(), field=sync_pb2.HABIT_FIELD_NAME, kept="a", other="b")
    for path, statement in STATEMENTS:
        if path == "note":
            yield "losing_value", notice(sync_pb2.NOTICE_KIND_NOTE_CONFLICT, day=today(), kept="a", other=statement.note)
        if path == "day":
            yield "day", notice(sync_pb2.NOTICE_KIND_NOTE_CONFLICT, day=statement.day, kept="a", other="b")
            yield "day", notice(sync_pb2.NOTICE_KIND_DONE_CONFLICT, day=statement.day, kept=True, other=False)
    yield "day", notice(sync_pb2.NOTICE_KIND_FIELD_CONFLICT, field=sync_pb2.HABIT_FIELD_NAME, day=today(), kept="a", other="b")
    yield "losing_value", notice(sync_pb2.NOTICE_KIND_DELETION_CONFLICT, other="deleted")
    for value in (-1, 2**31, "3", None):
        yield "winning_value", notice(sync_pb2.NOTICE_KIND_STREAK_HEALED, day=today(), kept=value, other=1)


@pytest.fixture(scope="module")
def template(place):
    with Device(place) as device:
        device.make(**edit(HABIT))
        device.make(**completion(HABIT))
        device.sync()
        yield device.export()[0]


def broken_documents(template):
    habit = stored_habit()
    for kind, path, message in KINDS:
        if kind == "habit":
            yield "habit." + path, document(template, habits=[stored_habit(message)], ledger=[])
        else:
            yield "cell.cell." + path, document(template, habits=[habit], ledger=[stored_cell(message)])


def test_documents_and_their_notices(place, template):
    """C118: a record beside the habits and days is refused with its reason; the rest comes."""
    with Device(place) as back:
        for path, broken in broken_documents(template):
            with refused(path, "IMPORT_UNREADABLE"):
                back.bring_in(broken)
        assert is_empty(back)
        statements = [(path, message) for kind, path, message in KINDS if kind != "habit"]
        notices = [*broken_notices(), *broken_notices()]
        expected = [("cell.cell." + path, export_pb2.DOCUMENT_SECTION_HISTORY) for path, _ in statements] + [
            ("rejection.entry." + path, export_pb2.DOCUMENT_SECTION_REJECTED_ENTRIES) for path, _ in statements] + [
            ("notice." + path, export_pb2.DOCUMENT_SECTION_NOTICES) for path, _ in notices]
        good = [notice(sync_pb2.NOTICE_KIND_FIELD_CONFLICT, field=field, kept=value, other=other) for field, value, other in (
            (sync_pb2.HABIT_FIELD_NAME, "Read", "x" * 256), (sync_pb2.HABIT_FIELD_DESCRIPTION, "", "x" * 2048),
            (sync_pb2.HABIT_FIELD_COLOR, 7, 16777215), (sync_pb2.HABIT_FIELD_POSITION, 3, 1000000),
            (sync_pb2.HABIT_FIELD_ARCHIVED, False, True))]
        good.append(notice(sync_pb2.NOTICE_KIND_NOTE_CONFLICT, day=today(), kept="a note", other="x" * 4096))
        good.sort(key=lambda found: found.notice_id)
        reply = back.bring_in(document(
            template, habits=[stored_habit()], ledger=[stored_cell()], history=[stored_cell(message) for _, message in statements],
            rejectedEntries=[rejection(message) for _, message in statements], notices=[found for _, found in notices] + good))
        assert reply.refused_count == len(expected) > 100, reply.refused_count
        assert [(found.field, found.section) for found in reply.refused_records] == expected[:100]
        assert all(found.requirement for found in reply.refused_records)
        # The first of them follows the habit and the day; records of the account and its devices
        # come before.
        first = reply.refused_records[0].record
        assert [found.record for found in reply.refused_records] == list(range(first, first + 100))
        assert (reply.habit_count, reply.cell_count) == (1, 1)
        # For any such notice, its resolution is a value that can be exported and imported again.
        back.sync()
        for found in good:
            back.make(resolve_conflict=sync_pb2.ResolveConflict(notice_id=found.notice_id, take_losing=True))
        back.sync()
        habit = back.habits[HABIT]
        assert (len(habit.name), len(habit.description), habit.color, habit.position, habit.archived) == (
            256, 2048, 16777215, 1000000, True)
        assert len(back.cell(HABIT).note) == 4096
        goes_round(back, place)


def test_backups():
    with open_folder() as folder, Operated(folder) as server, Device(server) as owner:
        owner.make(**edit(HABIT))
        owner.sync()
        point = server.back_up()
        way = Recovering(owner)
        way.ask(point)
        operator = admin_pb2_grpc.AdminServiceStub(owner.channel)

        def fulfil(*records):
            def requests():
                yield admin_pb2.FulfilRecoveryRequest(
                    begin=admin_pb2.FulfilRecoveryBegin(recovery_id=way.id, user_id=owner.user_id))
                yield admin_pb2.FulfilRecoveryRequest(records=records)

            return operator.FulfilRecovery(requests(), metadata=[("authorization", f"Bearer {TOKEN}")], timeout=60)

        habit = export_pb2.ExportRecord(habit=stored_habit())
        for kind, path, message in KINDS:
            if kind == "habit":
                # The call's own rules check a habit first.
                with refused("habit." + path, "INVALID_FIELD", "IMPORT_UNREADABLE"):
                    fulfil(export_pb2.ExportRecord(habit=stored_habit(message)))
            else:
                with refused("cell.cell." + path, "INVALID_FIELD", "IMPORT_UNREADABLE"):
                    fulfil(habit, export_pb2.ExportRecord(cell=stored_cell(message)))
        assert way.state().state == 1 and not owner.history()
        fulfil(habit, export_pb2.ExportRecord(cell=stored_cell()))
        way.confirm(way.preview().plan_hash)
        assert [cell.note for cell in owner.history()] == ["a note"]
        goes_round(owner, server)

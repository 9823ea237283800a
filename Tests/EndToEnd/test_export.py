"""Export, erase, import: a user's data is exported, removed and imported with an equal result; cut,
edited or damaged documents are detected."""

import base64
import hashlib
import json
import os
import pty
import random
import subprocess

import grpc
import pytest
from cutting_proxy import CuttingProxy
from device import Device, completion, edit
from erasure import delete
from exported import sections
from operator_tools import STREAKCTL, sql
from person import Person, details, today
from refusals import refusal
from server import wait_until
from streak.v1 import common_pb2, export_pb2, streak_pb2, sync_pb2

FORMATS = [export_pb2.EXPORT_FORMAT_JSON, export_pb2.EXPORT_FORMAT_BINARY]
INVALID, PRECONDITION = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION


def rich_life(server):
    """Two devices with streaks, notes, a quarantined day, an undone one, a conflict, a rejected operation, an archived and a deleted habit."""
    phone = Device(server)
    habit, other, gone = phone.new_habit("Read \u2013 \"daily\""), phone.new_habit("Swim"), phone.new_habit("gone")
    tablet = Device(server, of=phone)
    for ago in (0, 1, 2, 9, 40):
        phone.make(**completion(habit, today() - ago, note=f"día {ago}\n\t\\ ✓"))
    phone.make(**completion(other))
    phone.make(**completion(gone))
    phone.make(**completion(os.urandom(16)))
    phone.make(set_day_start=sync_pb2.SetDayStart(day_start_minutes=240))
    phone.sync()
    phone.make(**completion(other, done=False))
    phone.make(**edit(other, "Swim", fields=[sync_pb2.HABIT_FIELD_ARCHIVED], archived=True))
    tablet.make(**completion(habit, note="another note"))
    phone.make(delete_habit=sync_pb2.DeleteHabit(habit_id=gone))
    phone.sync()
    tablet.sync()
    phone.sync()
    assert phone.digest() == tablet.digest() and phone.notices
    return phone, tablet


def shown(person):
    """The visible state of a person: streaks, days with notes and trust, notices, the inbox."""
    streaks = person.streaks.ListStreaks(streak_pb2.ListStreaksRequest(), metadata=person.metadata, timeout=30).streaks
    cells = [(cell.habit_id, cell.day, cell.done, cell.note, cell.trust, cell.quarantine_reason, cell.client_time.zone) for cell in person.history()]
    notices = person.service.ListNotices(sync_pb2.ListNoticesRequest(include_acknowledged=True), metadata=person.metadata, timeout=30).notices
    rejected = person.service.ListRejectedOperations(
        sync_pb2.ListRejectedOperationsRequest(), metadata=person.metadata, timeout=30).operations
    return (sorted(streak.SerializeToString(deterministic=True) for streak in streaks), sorted(cells),
            sorted((notice.notice_id, str(notice.winning_value), str(notice.losing_value), notice.resolved) for notice in notices),
            sorted(operation.SerializeToString(deterministic=True) for operation in rejected))


@pytest.mark.parametrize("format", FORMATS)
def test_export_erase_import_gives_the_same(server, format):
    phone, tablet = rich_life(server)
    before, digest, (readable, _) = shown(phone), phone.digest(), phone.export()
    assert f'"date":"20' in readable.decode()
    document, manifest = phone.export(format)
    assert manifest.document_bytes == len(document)
    delete(phone)
    assert refusal(phone.export)[1] == "ACCOUNT_ERASED"
    with Device(server) as back:
        import_id = os.urandom(16)
        reply = back.bring_in(document, format, import_id, piece=random.choice([1000, 65_536]))
        assert reply.sealed and reply.demoted_count == 0 and reply.habit_count == 3 and reply.cell_count == 7
        assert list(reply.sections_left_out) == [export_pb2.DOCUMENT_SECTION_DEVICES, export_pb2.DOCUMENT_SECTION_AUDIT]
        assert shown(back) == before
        assert sections(back.export()[0]) == sections(readable)
        back.sync()
        assert back.digest() == digest
        # Repeated: the same reply, nothing twice; another import: refused.
        assert back.bring_in(document, format, import_id) == reply
        assert refusal(back.bring_in, document, format) == (PRECONDITION, "ACCOUNT_NOT_EMPTY")
        assert shown(back) == before
        # Normal use continues, on a second device too.
        second = Device(server, of=back)
        second.sync()
        habit = next(habit.id for habit in second.habits.values() if habit.name.startswith("Read"))
        second.make(**completion(habit, note="after all"))
        second.sync()
        back.sync()
        assert back.digest() == second.digest() and back.cell(habit).note == "after all"
        assert back.export()[0] != document


def test_a_reindented_document_is_the_same_and_an_edited_one_invents_no_history(server):
    phone = Device(server)
    habit = phone.new_habit()
    phone.make(**completion(habit, note="true"))
    phone.sync()
    document, _ = phone.export()
    with Device(server) as back:
        assert back.bring_in(json.dumps(json.loads(document), indent=3, ensure_ascii=False).encode()).sealed
        assert back.streak(habit).current == 1
    # A forgery: a year of extra days, with correct hashes.
    forged = json.loads(document)
    cell = forged["ledger"][0]
    forged["ledger"] = [json.loads(json.dumps(cell)) for _ in range(365)]
    for index, copy in enumerate(forged["ledger"]):
        copy["cell"]["day"] = today() - 364 + index
        copy["date"] = "2020-01-01"
    lines = "".join(json.dumps(copy, separators=(",", ":"), ensure_ascii=False) + "\n" for copy in forged["ledger"])
    section = next(section for section in forged["manifest"]["sections"] if section["name"] == "ledger")
    section.update(count="365", sha256=base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode())
    with Device(server) as liar:
        reply = liar.bring_in(json.dumps(forged).encode())
        assert not reply.sealed and reply.demoted_count == 335 and reply.cell_count == 365
        assert liar.streak(habit).current == 30 and liar.streak(habit).longest == 30


def test_c117_a_sealed_document_counts_once_and_in_a_second_account_by_the_rules_of_any_other(server):
    """An account that is 100 days old is given no more days of its past than a device could claim."""
    phone = Device(server)
    habit = phone.new_habit()
    for ago in range(3):
        phone.make(**completion(habit, today() - ago))
    phone.sync()
    sql(server, f"UPDATE cells SET day = day - 20 WHERE user_id = '{phone.user_id.hex()}' AND day < {today()}")
    document, _ = phone.export()
    with Device(server) as first, Device(server) as second, Device(server) as third:
        assert first.bring_in(document).sealed
        assert first.streak(habit).total == 3
        reply = second.bring_in(document)
        # Days within 30 before an account that is new count as those of a session do.
        assert not reply.sealed and reply.demoted_count == 0 and second.streak(habit).total == 3
        sql(server, f"UPDATE users SET created_at = created_at - interval '100 days' WHERE user_id = '{third.user_id.hex()}'")
        reply = third.bring_in(document)
        assert not reply.sealed and reply.demoted_count == 2 and third.streak(habit).total == 1
        assert {cell.quarantine_reason for cell in third.history()} == {
            common_pb2.QUARANTINE_REASON_UNSPECIFIED, common_pb2.QUARANTINE_REASON_BACKFILL}


def test_a_day_without_its_moment_is_a_damaged_document(server):
    phone = Device(server)
    phone.make(**completion(phone.new_habit(), today()))
    phone.sync()
    damaged = json.loads(phone.export()[0])
    del damaged["ledger"][0]["cell"]["clientTime"]
    with Device(server) as back:
        assert refusal(back.bring_in, json.dumps(damaged).encode())[1] == "IMPORT_UNREADABLE"
        assert not back.history()


@pytest.mark.parametrize("format", FORMATS)
def test_damage_is_refused_and_nothing_is_written(server, format):
    phone = Device(server)
    habit = phone.new_habit()
    for ago in range(3):
        phone.make(**completion(habit, today() - ago, note="precious"))
    phone.sync()
    document, _ = phone.export(format)
    with Device(server) as back:
        cases = {document[:-3]: "IMPORT_UNREADABLE", b"": "IMPORT_UNREADABLE", b"\xff" * 20: "IMPORT_UNREADABLE",
                 document + b"x": "IMPORT_UNREADABLE", document.replace(b"precious", b"precioux", 1): "IMPORT_CORRUPT",
                 document[: len(document) // 2]: "IMPORT_UNREADABLE"}
        for damaged, reason in cases.items():
            assert refusal(back.bring_in, damaged, format)[1] == reason, damaged[:80]
        seed = random.randrange(1 << 32)
        dice = random.Random(seed)
        for _ in range(20):  # a flipped bit anywhere: refused, or without effect
            place = dice.randrange(len(document))
            flipped = bytearray(document)
            flipped[place] ^= 1 << dice.randrange(8)
            try:
                reply = back.bring_in(bytes(flipped), format)
            except grpc.RpcError as error:
                assert details(error)[0].reason in ("IMPORT_UNREADABLE", "IMPORT_CORRUPT"), (seed, place, flipped[place])
            else:
                # The header or the seal: no day is older than 30 days. Or a bit without a meaning,
                # such as the last ones of base64: then the document is what it was.
                assert not reply.sealed or reply.cell_count == 3, (seed, place, flipped[place])
                break
        else:
            assert not back.history() and back.bring_in(document, format).cell_count == 3


def test_an_export_goes_on_where_it_was_cut(server):
    phone, _ = rich_life(server)
    for format in FORMATS:
        responses = list(phone.exports.Export(export_pb2.ExportRequest(format=format), metadata=phone.metadata, timeout=60))
        snapshot, manifest = responses[0].snapshot, responses[-1].manifest
        document = b"".join(response.chunk for response in responses)
        assert hashlib.sha256(document).digest() and len(document) == manifest.document_bytes

        def resumed(count, known=None, snapshot=snapshot):
            known = document[:count] if known is None else known
            request = export_pb2.ExportRequest(format=format, resume=export_pb2.ExportResume(
                snapshot=snapshot, document_bytes=count, sha256=hashlib.sha256(known).digest()))
            answer = list(phone.exports.Export(request, metadata=phone.metadata, timeout=60))
            assert answer[-1].manifest == manifest
            return b"".join(response.chunk for response in answer)

        for count in (0, 1, 100, len(document) // 2, len(document) - 1, len(document)):
            assert document[:count] + resumed(count) == document, count
        changed = (PRECONDITION, "EXPORT_CHANGED")
        assert refusal(resumed, 100, b"x" * 100) == changed
        assert refusal(resumed, len(document) + 1, document + b"x") == changed
        assert refusal(resumed, 100, snapshot=os.urandom(48)) == changed
        phone.record(next(iter(phone.habits)), note=f"later {format}")
        assert refusal(resumed, 100) == changed


def environment(person):
    return {**os.environ, "STREAKCTL_TOKEN": person.tokens.access_token}


def test_one_command_one_file(server, folder):
    phone, _ = rich_life(server)
    for format in ("json", "binary"):
        out = folder / f"mine.{format}"
        done = subprocess.run([STREAKCTL, "export", "--address", server.address, "--out", out, "--format", format], env=environment(phone),
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and str(out) in done.stdout and not done.stderr, done.stderr
        assert {path.name for path in folder.iterdir()} >= {out.name} and not list(folder.glob("*.part*"))
        assert out.stat().st_mode & 0o777 == 0o600
    with Device(server) as back:
        done = subprocess.run([STREAKCTL, "import", "--address", server.address, folder / "mine.binary"], env=environment(back),
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and json.loads(done.stdout)["sealed"], done.stderr
        assert sections(back.export()[0]) == sections((folder / "mine.json").read_text())
        done = subprocess.run([STREAKCTL, "import", "--address", server.address, folder / "mine.json"], env=environment(back),
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and "ACCOUNT_NOT_EMPTY" in done.stderr
    done = subprocess.run([STREAKCTL, "export", "--address", server.address, "--out", folder / "no", "--format", "json"],
                          env={**os.environ, "STREAKCTL_TOKEN": "wrong"}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "CREDENTIALS_INVALID" in done.stderr and not (folder / "no").exists()
    done = subprocess.run([STREAKCTL, "export", "--address", server.address, "--out", "/nowhere/no"], env=environment(phone),
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 73 and "/nowhere/no" in done.stderr


def test_a_document_that_other_tools_have_rewritten(server, folder):
    """A byte order mark, sorted keys and both are accepted; an unreadable document is refused with
    the right reason."""
    phone, _ = rich_life(server)
    document = json.loads(phone.export()[0])
    in_order, in_alphabet = json.dumps(document), json.dumps(document, sort_keys=True, indent=2)

    def bring(name, data, code=0):
        (folder / name).write_bytes(data)
        with Device(server) as back:
            done = subprocess.run([STREAKCTL, "import", "--address", server.address, folder / name], capture_output=True, text=True, timeout=60,
                                  env={**os.environ, "STREAKCTL_TOKEN": back.metadata[0][1].removeprefix("Bearer ")})
            assert done.returncode == code, done.stderr
            if code == 0:
                # A sealed document counts once (C117): the account that imports it again removes it
                # first.
                assert json.loads(done.stdout)["sealed"] and sections(back.export()[0]) == sections(in_order)
                delete(back)
            return done.stderr

    bring("mark.json", in_order.encode("utf-8-sig"))
    bring("sorted.json", in_alphabet.encode())
    bring("both.json", b"\xef\xbb\xbf\n" + in_alphabet.encode())
    assert "UTF-16" in bring("wide.json", in_order.encode("utf-16"), code=1)
    assert "neither a JSON nor a binary document" in bring("picture.json", b"\x89PNG\r\n\x1a\n" + b"\xff" * 100, code=1)


def test_progress_on_a_terminal(server, folder):
    with Person(server) as person:
        person.sign_up()
        ours, theirs = pty.openpty()
        done = subprocess.run([STREAKCTL, "export", "--address", server.address, "--out", folder / "mine"], env=environment(person),
                              stdout=subprocess.DEVNULL, stderr=theirs, timeout=60)
        os.close(theirs)
        assert done.returncode == 0 and b"exporting" in os.read(ours, 1000)
        os.close(ours)


def test_a_cut_and_a_killed_program_go_on(server, folder):
    with Person(server) as person:
        user_id = person.sign_up().account.user_id
        habit = person.put_habit("Read")
        sql(server.folder / "data", f"""
            INSERT INTO cells (user_id, habit_id, day, done, note, quarantine_reason, version, occurred_at, zone, utc_offset_seconds,
              day_start_minutes, recorded_at, first_version, source_id, seq, changed_time)
            SELECT '{user_id.hex()}', '{habit.hex()}', 10957 + d, true,
              (SELECT string_agg(md5(d || '-' || n), '') FROM generate_series(1, 40) n), 0, 1, now(), 'UTC', 0, 0, now(), 1, '{user_id.hex()}', 1, 0
            FROM generate_series(0, 999) d""")
        whole, _ = person.export()
        out, part = folder / "mine", folder / "mine.part"
        with CuttingProxy(server.port) as proxy:
            command = [STREAKCTL, "export", "--address", proxy.address, "--out", out]
            process = subprocess.Popen(command, env=environment(person), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_until(lambda: process.poll() is not None or part.exists() and part.stat().st_size > 100_000)
            process.kill()
            process.wait()
            assert out.exists() or not part.exists() or part.stat().st_size < len(whole) + 10_000
            out.unlink(missing_ok=True)
            proxy.plan = ("reply", 250_000)  # of some 700 KB, compressed
            done = subprocess.run(command, env=environment(person), capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stderr
            assert proxy.cuts["reply"] >= 2
        # The audit trail and the time differ, the data does not.
        assert json.loads(out.read_text())["ledger"] == json.loads(whole)["ledger"]
        assert not list(folder.glob("*.part*"))

"""Migration of sessions into accounts: the cases of Cases.md, by number, with the stock client."""

import concurrent.futures
import json
import os
import subprocess
import threading
import time
import unicodedata

import grpc
import pytest
from databases import sql
from google.rpc import status_pb2
from limits import retry_seconds
from metrics import ADMIN, Metrics
from person import Person, details, today
from refusals import full_refusal
from server import Server, wait_until
from sessions import Session, days, entry, habit, listed, migrate, preview, undo
from streak.v1 import account_pb2, common_pb2, migration_pb2, sync_pb2, sync_pb2_grpc

OVER_LIMIT, ANCHOR = common_pb2.QUARANTINE_REASON_OVER_LIMIT, common_pb2.QUARANTINE_REASON_ANCHOR


def detail(call, message, *arguments, **named):
    """A refusal's detail of that type."""
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **named)
    status = status_pb2.Status.FromString(dict(caught.value.trailing_metadata())["grpc-status-details-bin"])
    found = message()
    assert any(packed.Unpack(found) for packed in status.details)
    return found


def document(person):
    return json.loads(person.export()[0])


@pytest.fixture
def person(server):
    with Person(server) as someone:
        yield someone


@pytest.fixture
def account(person):
    """A signed-in person without data."""
    person.sign_up()
    return person


def both_ways(test):
    """By sign-up with the session, and by migrating into an account without data."""
    return pytest.mark.parametrize("way", ["sign up", "migrate"])(test)


def bring(way, person, claim):
    if way == "sign up":
        return person.sign_up(claim).migration
    if not person.metadata:
        person.sign_up()
    return migrate(person, claim)


def quarantined(result, reason):
    return sum(len(group.days) for group in result.quarantined if group.reason == reason)


def finding(result, rule):
    return sum(found.count for found in result.findings if found.rule == rule)


@both_ways
@pytest.mark.parametrize("count, counted", [(10, 10), (30, 30), (31, 30)])
def test_c1_c2_c3_thirty_days_count_and_no_more(server, person, way, count, counted):
    session = Session(person)
    session.age(server, 100)
    captured = habit()
    result = bring(way, person, session.claim([captured], days(captured, count)))
    streak = person.streak(captured.habit.id)
    assert (streak.current, streak.longest) == (counted, counted)
    assert quarantined(result, OVER_LIMIT) == count - counted
    assert finding(result, migration_pb2.MIGRATION_RULE_OVER_LIMIT) == count - counted
    exported = document(person)
    assert len(exported["ledger"]) == count
    method = "AccountService/SignUp" if way == "sign up" else "MigrationService/Migrate"
    event, = [event for event in exported["audit"] if event["method"] == method and "session=" in event.get("detail", "")]
    assert event["outcome"] == "CALL_STATUS_OK" and f"session={session.id.hex()} unanchored=false" in event["detail"]
    assert ("OVER_LIMIT=1" in event["detail"]) == (count == 31)
    assert not result.notice_ids


@both_ways
@pytest.mark.parametrize("claimed, sent", [(25, 5), (5, 25)])
def test_c5_c6_claimed_numbers_are_compared_and_never_used(server, person, way, claimed, sent):
    session = Session(person)
    session.age(server, 100)
    captured = habit(claim=migration_pb2.StreakClaim(current_streak=claimed, last_completed_day=today()))
    result = bring(way, person, session.claim([captured], days(captured, sent)))
    assert person.streak(captured.habit.id).current == sent
    assert result.claim_mismatch and result.habits[0].claim_mismatch
    assert finding(result, migration_pb2.MIGRATION_RULE_CLAIM_MISMATCH) == 1


@both_ways
def test_c7_a_session_of_three_days_counts_five(server, person, way):
    session = Session(person)
    session.age(server, 3)
    captured = habit()
    result = bring(way, person, session.claim([captured], days(captured, 20)))
    assert person.streak(captured.habit.id).current == 5
    assert quarantined(result, ANCHOR) == finding(result, migration_pb2.MIGRATION_RULE_ANCHOR) == 15
    assert result.habits[0].days_counted == 5 and result.habits[0].days_quarantined == 15


@both_ways
def test_c8_an_unanchored_session_counts_and_says_so(person, way):
    session = Session(person, anchored=False)
    captured = habit()
    result = bring(way, person, session.claim([captured], days(captured, 20)))
    assert person.streak(captured.habit.id).current == 20 and result.unanchored
    assert any("unanchored=true" in event.get("detail", "") for event in document(person)["audit"])


@both_ways
@pytest.mark.parametrize("ending, current", [(1, 5), (2, 0)])
def test_c9_yesterday_is_alive_and_the_day_before_is_not(server, person, way, ending, current):
    session = Session(person)
    session.age(server, 100)
    captured = habit()
    bring(way, person, session.claim([captured], days(captured, 5, ending)))
    streak = person.streak(captured.habit.id)
    assert (streak.current, streak.longest) == (current, 5)


@both_ways
def test_c11_a_future_day_goes_to_the_inbox_and_the_others_migrate(server, person, way):
    session = Session(person)
    session.age(server, 100)
    captured = habit()
    entries = [*days(captured, 3), entry(captured, today() + 2, note="too early")]
    result = bring(way, person, session.claim([captured], entries))
    assert person.streak(captured.habit.id).current == 3
    rejected, = result.rejected
    assert (rejected.index, rejected.day, rejected.reason) == (3, today() + 2, common_pb2.FUTURE_DAY)
    inbox, = document(person)["rejectedEntries"]
    assert inbox["entry"]["note"] == "too early"
    assert finding(result, migration_pb2.MIGRATION_RULE_FUTURE_DAY) == 1


@both_ways
def test_c12_an_empty_session_is_claimed(server, person, way):
    session = Session(person)
    result = bring(way, person, session.claim([], []))
    assert not result.habits and not person.history()
    assert full_refusal(session.keep)[1] == "SESSION_MIGRATED"


@both_ways
def test_c13_a_day_twice_is_one_cell(server, person, way):
    session = Session(person)
    captured = habit()
    result = bring(way, person, session.claim([captured], [entry(captured, today()), entry(captured, today())]))
    assert len(person.history()) == 1 and not result.notice_ids


@both_ways
def test_an_undone_day_outside_the_window_buys_no_counted_one(server, person, way):
    session = Session(person)
    session.age(server, 300)
    captured = habit()
    bring(way, person, session.claim([captured], [entry(captured, today() - ago, done=False) for ago in (100, 40)]))
    for ago in (100, 40):
        assert person.record(captured.habit.id, today() - ago).cell.trust == common_pb2.CELL_TRUST_QUARANTINED
    assert person.streak(captured.habit.id).total == 0


def test_c15_the_same_migration_again_is_the_same_reply(server, account):
    session = Session(account)
    captured = habit()
    request = migration_pb2.MigrateRequest(session=session.claim([captured], days(captured, 2)))
    raw = account.channel.unary_unary("/streak.v1.MigrationService/Migrate", request_serializer=lambda message: message.SerializeToString(),
                                      response_deserializer=lambda data: data)
    first, call = raw.with_call(request, metadata=account.metadata, timeout=60)
    assert "streak-replayed" not in dict(call.trailing_metadata())
    tables = ["cells", "habits", "migrations", "sessions", "notices", "cell_history"]
    count = ", ".join(f"(select count(*) from {table})" for table in tables)
    rows = sql(server, f"select {count}")
    again, call = raw.with_call(request, metadata=account.metadata, timeout=60)
    assert again == first and dict(call.trailing_metadata())["streak-replayed"] == "true"
    assert sql(server, f"select {count}") == rows
    # Another capture under the same id is another migration.
    other = session.claim([captured], days(captured, 1), migration_id=request.session.migration_id)
    assert full_refusal(migrate, account, other)[:2] == ("FAILED_PRECONDITION", "IDEMPOTENCY_KEY_REUSED")


def test_c16_32_connections_with_one_migration_give_one_commit_and_31_replays(server, account):
    session = Session(account)
    captured = habit()
    claim = session.claim([captured], days(captured, 2))
    before = int(sql(server, "select count(*) from migrations"))
    barrier = threading.Barrier(32)

    def race(_):
        with Person(server) as racer:
            racer.use(account.tokens)
            grpc.channel_ready_future(racer.channel).result(30)
            barrier.wait(60)
            response, call = racer.migrations.Migrate.with_call(
                migration_pb2.MigrateRequest(session=claim), metadata=racer.metadata, timeout=60)
            return response.SerializeToString(), "streak-replayed" in dict(call.trailing_metadata())

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(race, range(32)))
    assert len({reply for reply, _ in answers}) == 1
    assert sum(replayed for _, replayed in answers) == 31
    assert int(sql(server, "select count(*) from migrations")) == before + 1


def test_c16_one_session_into_many_accounts_at_once_has_one_winner(server, person):
    for anchored in (True, False):
        session = Session(person, anchored=anchored)
        captured = habit()
        people = [Person(server) for _ in range(8)]
        try:
            for one in people:
                one.sign_up()

            def race(one):
                try:
                    migrate(one, session.claim([captured], days(captured, 2)))
                    return "OK"
                except grpc.RpcError as error:
                    return details(error)[0].reason

            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                outcomes = list(pool.map(race, people))
            assert sorted(outcomes) == ["OK"] + ["SESSION_CLAIMED"] * 7
            assert sum(len(one.history()) for one in people) == 2
        finally:
            for one in people:
                one.close()


def test_c18_killed_before_the_commit_nothing_is_written_and_a_retry_does_all(folder):
    running = Server(folder=folder)
    try:
        with Person(running) as account:
            account.sign_up()
            session = Session(account)
            captured = habit()
            claim = session.claim([captured], days(captured, 2))
            # A lock on this table delays the migration's last steps.
            holder = subprocess.Popen(
                ["psql", "-XAtq", f"host={folder}/data/socket user=streakd dbname=postgres"], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, text=True)
            holder.stdin.write("begin; lock table migrations in exclusive mode; select 'held';\n")
            holder.stdin.flush()
            assert holder.stdout.readline().strip() == "held"
            call = account.migrations.Migrate.future(
                migration_pb2.MigrateRequest(session=claim), metadata=account.metadata, timeout=60)
            wait_until(lambda: int(sql(running, "select count(*) from pg_locks where relation = 'migrations'::regclass and not granted")))
            running.kill()
            holder.kill()
            holder.wait()
            assert call.exception(timeout=60).code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN)
            email, tokens = account.email, account.tokens
        running = Server(folder=folder)
        with Person(running, email=email) as same:
            same.use(tokens)
            assert same.history() == [] and not listed(same).migrations[0:]
            session.person = same
            session.keep()
            assert not migrate(same, claim).unanchored
            assert same.streak(captured.habit.id).current == 2
    finally:
        if running.process.poll() is None:
            running.stop()


def test_c20_c21_a_session_is_one_accounts(server, account):
    session = Session(account)
    captured = habit(name="Private")
    first = migrate(account, session.claim([captured], days(captured, 2)))
    again = session.claim([captured], days(captured, 2))
    assert full_refusal(migrate, account, again)[:2] == ("ALREADY_EXISTS", "ALREADY_MIGRATED")
    assert detail(migrate, migration_pb2.MigrationResult, account, again) == first
    assert detail(preview, migration_pb2.MigrationResult, account, again) == first
    with Person(server) as other:
        other.sign_up()
        with pytest.raises(grpc.RpcError) as caught:
            migrate(other, again)
        assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED
        assert details(caught.value)[0].reason == "SESSION_CLAIMED"
        told = str(caught.value) + str(caught.value.trailing_metadata())
        assert "Private" not in told and captured.habit.id.hex() not in told
        attempt = listed(other).attempts[0]
        assert (attempt.method, attempt.outcome, attempt.reason) == (
            "MigrationService/Migrate", common_pb2.CALL_STATUS_PERMISSION_DENIED, common_pb2.SESSION_CLAIMED)
        assert f"session={session.id.hex()}" in attempt.detail
        assert other.history() == []


def test_c23_a_wrong_secret_and_an_unknown_session_get_the_same_error(server, account):
    session = Session(account)
    captured = habit()
    wrong = session.claim([captured], days(captured, 1), secret=os.urandom(32))
    session.id = os.urandom(16)
    unknown = session.claim([captured], days(captured, 1), unanchored=False)
    told = []
    for claim in (wrong, unknown):
        for call in (migrate, preview):
            with pytest.raises(grpc.RpcError) as caught:
                call(account, claim)
            told.append((caught.value.code(), caught.value.details(), details(caught.value)[0].reason))
    assert set(told) == {(grpc.StatusCode.UNAUTHENTICATED, told[0][1], "SESSION_INVALID")}


def test_c23_the_database_does_the_same_for_a_wrong_secret_as_for_an_unknown_session(folder):
    """So that the time does not reveal which sessions exist. Statements are counted, because times
    on a loaded machine are not reliable."""
    # Health checks of the database in between would be counted too.
    arguments = [*ADMIN, "--health-seconds", "60"]
    with Server(folder=folder, arguments=arguments) as server, Person(server) as account, Person(server) as stranger:
        account.sign_up()
        session = Session(account)
        captured = habit()

        def sign_up(claim):
            stranger.email = f"{os.urandom(8).hex()}@example.com"
            stranger.accounts.SignUp(stranger.sign_up_request(claim), timeout=60)

        calls = [lambda claim: migrate(account, claim), lambda claim: preview(account, claim), sign_up, lambda claim: session.keep()]
        known = (session.id, session.secret)
        listed(account)  # loads its token
        for call in calls:
            sent = []
            for session.id, session.secret in [(known[0], os.urandom(32)), (os.urandom(16), os.urandom(32))]:
                claim = session.claim([captured], days(captured, 1))
                before = Metrics(server).value("streakd_postgres_statements_sent_total")
                assert full_refusal(call, claim)[1] == "SESSION_INVALID"
                sent.append(Metrics(server).value("streakd_postgres_statements_sent_total") - before)
            assert sent[0] == sent[1] > 0, (call, sent)


def test_c24_c40_after_the_claim_the_secret_opens_nothing_and_a_second_device_sends_its_leftovers_once(server, account):
    session = Session(account)
    session.age(server, 3)
    captured = habit()
    session.keep()
    migrate(account, session.claim([captured], days(captured, 2)))
    assert full_refusal(session.keep)[:2] == ("FAILED_PRECONDITION", "SESSION_MIGRATED")
    # The second device was offline: it has the days of the first, two of its own, and one that the
    # session cannot know of.
    leftovers = session.claim([captured], [*days(captured, 4), entry(captured, today() - 20)])
    assert full_refusal(migrate, account, leftovers)[1] == "ALREADY_MIGRATED"
    result = migrate(account, leftovers, second_device=True)
    assert account.streak(captured.habit.id).current == 4
    assert result.habits[0].days_same == 2 and quarantined(result, ANCHOR) == 1
    assert migrate(account, leftovers, second_device=True) == result
    leftovers.migration_id = os.urandom(16)
    assert full_refusal(migrate, account, leftovers, second_device=True)[1] == "ALREADY_MIGRATED"
    assert len(account.history()) == 5


def test_c25_days_that_the_account_has_change_nothing(server, account):
    own = account.put_habit("Read")
    for ago in range(2):
        account.record(own, today() - ago)
    def held():
        return [(cell.day, cell.done, cell.note, cell.trust) for cell in account.history()]
    before = held()
    captured = habit("Read", id=own)
    result = migrate(account, Session(account).claim([captured], days(captured, 2)))
    assert held() == before and account.streak(own).total == 2
    assert result.habits[0].days_same == 2 and not result.notice_ids


def test_c26_the_union_is_one_streak(server, account):
    own = account.put_habit("Read")
    for ago in range(3):
        account.record(own, today() - ago)
    session = Session(account)
    session.age(server, 100)
    captured = habit("Read", id=own)
    plan = preview(account, session.claim([captured], days(captured, 5, ending=3)))
    assert (plan.habits[0].before.current, plan.habits[0].after.current, plan.habits[0].days_new) == (3, 8, 5)
    assert account.streak(own).current == 3  # a preview changes nothing
    migrate(account, session.claim([captured], days(captured, 5, ending=3)))
    assert account.streak(own).current == 8


def test_c28_names_match_whatever_their_spelling(server, account):
    own = account.put_habit("Café  Lesen")
    session = Session(account)
    spelled = habit(unicodedata.normalize("NFD", " CAFÉ lesen"))
    other = habit("Cafe Lesen")
    claim = session.claim([spelled, other], [*days(spelled, 1), *days(other, 1)])
    plan = preview(account, claim)
    assert [planned.match for planned in plan.habits] == [migration_pb2.HABIT_MATCH_NAME, migration_pb2.HABIT_MATCH_NEW]
    assert plan.habits[0].habit_id == own and plan.habits[0].name == "Café  Lesen"
    result = migrate(account, claim, plan_hash=plan.plan_hash)
    assert [migrated.habit_id for migrated in result.habits] == [own, other.habit.id]
    assert account.streak(own).current == 1


def test_c30_a_map_to_another_persons_habit_is_refused(server, account):
    with Person(server) as other:
        other.sign_up()
        theirs = other.put_habit("Read")
        captured = habit()
        session = Session(account)
        claim = session.claim([captured], days(captured, 1))
        mapping = [migration_pb2.HabitMapping(captured_habit_id=captured.habit.id, habit_id=theirs)]
        assert full_refusal(migrate, account, claim, habit_map=mapping) == ("INVALID_ARGUMENT", "INVALID_FIELD", ["habit_map[0]"])
        assert account.history() == [] and other.history() == []
        session.keep()
        own = account.put_habit("Something else")
        mapping[0].habit_id = own
        assert migrate(account, claim, habit_map=mapping).habits[0].match == migration_pb2.HABIT_MATCH_MAP
        assert account.streak(own).current == 1


def test_c31_an_account_that_changed_since_the_preview_is_left_alone(server, account):
    captured = habit()
    session = Session(account)
    claim = session.claim([captured], days(captured, 1))
    plan = preview(account, claim)
    account.put_habit("New")
    assert full_refusal(migrate, account, claim, plan_hash=plan.plan_hash)[:2] == ("ABORTED", "PLAN_CHANGED")
    fresh = detail(migrate, migration_pb2.MigrationPreview, account, claim, plan_hash=plan.plan_hash)
    assert fresh.plan_hash != plan.plan_hash and account.history() == []
    assert preview(account, claim).plan_hash == fresh.plan_hash
    migrate(account, claim, plan_hash=fresh.plan_hash)
    assert account.streak(captured.habit.id).current == 1


def test_c32_both_notes_of_a_day_survive(server, account):
    own = account.put_habit("Read")
    account.record(own, note="the account's")
    captured = habit("Read", id=own)
    result = migrate(account, Session(account).claim([captured], [entry(captured, today(), note="the session's", seconds=-600)]))
    assert list(result.habits[0].days_conflicting) == [today()] and len(result.notice_ids) == 1
    assert [cell.note for cell in account.history()] == ["the account's"]
    notices = sync_pb2_grpc.SyncServiceStub(account.channel)
    notice, = notices.ListNotices(sync_pb2.ListNoticesRequest(), metadata=account.metadata, timeout=30).notices
    assert (notice.notice_id, notice.winning_value.text, notice.losing_value.text) == (result.notice_ids[0], "the account's", "the session's")
    assert b"the session's" in account.export()[0]


@both_ways
def test_c34_c35_a_part_and_a_flipped_bit_are_recognised_and_can_be_sent_again(server, person, way):
    session = Session(person)
    session.age(server, 100)
    if way == "migrate":
        person.sign_up()
    captured = habit()
    whole = session.claim([captured], days(captured, 20))
    part = migration_pb2.SessionClaim()
    part.CopyFrom(whole)
    del part.captured.entries[17:]
    flipped = migration_pb2.SessionClaim()
    flipped.CopyFrom(whole)
    flipped.captured.entries[3].done = False
    call = person.sign_up if way == "sign up" else (lambda claim: migrate(person, claim))
    assert full_refusal(call, part)[:2] == ("FAILED_PRECONDITION", "PARTIAL_CAPTURE")
    assert full_refusal(call, flipped)[:2] == ("FAILED_PRECONDITION", "CAPTURE_CORRUPT")
    session.keep()
    bring(way, person, whole)
    assert person.streak(captured.habit.id).current == 20 and len(person.history()) == 20


@pytest.mark.parametrize("break_it, field", [
    (lambda claim: setattr(claim.captured.habits[0].claim, "current_streak", -1), "session.captured.habits[0].claim.current_streak"),
    (lambda claim: setattr(claim.captured.habits[0].claim, "current_streak", -2**31), "session.captured.habits[0].claim.current_streak"),
    (lambda claim: setattr(claim.captured.entries[0], "day", 10_956), "session.captured.entries[0].day"),
    (lambda claim: setattr(claim.captured.entries[0], "day", 2**31 - 1), "session.captured.entries[0].day"),
    (lambda claim: setattr(claim.captured.entries[0], "note", "x" * 4_097), "session.captured.entries[0].note"),
    (lambda claim: setattr(claim.captured.entries[0], "note", "x" * 3_000_000), "session.captured.entries[0].note"),
    (lambda claim: setattr(claim.captured.entries[0].client_time, "utc_offset_seconds", 50_401), "session.captured.entries[0].client_time.utc_offset_seconds"),
    (lambda claim: setattr(claim.captured.manifest, "entry_count", -1), "session.captured.manifest.entry_count"),
    (lambda claim: setattr(claim, "migration_id", b"short"), "session.migration_id"),
])
def test_c37_what_cannot_be_is_refused_naming_the_field(account, break_it, field):
    captured = habit(claim=migration_pb2.StreakClaim())
    claim = Session(account).claim([captured], days(captured, 1))
    break_it(claim)
    code, _, fields = full_refusal(migrate, account, claim)
    assert code == "INVALID_ARGUMENT" and fields[:1] == [field]
    assert account.history() == []


def test_c37_ten_megabytes_of_a_note_are_refused_and_the_server_goes_on(account):
    captured = habit()
    claim = Session(account).claim([captured], [entry(captured, today(), note="x" * 10_000_000)])
    assert full_refusal(migrate, account, claim)[0] in ("INVALID_ARGUMENT", "RESOURCE_EXHAUSTED")
    assert account.history() == []


def test_c39_a_session_that_was_forgotten_migrates_unanchored(server, account):
    session = Session(account)
    captured = habit()
    sql(server, f"delete from sessions where session_id = '{session.id.hex()}'")
    claim = session.claim([captured], days(captured, 3))
    assert full_refusal(migrate, account, claim)[1] == "SESSION_INVALID"
    claim.unanchored = True
    assert migrate(account, claim).unanchored
    assert account.streak(captured.habit.id).current == 3


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("has_day", [False, True])
def test_habits_mapped_onto_one_with_the_same_day_and_undone(server, account, count, has_day):
    own = account.put_habit("Read")
    if has_day:
        account.record(own, today())
    before = [(cell.day, cell.done, cell.note) for cell in account.history()]
    captured = [habit(f"Part {number}") for number in range(count)]
    session = Session(account)
    session.age(server, 100)
    claim = session.claim(captured, [entry(part, today(), note=f"note {part.habit.name}") for part in captured])
    mapping = [migration_pb2.HabitMapping(captured_habit_id=part.habit.id, habit_id=own) for part in captured]
    migrate(account, claim, habit_map=mapping)
    assert account.streak(own).current == 1
    assert undo(account, claim.migration_id).days_reversed == 1
    assert [(cell.day, cell.done, cell.note) for cell in account.history()] == before
    assert account.streak(own).current == int(has_day)


def test_undo_takes_back_what_is_still_as_the_migration_left_it(server, account):
    own = account.put_habit("Read")
    account.record(own, today(), note="mine")
    shared, fresh, touched = habit("Read", id=own), habit("Run"), habit("Row")
    session = Session(account)
    session.age(server, 100)
    claim = session.claim([shared, fresh, touched], [*days(shared, 3), *days(fresh, 2), *days(touched, 2)])
    migrate(account, claim)
    assert account.streak(own).current == 3
    account.record(touched.habit.id, today(), note="since then")
    answer = undo(account, claim.migration_id)
    assert answer.days_reversed == 5
    assert [(day.habit_id, day.day) for day in answer.left_alone] == [(touched.habit.id, today())]
    assert list(answer.deleted_habit_ids) == [fresh.habit.id]
    assert [(cell.habit_id, cell.day, cell.note) for cell in account.history()] and {
        (cell.habit_id, cell.day, cell.note) for cell in account.history()} == {
        (own, today(), "mine"), (touched.habit.id, today(), "since then")}
    assert undo(account, claim.migration_id) == answer
    migration, = listed(account).migrations
    assert migration.HasField("undone_at") and migration.result.migration_id == claim.migration_id
    assert listed(account).attempts[0].method == "MigrationService/UndoMigration"
    # The session can be used again, here or elsewhere.
    session.keep()
    with Person(server) as other:
        other.sign_up()
        claim.migration_id = os.urandom(16)
        migrate(other, claim)
        assert other.streak(fresh.habit.id).current == 2
        assert full_refusal(undo, other, os.urandom(16))[:2] == ("NOT_FOUND", "MIGRATION_NOT_FOUND")


@pytest.mark.parametrize("age, code", [(29, "OK"), (31, "FAILED_PRECONDITION")])
def test_c42_after_thirty_days_a_migration_stays(server, account, age, code):
    captured = habit()
    claim = Session(account).claim([captured], days(captured, 1))
    migrate(account, claim)
    sql(server, f"update migrations set committed_at = committed_at - {age} * interval '1 day' where migration_id = '{claim.migration_id.hex()}'")
    if code == "OK":
        assert undo(account, claim.migration_id).days_reversed == 1
    else:
        assert full_refusal(undo, account, claim.migration_id)[:2] == (code, "UNDO_TOO_LATE")
        assert account.streak(captured.habit.id).current == 1


def test_c44_six_migrations_in_an_hour_are_too_many_and_replays_are_free(folder):
    with Server(folder=folder, arguments=["--rate-limit-factor", "1"]) as server, Person(server) as account:
        account.sign_up()
        claims = []
        for number in range(6):
            captured = habit(f"Habit {number}")
            claims.append(Session(account).claim([captured], days(captured, 1)))
        for claim in claims[:5]:
            migrate(account, claim)
            for _ in range(3):
                migrate(account, claim)
        with pytest.raises(grpc.RpcError) as caught:
            migrate(account, claims[5])
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert 3000 < retry_seconds(caught.value) <= 3601
        assert migrate(account, claims[0]).migration_id == claims[0].migration_id
        preview(account, claims[5])
        assert len(account.history()) == 5
        with Person(server) as other:
            other.sign_up()
            migrate(other, claims[5])


def test_three_sessions_in_any_order_give_the_same_days(server, person):
    habits = [habit("Read"), habit("Run")]
    contents = []
    for number in range(3):
        entries = [entry(captured, today() - ago, note=f"{number}" if ago == 0 else "", seconds=-number - 60)
                   for captured in habits for ago in range(number, number + 3)]
        contents.append(entries)
    seen, digests = set(), set()
    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        with Person(server) as account:
            account.sign_up()
            for number in order:
                session = Session(account)
                session.age(server, 100)
                migrate(account, session.claim(habits, contents[number]))
            seen.add(tuple((cell.habit_id, cell.day, cell.done, cell.note) for cell in account.history()))
            user = account.accounts.GetAccount(account_pb2.GetAccountRequest(), metadata=account.metadata, timeout=30).account.user_id
            digests.add(sql(server, f"select encode(digest, 'hex') from heads where user_id = '{user.hex()}'"))
    assert len(seen) == 1 and len(digests) == 1


def test_migrating_400_days_of_20_habits_and_undoing_them(server, account):
    habits = [habit(f"Habit {number}") for number in range(20)]
    session = Session(account)
    session.age(server, 100)
    claim = session.claim(habits, [made for captured in habits for made in days(captured, 400)])
    started = time.monotonic()
    result = migrate(account, claim)
    print(f"8,000 cells in {time.monotonic() - started:.2f} s")
    assert all(migrated.days_counted == 30 for migrated in result.habits)
    assert undo(account, claim.migration_id).days_reversed == 8_000
    assert account.history() == []


def test_c124_forty_thousand_entries_with_notes_come_over_the_wire(server, account):
    """5 MB: more than other methods accept. The first capture past the schema's own limit is
    refused by its rule."""
    habits = [habit(f"Habit {number}") for number in range(40)]
    entries = [entry(captured, today() - ago, note=f"{number:03} {ago:04} ".ljust(60, "x"))
               for number, captured in enumerate(habits) for ago in range(1_000)]
    session = Session(account)
    session.age(server, 100)
    claim = session.claim(habits, entries)
    assert claim.ByteSize() > 4 << 20
    result = account.migrations.Migrate(
        migration_pb2.MigrateRequest(session=claim), metadata=account.metadata, timeout=300).migration
    assert sum(one.days_counted + one.days_quarantined for one in result.habits) == 40_000
    assert all(one.days_counted == 30 for one in result.habits)
    assert sql(server, f"select count(*), count(distinct note) from cells where user_id = (select user_id from migrations where migration_id = '{claim.migration_id.hex()}')").strip() == "40000|40000"

"""No person can reach another's data: every method of the schema, with every id of the other
person."""

import base64
import contextlib
import importlib
import itertools
import os

import grpc
import pytest
from databases import sql
from erasure import PHRASE
from field_rules import FieldRules
from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor
from person import Person, captured_session, local_time, today
from server import PROJECT
from sessions import Session, days, habit, listed, migrate
from streak.v1 import annotations_pb2, common_pb2, sync_pb2

MARK = "only-mira-knows-this"


def methods():
    """All methods of the schema, with the credentials that they require."""
    for file in sorted((PROJECT / "proto/streak/v1").glob("*.proto")):
        module = importlib.import_module(f"streak.v1.{file.stem}_pb2")
        for service in module.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                yield method, method.GetOptions().Extensions[annotations_pb2.policy].authentication


ALL = list(methods())
METHODS = [method for method, authentication in ALL if authentication == annotations_pb2.AUTHENTICATION_USER]
OTHERS = [(method, authentication) for method, authentication in ALL if authentication != annotations_pb2.AUTHENTICATION_USER]
# The answers of methods without an access token to a stranger who has no secret of the other
# person. A new one of these methods needs a line here.
REFUSALS_WITHOUT_CREDENTIALS = {
    "AccountService.SignUp": {"SIGN_UP_REFUSED", "SESSION_CLAIMED", "SESSION_INVALID"},
    "AccountService.SignIn": {"SIGN_IN_REFUSED"},
    "AccountService.Refresh": {"CREDENTIALS_INVALID"},
    "CredentialService.RecoverAccount": {"SIGN_IN_REFUSED"},
    "CredentialService.RequestSignInApproval": set(),
    "CredentialService.GetSignInApproval": {"SIGN_IN_APPROVAL_NOT_FOUND"},
    "AccountService.RequestPasswordReset": {"MAIL_OFF"},
    "AccountService.ResetPassword": {"MAIL_OFF", "MAIL_PROOF_INVALID"},
    "AccountService.RequestSignUpCode": {"MAIL_OFF"},
    "AccountService.TakeBackAddress": {"MAIL_OFF", "MAIL_PROOF_INVALID"},
    "SessionService.StashSession": {"CONNECT_REQUIRED"},
    "SessionService.TakeStash": {"CONNECT_REQUIRED"},
    "SessionService.StartSession": set(),  # OK with a new session of the stranger
    "SessionService.KeepSession": {"SESSION_INVALID"},
}
REASONS = {name for name in common_pb2.ErrorReason.keys() if not name.endswith("UNSPECIFIED")}


def is_list(field):
    return field.is_repeated if hasattr(field, "is_repeated") else field.label == FieldDescriptor.LABEL_REPEATED


def fill(message, id, text, own, variant=0, depth=0):
    """A request that is valid as far as the schema tells, with this id in every field for an id,
    except for the caller's own in `user_id`."""
    for field in message.DESCRIPTOR.fields:
        rules = FieldRules(field)
        choice = field.containing_oneof
        if choice is not None and field is not choice.fields[variant % len(choice.fields)]:
            continue
        value = None
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            kind = field.message_type.name
            if depth > 4 or kind == "Timestamp":
                continue
            if is_list(field):
                fill(getattr(message, field.name).add(), id, text, own, variant, depth + 1)
            elif kind == "LocalTime":
                getattr(message, field.name).CopyFrom(local_time())
            elif kind == "CapturedSession":
                captured = habit(id=id)
                getattr(message, field.name).CopyFrom(captured_session([captured], days(captured, 1)))
            else:
                getattr(message, field.name).SetInParent()
                fill(getattr(message, field.name), id, text, own, variant, depth + 1)
            continue
        if field.type == FieldDescriptor.TYPE_BYTES:
            value = own if field.name == "user_id" else os.urandom(rules.min_bytes) if rules.min_bytes else id
        elif field.type == FieldDescriptor.TYPE_STRING:
            value = "123456" if field.name == "digits" else text if rules.required or field.name in ("name", "password", "new_password", "note") else ""
        elif field.type == FieldDescriptor.TYPE_BOOL:
            value = variant % 2 == 0
        elif field.name in ("day", "first_day", "last_day"):
            value = today()
        elif field.name == "seq":
            value = 1
        if value is None:
            continue
        if is_list(field):
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)
    plan = message.DESCRIPTOR.fields_by_name.get("plan_hash")
    if plan and not FieldRules(plan).required:
        message.ClearField("plan_hash")
    return message


def call(person, method, request):
    """The responses' bytes, and the reasons of refusals."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    serialize, read = (lambda message: message.SerializeToString()), (lambda data: data)
    channel, metadata = person.channel, person.metadata
    told = []
    try:
        if method.client_streaming:
            answers = channel.stream_stream(path, serialize, read)(iter([request]), metadata=metadata, timeout=0.7)
        elif method.server_streaming:
            answers = channel.unary_stream(path, serialize, read)(request, metadata=metadata, timeout=0.7)
        else:
            answers = [channel.unary_unary(path, serialize, read)(request, metadata=metadata, timeout=20)]
        for answer in answers:
            told.append(answer)  # an endless stream is cut: its messages until then count too
    except grpc.RpcError as error:
        assert error.code() not in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN), (path, error)
        told.append((error.details() or "").encode() + repr(error.trailing_metadata()).encode())
    return b"".join(told)


def everything(server, user):
    """Every row of a user, of every table with a user column, except rows that the user's own calls
    write."""
    tables = sql(server, """
        select table_name from information_schema.columns where table_schema = 'public' and column_name = 'user_id'
        order by 1""").split("\n")
    assert len(tables) > 10
    return {table: sql(server, f"select md5(coalesce(string_agg(t::text, '' order by t::text), '')) from {table} t where user_id = '{user.hex()}'")
            for table in tables}


def variants(descriptor, depth=0):
    """The number of different messages needed so that each member of each oneof is set once, and
    each flag has both values."""
    inner = [variants(field.message_type, depth + 1) for field in descriptor.fields if field.message_type and depth < 5]
    return max([2, *[len(choice.fields) for choice in descriptor.oneofs], *inner])


@contextlib.contextmanager
def mira_with_everything(server, except_for=()):
    """A person with data of every kind, and every id that leads to it. In the end all of the
    person's rows must be unchanged, except in some tables."""
    with Person(server) as mira:
        user = mira.sign_up().account.user_id
        mira.device.name = MARK
        mira.sign_in()
        own = mira.put_habit(MARK)
        mira.record(own, note=MARK)
        session = Session(mira)
        captured = habit(MARK, id=own, description=MARK)
        claim = session.claim([captured], [*days(captured, 2)])
        claim.captured.entries[-1].note = MARK + '!'
        claim.captured.CopyFrom(captured_session(claim.captured.habits, claim.captured.entries))
        result = migrate(mira, claim)
        assert result.notice_ids  # so that there is a notice to attack
        notices = sql(server, f"select encode(uuid_send(notice_id), 'hex') from notices where user_id = '{user.hex()}'").split()
        ids = [own, mira.device.device_id, user, session.id, claim.migration_id, *map(bytes.fromhex, notices)]
        before = everything(server, user)
        yield mira, user, ids
        after = everything(server, user)
        assert {table: after[table] for table in after if table not in except_for} == {
            table: before[table] for table in before if table not in except_for}
        # In the other direction: the owner's own use of the ids still works.
        assert mira.streak(own).current == 2
        assert MARK.encode() in mira.export()[0]
        assert listed(mira).migrations[0].result == result


def tells_nothing(answer, request, mira, user, method):
    assert MARK.encode() not in answer, method.full_name
    if mira.email.encode() in answer:
        assert mira.email.encode() in request.SerializeToString(), method.full_name
    if user in answer:
        assert user in request.SerializeToString(), method.full_name


def test_the_other_persons_ids_open_nothing(server):
    names = {f"{method.containing_service.name}.{method.name}" for method in METHODS}
    assert {"ExportService.Export", "SyncService.Sync", "SyncService.SyncStream", "SyncService.Watch", "SyncService.ListNotices",
            "SyncService.AcknowledgeNotices", "SyncService.ListRejectedOperations", "MigrationService.UndoMigration"} < names
    with mira_with_everything(server) as (mira, user, ids):
        for method in METHODS:
            with Person(server) as stranger:
                account = stranger.sign_up().account.user_id
                reached = set()
                for id, variant in itertools.product(ids, range(variants(method.input_type))):
                    if method.name in ("SignOut", "RevokeDevice", "ChangePassword"):
                        stranger.sign_in()
                    request = fill(message_factory.GetMessageClass(method.input_type)(), id, mira.email, account, variant)
                    if method.name == "DeleteAccount":
                        # With the other person's email, and then with the caller's own: the
                        # caller's account is deleted.
                        request.email, request.confirmation = (stranger.email if variant else mira.email), PHRASE
                        request.immediately = True
                        request.proof.password = stranger.password
                    answer = call(stranger, method, request)
                    reached.add(b"The request breaks" not in answer)
                    tells_nothing(answer, request, mira, user, method)
                assert True in reached, f"{method.full_name}: no request was valid"


def test_methods_that_ask_for_no_access_token_open_nothing_either(server):
    """Each has a line in `REFUSALS_WITHOUT_CREDENTIALS`; the operators' methods are refused to a person, with
    any ids (test_admin.py: with operators)."""
    # Attempts on her account are in her audit trail; a device may ask to be signed in to it.
    with mira_with_everything(server, ("audit_events", "audit_heads", "sign_in_approvals")) as (mira, user, ids):
        for method, authentication in OTHERS:
            name = f"{method.containing_service.name}.{method.name}"
            refusals = set()
            for id, variant in itertools.product(ids, range(variants(method.input_type))):
                with Person(server) as stranger:
                    token = {annotations_pb2.AUTHENTICATION_SESSION: "session.", annotations_pb2.AUTHENTICATION_NONE: "access."}.get(authentication)
                    guess = base64.urlsafe_b64encode(id + os.urandom(32)).decode().rstrip("=")
                    stranger.metadata = (("authorization", f"Bearer {token}{guess}"),) if token else mira.metadata
                    request = fill(message_factory.GetMessageClass(method.input_type)(), id, "a guess of somebody", os.urandom(16), variant)
                    for field, value in (("email", mira.email), ("refresh_token", f"refresh.{guess}")):
                        if field in method.input_type.fields_by_name:
                            setattr(request, field, value)
                    if name == "AccountService.SignUp" and variant % 2:
                        request.ClearField("session")
                    answer = call(stranger, method, request)
                    assert b"The request breaks" not in answer, (name, answer)
                    tells_nothing(answer, request, mira, user, method)
                    refusals |= {reason for reason in REASONS if reason.encode() in answer}
                    if authentication == annotations_pb2.AUTHENTICATION_ADMIN:
                        assert b"CREDENTIALS_INVALID" in answer or b"There is no method" in answer, (name, answer)
            if authentication != annotations_pb2.AUTHENTICATION_ADMIN:
                assert refusals <= REFUSALS_WITHOUT_CREDENTIALS[name] and (refusals or not REFUSALS_WITHOUT_CREDENTIALS[name]), (name, refusals)


def test_a_stranger_gets_no_notifications_of_others(server):
    with Person(server) as mira, Person(server) as stranger, Person(server, email=stranger.email) as tablet:
        own = mira.sign_up() and mira.put_habit(MARK)
        stranger.sign_up()
        received = []
        watch = stranger.channel.unary_stream("/streak.v1.SyncService/Watch", lambda message: message.SerializeToString(), sync_pb2.WatchResponse.FromString)
        stream = watch(sync_pb2.WatchRequest(), metadata=stranger.metadata, timeout=60)
        received.append(next(stream))  # the stranger's position
        mira.record(own, note=MARK)
        tablet.sign_in()
        tablet.put_habit("Own")
        # The next message is about the stranger's other device's change, made after the other
        # person's.
        received.append(next(stream))
        assert received[1].cursor.change_number == received[0].cursor.change_number + 2  # the tablet, and its change
        stream.cancel()


@pytest.mark.parametrize("token", ["", "Bearer x", "Basic dXNlcg==", "Bearer access." + "A" * 64, "Bearer refresh." + "A" * 64])
def test_without_credentials_every_method_of_a_person_is_refused_alike(server, token):
    with Person(server) as stranger:
        stranger.metadata = (("authorization", token),) if token else ()
        for method in METHODS:
            request = fill(message_factory.GetMessageClass(method.input_type)(), os.urandom(16), "long enough", os.urandom(16))
            assert b"CREDENTIALS_INVALID" in call(stranger, method, request), method.full_name

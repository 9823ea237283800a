"""Operators help single accounts: each act within the token's rights, and in the person's own trail."""

import os
import subprocess

import grpc
import pytest
from databases import database, sql  # noqa: F401
from erasure import rows_of
from mail_server import MailServer, arguments
from mailing import reset, verified
from person import Person
from refusals import reason
from server import PROGRAMS, Server
from streak.v1 import account_admin_pb2, account_admin_pb2_grpc, account_pb2, admin_pb2, admin_pb2_grpc, credential_pb2

TOKENS = {name: os.urandom(32).hex() for name in ("root", "mira", "noa")}


@pytest.fixture
def server(database, tmp_path):  # noqa: F811
    path = tmp_path / "operators"
    path.write_text(f"# operators\n{TOKENS['root']}\nmira find,lock {TOKENS['mira']}\nnoa find,export,erase {TOKENS['noa']}\n")
    with Server(database=database, arguments=["--operator-token-file", str(path)]) as running:
        yield running


class Operator:
    def __init__(self, person, name):
        self.stub = account_admin_pb2_grpc.AccountAdminServiceStub(person.channel)
        self.metadata = (("authorization", f"Bearer {TOKENS[name]}"),)

    def __call__(self, method, **fields):
        request = getattr(account_admin_pb2, f"{method}Request")(**fields)
        answer = getattr(self.stub, method)(request, metadata=self.metadata, timeout=60)
        return list(answer) if method == "ExportAccount" else answer


def streakctl(server, name, *arguments):
    return subprocess.run([str(PROGRAMS / "streakctl"), "account", *arguments, "--address", server.address], capture_output=True,
                          text=True, timeout=60, env={**os.environ, "STREAKCTL_TOKEN": TOKENS[name]})


def test_each_operator_may_do_what_the_token_s_line_says(server):
    with Person(server) as person:
        user = person.sign_up().account.user_id
        calls = {"FindAccount": {"user_id": user}, "LockAccount": {"user_id": user}, "UnlockAccount": {"user_id": user},
                 "SignOutAccount": {"user_id": user}, "ExportAccount": {"user_id": user, "format": 1},
                 "EraseAccount": {"user_id": user, "email": "x@example.com"}, "StartPasswordReset": {"user_id": user}}
        allowed = {"mira": {"FindAccount", "LockAccount", "UnlockAccount", "SignOutAccount"}, "noa": {"FindAccount", "ExportAccount"},
                   "root": set(calls) - {"EraseAccount"}}
        for name, methods in allowed.items():
            for method, fields in calls.items():
                if method == "StartPasswordReset" and name == "root":
                    assert reason(Operator(person, name), method, **fields) == "MAIL_OFF"
                elif method in methods:
                    Operator(person, name)(method, **fields)
                else:
                    expected = "INVALID_FIELD" if method == "EraseAccount" and name != "mira" else "OPERATOR_RIGHT_MISSING"
                    assert reason(Operator(person, name), method, **fields) == expected, (name, method)
        admin = admin_pb2_grpc.AdminServiceStub(person.channel)
        for name in ("mira", "noa"):
            metadata = (("authorization", f"Bearer {TOKENS[name]}"),)
            assert reason(admin.ListBackups, admin_pb2.ListBackupsRequest(), metadata=metadata) == "OPERATOR_RIGHT_MISSING"
            admin.GetServerStatus(admin_pb2.GetServerStatusRequest(), metadata=metadata)
        assert reason(Operator(person, "root").stub.FindAccount, account_admin_pb2.FindAccountRequest(user_id=user),
                      metadata=person.metadata) == "CREDENTIALS_INVALID"


def test_an_account_is_found_by_email_and_id_and_an_unknown_one_is_not(server):
    with Person(server) as person:
        user = person.sign_up().account.user_id
        find = Operator(person, "mira")
        by_email, by_id = find("FindAccount", email=person.email.upper()), find("FindAccount", user_id=user)
        assert by_email == by_id and by_id.account.email == person.email and not by_id.HasField("locked_at")
        assert [listed.device for listed in by_id.devices] == [person.device] and by_id.devices[0].signed_in
        for fields in ({"email": "nobody@example.com"}, {"user_id": os.urandom(16)}, {"email": "x"}):
            assert reason(find, "FindAccount", **fields) == "ACCOUNT_NOT_FOUND"


def test_a_locked_account_is_signed_out_and_every_way_in_is_closed_until_it_is_unlocked(server):
    with Person(server) as person, Person(server) as asking:
        user = person.sign_up().account.user_id
        codes = person.credentials.CreateRecoveryCodes(credential_pb2.CreateRecoveryCodesRequest(), metadata=person.metadata).recovery_codes
        asking.email = person.email
        asked = asking.credentials.RequestSignInApproval(
            credential_pb2.RequestSignInApprovalRequest(email=person.email, device=asking.device))
        person.credentials.ApproveSignIn(
            credential_pb2.ApproveSignInRequest(request_id=asked.request_id, digits=asked.digits), metadata=person.metadata)
        operator = Operator(person, "mira")
        assert operator("LockAccount", user_id=user).devices_signed_out == 1
        locked_at = operator("FindAccount", user_id=user).locked_at
        assert operator("LockAccount", user_id=user).devices_signed_out == 0
        assert operator("FindAccount", user_id=user).locked_at == locked_at
        assert reason(person.accounts.GetAccount, account_pb2.GetAccountRequest(), metadata=person.metadata) == "CREDENTIALS_INVALID"
        refresh = account_pb2.RefreshRequest(refresh_token=person.tokens.refresh_token)
        assert reason(person.accounts.Refresh, refresh) == "CREDENTIALS_INVALID"
        assert reason(person.sign_in) == "ACCOUNT_LOCKED"
        recover = credential_pb2.RecoverAccountRequest(idempotency_key=os.urandom(16), email=person.email, recovery_code=codes[0],
                                                       new_password="another horse battery staple", device=person.device)
        assert reason(person.credentials.RecoverAccount, recover) == "ACCOUNT_LOCKED"
        look = credential_pb2.GetSignInApprovalRequest(request_id=asked.request_id, request_secret=asked.request_secret)
        # What a device had approved has ended with its credentials; it looks like a request that
        # waits.
        waiting = asking.credentials.GetSignInApproval(look)
        assert waiting.state == credential_pb2.SIGN_IN_APPROVAL_STATE_PENDING and not waiting.HasField("tokens")
        # Only the owner is told: a wrong password and a wrong code are answered as ever.
        wrong = account_pb2.SignInRequest(email=person.email, password="wrong horse battery staple", device=person.device)
        assert reason(person.accounts.SignIn, wrong) == "SIGN_IN_REFUSED"
        recover.recovery_code = "AAAAA-AAAAA"
        assert reason(person.credentials.RecoverAccount, recover) == "SIGN_IN_REFUSED"
        assert operator("UnlockAccount", user_id=user).was_locked and not operator("UnlockAccount", user_id=user).was_locked
        person.sign_in()


def test_sign_ins_while_an_account_is_locked_leave_nothing_signed_in(server, database):  # noqa: F811
    with Person(server) as person:
        user = person.sign_up().account.user_id
        operator = Operator(person, "root")
        for _ in range(4):
            requests = [account_pb2.SignInRequest(email=person.email, password=person.password, device=person.device) for _ in range(6)]
            calls = [person.accounts.SignIn.future(request, timeout=60) for request in requests]
            operator("LockAccount", user_id=user)
            for call in calls:
                call.exception()
            assert sql(database, "select count(*) from devices where refresh_hash is not null") == "0"
            operator("UnlockAccount", user_id=user)


def test_every_act_is_in_the_person_s_trail_with_the_operator_s_name(server, database):  # noqa: F811
    with Person(server) as person:
        user = person.sign_up().account.user_id
        habit = person.put_habit("Read")
        person.record(habit)
        operator = Operator(person, "root")
        operator("FindAccount", email=person.email)
        operator("SignOutAccount", user_id=user)
        operator("LockAccount", user_id=user)
        operator("UnlockAccount", user_id=user)
        document = b"".join(part.chunk for part in operator("ExportAccount", user_id=user, format=1))
        person.sign_in()
        own, _ = person.export()
        assert b"Read" in document
        for method in ("FindAccount", "SignOutAccount", "LockAccount", "UnlockAccount", "ExportAccount"):
            assert f"AccountAdminService/{method}".encode() in own, method
        details_of = sql(database, "select distinct detail from audit_events where method ~ 'AccountAdminService'")
        assert details_of == "operator=operator"
        assert reason(operator, "EraseAccount", user_id=user, email="other@example.com") == "INVALID_FIELD"
        assert operator("EraseAccount", user_id=user, email=person.email).erased_at.seconds > 0
        assert not any(rows_of(database, user).values())
        assert reason(operator, "EraseAccount", user_id=user, email=person.email) == "ACCOUNT_NOT_FOUND"
        assert reason(person.accounts.GetAccount, account_pb2.GetAccountRequest(), metadata=person.metadata) == "ACCOUNT_ERASED"
        kept = sql(database, "select method, detail, peer_address, device_id from audit_events where method ~ 'EraseAccount' and outcome = 'OK'")
        assert kept == "AccountAdminService/EraseAccount|operator=operator|127.0.0.1|"


def test_an_act_whose_event_cannot_be_stored_does_nothing(database, tmp_path):  # noqa: F811
    """Never silent: the event is part of the act, and an export's comes before its first byte."""
    path = tmp_path / "operators"
    path.write_text(TOKENS["root"])
    with MailServer() as mails, Server(database=database, arguments=arguments(mails, "--operator-token-file", str(path))) as server, \
            Person(server) as person:
        user = verified(person, mails).accounts.GetAccount(account_pb2.GetAccountRequest(), metadata=person.metadata, timeout=60).account.user_id
        person.put_habit("Read")
        operator = Operator(person, "root")
        state = ("select (select locked_at is null from users), (select count(*) from devices where refresh_hash is not null), "
                 "(select count(*) from mail_outbox), (select count(*) from mail_tokens), (select count(*) from habits)")
        sql(database, """create function refuse() returns trigger language plpgsql as 'begin raise exception ''no''; end';
            create trigger refuse before insert on audit_events for each row when (new.method ~ 'AccountAdmin') execute function refuse()""")
        before = sql(database, state)
        received = []

        def export():
            request = account_admin_pb2.ExportAccountRequest(user_id=user, format=1)
            for part in operator.stub.ExportAccount(request, metadata=operator.metadata, timeout=60):
                received.append(part)

        for act in (lambda: operator("LockAccount", user_id=user), lambda: operator("SignOutAccount", user_id=user), export,
                    lambda: operator("FindAccount", user_id=user), lambda: operator("StartPasswordReset", user_id=user),
                    lambda: operator("EraseAccount", user_id=user, email=person.email)):
            with pytest.raises(grpc.RpcError) as caught:
                act()
            assert caught.value.code() in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE)
            assert sql(database, state) == before and received == []
        sql(database, "update users set locked_at = now()")
        with pytest.raises(grpc.RpcError):
            operator("UnlockAccount", user_id=user)
        assert sql(database, "select locked_at is not null from users") == "t"
        sql(database, "drop trigger refuse on audit_events")
        assert operator("UnlockAccount", user_id=user).was_locked
        export()
        assert received
        told = sql(database, "select string_agg(method, ' ' order by number) from audit_events where method ~ 'AccountAdmin'")
        assert told == "AccountAdminService/UnlockAccount AccountAdminService/ExportAccount"


def test_a_reset_is_started_for_a_proved_address_and_by_its_link_only(database, tmp_path):  # noqa: F811
    path = tmp_path / "operators"
    path.write_text(f"{TOKENS['root']}\nmira find,lock {TOKENS['mira']}\nnoa find,reset {TOKENS['noa']}\n")
    with MailServer() as mails, Server(database=database, arguments=arguments(mails, "--operator-token-file", str(path))) as server, \
            Person(server) as person, Person(server) as unproved:
        user = verified(person, mails).accounts.GetAccount(account_pb2.GetAccountRequest(), metadata=person.metadata, timeout=60).account.user_id
        other = unproved.sign_up().account.user_id
        assert reason(Operator(person, "mira"), "StartPasswordReset", user_id=user) == "OPERATOR_RIGHT_MISSING"
        assert reason(Operator(person, "noa"), "StartPasswordReset", user_id=other) == "MAIL_OFF"
        assert reason(Operator(person, "noa"), "StartPasswordReset", user_id=os.urandom(16)) == "ACCOUNT_NOT_FOUND"
        assert "a link is on its way" in streakctl(server, "noa", "reset", person.email).stdout
        # Nothing has changed so far.
        person.sign_in()
        link = mails.of("Choose a new password")[0]
        assert link.recipients == [person.email]
        assert reset(person, link.token).devices_signed_out == 1
        person.password = "a quite new password"
        person.sign_in()
        assert b"AccountAdminService/StartPasswordReset" in person.export()[0]
        assert sql(database, "select distinct detail from audit_events where method ~ 'StartPasswordReset' and outcome = 'OK'") == "operator=noa"


def test_streakctl_does_all_of_it(server):
    with Person(server) as person:
        user = person.sign_up().account.user_id
        person.put_habit("Read")
        found = streakctl(server, "mira", "find", person.email)
        assert found.returncode == 0 and user.hex() in found.stdout and "signed in" in found.stdout, found
        assert "locked; 1 devices were signed out" in streakctl(server, "mira", "lock", user.hex()).stdout
        assert "locked " in streakctl(server, "mira", "find", person.email).stdout
        assert "unlocked" in streakctl(server, "mira", "unlock", person.email).stdout
        person.sign_in()
        assert "1 devices were signed out" in streakctl(server, "mira", "sign-out", person.email).stdout
        assert '"Read"' in streakctl(server, "noa", "export", person.email).stdout
        refused = streakctl(server, "mira", "erase", person.email, "--email", person.email)
        assert refused.returncode == 1 and "OPERATOR_RIGHT_MISSING" in refused.stderr
        assert "erased" in streakctl(server, "noa", "erase", person.email, "--email", person.email).stdout
        gone = streakctl(server, "noa", "find", person.email)
        assert gone.returncode == 1 and "ACCOUNT_NOT_FOUND" in gone.stderr


@pytest.mark.parametrize("content, said", [
    ("x" * 31, "must hold a token of 32 bytes or more"), (f"mira everything {'x' * 32}", "has a right that is none of backups, find"),
    (f"mira {'x' * 32}", "on each line"), (f"mira find {'x' * 32}\nnoa find {'x' * 32}", "has a name or a token twice")])
def test_a_file_that_names_no_operators_is_refused(tmp_path, content, said):
    path = tmp_path / "operators"
    path.write_text(content)
    done = subprocess.run([str(PROGRAMS / "streakd"), "--data-folder", str(tmp_path / "data"), "--operator-token-file", str(path)],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 64 and said in done.stderr

"""A stranger who knows the password, or had a device, is out once the owner has acted: whatever the
stranger began, made or arranged before."""

import os

import pytest
from databases import database, sql  # noqa: F401
from limits import declared
from mail_server import MailServer, arguments
from mailing import account, change_address, forget_password, reset, take_back, verified, verify
from person import Person, details
from refusals import refusal
from row_locks import locked, wait_for_blocked
from server import Server, wait_until
from streak.v1 import account_pb2, common_pb2, credential_pb2

NEW = "a quite new password"


@pytest.fixture
def mails():
    with MailServer() as running:
        yield running


@pytest.fixture
def server(database, mails):  # noqa: F811
    with Server(database=database, arguments=arguments(mails)) as running:
        yield running


@pytest.fixture
def owner(server, mails):
    with Person(server) as person:
        yield verified(person, mails)


@pytest.fixture
def thief(server, owner):
    """Knows the password, and has signed in on a device."""
    with Person(server, email=owner.email) as person:
        person.sign_in()
        yield person


def change_password(person, password=NEW):
    request = account_pb2.ChangePasswordRequest(password=person.password, new_password=password)
    person.use(person.accounts.ChangePassword(request, metadata=person.metadata, timeout=60).tokens)
    person.password = password


def sign_out_everywhere(person):
    person.accounts.SignOut(account_pb2.SignOutRequest(all_devices=True), metadata=person.metadata, timeout=60)


def reset_by_mail(person, mails):
    forget_password(person)
    reset(person, mails.of("Choose a new password")[0].token, NEW)
    person.password = NEW


def make_codes(person, **fields):
    request = credential_pb2.CreateRecoveryCodesRequest(**fields)
    return list(person.credentials.CreateRecoveryCodes(request, metadata=person.metadata, timeout=60).recovery_codes)


def recover(person, code):
    request = credential_pb2.RecoverAccountRequest(
        idempotency_key=os.urandom(16), email=person.email, recovery_code=code, new_password="the thief's own words", device=person.device)
    return person.credentials.RecoverAccount(request, timeout=60)


def ask(person, device):
    return person.credentials.RequestSignInApproval(
        credential_pb2.RequestSignInApprovalRequest(email=person.email, device=device), timeout=60)


def look(person, asked):
    request = credential_pb2.GetSignInApprovalRequest(request_id=asked.request_id, request_secret=asked.request_secret)
    return person.credentials.GetSignInApproval(request, timeout=60)


def approve(person, asked):
    person.credentials.ApproveSignIn(
        credential_pb2.ApproveSignInRequest(request_id=asked.request_id, digits=asked.digits), metadata=person.metadata, timeout=60)


def is_in(person):
    """Whether the person's tokens are good."""
    try:
        account(person)
        return True
    except Exception as error:  # noqa: BLE001
        assert error.code().name == "UNAUTHENTICATED"
        return False


# What the stranger began.

def test_a_sign_in_that_began_with_the_former_password_is_not_one_with_the_new_password(database, owner, thief):  # noqa: F811
    request = account_pb2.SignInRequest(email=owner.email, password=owner.password, device=thief.device)
    user = account(owner).user_id.hex()
    with locked(database, f"select from heads where user_id = '{user}' for update"):
        stale = thief.accounts.SignIn.future(request, timeout=60)
        wait_for_blocked(database, 1)
        change = owner.accounts.ChangePassword.future(
            account_pb2.ChangePasswordRequest(password=owner.password, new_password=NEW), metadata=owner.metadata, timeout=60)
        wait_until(lambda: change.done() or sql(
            database, "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'") == "2")
    owner.use(change.result().tokens)
    if stale.exception() is None:
        thief.use(stale.result().tokens)
    assert not is_in(thief) and is_in(owner)


def test_a_device_that_is_revoked_while_it_signs_in_is_known_only_if_it_is_signed_in(database, owner, thief):  # noqa: F811
    request = account_pb2.SignInRequest(email=owner.email, password=owner.password, device=thief.device, language="fr")
    user = account(owner).user_id.hex()
    with locked(database, f"select from users where user_id = '{user}' for update"):
        racing = thief.accounts.SignIn.future(request, timeout=60)
        wait_for_blocked(database, 1)
        revoke = owner.accounts.RevokeDevice.future(
            account_pb2.RevokeDeviceRequest(device_id=thief.device.device_id), metadata=owner.metadata, timeout=60)
        wait_until(lambda: revoke.done() or sql(
            database, "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'") == "2")
    assert racing.exception() is None and revoke.exception() is None
    assert sql(database, f"select refresh_hash is not null or revoked_at is not null from devices where device_id = '{thief.device.device_id.hex()}'") == "t"


# What the stranger made.

@pytest.mark.parametrize("way", ["change", "sign out", "reset", "revoke", "recovery code"])
def test_an_approval_of_the_stranger_s_device_ends_with_its_credentials(server, owner, thief, mails, way):
    codes = make_codes(owner)
    second = common_pb2.Device(device_id=os.urandom(16), name="second")
    approved, open_one = ask(thief, second), ask(thief, second)
    approve(thief, approved)
    if way == "change":
        change_password(owner)
    elif way == "sign out":
        sign_out_everywhere(owner)
    elif way == "reset":
        reset_by_mail(owner, mails)
    elif way == "revoke":
        owner.accounts.RevokeDevice(account_pb2.RevokeDeviceRequest(device_id=thief.device.device_id), metadata=owner.metadata, timeout=60)
    else:
        owner.use(recover(owner, codes[0]).tokens)
    # As long as the request lasts, it looks like one that is not decided.
    for asked in (approved, open_one):
        answer = look(thief, asked)
        assert answer.state == credential_pb2.SIGN_IN_APPROVAL_STATE_PENDING and not answer.HasField("tokens")
    assert refusal(approve, thief, open_one)[1] == "CREDENTIALS_INVALID"


def test_recovery_codes_end_with_the_password_unless_the_device_that_changes_it_made_them(owner, thief, mails):
    codes = make_codes(owner)
    change_password(owner)
    assert account(owner).recovery_codes_left == 8
    thief.password = NEW
    thief.sign_in()
    stolen = make_codes(thief)
    assert refusal(recover, owner, codes[0])[1] == "SIGN_IN_REFUSED"
    change_password(owner, "once more a new one")
    assert account(owner).recovery_codes_left == 0
    assert refusal(recover, thief, stolen[0])[1] == "SIGN_IN_REFUSED"


def test_a_reset_by_mail_ends_recovery_codes(owner, thief, mails):
    stolen = make_codes(thief)
    reset_by_mail(owner, mails)
    assert refusal(recover, thief, stolen[0])[1] == "SIGN_IN_REFUSED"
    owner.sign_in()
    assert account(owner).recovery_codes_left == 0 and len(make_codes(owner)) == 8


def test_a_reset_by_mail_ends_the_proof_of_another_address(owner, thief, mails):
    elsewhere = f"{os.urandom(8).hex()}@example.com"
    change_address(thief, elsewhere)
    proof = mails.to(elsewhere)
    reset_by_mail(owner, mails)
    owner.sign_in()
    # Even on a device that is signed in.
    assert refusal(verify, owner, proof.code)[1] == "MAIL_PROOF_INVALID"


@pytest.mark.parametrize("way", ["change", "recovery code"])
def test_a_new_password_ends_the_links_of_mails_that_wait(owner, thief, mails, way):
    """The stranger reads the owner's mail, or has begun to change the address."""
    codes = make_codes(owner)
    forget_password(thief)
    link = mails.of("Choose a new password")[0]
    elsewhere = f"{os.urandom(8).hex()}@example.com"
    change_address(thief, elsewhere)
    proof = mails.to(elsewhere)
    if way == "change":
        change_password(owner)
    else:
        owner.use(recover(owner, codes[0]).tokens)
    assert refusal(reset, thief, link.token)[1] == "MAIL_PROOF_INVALID"
    assert refusal(verify, owner, proof.code)[1] == "MAIL_PROOF_INVALID" and is_in(owner)


def test_a_link_to_the_former_address_resets_nothing_after_a_change(owner, mails):
    forget_password(owner)
    link = mails.of("Choose a new password")[0]
    elsewhere = f"{os.urandom(8).hex()}@example.com"
    change_address(owner, elsewhere)
    verify(owner, mails.to(elsewhere).code)
    assert refusal(reset, owner, link.token)[1] == "MAIL_PROOF_INVALID"


# What the stranger arranged.

def test_taking_the_address_back_ends_codes_and_the_announced_deletion(database, owner, thief, mails):  # noqa: F811
    former = owner.email
    elsewhere = f"{os.urandom(8).hex()}@example.com"
    stolen = make_codes(thief)
    change_address(thief, elsewhere)
    verify(thief, mails.to(elsewhere).code)
    announced = thief.accounts.DeleteAccount(
        account_pb2.DeleteAccountRequest(email=elsewhere, confirmation="delete my account"), metadata=thief.metadata, timeout=60)
    assert announced.deletion_at.seconds > 0
    link = mails.of("The address of your account was changed")[0]
    take_back(owner, link.token, NEW)
    owner.password = NEW
    owner.sign_in()
    mine = account(owner)
    assert (mine.email, mine.recovery_codes_left, mine.HasField("deletion_at")) == (former, 0, False)
    thief.email = former
    assert refusal(recover, thief, stolen[0])[1] == "SIGN_IN_REFUSED"


def test_a_stranger_s_device_does_not_use_up_the_calls_that_end_it(database, mails):  # noqa: F811
    options = arguments(mails, "--rate-limit-factor", "1", "--trusted-proxies", "127.0.0.1")
    calls = {
        "ChangePassword": account_pb2.ChangePasswordRequest(password="a wrong guess", new_password=NEW),
        "RevokeDevice": account_pb2.RevokeDeviceRequest(device_id=os.urandom(16))}
    home = (("x-forwarded-for", "192.0.2.1"),)
    with Server(database=database, arguments=options) as server, Person(server) as owner, Person(server, email=owner.email) as thief:
        owner.sign_up()
        thief.sign_in()
        away = (*thief.metadata, ("x-forwarded-for", "203.0.113.9"))
        for method, request in calls.items():
            for _ in range(declared(account_pb2, method).per_person.calls):
                getattr(thief.accounts, method).future(request, metadata=away, timeout=60).exception()
            assert refusal(getattr(thief.accounts, method), request, metadata=away, timeout=60)[1] == "TOO_MANY_REQUESTS"
        known = account_pb2.RevokeDeviceRequest(device_id=thief.device.device_id)
        assert owner.accounts.RevokeDevice(known, metadata=(*owner.metadata, *home), timeout=60).was_signed_in
        change = account_pb2.ChangePasswordRequest(password=owner.password, new_password=NEW)
        owner.use(owner.accounts.ChangePassword(change, metadata=(*owner.metadata, *home), timeout=60).tokens)
        assert is_in(owner) and not is_in(thief)


def test_a_stranger_s_calls_each_second_do_not_keep_the_owner_from_ending_it(database, mails):  # noqa: F811
    options = arguments(mails, "--loops", "1", "--calls-per-person-max", "1")
    with Server(database=database, arguments=options) as server, Person(server) as owner, Person(server, email=owner.email) as thief:
        owner.sign_up()
        thief.sign_in()

        def uses_up():
            """More calls than a second has, until one is refused."""
            calls = [thief.accounts.GetAccount.future(account_pb2.GetAccountRequest(), metadata=thief.metadata, timeout=60) for _ in range(5)]
            return any(call.exception() and details(call.exception())[0].reason == "TOO_MANY_REQUESTS" for call in calls)

        for _ in range(20):
            assert uses_up()
            change = account_pb2.ChangePasswordRequest(password="a wrong guess", new_password=NEW)
            assert refusal(owner.accounts.ChangePassword, change, metadata=owner.metadata, timeout=60)[1] != "TOO_MANY_REQUESTS"
        known = account_pb2.RevokeDeviceRequest(device_id=thief.device.device_id)
        assert owner.accounts.RevokeDevice(known, metadata=owner.metadata, timeout=60).was_signed_in


# What the owner is told.

def test_a_recovery_by_code_and_new_codes_are_told_by_mail(owner, mails):
    codes = make_codes(owner)
    told = mails.of("New recovery codes for your account")[0]
    assert told.recipients == [owner.email] and not any(code in told.text + told.html for code in codes)
    owner.device.device_id, owner.device.name = os.urandom(16), "found <phone>"
    recover(owner, codes[0])
    told = mails.of("A recovery code opened your account")[0]
    assert told.recipients == [owner.email] and "found <phone>, pytest" in told.text and "found &lt;phone&gt;" in told.html
    assert codes[0] not in told.text


def test_a_device_that_another_one_approved_is_told_by_mail_once(owner, mails):
    new = common_pb2.Device(device_id=os.urandom(16), name="approved phone", platform="pytest")
    for _ in range(2):
        asked = ask(owner, new)
        approve(owner, asked)
        assert look(owner, asked).state == credential_pb2.SIGN_IN_APPROVAL_STATE_APPROVED
    change_password(owner)
    mails.of("Your password was changed")
    told, = mails.of("A new device has signed in")
    assert "approved phone, pytest" in told.text


# The proof of the person.

def test_a_change_of_the_address_takes_the_same_proofs_as_other_dangerous_calls(database, owner, mails):  # noqa: F811
    def ask_for(**fields):
        request = account_pb2.RequestAddressChangeRequest(email=f"{os.urandom(8).hex()}@example.com", **fields)
        return owner.accounts.RequestAddressChange(request, metadata=owner.metadata, timeout=60)

    codes = make_codes(owner)
    # The device has just signed up.
    ask_for()
    sql(database, "update devices set proven_at = proven_at - interval '301 seconds'")
    assert refusal(ask_for)[1] == "REAUTHENTICATION_REQUIRED"
    assert refusal(ask_for, proof=account_pb2.PersonProof(password="a wrong guess"))[1] == "SIGN_IN_REFUSED"
    ask_for(proof=account_pb2.PersonProof(password=owner.password))
    ask_for(proof=account_pb2.PersonProof(recovery_code=codes[0]))
    assert refusal(ask_for, proof=account_pb2.PersonProof(recovery_code=codes[0]))[1] == "SIGN_IN_REFUSED"
    owner.credentials.Reauthenticate(
        credential_pb2.ReauthenticateRequest(proof=account_pb2.PersonProof(password=owner.password)), metadata=owner.metadata, timeout=60)
    ask_for()

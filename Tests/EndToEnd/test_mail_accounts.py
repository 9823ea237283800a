"""What mails prove: addresses, forgotten passwords, and what strangers get out of them."""

import json
import os
import pathlib
import re

import grpc
import pytest
from app import App
from databases import sql
from erasure import delete
from limits import declared, refused
from mail_server import MailServer, arguments
from mailing import account, change_address, forget_password, request_verification, reset, take_back, verified, verify
from metrics import ADMIN
from person import Person
from refusals import refusal
from server import Server, wait_until
from streak.v1 import account_pb2, common_pb2

NEW = "a quite new password"
INVALID = (grpc.StatusCode.FAILED_PRECONDITION, "MAIL_PROOF_INVALID")
SIGNED_OUT = (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID")
PROXIED = ["--trusted-proxies", "127.0.0.1"]


@pytest.fixture
def mails():
    with MailServer() as running:
        yield running


@pytest.fixture
def server(database, mails):
    with Server(database=database, arguments=arguments(mails, *ADMIN)) as running:
        yield running


@pytest.fixture
def mira(server):
    with Person(server) as person:
        yield person


@pytest.fixture
def other(server):
    with Person(server) as person:
        yield person


def sent(database, kind):
    """How many mails of a kind were ordered for a recipient."""
    return int(sql(database, f"SELECT count(*) FROM mail_outbox WHERE kind = {kind} AND (recipient <> '' OR sent_at IS NOT NULL)"))


# MailKind
RESET, NEW_DEVICE, PASSWORD_CHANGED = 3, 5, 6


# Verification.

def test_an_address_is_proved_by_a_code_or_a_link_once(mails, mira):
    mira.sign_up()
    assert not account(mira).email_verified
    request_verification(mira)
    first = mails.to(mira.email)
    request_verification(mira)
    wait_until(lambda: mails.count(mira.email) == 2)
    second = mails.mails[-1]
    assert refusal(verify, mira, "0000 0000") == INVALID
    assert verify(mira, first.code.replace(" ", "-")).account.email_verified
    assert account(mira).email_verified
    assert refusal(verify, mira, first.code) == INVALID
    # The other mail proves what is proved already.
    assert verify(mira, second.token).account.email_verified
    assert refusal(verify, mira, second.token) == INVALID
    assert request_verification(mira).verified


def test_five_wrong_codes_end_a_code_but_not_its_link(mails, mira):
    mira.sign_up()
    request_verification(mira)
    mail = mails.to(mira.email)
    for guess in range(5):
        assert refusal(verify, mira, f"{guess:08}") == INVALID
    assert refusal(verify, mira, mail.code) == INVALID
    assert verify(mira, mail.token).account.email_verified


def test_a_proof_works_in_its_own_account_only(mails, mira, other):
    mira.sign_up()
    other.sign_up()
    request_verification(mira)
    mail = mails.to(mira.email)
    for proof in (mail.code, mail.token, "nonsense", mail.token[:-1], "verify." + "A" * 64):
        assert refusal(verify, other, proof) == INVALID
    assert verify(mira, mail.token).account.email_verified


def test_a_proof_ends_with_its_time(database, mails, mira):
    mira.sign_up()
    request_verification(mira)
    mail = mails.to(mira.email)
    assert sql(database, "SELECT expires_at BETWEEN now() + interval '23 h' AND now() + interval '24 h' FROM mail_tokens") == "t"
    sql(database, "UPDATE mail_tokens SET expires_at = now()")
    assert refusal(verify, mira, mail.code) == INVALID and refusal(verify, mira, mail.token) == INVALID


def test_the_language_is_the_one_that_the_person_gave(mails, mira):
    request = mira.sign_up_request()
    request.language = "de-AT"
    mira.use(mira.accounts.SignUp(request, timeout=60).tokens)
    assert account(mira).language == "de-AT"
    request_verification(mira)
    mail = mails.to(mira.email)
    assert mail.subject == "Bestätige deine Adresse" and mail.message["content-language"] == "de" and 'lang="de"' in mail.html
    # A sign-in in another language changes it; one that gives none does not.
    for language, expected in (("fr", "fr"), ("", "fr")):
        mira.use(mira.accounts.SignIn(account_pb2.SignInRequest(
            email=mira.email, password=mira.password, device=mira.device, language=language), timeout=60).tokens)
        assert account(mira).language == expected
    request_verification(mira)
    wait_until(lambda: mails.count(mira.email) == 2)
    assert mails.mails[-1].subject == "Confirm your address"


# A forgotten password.

def test_a_link_replaces_a_forgotten_password_and_signs_everything_out(database, mails, mira, other):
    verified(mira, mails)
    second = common_pb2.Device(device_id=os.urandom(16), name="second")
    stolen = mira.accounts.SignIn(account_pb2.SignInRequest(email=mira.email, password=mira.password, device=second), timeout=60).tokens
    forget_password(other, mira.email.upper())
    wait_until(lambda: mails.count(mira.email) == 3)
    link = next(mail for mail in mails.mails if mail.subject == "Choose a new password")
    assert "/account#reset=reset." in link.link and mira.email not in link.text
    assert refusal(reset, other, link.token, "password") == (grpc.StatusCode.INVALID_ARGUMENT, "PASSWORD_TOO_COMMON")
    assert reset(other, link.token, NEW).devices_signed_out == 2
    assert refusal(reset, other, link.token, NEW) == INVALID
    assert refusal(mira.put_habit) == SIGNED_OUT
    for tokens in (mira.tokens, stolen):
        assert refusal(mira.accounts.Refresh, account_pb2.RefreshRequest(refresh_token=tokens.refresh_token), timeout=30) == SIGNED_OUT
    assert refusal(mira.sign_in)[1] == "SIGN_IN_REFUSED"
    mira.password = NEW
    mira.sign_in()
    wait_until(lambda: any(mail.subject == "Your password was changed" for mail in mails.mails))
    events = [method for method, _ in audit(mira)]
    assert "AccountService/RequestPasswordReset" in events and "AccountService/ResetPassword" in events


def audit(person):
    """Method and detail of each event of the person's trail."""
    document, _ = person.export()
    return [(record["method"], record.get("detail", "")) for record in json.loads(document)["audit"]]


def test_one_reset_uses_up_every_link_and_each_ends_after_an_hour(database, mails, mira, other):
    verified(mira, mails)
    for _ in range(2):
        forget_password(other, mira.email)
    wait_until(lambda: mails.count(mira.email) == 3)
    first, second = mails.of("Choose a new password", 2)
    assert sql(database, "SELECT bool_and(expires_at BETWEEN now() + interval '55 min' AND now() + interval '1 h') FROM mail_tokens") == "t"
    reset(other, first.token)
    assert refusal(reset, other, second.token) == INVALID
    forget_password(other, mira.email)
    third = mails.of("Choose a new password", 3)[-1]
    sql(database, "UPDATE mail_tokens SET expires_at = now()")
    assert refusal(reset, other, third.token) == INVALID


def test_an_address_that_is_not_proved_resets_nothing(database, mails, mira):
    mira.sign_up()
    forget_password(mira)
    forget_password(mira, "nobody@example.com")
    forget_password(mira, "no address at all")
    assert sent(database, RESET) == 0 and mails.count() == 0
    # Each has left the same rows.
    assert sql(database, "SELECT count(*), count(DISTINCT length(sealed)) FROM mail_outbox WHERE kind = 3") == "3|1"


def test_two_resets_by_one_link_have_one_winner(mails, mira, other):
    verified(mira, mails)
    forget_password(other, mira.email)
    wait_until(lambda: mails.count(mira.email) == 2)
    token = mails.mails[-1].token
    calls = [other.accounts.ResetPassword.future(account_pb2.ResetPasswordRequest(token=token, new_password=f"new password {n}"), timeout=60)
             for n in range(4)]
    codes = sorted(str(call.code()) for call in calls)
    assert codes.count("StatusCode.OK") == 1 and codes.count("StatusCode.FAILED_PRECONDITION") == 3


# The change of an address.

def test_a_change_is_confirmed_by_the_new_address_and_told_to_the_old_one(database, mails, mira, other):
    verified(mira, mails)
    old, new = mira.email, f"{os.urandom(8).hex()}@example.com"
    assert refusal(change_address, mira, new, "wrong password")[1] == "SIGN_IN_REFUSED"
    change_address(mira, new)
    mail = mails.to(new)
    # Nothing has changed so far.
    assert account(mira).email == old and mails.count(old) == 1
    changed = verify(mira, mail.code).account
    assert (changed.email, changed.email_verified) == (new, True)
    told = mails.to(old, count=2)
    assert told.subject == "The address of your account was changed" and new not in told.text
    assert refusal(mira.sign_in)[1] == "SIGN_IN_REFUSED"
    mira.email = new
    mira.sign_in()
    # The old one is kept for seven days.
    other.email = old
    assert refusal(other.sign_up)[1] == "SIGN_UP_REFUSED"
    assert sql(database, "SELECT reserved_until > now() + interval '6 days 23 h' FROM emails WHERE reserved_until IS NOT NULL") == "t"
    sql(database, "UPDATE emails SET reserved_until = now() WHERE reserved_until IS NOT NULL")
    other.sign_up()
    assert account(mira).email == new


def test_the_former_address_takes_the_account_back(database, mails, mira, other):
    """A thief with a device and the password changes the address, twice."""
    verified(mira, mails)
    old = mira.email
    habit = mira.put_habit("Read")
    for _ in range(2):
        new = f"{os.urandom(8).hex()}@example.com"
        change_address(mira, new)
        verify(mira, mails.to(new).code)
    forget_password(other, new)
    wait_until(lambda: mails.count(new) == 2)
    links = {mail.subject: mail for mail in mails.mails if mail.recipients == [old]}
    link = links["The address of your account was changed"]
    assert "#takeback=takeback." in link.link
    assert refusal(take_back, other, link.token, "password")[1] == "PASSWORD_TOO_COMMON"
    assert take_back(other, link.token).devices_signed_out == 1
    assert refusal(take_back, other, link.token) == INVALID
    assert refusal(mira.put_habit) == SIGNED_OUT
    # No link of the thief's works any more, nor the password, nor the address.
    for mail in mails.mails:
        if mail.recipients != [old] and "#reset" in mail.text:
            assert refusal(reset, other, mail.token) == INVALID
    mira.email = new
    mira.password = NEW
    assert refusal(mira.sign_in)[1] == "SIGN_IN_REFUSED"
    mira.email = old
    mira.sign_in()
    assert mira.streak(habit).habit_id == habit and account(mira).email_verified
    assert sql(database, "SELECT count(*) FROM emails") == "1"


def test_seven_days_later_an_address_cannot_be_taken_back(database, mails, mira, other):
    verified(mira, mails)
    old, new = mira.email, f"{os.urandom(8).hex()}@example.com"
    change_address(mira, new)
    verify(mira, mails.to(new).code)
    link = mails.to(old, count=2)
    assert sql(database, "SELECT expires_at > now() + interval '6 days 23 h' FROM mail_tokens") == "t"
    sql(database, "UPDATE mail_tokens SET expires_at = now()")
    assert refusal(take_back, other, link.token) == INVALID


def test_an_address_that_was_never_proved_is_not_told(mails, mira):
    """Its reader may be a stranger, who must not get the account."""
    mira.sign_up()
    new = f"{os.urandom(8).hex()}@example.com"
    change_address(mira, new)
    verify(mira, mails.to(new).code)
    assert account(mira).email_verified and mails.count() == 1


def test_an_address_that_another_account_proved_is_taken(mails, mira, other):
    verified(mira, mails)
    other.sign_up()
    change_address(other, mira.email)
    mail = mails.to(mira.email, count=2)
    # The thief of the mail learns that there is an account, and no other caller does.
    assert refusal(verify, other, mail.code) == (grpc.StatusCode.FAILED_PRECONDITION, "ADDRESS_TAKEN")
    assert account(mira).email_verified and account(other).email == other.email


# Pre-hijacking: an attacker signs up with the victim's address first.

def test_an_unproved_address_yields_to_an_account_that_proves_it(database, mails, server, mira, other):
    attacker, victim = mira, other
    attacker.password = "the attacker's password"
    attacker.sign_up()
    habit = attacker.put_habit("Wait")
    victim.sign_up()
    address = attacker.email
    change_address(victim, address)
    # The attacker asks for the proof as well; the victim's click on that mail proves nothing to
    # them.
    request_verification(attacker)
    wait_until(lambda: mails.count(address) == 2)
    for mail in mails.mails:
        if mail.subject == "Confirm your address":
            assert refusal(verify, victim, mail.code) == INVALID and refusal(verify, victim, mail.token) == INVALID
            trap = mail
        else:
            proof = mail
    assert verify(victim, proof.token).account.email == address
    # The attacker's account keeps its data and its device, and has no address.
    assert (account(attacker).email, account(attacker).email_verified) == ("", False)
    assert attacker.streak(habit).habit_id == habit
    for mail_proof in (trap.code, trap.token):
        assert refusal(verify, attacker, mail_proof) == INVALID
    assert refusal(attacker.sign_in)[1] == "SIGN_IN_REFUSED"
    forget_password(attacker, address)
    # The reset is the victim's account's.
    assert reset(attacker, mails.of("Choose a new password")[0].token).devices_signed_out == 1
    assert account(attacker).email == ""
    assert ("AccountService/VerifyAddress", "the address is another person's, who proved it") in audit(attacker)
    # It gets another address, with which it signs in.
    fresh = f"{os.urandom(8).hex()}@example.com"
    change_address(attacker, fresh)
    verify(attacker, mails.to(fresh).code)
    attacker.email = fresh
    attacker.sign_in()
    assert attacker.streak(habit).habit_id == habit


def test_a_person_signs_up_with_an_address_that_somebody_else_never_proved(database, mails, mira, other):
    attacker, victim = mira, other
    attacker.password = "the attacker's password"
    attacker.sign_up()
    attacker.put_habit("Wait")
    victim.email = attacker.email
    assert refusal(victim.sign_up)[1] == "SIGN_UP_REFUSED"
    victim.accounts.RequestSignUpCode(account_pb2.RequestSignUpCodeRequest(email=victim.email, language="de"), timeout=30)
    mail = mails.to(victim.email)
    assert mail.subject == "Dein Code für die Registrierung"
    request = victim.sign_up_request()
    request.address_code = "0000 0000"
    assert refusal(victim.accounts.SignUp, request, timeout=60) == INVALID
    request.address_code = mail.code
    response = victim.accounts.SignUp(request, timeout=60)
    victim.use(response.tokens)
    assert response.account.email_verified and account(victim).email_verified and not victim.history()
    assert account(attacker).email == "" and refusal(attacker.sign_in)[1] == "SIGN_IN_REFUSED"
    # The reply comes again; the code does not work again.
    assert victim.accounts.SignUp(request, timeout=60) == response
    # The attacker can still erase what it has.
    delete(attacker, "anything@example.com")
    assert account(victim).email == victim.email


def test_a_code_for_a_sign_up_says_nothing_about_an_account(database, mails, mira, other):
    verified(mira, mails)
    request = account_pb2.RequestSignUpCodeRequest
    assert other.accounts.RequestSignUpCode(request(email=mira.email), timeout=30) == other.accounts.RequestSignUpCode(
        request(email="free@example.com"), timeout=30)
    assert mails.to("free@example.com").subject == "Your code for the sign-up"
    mail = mails.to(mira.email, count=2)
    assert mail.subject == "You have an account already" and not re.search(r"\d{4} \d{4}", mail.text)
    # No code takes a proved address.
    other.email = mira.email
    attempt = other.sign_up_request()
    for code in ("00000000", "12345678"):
        attempt.address_code = code
        assert refusal(other.accounts.SignUp, attempt, timeout=60) == INVALID


def test_a_code_for_a_sign_up_ends_with_five_wrong_ones_and_with_its_time(database, mails, mira, other):
    mira.sign_up()
    other.email = mira.email

    def code():
        before = mails.count(other.email)
        other.accounts.RequestSignUpCode(account_pb2.RequestSignUpCodeRequest(email=other.email), timeout=30)
        return mails.to(other.email, count=before + 1).code

    def sign_up(proof):
        request = other.sign_up_request()
        request.address_code = proof
        return other.accounts.SignUp(request, timeout=60)

    first = code()
    for guess in range(5):
        assert refusal(sign_up, f"{guess:08}") == INVALID
    assert refusal(sign_up, first) == INVALID
    late = code()
    sql(database, "UPDATE mail_tokens SET expires_at = now()")
    assert refusal(sign_up, late) == INVALID
    # The guesses have ended neither the address nor a later code.
    again = code()
    for guess in range(4):
        assert refusal(sign_up, f"{guess:08}") == INVALID
    assert sign_up(again).account.email_verified


# Notices.

def test_a_new_device_and_a_changed_password_are_told(mails, mira):
    verified(mira, mails)
    device = common_pb2.Device(device_id=os.urandom(16), name="Pho\r\nBcc: x@y.z\nne <b>", platform="android 17")
    request = account_pb2.SignInRequest(email=mira.email, password=mira.password, device=device)
    mira.accounts.SignIn(request, timeout=60)
    mail = mails.to(mira.email, count=2)
    assert mail.subject == "A new device has signed in" and "Pho  Bcc: x@y.z ne <b>, android 17" in mail.text
    assert "&lt;b&gt;" in mail.html and "<b>" not in mail.html and mail.message["bcc"] is None
    # Once: it is known now.
    mira.accounts.SignIn(request, timeout=60)
    mira.accounts.ChangePassword(account_pb2.ChangePasswordRequest(password=mira.password, new_password=NEW), metadata=mira.metadata, timeout=60)
    assert mails.to(mira.email, count=3).subject == "Your password was changed"


def test_an_announced_deletion_is_told_once(mails, mira):
    verified(mira, mails)
    for _ in range(2):
        mira.accounts.DeleteAccount(account_pb2.DeleteAccountRequest(email=mira.email, confirmation="delete my account"),
                                    metadata=mira.metadata, timeout=60)
    mail = mails.to(mira.email, count=2)
    assert mail.subject == "Your account will be deleted" and "UTC" in mail.text


def test_an_unproved_address_gets_no_notices(database, mails, mira):
    mira.sign_up()
    mira.accounts.SignIn(account_pb2.SignInRequest(
        email=mira.email, password=mira.password, device=common_pb2.Device(device_id=os.urandom(16))), timeout=60)
    mira.accounts.ChangePassword(account_pb2.ChangePasswordRequest(password=mira.password, new_password=NEW), metadata=mira.metadata, timeout=60)
    assert sql(database, "SELECT count(*) FROM mail_outbox") == "0"


# Limits, erasure, secrets.

def test_one_recipient_gets_few_mails_whoever_asks(database, mails):
    options = arguments(mails, "--rate-limit-factor", "1", *PROXIED)
    address = "victim@example.com"
    with Server(database=database, arguments=options) as server, Person(server) as anyone:
        asked = 0
        for number in range(12):
            with Person(server) as person:
                person.email = f"p{number}@example.com"
                person.use(person.accounts.SignUp(person.sign_up_request(), metadata=[("x-forwarded-for", f"192.0.2.{number}")], timeout=60).tokens)
                try:
                    change_address(person, address)
                    asked += 1
                except grpc.RpcError as error:
                    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert asked == 10
        # The limit is the same for an address with an account and without.
        assert refused(forget_password, anyone, address, metadata=[("x-forwarded-for", "203.0.113.5")]) > 0
        assert mails.to(address, count=10)


def test_resets_are_limited_alike_for_known_and_unknown_addresses(database, mails):
    calls = declared(account_pb2, "RequestPasswordReset").per_person.calls
    with Server(database=database, arguments=arguments(mails, "--rate-limit-factor", "1", *PROXIED)) as server, Person(server) as person:
        verified(person, mails)
        for address in (person.email, "nobody@example.com"):
            for _ in range(calls):
                forget_password(person, address)
            assert refused(forget_password, person, address) > 0


def test_an_erased_account_leaves_no_mail(database, mails, mira):
    verified(mira, mails)
    mails.replies["DATA"] = "451 later"
    change_address(mira, "new@example.com")
    forget_password(mira)
    assert int(sql(database, "SELECT count(*) FROM mail_outbox WHERE user_id <> '00000000-0000-0000-0000-000000000000'")) > 1
    delete(mira)
    assert sql(database, "SELECT (SELECT count(*) FROM mail_outbox) + (SELECT count(*) FROM mail_tokens)") == "0"


def test_no_secret_is_where_others_read(database, folder, mails):
    """Neither in the log at its most talkative, nor in arguments, subjects or, in the clear, the database."""
    with Server(database=database, arguments=arguments(mails, "--log-level", "trace", "--access-log")) as server, Person(server) as person:
        verified(person, mails)
        forget_password(person)
        mails.to(person.email, count=2)
        mails.replies["DATA"] = "451 4.3.0 later"
        forget_password(person)
        new = f"{os.urandom(8).hex()}@example.com"
        change_address(person, new)
        wait_until(lambda: any("a mail cannot be sent now" in line for line in server.lines))
        dump = sql(database, "SELECT string_agg(t::text, ' ') FROM mail_outbox t") + sql(database, "SELECT string_agg(t::text, ' ') FROM mail_tokens t")
        mails.replies.clear()
        sql(database, "UPDATE mail_outbox SET due_at = now() WHERE due_at IS NOT NULL")
        wait_until(lambda: mails.count() == 4)
        secrets = [secret for mail in mails.mails for secret in re.findall(r"\d{4} \d{4}|(?:verify|reset|takeback)\.[\w-]{60,}", mail.text)]
        secrets += [secret.replace(" ", "") for secret in secrets]
        assert len(secrets) >= 6
        log = "".join(server.lines)
        commands = b"".join(path.read_bytes() for path in pathlib.Path("/proc").glob("[0-9]*/cmdline") if path.exists())
        for secret in secrets:
            assert secret not in log and secret.encode() not in commands and secret not in dump
            assert not any(secret in mail.subject for mail in mails.mails)
            assert secret.encode().hex() not in dump
        assert person.email not in log and new not in log


# The terminal app.

def test_the_terminal_app_verifies_and_replaces_a_forgotten_password(folder, mails, server):
    first, second = App(folder / "first", server), App(folder / "second", server)
    address = f"{os.urandom(8).hex()}@example.com"
    first.run("habit", "add", "reading")
    first.sign_up(address)
    assert "on its way" in first.run("account", "verify")
    assert "confirmed" in first.run("account", "verify", "--code", input=mails.to(address).code + "\n")
    assert "confirmed already" in first.run("account", "verify")
    assert "on its way" in second.run("forgot-password", address)
    link = mails.to(address, count=2).link
    assert "signed out" in second.run("forgot-password", "--link", input=f"{link}\n{NEW}\n")
    assert "does not work" in second.run("forgot-password", "--link", input=f"{link}\n{NEW}\n", code=1)
    second.run("login", address, input=NEW + "\n")
    assert "reading" in second.run("status")
    wait_until(lambda: mails.count(address) == 4)
    new = f"{os.urandom(8).hex()}@example.com"
    second.run("account", "email", new, input=NEW + "\n")
    assert new in second.run("account", "verify", "--code", input=mails.to(new).link + "\n")
    wait_until(lambda: mails.count(address) == 5)
    back = mails.mails[-1].link
    first.run("account", "take-back", input=f"{back}\nonce more a new one\n")
    first.run("login", address, input="once more a new one\n")
    assert "reading" in first.run("status")


def test_the_terminal_app_signs_up_with_an_address_that_was_never_confirmed(folder, mails, server, mira):
    mira.sign_up()
    app = App(folder / "app", server)
    app.run("habit", "add", "reading")
    assert "may have one already" in app.run("signup", mira.email, input=NEW + "\n", code=1)
    assert "on its way" in app.run("signup", mira.email, "--request-code")
    code = mails.to(mira.email).code
    assert "does not work" in app.run("signup", mira.email, "--code", input=f"0000 0000\n{NEW}\n", code=1)
    assert "signed up" in app.run("signup", mira.email, "--code", input=f"{code}\n{NEW}\n")
    assert account(mira).email == "" and "confirmed already" in app.run("account", "verify")

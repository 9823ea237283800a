"""An attacker's guesses of codes, digits, tokens and passwords over many addresses get nothing, tell
nothing and lock no owner out. A sample; STREAKD_LONG: 10,000 guesses."""

import base64
import os
import random

import grpc
import pytest
from databases import database, sql  # noqa: F401
from mail_server import MailServer, arguments
from mailing import account, change_address, forget_password, reset, verified
from person import Person, details
from server import Server
from streak.v1 import account_pb2, credential_pb2

GUESSES = 10_000 if os.environ.get("STREAKD_LONG") else 400
AT_ONCE = 16
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PROXY = ["--rate-limit-factor", "1", "--trusted-proxies", "127.0.0.1"]
# What a guess of each kind is refused with, if it is not one too many.
REFUSALS = {
    "recover": "SIGN_IN_REFUSED", "sign in": "SIGN_IN_REFUSED", "look": "SIGN_IN_APPROVAL_NOT_FOUND",
    "look anywhere": "SIGN_IN_APPROVAL_NOT_FOUND", "approve": "SIGN_IN_APPROVAL_NOT_FOUND", "access": "CREDENTIALS_INVALID",
    "refresh": "CREDENTIALS_INVALID", "mailed link": "MAIL_PROOF_INVALID", "mailed code": "MAIL_PROOF_INVALID",
    "sign-up code": "MAIL_PROOF_INVALID", "prove": "SIGN_IN_REFUSED"}


class Attacker:
    """Guesses from addresses of its own."""

    def __init__(self, person, seed):
        self.person, self.chance = person, random.Random(seed)

    def address(self):
        return (("x-forwarded-for", f"10.{self.chance.randrange(256)}.{self.chance.randrange(256)}.{self.chance.randrange(1, 255)}"),)

    def code(self):
        return "".join(self.chance.choice(ALPHABET) for _ in range(10))

    def recover(self, email):
        request = credential_pb2.RecoverAccountRequest(
            idempotency_key=os.urandom(16), email=email, recovery_code=self.code(), new_password="the attacker's own words", device=self.person.device)
        return self.person.credentials.RecoverAccount.future(request, metadata=self.address(), timeout=120)

    def sign_in(self, email):
        request = account_pb2.SignInRequest(email=email, password=f"guess {self.chance.random()}", device=self.person.device)
        return self.person.accounts.SignIn.future(request, metadata=self.address(), timeout=120)

    def look(self, request_id):
        request = credential_pb2.GetSignInApprovalRequest(request_id=request_id, request_secret=self.chance.randbytes(32))
        return self.person.credentials.GetSignInApproval.future(request, metadata=self.address(), timeout=120)

    def approve(self, request_id):
        """With an account of its own."""
        request = credential_pb2.ApproveSignInRequest(request_id=request_id, digits=f"{self.chance.randrange(1_000_000):06}")
        return self.person.credentials.ApproveSignIn.future(request, metadata=(*self.person.metadata, *self.address()), timeout=120)


    def token(self, kind, owner):
        """With the owner's id, which the attacker is given."""
        return f"{kind}." + base64.urlsafe_b64encode(owner + self.chance.randbytes(32)).decode().rstrip("=")

    def digits(self):
        return f"{self.chance.randrange(100_000_000):08}"

    def access(self, owner):
        metadata = (("authorization", f"Bearer {self.token('access', owner)}"), *self.address())
        return self.person.accounts.GetAccount.future(account_pb2.GetAccountRequest(), metadata=metadata, timeout=120)

    def refresh(self, owner):
        request = account_pb2.RefreshRequest(refresh_token=self.token("refresh", owner))
        return self.person.accounts.Refresh.future(request, metadata=self.address(), timeout=120)

    def mailed_link(self, owner):
        kind = self.chance.choice(("reset", "takeback"))
        call, request = {"reset": (self.person.accounts.ResetPassword, account_pb2.ResetPasswordRequest),
                         "takeback": (self.person.accounts.TakeBackAddress, account_pb2.TakeBackAddressRequest)}[kind]
        return call.future(request(token=self.token(kind, owner), new_password="the attacker's own words"), metadata=self.address(), timeout=120)

    def mailed_code(self):
        """Of the mail that the attacker's own account sent to the owner's address."""
        request = account_pb2.VerifyAddressRequest(proof=self.digits())
        return self.person.accounts.VerifyAddress.future(request, metadata=(*self.person.metadata, *self.address()), timeout=120)

    def sign_up_code(self, email):
        request = account_pb2.SignUpRequest(idempotency_key=os.urandom(16), email=email, password="the attacker's own words",
                                            device=self.person.device, address_code=self.digits())
        return self.person.accounts.SignUp.future(request, metadata=self.address(), timeout=120)

    def prove(self, stolen):
        """With the access token of a device of the owner."""
        request = credential_pb2.ReauthenticateRequest(proof=account_pb2.PersonProof(recovery_code=self.code()))
        return self.person.credentials.Reauthenticate.future(request, metadata=(*stolen, *self.address()), timeout=120)


def reasons(calls):
    """What each call was refused with; none may succeed."""
    told = []
    for start in range(0, len(calls), AT_ONCE):
        for call in [make() for make in calls[start:start + AT_ONCE]]:
            error = call.exception()
            assert isinstance(error, grpc.RpcError), "a guess was accepted"
            told.append(details(error)[0].reason)
    return told


def fresh(server, owner, address):
    """The owner on a new phone elsewhere."""
    phone = Person(server, email=owner.email)
    phone.password = owner.password
    return phone, (("x-forwarded-for", address),)


@pytest.mark.parametrize("seed", [1])
def test_guesses_over_many_addresses_get_nothing_and_lock_no_owner_out(database, seed):  # noqa: F811
    with MailServer() as mails, Server(database=database, arguments=arguments(mails, *PROXY)) as server, \
            Person(server) as owner, Person(server) as thief:
        verified(owner, mails)
        thief.sign_up()
        user, lost = account(owner).user_id, Person(server, email=owner.email)
        lost.sign_in()
        # What the guesses are about: a link to a new password, codes in the owner's mail.
        forget_password(owner)
        change_address(thief, owner.email)
        thief.accounts.RequestSignUpCode(account_pb2.RequestSignUpCodeRequest(email=owner.email), timeout=60)
        habit = owner.put_habit()
        owner.record(habit)
        codes = list(owner.credentials.CreateRecoveryCodes(credential_pb2.CreateRecoveryCodesRequest(), metadata=owner.metadata).recovery_codes)
        asked = owner.credentials.RequestSignInApproval(
            credential_pb2.RequestSignInApprovalRequest(email=owner.email, device=thief.device))
        before = sql(database, "select sealed_password, (select count(*) from devices) from users where email = " + f"'{owner.email}'")
        attacker = Attacker(thief, seed)
        guesses = {
            "recover": lambda: attacker.recover(owner.email), "sign in": lambda: attacker.sign_in(owner.email),
            "look": lambda: attacker.look(asked.request_id), "look anywhere": lambda: attacker.look(attacker.chance.randbytes(16)),
            "approve": lambda: attacker.approve(asked.request_id), "access": lambda: attacker.access(user),
            "refresh": lambda: attacker.refresh(user), "mailed link": lambda: attacker.mailed_link(user), "mailed code": attacker.mailed_code,
            "sign-up code": lambda: attacker.sign_up_code(owner.email), "prove": lambda: attacker.prove(lost.metadata)}
        kinds = [attacker.chance.choice(list(guesses)) for _ in range(GUESSES)]
        told = reasons([guesses[kind] for kind in kinds])
        for kind, reason in zip(kinds, told):
            assert reason in (REFUSALS[kind], "TOO_MANY_REQUESTS"), (kind, reason)
        assert set(kinds) == set(REFUSALS)
        assert sql(database, "select sealed_password, (select count(*) from devices) from users where email = " + f"'{owner.email}'") == before
        assert sql(database, "select count(*) from recovery_codes where used_at is not null") == "0"
        # The owner's device goes on, signs in, renews its tokens; the owner's new phone comes in
        # with a code.
        assert owner.streak(habit).current == 1
        owner.sign_in()
        owner.use(owner.accounts.Refresh(account_pb2.RefreshRequest(refresh_token=owner.tokens.refresh_token), timeout=60).tokens)
        phone, elsewhere = fresh(server, owner, "192.0.2.77")
        request = credential_pb2.RecoverAccountRequest(
            idempotency_key=os.urandom(16), email=owner.email, recovery_code=codes[0], new_password="the owner's new words", device=phone.device)
        phone.use(phone.credentials.RecoverAccount(request, metadata=elsewhere, timeout=60).tokens)
        assert phone.streak(habit).current == 1
        # Or with a link: the guesses have used up no mails.
        forget_password(phone, metadata=elsewhere)
        assert reset(phone, mails.of("Choose a new password", 2)[1].token).devices_signed_out == 1
        phone.close()
        lost.close()


def test_known_and_unknown_emails_are_answered_alike_guess_by_guess(database):  # noqa: F811
    with Server(database=database, arguments=PROXY) as server, Person(server) as owner, Person(server) as thief:
        owner.sign_up()
        thief.sign_up()
        owner.credentials.CreateRecoveryCodes(credential_pb2.CreateRecoveryCodesRequest(), metadata=owner.metadata)
        unknown = f"{os.urandom(8).hex()}@example.com"
        attacker = Attacker(thief, 2)
        for kind, count in (("sign_in", 22), ("recover", 102 if GUESSES > 400 else 12)):
            sequences = []
            for email in (owner.email, unknown):
                texts = []
                for _ in range(count):
                    error = getattr(attacker, kind)(email).exception()
                    texts.append((error.code(), error.details(), details(error)[0].reason))
                sequences.append(texts)
            assert sequences[0] == sequences[1]
        events = sql(database, "select user_id <> '00000000-0000-0000-0000-000000000000', count(*) from audit_events "
                               "where reason = 'SIGN_IN_REFUSED' group by 1 order by 1").split("\n")
        assert len(events) == 2 and events[0].split("|")[1] == events[1].split("|")[1], events


def test_an_address_that_was_signed_up_before_its_owner_came_is_no_way_in(database):  # noqa: F811
    """A stranger who has signed an address up holds an empty account of the stranger's own: the owner's codes,
    approvals and devices are of another account, whatever address both name."""
    with Server(database=database) as server, Person(server) as stranger, Person(server) as owner:
        stranger.sign_up()
        codes = list(stranger.credentials.CreateRecoveryCodes(credential_pb2.CreateRecoveryCodesRequest(), metadata=stranger.metadata).recovery_codes)
        proof = account_pb2.PersonProof(password=stranger.password)
        stranger.accounts.DeleteAccount(
            account_pb2.DeleteAccountRequest(email=stranger.email, confirmation="delete my account", immediately=True, proof=proof),
            metadata=stranger.metadata)
        owner.email = stranger.email
        owner.password = "the owner's own words"
        owner.sign_up()
        habit = owner.put_habit()
        request = credential_pb2.RecoverAccountRequest(
            idempotency_key=os.urandom(16), email=owner.email, recovery_code=codes[0], new_password="the stranger's words", device=stranger.device)
        error = stranger.credentials.RecoverAccount.future(request, timeout=60).exception()
        assert details(error)[0].reason == "SIGN_IN_REFUSED"
        error = stranger.accounts.Refresh.future(account_pb2.RefreshRequest(refresh_token=stranger.tokens.refresh_token), timeout=60).exception()
        assert details(error)[0].reason == "ACCOUNT_ERASED"
        assert owner.streak(habit).current == 0

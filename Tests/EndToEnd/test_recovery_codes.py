"""Recovery codes: made, shown once, used once; a forgotten password loses no account."""

import os
import re

import grpc
import pytest
from databases import database, sql  # noqa: F401
from limits import declared
from person import Person, details
from server import Server
from streak.v1 import account_pb2, credential_pb2

NEW = "another horse battery staple"


@pytest.fixture
def server(database):  # noqa: F811
    with Server(database=database) as running:
        yield running


def make_codes(person, **fields):
    return list(person.credentials.CreateRecoveryCodes(
        credential_pb2.CreateRecoveryCodesRequest(**fields), metadata=person.metadata, timeout=60).recovery_codes)


def request(person, code, password=NEW, email=None, key=None):
    return credential_pb2.RecoverAccountRequest(
        idempotency_key=key or os.urandom(16), email=email or person.email, recovery_code=code, new_password=password, device=person.device)


def recover(person, code, **fields):
    return person.credentials.RecoverAccount(request(person, code, **fields), timeout=60)


def reason(call, *arguments, **options):
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, timeout=60, **options)
    return caught.value.code().name, details(caught.value)[0].reason


def account(person):
    return person.accounts.GetAccount(account_pb2.GetAccountRequest(), metadata=person.metadata, timeout=60).account


def test_a_sign_up_gives_codes_if_it_asks_for_them_and_its_replay_gives_the_same(server):
    with Person(server) as person, Person(server) as plain:
        wanted = person.sign_up_request()
        wanted.with_recovery_codes = True
        first = person.accounts.SignUp(wanted, timeout=60)
        assert person.accounts.SignUp(wanted, timeout=60) == first
        assert len(set(first.recovery_codes)) == 8 and first.account.recovery_codes_left == 8
        assert all(re.fullmatch("[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}", code) for code in first.recovery_codes)
        assert list(plain.sign_up().recovery_codes) == [] and account(plain).recovery_codes_left == 0
        assert recover(person, first.recovery_codes[3]).account.recovery_codes_left == 7


def test_a_code_signs_in_sets_the_password_and_ends_every_other_credential(server, database):  # noqa: F811
    with Person(server) as phone, Person(server) as tablet:
        phone.sign_up()
        tablet.email = phone.email
        tablet.sign_in()
        habit = phone.put_habit()
        phone.record(habit)
        codes = make_codes(phone)
        with Person(server, email=phone.email) as fresh:
            typed = codes[0].lower().replace("-", " ").replace("0", "o").replace("1", "l")
            answer = recover(fresh, typed)
            fresh.use(answer.tokens)
            assert answer.account.recovery_codes_left == 7 == account(fresh).recovery_codes_left
            assert fresh.streak(habit).current == 1
        for person in (phone, tablet):
            assert reason(person.accounts.GetAccount, account_pb2.GetAccountRequest(), metadata=person.metadata)[1] == "CREDENTIALS_INVALID"
            refresh = account_pb2.RefreshRequest(refresh_token=person.tokens.refresh_token)
            assert reason(person.accounts.Refresh, refresh)[1] == "CREDENTIALS_INVALID"
        old = account_pb2.SignInRequest(email=phone.email, password=phone.password, device=phone.device)
        assert reason(phone.accounts.SignIn, old) == ("UNAUTHENTICATED", "SIGN_IN_REFUSED")
        phone.password = NEW
        phone.sign_in()
        events = sql(database, "select outcome || ' ' || reason from audit_events where method = 'CredentialService/RecoverAccount'")
        assert events == "OK"


def test_the_same_recovery_again_gets_the_same_reply_and_another_one_is_refused(server):
    with Person(server) as person:
        person.sign_up()
        code = make_codes(person)[0]
        first = request(person, code)
        reply = person.credentials.RecoverAccount(first, timeout=60)
        again, call = person.credentials.RecoverAccount.with_call(first, timeout=60)
        assert again == reply and dict(call.trailing_metadata())["streak-replayed"] == "true"
        for other in (request(person, code), request(person, code, password="third horse battery staple", key=first.idempotency_key)):
            assert reason(person.credentials.RecoverAccount, other) == ("UNAUTHENTICATED", "SIGN_IN_REFUSED")
        person.use(reply.tokens)
        # The first credentials are still the device's: a replay has issued no others.
        account(person)


def test_two_recoveries_with_one_code_at_the_same_time_have_one_winner(server):
    with Person(server) as person:
        person.sign_up()
        for code in make_codes(person)[:4]:
            calls = [person.credentials.RecoverAccount.future(request(person, code), timeout=60) for _ in range(6)]
            codes = [call.code() for call in calls]
            assert codes.count(grpc.StatusCode.OK) == 1 and set(codes) == {grpc.StatusCode.OK, grpc.StatusCode.UNAUTHENTICATED}
            person.use(next(call.result() for call in calls if call.code() == grpc.StatusCode.OK).tokens)
            account(person)


def test_new_codes_end_the_former_ones(server):
    with Person(server) as person:
        person.sign_up()
        former, present = make_codes(person), make_codes(person)
        assert not set(former) & set(present) and account(person).recovery_codes_left == 8
        assert reason(person.credentials.RecoverAccount, request(person, former[0]))[1] == "SIGN_IN_REFUSED"
        recover(person, present[0])


def test_unknown_emails_wrong_codes_and_used_ones_are_refused_alike(server, database):  # noqa: F811
    with Person(server) as person, Person(server) as other:
        person.sign_up()
        other.sign_up()
        codes, others = make_codes(person), make_codes(other)
        recover(person, codes[0])
        told = set()
        for code, email in [("AAAAA-AAAAA", None), ("AAAAA-AAAAA", "nobody@example.com"), ("no code", None), (codes[0], None),
                            (others[0], None), (codes[1], "nobody@example.com"), (codes[1], "no email")]:
            with pytest.raises(grpc.RpcError) as caught:
                recover(person, code, email=email)
            told.add((caught.value.code(), caught.value.details(), details(caught.value)[0].reason))
        assert len(told) == 1 and next(iter(told))[2] == "SIGN_IN_REFUSED"
        assert recover(person, codes[1]).account.recovery_codes_left == 6
        assert sql(database, "select count(*) from audit_events where reason = 'SIGN_IN_REFUSED'") == "7"


def test_a_password_that_is_too_common_is_refused_before_the_code_is_looked_at(server):
    with Person(server) as person:
        person.sign_up()
        code = make_codes(person)[0]
        assert reason(person.credentials.RecoverAccount, request(person, code, password="password1")) == ("INVALID_ARGUMENT", "PASSWORD_TOO_COMMON")
        assert recover(person, code).account.recovery_codes_left == 7


def test_guesses_are_limited_and_lock_the_owner_out_neither_here_nor_at_sign_in(database):  # noqa: F811
    rate = declared(credential_pb2, "RecoverAccount")
    arguments = ["--rate-limit-factor", "1", "--trusted-proxies", "127.0.0.1"]
    with Server(database=database, arguments=arguments) as server, Person(server) as person:
        person.sign_up()
        code = make_codes(person)[0]
        refusals = []
        for number in range(rate.per_person.calls + 1):
            attempt = request(person, "AAAAA-AAAAA")
            refusals.append(reason(person.credentials.RecoverAccount, attempt, metadata=[("x-forwarded-for", f"10.0.0.{number % 250}")])[1])
        assert refusals == ["SIGN_IN_REFUSED"] * rate.per_person.calls + ["TOO_MANY_REQUESTS"]
        for _ in range(rate.per_address.calls):
            nobody = request(person, "AAAAA-AAAAA", email=f"{os.urandom(8).hex()}@example.com")
            reason(person.credentials.RecoverAccount, nobody, metadata=[("x-forwarded-for", "10.1.0.1")])
        nobody = request(person, "AAAAA-AAAAA", email=f"{os.urandom(8).hex()}@example.com")
        assert reason(person.credentials.RecoverAccount, nobody, metadata=[("x-forwarded-for", "10.1.0.1")])[1] == "TOO_MANY_REQUESTS"
        with Person(server, email=person.email) as fresh:
            fresh.accounts.SignIn(account_pb2.SignInRequest(email=fresh.email, password=fresh.password, device=fresh.device),
                                  metadata=[("x-forwarded-for", "10.2.0.1")], timeout=60)
            fresh.credentials.RecoverAccount(request(fresh, code), metadata=[("x-forwarded-for", "10.2.0.2")], timeout=60)


def test_only_hashes_that_need_the_server_key_are_stored(server, database):  # noqa: F811
    with Person(server) as person:
        person.sign_up()
        codes = make_codes(person)
        stored = sql(database, "select string_agg(encode(code_hash, 'hex'), ' ') from recovery_codes").split()
        assert len(stored) == 8 and all(len(hash) == 64 for hash in stored)
        recover(person, codes[0])
        dump = sql(database, "select string_agg(t::text, ' ') from (select * from recovery_codes) t") + sql(
            database, "select string_agg(t::text, ' ') from audit_events t")
        for code in codes:
            for text in (code, code.replace("-", "")):
                assert text not in dump and text.encode().hex() not in dump

"""Passwords and devices: guessing, lock-outs, stolen tokens, lists, revocation."""

import os

from databases import sql
from limits import SIGN_INS, refused
from metrics import Metrics
from password_seal import cheap_hash, matches, store_password, stored_password
from person import Person
from refusals import full_refusal
from server import Server
from streak.v1 import account_pb2, common_pb2, session_pb2

PROXIED = ["--rate-limit-factor", "1", "--trusted-proxies", "127.0.0.1"]
HOME, AWAY, ATTACKER = "192.0.2.10", "198.51.100.20", "203.0.113.66"


def sign_in(person, address=HOME, device=None, password=None):
    return person.accounts.SignIn(
        account_pb2.SignInRequest(email=person.email, password=password or person.password,
                                  device=device or common_pb2.Device(device_id=os.urandom(16))),
        metadata=[("x-forwarded-for", address)], timeout=60)


def test_an_attacker_cannot_lock_the_owner_out(database):
    with Server(database=database, arguments=PROXIED) as server, Person(server) as owner:
        request = owner.sign_up_request()
        owner.use(owner.accounts.SignUp(request, metadata=[("x-forwarded-for", HOME)], timeout=60).tokens)
        for _ in range(SIGN_INS):
            assert full_refusal(sign_in, owner, ATTACKER, password="a wrong guess")[0] == "UNAUTHENTICATED"
        refused(sign_in, owner, ATTACKER, password="a wrong guess")
        refused(sign_in, owner, "203.0.113.67", password="another guess")
        # The right password does not help a stranger now, but the owner can sign in: on the known
        # device anywhere, and at a known address on any device.
        refused(sign_in, owner, ATTACKER)
        assert sign_in(owner, AWAY, device=owner.device).tokens.access_token
        assert sign_in(owner, AWAY).tokens.access_token  # AWAY is where the device signed in last
        # Guesses on the device itself are counted too.
        for _ in range(SIGN_INS - 1):
            assert full_refusal(sign_in, owner, ATTACKER, device=owner.device, password="a wrong guess")[0] == "UNAUTHENTICATED"
        refused(sign_in, owner, ATTACKER, device=owner.device)


def test_a_revoked_device_is_a_stranger_again(database):
    with Server(database=database, arguments=PROXIED) as server, Person(server) as owner:
        owner.use(owner.accounts.SignUp(owner.sign_up_request(), metadata=[("x-forwarded-for", HOME)], timeout=60).tokens)
        lost = common_pb2.Device(device_id=os.urandom(16), name="lost phone")
        stolen = sign_in(owner, AWAY, device=lost).tokens
        revoke = account_pb2.RevokeDeviceRequest(device_id=lost.device_id)
        assert owner.accounts.RevokeDevice(revoke, metadata=owner.metadata, timeout=30).was_signed_in
        assert not owner.accounts.RevokeDevice(revoke, metadata=owner.metadata, timeout=30).was_signed_in
        with Person(server) as thief:
            thief.use(stolen)
            assert full_refusal(thief.put_habit)[:2] == ("UNAUTHENTICATED", "CREDENTIALS_INVALID")
            assert full_refusal(thief.accounts.Refresh, account_pb2.RefreshRequest(refresh_token=stolen.refresh_token),
                           timeout=30)[:2] == ("UNAUTHENTICATED", "CREDENTIALS_INVALID")
        for _ in range(SIGN_INS - 1):  # its sign-in was one attempt
            assert full_refusal(sign_in, owner, ATTACKER, password="a wrong guess")[0] == "UNAUTHENTICATED"
        refused(sign_in, owner, ATTACKER, device=lost)
        assert full_refusal(owner.accounts.RevokeDevice, account_pb2.RevokeDeviceRequest(device_id=os.urandom(16)),
                       metadata=owner.metadata, timeout=30)[:2] == ("NOT_FOUND", "DEVICE_NOT_FOUND")


def test_passwords_that_are_guessed_first_are_refused(folder):
    breached = folder / "breached.txt"
    breached.write_text("purple monkey dishwasher\n")
    with Server(folder=folder, arguments=["--breached-passwords", str(breached)]) as server, Person(server) as person:
        for password in ("password", "Password2026", "purple monkey dishwasher", person.email):
            person.password = password
            assert full_refusal(person.sign_up) == ("INVALID_ARGUMENT", "PASSWORD_TOO_COMMON", ["password"])
        person.password = "1234567"
        assert full_refusal(person.sign_up)[0] == "INVALID_ARGUMENT"
        person.password = "purple monkey dishwashers"
        person.sign_up()


def test_a_hash_of_another_cost_than_the_set_one_is_renewed_at_the_next_sign_in(database):
    with Server(database=database, arguments=["--password-memory-mib", "20"]) as server, Person(server) as owner:
        user = owner.sign_up().account.user_id
        cheap = cheap_hash(owner.password)
        store_password(database, user, cheap)
        assert full_refusal(sign_in, owner, password="a wrong guess")[0] == "UNAUTHENTICATED"
        assert stored_password(database, user) == cheap
        sign_in(owner)
        renewed = stored_password(database, user)
        assert renewed.startswith("$argon2id$v=19$m=20480,t=2,p=1$") and matches(renewed, owner.password)
        sign_in(owner)
        assert stored_password(database, user) == renewed


def test_a_stored_password_is_no_use_in_another_row_or_after_a_change(database):
    """A writer of the database without the key can neither copy a password nor make one."""
    with Server(database=database) as server, Person(server) as owner, Person(server) as attacker:
        owner.sign_up()
        attacker.password = "the attacker's own words"
        attacker.sign_up()
        sql(database, f"update users set sealed_password = (select sealed_password from users where email = '{attacker.email}')")
        assert full_refusal(sign_in, owner, password=attacker.password)[:2] == ("UNAUTHENTICATED", "SIGN_IN_REFUSED")
        sign_in(attacker)
        for box in ("set_byte(sealed_password, 40, get_byte(sealed_password, 40) # 1)", "''", "'\\x00'",
                    f"'{cheap_hash(owner.password)}'::bytea"):
            sql(database, f"update users set sealed_password = {box} where email = '{owner.email}'")
            assert full_refusal(sign_in, owner)[:2] == ("UNAUTHENTICATED", "SIGN_IN_REFUSED"), box


def statements(server, call, times=5):
    """The number of statements of one call: the smallest of several tries, because the server's own
    statements come in between."""
    def count():
        return Metrics(server).value("streakd_postgres_statements_sent_total")

    found = []
    for _ in range(times):
        before = count()
        call()
        found.append(count() - before)
    return min(found)


def test_known_addresses_take_as_many_statements_as_unknown_ones(database):  # noqa: F811
    with Server(database=database, arguments=["--admin-listen", "127.0.0.1:0", "--health-seconds", "60"]) as server:
        with Person(server) as known, Person(server) as unknown:
            known.sign_up()
            for person in (known, unknown):
                person.device.device_id = os.urandom(16)
            # A refusal of the password comes before any look-up.
            costs = {}
            for name, person in (("known", known), ("unknown", unknown)):
                def common(person=person):
                    request = person.sign_up_request()
                    request.password = "password123"
                    assert full_refusal(person.accounts.SignUp, request, timeout=60)[1] == "PASSWORD_TOO_COMMON"

                def wrong(person=person):
                    assert full_refusal(sign_in, person, password="a wrong guess")[1] == "SIGN_IN_REFUSED"

                costs[name] = statements(server, common), statements(server, wrong)
            assert costs["known"] == costs["unknown"]
            assert costs["known"][0] <= 1  # the audit event


def test_the_same_password_in_other_code_points_is_the_same(server):
    with Person(server) as owner:
        owner.password = "Zu\u0308rich caf\u00e9 \uff11\uff12\uff13"
        owner.sign_up()
        for written in ("Z\u00fcrich caf\u00e9 123", "Zu\u0308rich cafe\u0301 \uff11\uff12\uff13"):
            owner.password = written
            owner.sign_in()
        owner.password = "Zurich cafe 123"
        assert full_refusal(owner.sign_in)[1] == "SIGN_IN_REFUSED"


def test_a_key_that_is_not_random_leads_to_no_existing_session(server):
    with Person(server) as one, Person(server) as other:
        for key in (bytes(16), b"A" * 64, b"\0\1" * 16):
            started = [person.sessions.StartSession(session_pb2.StartSessionRequest(idempotency_key=key), timeout=30)
                       for person in (one, other, one)]
            assert len({session.session_id for session in started}) == len({session.session_secret for session in started}) == 3
        request = session_pb2.StartSessionRequest(idempotency_key=os.urandom(16))
        assert one.sessions.StartSession(request, timeout=30) == one.sessions.StartSession(request, timeout=30)

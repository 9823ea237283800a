"""Passwords and devices: guessing, lock-outs, stolen tokens, lists, revocation."""

import ctypes
import ctypes.util
import os

import grpc
import pytest
from databases import sql
from limits import SIGN_INS, refused
from person import Person, details
from server import Server
from streak.v1 import account_pb2, common_pb2

PROXIED = ["--rate-limit-factor", "1", "--trusted-proxies", "127.0.0.1"]
HOME, AWAY, ATTACKER = "192.0.2.10", "198.51.100.20", "203.0.113.66"


def refusal(call, *arguments, **named):
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **named)
    information, violations = details(caught.value)
    return caught.value.code().name, information.reason, [violation.field for violation in violations]


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
            assert refusal(sign_in, owner, ATTACKER, password="a wrong guess")[0] == "UNAUTHENTICATED"
        refused(sign_in, owner, ATTACKER, password="a wrong guess")
        refused(sign_in, owner, "203.0.113.67", password="another guess")
        # The right password does not help a stranger now, but the owner gets in: on the device, wherever it is; and at home on any device.
        refused(sign_in, owner, ATTACKER)
        assert sign_in(owner, AWAY, device=owner.device).tokens.access_token
        assert sign_in(owner, AWAY).tokens.access_token  # AWAY is where the device signed in last
        # Guesses on the device itself are counted too.
        for _ in range(SIGN_INS - 1):
            assert refusal(sign_in, owner, ATTACKER, device=owner.device, password="a wrong guess")[0] == "UNAUTHENTICATED"
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
            assert refusal(thief.put_habit)[:2] == ("UNAUTHENTICATED", "CREDENTIALS_INVALID")
            assert refusal(thief.accounts.Refresh, account_pb2.RefreshRequest(refresh_token=stolen.refresh_token),
                           timeout=30)[:2] == ("UNAUTHENTICATED", "CREDENTIALS_INVALID")
        for _ in range(SIGN_INS - 1):  # its sign-in was one attempt
            assert refusal(sign_in, owner, ATTACKER, password="a wrong guess")[0] == "UNAUTHENTICATED"
        refused(sign_in, owner, ATTACKER, device=lost)
        assert refusal(owner.accounts.RevokeDevice, account_pb2.RevokeDeviceRequest(device_id=os.urandom(16)),
                       metadata=owner.metadata, timeout=30)[:2] == ("NOT_FOUND", "DEVICE_NOT_FOUND")


def test_a_stolen_refresh_token_revokes_its_family(database):
    with Server(database=database) as server, Person(server) as owner:
        owner.sign_up()
        other = owner.accounts.SignIn(account_pb2.SignInRequest(
            email=owner.email, password=owner.password, device=common_pb2.Device(device_id=os.urandom(16))), timeout=60).tokens

        def refresh(token):
            return owner.accounts.Refresh(account_pb2.RefreshRequest(refresh_token=token), timeout=30).tokens

        stolen = owner.tokens.refresh_token
        second = refresh(stolen)
        assert refresh(stolen) == second  # the reply may have been lost
        third = refresh(second.refresh_token)
        owner.use(third)
        owner.put_habit()
        # Two steps back is no lost reply: somebody copied it. Whoever holds the family's tokens is out.
        assert refusal(refresh, stolen)[1] == "CREDENTIALS_INVALID"
        assert refusal(refresh, third.refresh_token)[1] == "CREDENTIALS_INVALID"
        assert refusal(owner.put_habit)[1] == "CREDENTIALS_INVALID"
        # The same once the time for lost replies has passed.
        again = owner.sign_in().tokens
        refresh(again.refresh_token)
        sql(database, "update devices set refreshed_at = refreshed_at - interval '1 hour'")
        assert refusal(refresh, again.refresh_token)[1] == "CREDENTIALS_INVALID"
        # Another device of the person has a family of its own.
        assert refresh(other.refresh_token).access_token
        events = sql(database, "select detail from audit_events where method = 'AccountService/Refresh' and outcome <> 'OK'")
        assert "refresh token used twice" in events


def test_devices_are_listed_and_a_new_password_signs_the_others_out(server):
    with Person(server) as owner, Person(server, email=owner.email) as tablet:
        owner.sign_up()
        tablet.device.name = "tablet"
        tablet.sign_in()
        listed = tablet.accounts.ListDevices(account_pb2.ListDevicesRequest(), metadata=tablet.metadata, timeout=30).devices
        assert {(known.device.name, known.signed_in, known.is_this_device) for known in listed} == {
            ("tablet", True, True), ("test device", True, False)}

        def change(old, new):
            return tablet.accounts.ChangePassword(
                account_pb2.ChangePasswordRequest(password=old, new_password=new), metadata=tablet.metadata, timeout=60)

        assert refusal(change, "not the password", "another long password")[:2] == ("UNAUTHENTICATED", "SIGN_IN_REFUSED")
        assert refusal(change, owner.password, "password123") == ("INVALID_ARGUMENT", "PASSWORD_TOO_COMMON", ["new_password"])
        assert change(owner.password, "another long password").devices_signed_out == 1
        assert refusal(owner.put_habit)[1] == "CREDENTIALS_INVALID"
        tablet.put_habit()
        assert refusal(owner.sign_in)[1] == "SIGN_IN_REFUSED"
        owner.password = "another long password"
        owner.sign_in()


def test_passwords_that_are_guessed_first_are_refused(folder):
    breached = folder / "breached.txt"
    breached.write_text("purple monkey dishwasher\n")
    with Server(folder=folder, arguments=["--breached-passwords", str(breached)]) as server, Person(server) as person:
        for password in ("password", "Password2026", "purple monkey dishwasher", person.email):
            person.password = password
            assert refusal(person.sign_up) == ("INVALID_ARGUMENT", "PASSWORD_TOO_COMMON", ["password"])
        person.password = "1234567"
        assert refusal(person.sign_up)[0] == "INVALID_ARGUMENT"
        person.password = "purple monkey dishwashers"
        person.sign_up()


def test_a_hash_of_another_cost_is_renewed_at_the_next_sign_in(database):
    with Server(database=database) as server, Person(server) as owner:
        owner.sign_up()
        sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))
        cheap = ctypes.create_string_buffer(128)
        password = owner.password.encode()
        assert sodium.crypto_pwhash_argon2id_str(cheap, password, ctypes.c_ulonglong(len(password)), ctypes.c_ulonglong(1), ctypes.c_size_t(8192)) == 0
        sql(database, f"update users set password_hash = '{cheap.value.decode()}'")
        assert refusal(sign_in, owner, password="a wrong guess")[0] == "UNAUTHENTICATED"
        assert sql(database, "select password_hash from users") == cheap.value.decode()
        sign_in(owner)
        renewed = sql(database, "select password_hash from users")
        assert renewed.startswith("$argon2id$v=19$m=65536,t=2,p=1$")
        sign_in(owner)
        assert sql(database, "select password_hash from users") == renewed

"""Token pairs: lost replies, stolen copies, two copies of one device, a new password."""

import concurrent.futures
import os

import grpc
import pytest
from databases import sql
from person import Person, details
from refusals import full_refusal
from server import Server
from streak.v1 import account_pb2, common_pb2


def refresh(person, token):
    return person.accounts.Refresh(account_pb2.RefreshRequest(refresh_token=token), timeout=30).tokens


def access(person, token):
    return person.accounts.GetAccount(
        account_pb2.GetAccountRequest(), metadata=[("authorization", f"Bearer {token}")], timeout=30)


def needs_new_device(call, *arguments):
    """Whether a refusal says that the device was copied."""
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments)
    information, _ = details(caught.value)
    assert (caught.value.code().name, information.reason) == ("UNAUTHENTICATED", "CREDENTIALS_INVALID")
    return information.metadata.get("new_device") == "true"


def test_a_lost_reply_to_a_refresh_can_be_made_up_for_until_the_token_ends(database):  # noqa: F811
    with Server(database=database) as server, Person(server) as owner:
        owner.sign_up()
        held = owner.tokens.refresh_token
        lost = [refresh(owner, held) for _ in range(7)]
        sql(database, "update devices set refreshed_at = refreshed_at - interval '89 days'")
        found = refresh(owner, held)
        owner.use(found)
        owner.put_habit()
        # All replies differ, and only the used pair is valid.
        assert len({pair.refresh_token for pair in [*lost, found]}) == 8
        assert len({pair.access_token for pair in [*lost, found]}) == 8
        for pair in lost:
            assert full_refusal(access, owner, pair.access_token)[1] == "CREDENTIALS_INVALID"
        owner.use(refresh(owner, found.refresh_token))
        owner.put_habit()


def test_a_refresh_token_ends_at_its_own_end(database):  # noqa: F811
    with Server(database=database) as server, Person(server) as owner:
        owner.sign_up()
        sql(database, "update devices set refresh_expires_at = now() - interval '1 second'")
        assert not needs_new_device(refresh, owner, owner.tokens.refresh_token)
        owner.put_habit()  # the access token is unchanged


def test_refreshes_at_once_all_give_a_pair_and_the_one_used_first_holds(database):  # noqa: F811
    with Server(database=database) as server, Person(server) as owner:
        owner.sign_up()
        held = owner.tokens.refresh_token
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            pairs = list(pool.map(lambda _: refresh(owner, held), range(4)))
        owner.use(pairs[1])
        owner.put_habit()
        assert full_refusal(access, owner, pairs[0].access_token)[1] == "CREDENTIALS_INVALID"


def used_by_call(person, pair):
    access(person, pair.access_token)


def used_by_refresh(person, pair):
    refresh(person, pair.refresh_token)


@pytest.mark.parametrize("use", [used_by_call, used_by_refresh])
def test_two_holders_of_one_refresh_token_are_noticed(database, use):  # noqa: F811
    with Server(database=database) as server, Person(server) as owner:
        owner.sign_up()
        other = owner.accounts.SignIn(account_pb2.SignInRequest(
            email=owner.email, password=owner.password, device=common_pb2.Device(device_id=os.urandom(16))), timeout=60).tokens
        copied = owner.tokens.refresh_token
        pair = refresh(owner, copied)
        use(owner, pair)
        # The second holder of the copied token, at once: it is refused, and the first one's tokens
        # are revoked.
        assert needs_new_device(refresh, owner, copied)
        for token in (pair.access_token, owner.tokens.access_token):
            assert full_refusal(access, owner, token)[1] == "CREDENTIALS_INVALID"
        assert needs_new_device(refresh, owner, pair.refresh_token)
        assert needs_new_device(refresh, owner, copied)
        # Another device of the person has a family of its own; the person signs in again.
        assert refresh(owner, other.refresh_token).access_token
        owner.sign_in()
        owner.put_habit()
        events = sql(database, "select detail from audit_events where method = 'AccountService/Refresh' and outcome <> 'OK'")
        assert "refresh token used twice" in events


def test_an_unused_pair_of_a_thief_ends_the_family_when_it_comes_after_the_owners(database):  # noqa: F811
    with Server(database=database) as server, Person(server) as owner:
        owner.sign_up()
        copied = owner.tokens.refresh_token
        stolen = refresh(owner, copied)
        pair = refresh(owner, copied)
        assert (stolen.refresh_token, stolen.access_token) != (pair.refresh_token, pair.access_token)
        owner.use(pair)
        owner.put_habit()
        assert full_refusal(access, owner, stolen.access_token)[1] == "CREDENTIALS_INVALID"
        assert needs_new_device(refresh, owner, stolen.refresh_token)
        assert full_refusal(owner.put_habit)[1] == "CREDENTIALS_INVALID"


def test_two_copies_of_one_device_go_on_after_one_sign_in_each(database):  # noqa: F811
    with Server(database=database) as server, Person(server) as phone, Person(server, email=phone.email) as copy:
        phone.sign_up()
        copy.device.device_id = phone.device.device_id
        held = phone.tokens.refresh_token
        phone.use(refresh(phone, held))
        phone.put_habit()
        assert needs_new_device(refresh, copy, held)
        assert needs_new_device(refresh, phone, phone.tokens.refresh_token)
        for device in (copy, phone):
            device.device.device_id = os.urandom(16)
            device.sign_in()
        for device in (copy, phone, copy):
            device.use(refresh(device, device.tokens.refresh_token))
            device.put_habit()


def test_a_copy_of_a_device_that_signed_in_again_gets_new_device(database):  # noqa: F811
    with Server(database=database) as server, Person(server) as phone, Person(server, email=phone.email) as copy:
        phone.sign_up()
        held = phone.tokens.refresh_token
        phone.sign_in()
        assert needs_new_device(refresh, copy, held)
        phone.put_habit()  # and the device that signed in again goes on
        # A device that signs out, and is nowhere else, is no copy.
        held = phone.tokens.refresh_token
        phone.accounts.SignOut(account_pb2.SignOutRequest(), metadata=phone.metadata, timeout=30)
        assert not needs_new_device(refresh, phone, held)
        copy.device.device_id = phone.device.device_id
        copy.sign_in()
        assert needs_new_device(refresh, phone, held)


def test_a_sign_in_ends_the_earlier_tokens_of_its_device(database):  # noqa: F811
    with Server(database=database) as server, Person(server) as phone:
        phone.sign_up()
        former = phone.tokens
        phone.use(refresh(phone, former.refresh_token))
        phone.put_habit()
        unused = refresh(phone, phone.tokens.refresh_token)
        present = phone.tokens
        phone.sign_in()
        for pair in (former, unused):
            assert full_refusal(access, phone, pair.access_token)[1] == "CREDENTIALS_INVALID"
        for pair in (former, present, unused):
            assert needs_new_device(refresh, phone, pair.refresh_token)
        phone.put_habit()


def test_a_new_password_ends_every_other_credential(database):  # noqa: F811
    with Server(database=database) as server, Person(server) as owner, Person(server, email=owner.email) as tablet:
        owner.sign_up()
        tablet.device.name = "tablet"
        tablet.sign_in()
        listed = tablet.accounts.ListDevices(account_pb2.ListDevicesRequest(), metadata=tablet.metadata, timeout=30).devices
        assert {(known.device.name, known.signed_in, known.is_this_device) for known in listed} == {
            ("tablet", True, True), ("test device", True, False)}
        before = [tablet.tokens]
        tablet.use(refresh(tablet, tablet.tokens.refresh_token))
        before += [tablet.tokens, refresh(tablet, tablet.tokens.refresh_token)]
        tablet.put_habit()

        def change(old, new):
            return tablet.accounts.ChangePassword(
                account_pb2.ChangePasswordRequest(password=old, new_password=new), metadata=tablet.metadata, timeout=60)

        assert full_refusal(change, "not the password", "another long password")[:2] == ("UNAUTHENTICATED", "SIGN_IN_REFUSED")
        assert full_refusal(change, owner.password, "password123") == ("INVALID_ARGUMENT", "PASSWORD_TOO_COMMON", ["new_password"])
        tablet.put_habit()
        changed = change(owner.password, "another long password")
        assert changed.devices_signed_out == 1
        assert full_refusal(owner.put_habit)[1] == "CREDENTIALS_INVALID"
        # This device's own earlier tokens have ended as well; using a copy of them has no effect.
        for pair in before:
            assert full_refusal(access, tablet, pair.access_token)[1] == "CREDENTIALS_INVALID"
            assert full_refusal(refresh, tablet, pair.refresh_token)[1] == "CREDENTIALS_INVALID"
        tablet.use(changed.tokens)
        tablet.put_habit()
        tablet.use(refresh(tablet, changed.tokens.refresh_token))
        tablet.put_habit()
        assert full_refusal(owner.sign_in)[1] == "SIGN_IN_REFUSED"
        owner.password = "another long password"
        owner.sign_in()

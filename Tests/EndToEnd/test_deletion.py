"""A deletion is announced and can be taken back; a stolen access token erases nothing."""

import time

import pytest
from databases import database, sql  # noqa: F401
from erasure import PHRASE, rows_of
from person import Person
from refusals import reason
from server import Server, wait_until
from streak.v1 import account_pb2, credential_pb2, sync_pb2, sync_pb2_grpc

WEEK = 7 * 86_400


def delete(person, **fields):
    return person.accounts.DeleteAccount(
        account_pb2.DeleteAccountRequest(email=person.email, confirmation=PHRASE, **fields), metadata=person.metadata, timeout=60)


def proof(password=Person.password):
    return account_pb2.PersonProof(password=password)


def cancel(person):
    return person.accounts.CancelDeletion(account_pb2.CancelDeletionRequest(), metadata=person.metadata, timeout=60).was_announced


def account(person):
    return person.accounts.GetAccount(account_pb2.GetAccountRequest(), metadata=person.metadata, timeout=60).account


def synced(person):
    stub = sync_pb2_grpc.SyncServiceStub(person.channel)
    return stub.Sync(sync_pb2.SyncRequest(user_id=account(person).user_id), metadata=person.metadata, timeout=60)


def age_proofs(database, seconds):  # noqa: F811
    sql(database, f"update devices set proven_at = proven_at - interval '{seconds} seconds'")


def test_a_deletion_is_announced_shown_on_every_device_and_taken_back(database):  # noqa: F811
    with Server(database=database) as server, Server(database=database) as other, Person(server) as phone, Person(other) as tablet:
        phone.sign_up()
        tablet.email = phone.email
        tablet.sign_in()
        assert not synced(tablet).HasField("deletion_at")
        answer = delete(phone)
        assert not answer.HasField("erased_at") and abs(answer.deletion_at.seconds - time.time() - WEEK) < 60
        for device in (phone, tablet):
            assert account(device).deletion_at == answer.deletion_at
        wait_until(lambda: synced(tablet).deletion_at == answer.deletion_at and synced(phone).deletion_at == answer.deletion_at)
        # Announced again, the date stays.
        assert delete(phone).deletion_at == answer.deletion_at
        with Person(server, email=phone.email) as third:
            assert third.sign_in().account.deletion_at == answer.deletion_at
        assert cancel(tablet) and not cancel(tablet)
        assert not account(phone).HasField("deletion_at")
        wait_until(lambda: not synced(phone).HasField("deletion_at") and not synced(tablet).HasField("deletion_at"))
        events = sql(database, "select string_agg(method || ' ' || detail, ',' order by number) from audit_events where method ~ 'Delet'")
        assert events == "AccountService/DeleteAccount announced,AccountService/DeleteAccount announced,AccountService/CancelDeletion ,AccountService/CancelDeletion"


def test_a_token_alone_erases_nothing_and_announces_nothing(database):  # noqa: F811
    with Server(database=database) as server, Person(server) as person:
        person.sign_up()
        assert reason(delete, person, immediately=True) == "REAUTHENTICATION_REQUIRED"
        age_proofs(database, 299)
        assert delete(person).HasField("deletion_at") and cancel(person)
        age_proofs(database, 2)
        assert reason(delete, person) == "REAUTHENTICATION_REQUIRED"
        assert reason(delete, person, proof=proof("wrong horse battery staple")) == "SIGN_IN_REFUSED"
        assert reason(delete, person, immediately=True, proof=proof("wrong horse battery staple")) == "SIGN_IN_REFUSED"
        codes = credential_pb2.CreateRecoveryCodesRequest()
        assert reason(person.credentials.CreateRecoveryCodes, codes, metadata=person.metadata) == "REAUTHENTICATION_REQUIRED"
        tokens = person.accounts.Refresh(account_pb2.RefreshRequest(refresh_token=person.tokens.refresh_token)).tokens
        person.use(tokens)
        assert reason(delete, person) == "REAUTHENTICATION_REQUIRED"
        assert account(person).recovery_codes_left == 0 and not account(person).HasField("deletion_at")


@pytest.mark.parametrize("way", ["password", "recovery_code", "sign-in", "change"])
def test_a_proof_counts_for_five_minutes_on_the_device_that_gave_it(database, way):  # noqa: F811
    with Server(database=database) as server, Person(server) as person, Person(server) as other:
        person.sign_up()
        other.email = person.email
        other.sign_in()
        codes = person.credentials.CreateRecoveryCodes(credential_pb2.CreateRecoveryCodesRequest(), metadata=person.metadata).recovery_codes
        age_proofs(database, 301)
        if way == "sign-in":
            person.sign_in()
        elif way == "change":
            request = account_pb2.ChangePasswordRequest(password=person.password, new_password="another horse battery staple")
            person.use(person.accounts.ChangePassword(request, metadata=person.metadata, timeout=60).tokens)
            other.password = "another horse battery staple"
            other.sign_in()
            sql(database, f"update devices set proven_at = now() - interval '301 seconds' where device_id = '{other.device.device_id.hex()}'")
        else:
            given = account_pb2.PersonProof(**{way: person.password if way == "password" else codes[0]})
            answer = person.credentials.Reauthenticate(credential_pb2.ReauthenticateRequest(proof=given), metadata=person.metadata, timeout=60)
            assert 290 < answer.proven_until.seconds - time.time() < 310
            if way == "recovery_code":
                again = credential_pb2.ReauthenticateRequest(proof=given)
                assert reason(person.credentials.Reauthenticate, again, metadata=person.metadata, timeout=60) == "SIGN_IN_REFUSED"
                assert account(person).recovery_codes_left == 7
        assert reason(delete, other) == "REAUTHENTICATION_REQUIRED"
        assert delete(person).HasField("deletion_at")


def test_an_announced_deletion_is_performed_once_by_several_servers(database, folder):  # noqa: F811
    arguments = ["--deletion-delay-seconds", "1", "--backup-folder", str(folder / "backups")]
    with Server(database=database, arguments=arguments) as one, Server(database=database, arguments=arguments) as two, \
            Person(one) as person, Person(two) as kept:
        kept.sign_up()
        users = []
        for number in range(6):
            with Person((one, two)[number % 2]) as leaving:
                users.append(leaving.sign_up().account.user_id)
                leaving.put_habit()
                delete(leaving)
        wait_until(lambda: sql(database, "select count(*) from users") == "1")
        assert sql(database, "select count(*) from audit_events where method = 'AccountService/DeleteAccount' and hash is null") == "6"
        for user in users:
            assert not any(rows_of(database, user).values())
        ledger = wait_until(lambda: (text := (folder / "backups" / "erasures").read_text()).count("\nperson ") >= 6 and text)
        for user in users:
            assert ledger.count(user.hex()) == 1
        account(kept)


def test_an_account_that_cannot_be_erased_keeps_no_other_from_its_deletion(database):  # noqa: F811
    with Server(database=database, arguments=["--deletion-delay-seconds", "1"]) as server, Person(server) as damaged, Person(server) as leaving:
        user = damaged.sign_up().account.user_id
        leaving.sign_up()
        sql(database, "create function refuse() returns trigger language plpgsql as 'begin raise exception ''damaged''; end'")
        sql(database, f"create trigger refuse before delete on users for each row when (old.user_id = '{user.hex()}') execute function refuse()")
        delete(damaged)
        delete(leaving)
        wait_until(lambda: sql(database, "select user_id from users").replace("-", "") == user.hex())
        sql(database, "drop trigger refuse on users")
        wait_until(lambda: sql(database, "select count(*) from users") == "0")


def test_a_deletion_that_was_taken_back_is_not_performed(database):  # noqa: F811
    with Server(database=database, arguments=["--deletion-delay-seconds", "2"]) as server, Person(server) as person, Person(server) as witness:
        person.sign_up()
        witness.sign_up()
        delete(person)
        assert cancel(person)
        delete(witness)
        wait_until(lambda: sql(database, "select count(*) from users") == "1")
        account(person)
        assert reason(cancel, witness) == "ACCOUNT_ERASED"


@pytest.mark.parametrize("way", ["password", "recovery_code"])
def test_an_immediate_deletion_needs_its_proof_in_the_same_call(database, way):  # noqa: F811
    with Server(database=database) as server, Person(server) as person:
        user = person.sign_up().account.user_id
        code = person.credentials.CreateRecoveryCodes(credential_pb2.CreateRecoveryCodesRequest(), metadata=person.metadata).recovery_codes[0]
        given = account_pb2.PersonProof(**{way: person.password if way == "password" else code})
        assert delete(person, immediately=True, proof=given).HasField("erased_at")
        assert not any(rows_of(database, user).values())
        assert reason(delete, person, immediately=True, proof=given) == "ACCOUNT_ERASED"

"""The server key: its file, its fit with the database, its rotation. A copy of the database is of
no use."""

import os
import re
import subprocess

import pytest
from databases import sql
from faults import refusal_to_start
from password_seal import matches, password_key, stored_password
from person import Person
from refusals import refusal
from server import PROGRAMS, Server
from streak.v1 import account_pb2, credential_pb2


def owner(folder):
    return f"host={folder / 'data' / 'socket'} user=streakd dbname=postgres"


def key_file(folder):
    return folder / "data" / "server-key"


def served(folder, **more):
    """With the file at its default place."""
    return Server(folder=folder, arguments=["--server-key-file", str(key_file(folder))], **more)


def key_command(*arguments):
    return subprocess.run([str(PROGRAMS / "streakctl"), "key", *map(str, arguments)], capture_output=True, text=True, timeout=60)


def refresh(person):
    person.use(person.accounts.Refresh(account_pb2.RefreshRequest(refresh_token=person.tokens.refresh_token)).tokens)


def keys(path):
    return re.findall(r"^streakd-server-key-([0-9a-f]{64})$", path.read_text(), flags=re.M)


def refused(folder, *arguments):
    done = subprocess.run([str(PROGRAMS / "streakd"), "--listen", "127.0.0.1:0", "--data-folder", str(folder / "data"), *arguments],
                          capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode not in (0, None), done.stdout
    return done.stderr.strip().split("\n")[-1] if done.returncode != 64 else done.stderr


def test_a_private_cluster_makes_its_key_at_the_first_start_and_needs_it_at_the_next(folder):
    with served(folder) as server, Person(server) as person:
        person.sign_up()
        assert any("made the server key" in line for line in server.lines)
        assert key_file(folder).stat().st_mode & 0o777 == 0o600 and len(keys(key_file(folder))) == 1
    with served(folder) as server, Person(server, email=person.email) as same:
        same.sign_in()
        assert not any("made the server key" in line for line in server.lines)
    kept = key_file(folder).read_text()
    key_file(folder).unlink()
    assert "is missing, and this database was served with one" in refused(folder)
    assert not key_file(folder).exists()
    descriptor = os.open(key_file(folder), os.O_CREAT | os.O_WRONLY, 0o600)
    os.write(descriptor, f"streakd-server-key-{os.urandom(32).hex()}\n".encode())
    os.close(descriptor)
    assert "does not fit this database" in refused(folder)
    key_file(folder).write_text(kept)
    with served(folder) as server, Person(server, email=person.email) as same:
        same.sign_in()


@pytest.mark.parametrize("content, said", [
    ("", "must hold one or two different keys"), ("nonsense\n", "has a line that is not a key"),
    ("streakd-server-key-00\n", "must hold one or two"), ("streakd-server-key-" + "0g" * 32 + "\n", "has a line that is not a key"),
    (f"streakd-server-key-{'00' * 32}\n" * 2, "must hold one or two different keys"),
    ("".join(f"streakd-server-key-{number:064x}\n" for number in range(3)), "must hold one or two different keys"),
    ("#" * 4_097, "larger than 4096 bytes")])
def test_a_file_that_holds_no_keys_is_refused_in_a_sentence(folder, content, said):
    path = folder / "key"
    path.write_text(content)
    path.chmod(0o600)
    assert said in refused(folder, "--server-key-file", str(path))


def test_a_file_that_others_can_read_is_refused(folder):
    path = folder / "key"
    path.write_text(f"streakd-server-key-{'00' * 32}\n")
    path.chmod(0o640)
    assert "can be read by other users: change its mode to 600" in refused(folder, "--server-key-file", str(path))


def test_a_given_database_needs_a_named_file():
    done = subprocess.run([str(PROGRAMS / "streakd"), "--database", "host=/nowhere"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 64 and "database needs a server-key-file" in done.stderr


def test_a_key_is_rotated_under_running_servers_and_nothing_that_was_issued_is_lost(folder):
    with served(folder) as server, Person(server) as person:
        person.sign_up()
        first = keys(key_file(folder))
        rotated = key_command("rotate", key_file(folder), "--database", owner(folder))
        assert rotated.returncode == 0, rotated.stderr
        both = keys(key_file(folder))
        assert both[1:] == first and both[0] != first[0] and key_file(folder).stat().st_mode & 0o777 == 0o600
        again = key_command("rotate", key_file(folder), "--database", owner(folder))
        assert again.returncode != 0 and "still holds the previous key" in again.stderr and keys(key_file(folder)) == both
        refresh(person)
        # Another server with the new file, beside the one that started with the old.
        with Server(database=owner(folder), arguments=["--server-key-file", str(key_file(folder))]) as other, \
                Person(other, email=person.email) as elsewhere:
            elsewhere.sign_in()
        old = folder / "old-key"
        old.write_text(f"streakd-server-key-{first[0]}\n")
        old.chmod(0o600)
        assert "does not fit this database" in refusal_to_start(owner(folder), "--server-key-file", str(old))
        retired = key_command("retire", key_file(folder), "--database", owner(folder))
        assert retired.returncode == 0, retired.stderr
        assert keys(key_file(folder)) == both[:1]
        refresh(person)
    with served(folder) as server, Person(server, email=person.email) as same:
        same.sign_in()


def test_a_rotation_that_stopped_before_the_database_is_completed_by_the_next_start(folder):
    with served(folder) as server, Person(server) as person:
        person.sign_up()
    first = keys(key_file(folder))
    key_file(folder).write_text(f"streakd-server-key-{os.urandom(32).hex()}\nstreakd-server-key-{first[0]}\n")
    with served(folder) as server:
        assert any("the server key is encrypted under the current key" in line for line in server.lines)
        new = keys(key_file(folder))[0]
    key_file(folder).write_text(f"streakd-server-key-{new}\n")
    with served(folder) as server, Person(server, email=person.email) as same:
        same.sign_in()


def test_the_secrets_are_renewed_and_passwords_stay(database, folder):
    file = folder / "key"
    assert key_command("make", file).returncode == 0
    options = ["--server-key-file", str(file)]
    with Server(database=database, arguments=options) as server, Person(server) as person, Person(server) as lost:
        user = person.sign_up().account.user_id
        codes = person.credentials.CreateRecoveryCodes(credential_pb2.CreateRecoveryCodesRequest(), metadata=person.metadata, timeout=60).recovery_codes
        lost.sign_up()
        running = key_command("renew", file, "--database", database)
        assert running.returncode == 1 and "is running; nothing was changed" in running.stderr and len(keys(file)) == 1
        tokens = person.tokens
    sql(database, f"UPDATE users SET sealed_password = '\\x00' WHERE email = '{lost.email}'")
    # Rows beyond one step.
    sql(database, "INSERT INTO users (user_id, email, sealed_password, created_at, sealed_sign_up) "
                  "SELECT md5('u' || g)::uuid, '', '', now(), '' FROM generate_series(1, 1500) g")
    former = file.read_text()
    before = sql(database, f"SELECT encode(sealed_password, 'hex') FROM users WHERE user_id = '{user.hex()}'")
    done = key_command("renew", file, "--database", database)
    assert done.returncode == 0 and "1 passwords are sealed" in done.stdout and "1501 passwords were sealed under a key that is lost" in done.stdout, done
    assert sql(database, f"SELECT encode(sealed_password, 'hex') FROM users WHERE user_id = '{user.hex()}'") != before
    assert key_command("retire", file, "--database", database).returncode == 0
    # What was in other hands opens nothing of the present database.
    stolen = folder / "stolen"
    stolen.write_text(former)
    stolen.chmod(0o600)
    assert password_key(database, user, file=stolen) is None and "does not fit this database" in refusal_to_start(
        database, "--server-key-file", str(stolen))
    with Server(database=database, arguments=options) as server, Person(server, email=person.email) as same:
        same.use(same.accounts.Refresh(account_pb2.RefreshRequest(refresh_token=tokens.refresh_token), timeout=60).tokens)
        account = same.accounts.GetAccount(account_pb2.GetAccountRequest(), metadata=same.metadata, timeout=60).account
        assert account.recovery_codes_left == 0 and len(codes) == 8
        same.sign_in()


def test_a_renewal_with_a_file_that_does_not_fit_changes_nothing(database, folder):
    file, other = folder / "key", folder / "other"
    assert key_command("make", file).returncode == 0 and key_command("make", other).returncode == 0
    with Server(database=database, arguments=["--server-key-file", str(file)]) as server, Person(server) as person:
        person.sign_up()
    held = other.read_text()
    refused_one = key_command("renew", other, "--database", database)
    assert refused_one.returncode == 1 and "does not fit" in refused_one.stderr and other.read_text() == held
    with Server(database=database, arguments=["--server-key-file", str(file)]) as server, Person(server, email=person.email) as same:
        same.sign_in()


def test_a_dump_that_is_restored_without_the_file_signs_in_by_no_password(database, folder):
    """The way that the page names for a lost file: signed-in devices go on, passwords and codes end."""
    file, fresh = folder / "key", folder / "fresh"
    assert key_command("make", file).returncode == 0 and key_command("make", fresh).returncode == 0
    with Server(database=database, arguments=["--server-key-file", str(file)]) as server, Person(server) as person:
        person.sign_up()
    sql(database, "DELETE FROM server_key")
    with Server(database=database, arguments=["--server-key-file", str(fresh)]) as server, Person(server, email=person.email) as same:
        assert refusal(same.sign_in)[1] == "SIGN_IN_REFUSED"
        same.use(same.accounts.Refresh(account_pb2.RefreshRequest(refresh_token=person.tokens.refresh_token), timeout=60).tokens)
        change = account_pb2.ChangePasswordRequest(password=person.password, new_password="a quite new password")
        assert refusal(same.accounts.ChangePassword, change, metadata=same.metadata, timeout=60)[1] == "SIGN_IN_REFUSED"


def test_a_copy_of_the_database_holds_no_key(folder):
    """Nothing in it authenticates a token or a cursor: the secrets that did are gone from the schema, and the one that is left is sealed."""
    with served(folder) as server, Person(server) as person:
        person.sign_up()
        dump = subprocess.run(["pg_dump", "--data-only", owner(folder)], capture_output=True, text=True, check=True).stdout
        assert keys(key_file(folder))[0] not in dump
        # No guess of a password can be tried: neither its hash nor what the hash was made with is
        # there.
        assert "argon2" not in dump and b"argon2".hex() not in dump
        user = person.accounts.GetAccount(account_pb2.GetAccountRequest(), metadata=person.metadata, timeout=30).account.user_id
        stored = stored_password(owner(folder), user, file=key_file(folder))
        assert stored.startswith("$argon2id$") and matches(stored, person.password) and not matches(stored, "a wrong guess")
        other = folder / "other-key"
        other.write_text(f"streakd-server-key-{os.urandom(32).hex()}\n")
        assert password_key(owner(folder), user, file=other) is None
        assert sql(owner(folder), "SELECT octet_length(sealed) FROM server_key") == str(32 + 24 + 16)
        tables = sql(owner(folder), "SELECT string_agg(table_name || '.' || column_name, ' ') FROM information_schema.columns "
                                    "WHERE table_schema = 'public' AND column_name ~ 'secret' AND column_name !~ 'hash'")
        assert tables == ""

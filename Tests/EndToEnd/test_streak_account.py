"""The account in the terminal app: recovery codes, a forgotten password, another device's approval, a deletion and its way back."""

import re

import pytest
from app import PASSWORD, App
from databases import database, sql  # noqa: F401
from server import Server, wait_until

NEW = "another horse battery staple"


@pytest.fixture
def server(database):  # noqa: F811
    with Server(database=database) as running:
        yield running


def signed_up(folder, server, email="mira@example.com"):
    phone = App(folder / "phone", server)
    phone.run("habit", "add", "reading")
    phone.done("reading")
    assert "streak account codes" in phone.sign_up(email)
    return phone


def test_a_forgotten_password_is_replaced_with_a_recovery_code(server, folder, database):  # noqa: F811
    phone = signed_up(folder, server)
    codes = phone.run("account", "codes").split("\n")[:-1]
    assert len(codes) == 8 and all(re.fullmatch("[0-9A-Z]{5}-[0-9A-Z]{5}", code) for code in codes)
    assert "8 recovery codes are left" in phone.run("account", "show")
    # The other device has something to send, and is signed out by the recovery.
    phone.done("reading", 1, "--offline")
    fresh = App(folder / "fresh", server)
    told = fresh.run("login", "mira@example.com", "--forgot-password", input=f"{codes[0].lower()}\n{NEW}\n")
    assert "signed in with a new password. 7 recovery codes are left" in told and fresh.marks("reading") == 1
    assert "is not right" in fresh.run("login", "mira@example.com", "--forgot-password", input=f"{codes[0]}\nthird {NEW}\n", code=1)
    # The same again, as after a lost answer.
    again = App(folder / "again", server)
    assert "7 recovery codes are left" in again.run("login", "mira@example.com", "--forgot-password", input=f"{codes[0].lower()}\n{NEW}\n")
    assert phone.run("sync", code=77)
    phone.run("login", "mira@example.com", input=f"{NEW}\n")
    wait_until(lambda: phone.run("sync") and fresh.run("sync") and fresh.marks("reading") == 2)
    sql(database, "update devices set proven_at = proven_at - interval '301 seconds'")
    assert "is not right" in phone.run("account", "codes", input="wrong words here\n", code=1)
    assert len(phone.run("account", "codes", input=f"{NEW}\n").split("\n")) == 9


def test_a_recovery_code_is_a_proof_where_the_password_is_forgotten(server, folder, database):  # noqa: F811
    phone = signed_up(folder, server)
    codes = phone.run("account", "codes").split("\n")[:-1]
    sql(database, "update devices set proven_at = proven_at - interval '301 seconds'")
    assert "is not right" in phone.run("account", "codes", input="\nAAAAA-AAAAA\n", code=1)
    fresh = phone.run("account", "codes", input=f"\n{codes[0]}\n").split("\n")[:-1]
    assert len(fresh) == 8 and not set(fresh) & set(codes)
    words = "delete my account\n"
    assert "is not right" in phone.run("account", "delete", "mira@example.com", "--immediately", input=f"{words}\n{codes[1]}\n", code=1)
    assert "deleted, with everything" in phone.run("account", "delete", "mira@example.com", "--immediately", input=f"{words}\n{fresh[0]}\n")


def test_codes_that_another_device_made_end_with_the_password_and_the_person_is_told(server, folder):
    phone = signed_up(folder, server)
    phone.run("account", "codes")
    assert "No recovery codes" not in phone.run("account", "password", input=f"{PASSWORD}\n{NEW}\n")
    tablet = App(folder / "tablet", server)
    tablet.run("login", "mira@example.com", input=f"{NEW}\n")
    assert "No recovery codes: streak account codes" in tablet.run("account", "password", input=f"{NEW}\n{PASSWORD}\n")


@pytest.mark.parametrize("is_approved", [True, False])
def test_another_device_approves_by_the_six_digits(server, folder, database, is_approved):  # noqa: F811
    phone = signed_up(folder, server)
    assert "No device asks" in phone.run("account", "approve")
    fresh = App(folder / "fresh", server)
    asking = fresh.start("login", "mira@example.com", "--ask-other-device")
    digits = re.search(r"Approve (\d{6}) ", asking.stdout.readline())[1]
    assert digits in phone.run("account", "approve")
    wrong = f"{(int(digits) + 1) % 1_000_000:06}"
    assert f"shows {wrong}" in phone.run("account", "approve", wrong, code=1)
    if is_approved:
        assert "approved" in phone.run("account", "approve", digits)
        told, _ = asking.communicate(timeout=60)
        assert asking.returncode == 0 and "signed in" in told and fresh.marks("reading") == 1
    else:
        assert "refused" in phone.run("account", "approve", digits, "--deny")
        sql(database, "update sign_in_approvals set expires_at = now()")
        _, told = asking.communicate(timeout=60)
        assert asking.returncode == 1 and "not approved" in told


def test_a_deletion_is_announced_shown_and_taken_back_and_an_immediate_one_is_not(server, folder):
    phone = signed_up(folder, server)
    words = "delete my account\n"
    assert "nothing was deleted" in phone.run("account", "delete", "other@example.com", input=words, code=1)
    assert "will be deleted" in phone.run("account", "delete", "mira@example.com", input=words)
    assert "streak account keep" in phone.run("status") and "Will be deleted" in phone.run("account", "show")
    tablet = App(folder / "tablet", server)
    tablet.log_in("mira@example.com")
    assert "streak account keep" in tablet.run("status")
    assert "is kept" in tablet.run("account", "keep") and "No deletion" in tablet.run("account", "keep")
    wait_until(lambda: phone.run("sync") and "streak account keep" not in phone.run("status"))
    assert phone.run("account", "delete", "mira@example.com", "--immediately", input=words + "wrong words here\n", code=1)
    assert "deleted, with everything" in phone.run("account", "delete", "mira@example.com", "--immediately", input=words + PASSWORD + "\n")
    assert "No account" in phone.run("status")

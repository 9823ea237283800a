"""The modules of the page (Sources/StreakWeb/Page) in Node: by themselves, and as devices against a
real server. Digests and captures of other clients are the vectors."""

import base64
import json
import os
import re
import subprocess

import pytest
from device import Device, cell_item, completion, delete, digest_of, edit, habit_item, note
from google.protobuf import json_format
from lost_commits import head, lose_days_since
from operator_tools import sql
from page_device import PageRefusal, page_devices
from person import captured_session, today
from server import PROJECT, Server, wait_until
from sessions import entry, habit
from streak.v1 import sync_pb2

PAGE = PROJECT / "Sources/StreakWeb/Page"
NODE_SECONDS = 240


# The machine's own, and in the long run Debian's, which may be an earlier one.
NODES = ["node", *filter(None, [os.environ.get("STREAKD_NODE_DEBIAN")])]
nodes = pytest.mark.parametrize("node", NODES, ids=["node", "Debian's node"][:len(NODES)])


def run_node(node, *names, **variables):
    """Runs test files; returns what they printed."""
    files = [str(PROJECT / "Tests/Web" / name) for name in names]
    done = subprocess.run([node, "--test", *files], env={**os.environ, **variables}, capture_output=True, text=True, timeout=NODE_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def counts(printed):
    return {name: int(count) for name, count in re.findall(r"^# (pass|fail|skipped) (\d+)$", printed, re.MULTILINE)}


@pytest.fixture(scope="module")
def vectors(server, tmp_path_factory):
    """What a stock client of another language sent and received, and the hashes that it computed."""
    device = Device(server)
    read, odd, gone = os.urandom(16), os.urandom(16), os.urandom(16)
    device.make(**edit(read, "Read"))
    device.make(**edit(odd, "Naïve ✓ 🏃", description="two\nlines", color=0xFFFFFF, position=1_000_000, archived=True))
    device.make(**edit(gone, "Gone"))
    for ago in (0, 1, 2, 5, 40):
        device.make(**completion(read, today() - ago, note="ä" * ago))
    device.make(**completion(read, today() - 1, done=False))
    device.make(**note(odd, "only a note"))
    device.make(**delete(gone))
    device.make(set_day_start=sync_pb2.SetDayStart(day_start_minutes=215))
    device.take(device.send(device.request()))
    everything = Device(server, of=device)
    empty = Device(server)
    syncs = []
    for one in (everything, empty):
        response = one.send(one.request())
        items = [habit_item(each) for each in response.habits] + [cell_item(each) for each in response.cells]
        if response.settings.day_start_minutes:
            items.append(b"\x03" + response.settings.day_start_minutes.to_bytes(4, "big"))
        digest = json_format.MessageToDict(sync_pb2.StateDigest(sum=digest_of(items)))
        syncs.append({"response": json_format.MessageToDict(response), "digest": digest["sum"]})
    assert len(syncs[0]["response"]["cells"]) == 6
    first, second = habit("Läufe", color=7, description="多"), habit("x", position=3, archived=True)
    captured = captured_session([first, second], [
        entry(first, today(), note="n ✓"), entry(first, today() - 3, done=False), entry(second, today() - 1, seconds=-1)])
    written = json_format.MessageToDict(captured, always_print_fields_with_no_presence=True)
    captures = [{"habits": written["habits"], "entries": written["entries"], "sha256": written["manifest"]["sha256"]}]
    path = tmp_path_factory.mktemp("web") / "vectors.json"
    path.write_text(json.dumps({"syncs": syncs, "captures": captures}))
    return path


@nodes
def test_modules_keep_what_they_promise_without_a_server(node):
    assert counts(run_node(node, "modules.test.mjs", "import.test.mjs"))["skipped"] == 0


@nodes
def test_devices_made_of_the_modules_agree_with_the_server(server, vectors, node):
    printed = run_node(node, "device.test.mjs", STREAKD_WEB_SERVER=f"http://{server.address}", STREAKD_WEB_VECTORS=str(vectors))
    assert counts(printed)["skipped"] == 0


def test_the_service_worker_lists_the_files_as_they_are():
    done = subprocess.run([str(PROJECT / "scripts/page"), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_service_worker_of_other_files_is_found(tmp_path):
    # given: the page with one changed byte
    copy = tmp_path / "project"
    for name in ("scripts/page", "codegen/embed-page", "Sources/StreakWeb/Page", "Sources/CStreakWeb"):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-r", str(PROJECT / name), str(copy / name)], check=True)
    (copy / "Sources/StreakWeb/Page/app.css").write_text("/* changed */\n")
    # then: the check fails, and writing the list mends it
    check = [str(copy / "scripts/page"), "--check"]
    assert subprocess.run(check, capture_output=True).returncode == 1
    subprocess.run([str(copy / "scripts/page")], check=True)
    assert subprocess.run(check, capture_output=True).returncode == 0


# MARK: when the server has lost something

def cells_of(device, name):
    habits = {each["name"]: each for each in device.view()["habits"]}
    return [(cell["done"], cell["note"], cell["quarantine"]) for cell in habits[name]["cells"]]


def test_an_account_that_the_server_lost_is_anonymous_again_and_signs_up_in_one_step(server):
    with page_devices(server, "phone") as (phone,):
        email = f"{os.urandom(6).hex()}@example.com"
        habit = phone.addHabit("Read")
        phone.tap(habit, True, 1, "in a session")
        phone.signUp(email)
        phone.sync()
        phone.tap(habit, True, 0, "unsent")
        user = base64.b64decode(phone.view()["account"]["userId"])
        before = cells_of(phone, "Read")
        # when: the server is restored to a moment before the account was made
        for table in ("heads", "users", "emails", "devices", "habits", "cells", "cell_history", "operations", "notices", "migrations"):
            sql(server.folder / "data", f"DELETE FROM {table} WHERE user_id = '{user.hex()}'")
        sql(server.folder / "data", f"SELECT pg_notify('streakd_revocations', '{user.hex()}')")

        def is_unknown():
            try:
                phone.sync()
            except PageRefusal as refusal:
                return refusal.kind == "accountUnknown"
        wait_until(is_unknown)
        # then: everything is an anonymous session again
        seen = phone.view()
        assert seen["account"] is None and "accountUnknown" in seen["events"]
        assert [other["standing"] for other in seen["others"]] == ["unknown"]
        assert [(done, note) for done, note, _ in cells_of(phone, "Read")] == [(done, note) for done, note, _ in before]
        phone.signUp(email)
        phone.sync()
        assert cells_of(phone, "Read") == [(True, "in a session", ""), (True, "unsent", "")]
        assert phone.view()["others"] == []


def test_what_a_failover_lost_comes_back(folder):
    """As C126, by devices of the page: the last commits are lost and the epoch has risen."""
    server = Server(folder=folder)
    with page_devices(server, "phone", "tablet") as (phone, tablet):
        data, email = server.folder / "data", f"{os.urandom(6).hex()}@example.com"
        phone.signUp(email)
        tablet.signIn(email)
        read = phone.addHabit("Read")
        phone.sync()
        tablet.sync()
        user = base64.b64decode(phone.view()["account"]["userId"]).hex()
        kept = head(data, user)
        run = phone.addHabit("Run")
        phone.tap(read, True, 0)
        phone.tap(read, True, 1, "kept")
        phone.tap(run, True, 0)
        phone.sync()
        tablet.sync()
        tablet.tap(read, False, 0)
        tablet.sync()
        phone.sync()
        before = phone.view()["habits"]
        lose_days_since(data, user, kept, base64.b64decode(run))
        server.kill()
        again = Server(folder=server.folder)
        try:
            for device in (phone, tablet):
                device.open(f"http://{again.address}")
            # Each order in turn: what a device has lost may wait for what the other one sends.
            for _ in range(3):
                tablet.sync()
                phone.sync()
            assert phone.view()["habits"] == tablet.view()["habits"] == before
            assert phone.view()["account"]["rejected"] == tablet.view()["account"]["rejected"] == []
        finally:
            again.stop()

"""The modules of the page (Sources/StreakWeb/Page) in Node: by themselves, and as devices against a
real server. Digests and captures of other clients are the vectors."""

import json
import os
import re
import subprocess

import pytest
from device import Device, cell_item, completion, delete, digest_of, edit, habit_item, note
from google.protobuf import json_format
from person import captured_session, today
from server import PROJECT
from sessions import entry, habit
from streak.v1 import sync_pb2

PAGE = PROJECT / "Sources/StreakWeb/Page"
NODE_SECONDS = 240


def run_node(*names, **variables):
    """Runs test files; returns what they printed."""
    files = [str(PROJECT / "Tests/Web" / name) for name in names]
    done = subprocess.run(["node", "--test", *files], env={**os.environ, **variables}, capture_output=True, text=True, timeout=NODE_SECONDS)
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


def test_modules_keep_what_they_promise_without_a_server():
    assert counts(run_node("modules.test.mjs"))["skipped"] == 0


def test_devices_made_of_the_modules_agree_with_the_server(server, vectors):
    printed = run_node("device.test.mjs", STREAKD_WEB_SERVER=f"http://{server.address}", STREAKD_WEB_VECTORS=str(vectors))
    assert counts(printed)["skipped"] == 0


def test_the_service_worker_lists_the_files_as_they_are():
    done = subprocess.run([str(PROJECT / "scripts/page"), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_service_worker_of_other_files_is_found(tmp_path):
    # given: the page with one changed byte
    copy = tmp_path / "project"
    for folder in ("scripts", "Sources/StreakWeb/Page"):
        (copy / folder).parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-r", str(PAGE), str(copy / "Sources/StreakWeb/Page")], check=True)
    (copy / "scripts").mkdir()
    subprocess.run(["cp", str(PROJECT / "scripts/page"), str(copy / "scripts/page")], check=True)
    (copy / "Sources/StreakWeb/Page/app.css").write_text("/* changed */\n")
    # then: the check fails, and writing the list mends it
    check = [str(copy / "scripts/page"), "--check"]
    assert subprocess.run(check, capture_output=True).returncode == 1
    subprocess.run([str(copy / "scripts/page")], check=True)
    assert subprocess.run(check, capture_output=True).returncode == 0

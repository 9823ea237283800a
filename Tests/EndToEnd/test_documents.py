"""The documents: their links, their completeness, and their examples, run unchanged."""

import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import grpc
import pytest
from certificates import tls_arguments
from documents import CATALOGUE, PROJECT, blocks, commands, page, scrape, section
from lost_commits import lose_everything
from operator_tools import Keys, sql
from person import Person
from prometheus_client.parser import text_string_to_metric_families
from server import PROGRAMS, Server
from streak.v1 import common_pb2, sync_pb2, sync_pb2_grpc

NOWHERE = b"\x01" * 16  # a habit's id
PAGES = [PROJECT / "README.md", *CATALOGUE.rglob("*.md")]


def test_links_tables_and_comment_widths():
    done = subprocess.run([sys.executable, PROJECT / "scripts/documents", "check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def help_of(*command):
    return subprocess.run([PROGRAMS / command[0], *command[1:], "--help"], capture_output=True, text=True, check=True).stdout


def test_each_option_of_the_server_is_on_the_page_of_settings_and_the_other_way_round():
    declared = set(re.findall(r"^  (--[a-z-]+)", help_of("streakd"), flags=re.M)) - {"--help", "--version"}
    assert declared == set(re.findall(r"^\| `(--[a-z-]+)", page("Reference/Settings.md"), flags=re.M))


def test_each_figure_of_the_server_is_on_the_page_of_metrics(folder, certificates):
    mail = ("--mail-command", "/bin/true", "--mail-from", "a@example.com", "--mail-link-base", "https://example.com")
    with Server(folder=folder, arguments=("--admin-listen", "127.0.0.1:0", "--backup-folder", str(folder / "backups"), *mail,
                                          *tls_arguments(certificates))) as server:
        families = list(text_string_to_metric_families(scrape(server)))
    page_has = {row[0]: row[1:] for row in
                re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \|", page("Reference/Metrics.md"), flags=re.M)}
    for family in families:
        name = family.name + ("_total" if family.type == "counter" else "")
        kind, labels = page_has.pop(name)
        assert kind == family.type
        for sample in family.samples:
            assert set(sample.labels) - {"le"} <= set(re.findall(r"`(\w+)`", labels)), (name, sample)
    # Present only with point-in-time recovery.
    assert all(name.startswith("streakd_archive_") for name in page_has), page_has


PROGRAM_NAMES = ("streakd", "streakctl", "streak", "streak-harness", "streak-load")


class Helps:
    """The help texts of programs and their subcommands, fetched once each."""

    def __init__(self):
        self.texts = {}

    def of(self, *command):
        if command not in self.texts:
            done = subprocess.run([PROGRAMS / command[0], *command[1:], "--help"], capture_output=True, text=True)
            self.texts[command] = done.stdout if done.returncode == 0 else ""
        return self.texts[command]

    def subcommand(self, words):
        """The help of the subcommand in a line, or of the default subcommand."""
        command = words[:1]
        for word in words[1:]:
            if not re.search(rf"^  {re.escape(word)}\b", self.of(*command), flags=re.M) or word.startswith("-"):
                break
            command = [*command, word]
        text = self.of(*command)
        if default := re.search(r"^  ([a-z-]+) \(default\)", text, flags=re.M):
            text += self.of(*command, default[1])
        return text


def test_each_command_on_a_page_has_the_options_that_it_is_given():
    helps, looked_at = Helps(), 0
    for path in PAGES:
        for line in commands(path.read_text()):
            line = re.sub(r"^STREAKCTL_TOKEN=(\$\([^)]*\)|\S+) ", "", line)
            line = re.sub(r"^swift run (-c release )?", "", line).replace("scripts/run", "streakd")
            # Without the shell's parts: JSON, a comment, another command.
            words = re.split(r" [#|>;\"']", line)[0].split()
            if not words or words[0] not in PROGRAM_NAMES:
                continue
            text = helps.subcommand(words)
            for option in (word.split("=")[0] for word in words if word.startswith("--")):
                assert re.search(rf"{option}\b", text), f"{path.name}: {line}: there is no {option}"
            looked_at += 1
    assert looked_at > 40


def test_the_first_call(server):
    stubs = next(path for path in sys.path if (pathlib.Path(path) / "streak/v1/account_pb2.py").is_file())
    done = subprocess.run([sys.executable, CATALOGUE / "Examples/first_call.py", server.address], capture_output=True, text=True,
                          env=dict(os.environ, PYTHONPATH=stubs))
    assert done.stdout == "streak: 1 day\n", done.stderr


def curl(command, server, **variables):
    """The JSON that a page's curl command prints."""
    command = command.replace("127.0.0.1:50051", server.address)
    assert server.address in command
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
                          env={**os.environ, **variables})
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return json.loads(done.stdout)


def test_the_first_call_by_curl_starts_another_session_each_time(server):
    line, = [line for line in commands((PROJECT / "README.md").read_text()) if line.startswith("curl ")]
    sessions = [curl(line, server) for _ in range(2)]
    assert all(len(session["sessionId"]) == 24 for session in sessions) and sessions[0] != sessions[1]


def test_the_curl_commands_of_the_page_on_browsers(server):
    start, get = [block for block in blocks(page("App/Browsers.md")) if block.startswith("curl ")]
    assert curl(start, server)["sessionSecret"]
    with Person(server) as person:
        person.sign_up()
        person.record(person.put_habit("Swim"))
        streak, = curl(get, server, ACCESS_TOKEN=person.tokens.access_token)["streaks"]
        assert streak["current"] == 1
        refused = curl(get, server, ACCESS_TOKEN="access.nonsense")
        assert refused["code"] == "unauthenticated" and refused["details"][0]["debug"]["reason"] == "CREDENTIALS_INVALID"


def test_the_refusal_of_the_page_on_browsers_has_the_form_of_one(server):
    shown, = [json.loads(block) for block in blocks(page("App/Browsers.md")) if block.startswith('{"code"')]
    assert [detail["type"] for detail in shown["details"]] == ["google.rpc.ErrorInfo", "google.rpc.RetryInfo"]
    assert all(set(detail) == {"type", "value", "debug"} for detail in shown["details"])


@pytest.mark.parametrize("name", ["App/Concepts.md", "App/SyncADevice.md"])
def test_the_python_of_a_page(name, server):
    code = "\n".join(blocks(page(name), "python")).replace("127.0.0.1:50051", server.address)
    assert code
    exec(compile(code, name, "exec"), {"__name__": "example"})


@pytest.mark.parametrize("raises_epoch", [True, False])
def test_the_device_of_the_page_repairs_itself_and_sends_again_what_a_server_lost(folder, raises_epoch):
    server = Server(folder=folder)
    code = "\n".join(blocks(page("App/SyncADevice.md"), "python")).replace("127.0.0.1:50051", server.address)
    device = {"__name__": "example"}
    exec(compile(code, "SyncADevice.md", "exec"), device)
    (habit, today), = device["cells"]
    # A diverged replica: a day of a greater version, as of another epoch, and a habit of its own.
    wrong = common_pb2.Cell(habit_id=habit, day=today, version=1 << 40, note="wrong")
    device["cells"][habit, today] = wrong
    device["habits"][NOWHERE] = common_pb2.Habit(id=NOWHERE, name="Nowhere")
    for _ in range(2):
        device["sync"]()
    assert device["cells"][habit, today].note == "20 pages" and NOWHERE in device["habits"]
    # The habit that was nowhere was restated. It is completed and deleted.
    device["make"](set_completion=sync_pb2.SetCompletion(
        habit_id=NOWHERE, day=today, done=True, client_time=device["made"]))
    device["sync"]()
    device["make"](delete_habit=sync_pb2.DeleteHabit(habit_id=NOWHERE))
    device["sync"]()
    assert set(device["habits"]) == {habit}
    lose_everything(server.folder / "data", device["user_id"].hex(), raises_epoch)
    server.kill()
    with Server(folder=server.folder) as again:
        device["sync_service"] = sync_pb2_grpc.SyncServiceStub(grpc.insecure_channel(again.address))
        device["sync"]()
        assert not device["queue"] and device["kept"][-1].seq == 4
        assert set(device["habits"]) == {habit} and device["cells"][habit, today].note == "20 pages"
        inbox = device["sync_service"].ListRejectedOperations(
            sync_pb2.ListRejectedOperationsRequest(), metadata=device["metadata"], timeout=30)
        assert not inbox.operations


def test_the_settings_file_of_the_page_has_names_of_settings_only():
    names = set(re.findall(r"^\| `--([a-z-]+)", page("Reference/Settings.md"), flags=re.M))
    text = page("Operate/Install.md")
    lines = [line for block in blocks(text) for line in block.splitlines() if re.match(r"[a-z-]+ = ", line)]
    assert len(lines) > 8 and {line.split(" = ")[0] for line in lines} <= names


def test_prometheus_takes_the_rules_and_the_scrape_of_the_page(folder):
    folders = [os.environ.get("STREAKD_PROMETHEUS", ""), os.environ["PATH"]]
    promtool = shutil.which("promtool", path=os.pathsep.join(folders)) or pytest.skip("there is no promtool; scripts/test gets it on Debian")
    scrape, rules = blocks(page("Operate/Monitoring.md"), "yaml")
    (folder / "scrape.yml").write_text(scrape)
    (folder / "rules.yml").write_text(rules)
    for check in (["config", "scrape.yml"], ["rules", "rules.yml"]):
        done = subprocess.run([promtool, "check", *check], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    families = set(re.findall(r"^\| `(\w+)`", page("Reference/Metrics.md"), flags=re.M))
    assert set(re.findall(r"\b(?:streakd|process)_\w+", rules)) <= families


class Operator:
    """A person who types a page's commands, with folders of their own."""

    def __init__(self, folder, **values):
        self.folder, self.values = folder, values

    def type(self, line):
        for name, value in self.values.items():
            line = re.sub(rf"(?<![\w/]){re.escape(name)}(?![\w])", str(value), line)
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", line], cwd=self.folder, capture_output=True, text=True, timeout=240,
                              stdin=subprocess.DEVNULL, env=dict(os.environ, PATH=f"{PROGRAMS}:{os.environ['PATH']}"))
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout


def lines_of(text, *starts):
    return [line for line in commands(text) if line.startswith(starts)]


def test_the_steps_of_backup_and_restore(folder):
    text = page("Operate/Backups.md")
    keys = Keys(folder)
    operator = Operator(folder, BACKUPS=folder / "backups", NEW_DATA=folder / "new/data", DATA=folder / "data")
    operator.values["age1..."] = keys.recipient
    with Server(folder=folder, arguments=("--backup-folder", str(folder / "backups"))) as server:
        with Person(server) as person:
            person.sign_up()
            person.record(person.put_habit("Swim"))
            for line in lines_of(section(text, "by hand"), "streakctl"):
                operator.type(line)
        signer = operator.type(*lines_of(section(text, "Set up"), "streakctl")).strip()
    with (folder / "key").open("a") as key:
        key.write(f"# {signer}\n")
    (folder / "new").mkdir()
    listed, newest, by_name = lines_of(section(text, "Restore"), "streakctl")
    assert "streakd-signer-" in signer and by_name.startswith(newest)
    operator.type(listed)
    operator.type(newest)
    with Server(folder=folder / "new", arguments=("--backup-folder", str(folder / "backups"))) as server:
        with Person(server, email=person.email) as back:
            back.sign_in()
            assert len(back.history()) == 1


def test_the_steps_of_going_back_to_a_moment(folder):
    text = page("Operate/PointInTimeRecovery.md")
    operator = Operator(folder, BACKUPS=folder / "backups", NEW_DATA=folder / "new/data", NEW_REPOSITORY=folder / "repository2",
                        DATA=folder / "data", REPOSITORY=folder / "repository")
    # The tools exit with 1 while a moment is not in the log yet: wait for the log as the page
    # describes.
    with Server(folder=folder, arguments=("--backup-folder", str(folder / "backups"))) as server, Person(server) as person:
        setup, incremental, full, listed, verify = lines_of(section(text, "Set up"), "streakctl")
        operator.type(setup)
        shutil.copy(folder / "data/pgbackrest.conf", folder / "pgbackrest.conf")
        person.sign_up()
        person.record(person.put_habit("Swim"), note="before")
        sql(folder / "data", "SELECT pg_sleep(1)")
        moment = sql(folder / "data", "SELECT clock_timestamp()")
        sql(folder / "data", "UPDATE cells SET note = 'bad'")
        for line in (incremental, listed, verify):
            operator.type(line)
        assert full == f"{incremental} --full"
    (folder / "new").mkdir()
    wanted, restore, _ = lines_of(section(text, "Restore to yesterday 14:05"), "moment=", "streakctl")
    assert operator.type(f"{wanted}; echo $moment").strip().endswith(" 14:05:00+01")
    assert "epoch" in operator.type(f"moment={shlex.quote(moment)}; {restore}")
    with Server(folder=folder / "new", arguments=("--backup-folder", str(folder / "backups"))) as server:
        with Person(server, email=person.email) as back:
            back.sign_in()
            assert [cell.note for cell in back.history()] == ["before"]

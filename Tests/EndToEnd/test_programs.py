"""What all programs share: versions, no secrets in cleartext, client certificates, settings, exit
codes."""

import os
import pathlib
import re
import socket
import subprocess

import pytest
from app import PASSWORD, App
from certificates import make_authority
from server import PROGRAMS, Server, open_folder, wait_until

ALL = ["streak", "streakctl", "streakd", "streak-harness", "streak-load"]


def run(program, *arguments, input="", environment=None):
    """Its exit code and its output."""
    done = subprocess.run([PROGRAMS / program, *map(str, arguments)], input=input, capture_output=True, text=True, timeout=120,
                          env={**os.environ, **(environment or {})})
    return done.returncode, done.stdout + done.stderr


def calls(address, *options):
    """A call of each client program to a server; streak has an option of its own for the server."""
    return {
        "streakctl": ["call", "streak.v1.SessionService/StartSession", '{"idempotencyKey": "MDEyMzQ1Njc4OTAxMjM0NQ=="}', "--address", address, *options],
        "streak-harness": ["--only", "SessionService/StartSession", "--address", address, *options],
        "streak-load": ["--rate", "5", "--seconds", "1", "--people", "1", "--quiet", "--address", address, *options],
    }


@pytest.mark.parametrize("version", ["2", "1.1"])
@pytest.mark.parametrize("protocol", ["grpc", "grpc-web", "grpc-web-text", "connect", "connect-json"])
def test_every_program_speaks_every_protocol(server, protocol, version):
    for program, arguments in calls(server.address, "--protocol", protocol, "--http-version", version).items():
        code, told = run(program, *arguments)
        if version == "1.1" and (protocol == "grpc" or program == "streak-load"):
            assert code == 64 and "HTTP/2" in told, (program, told)
        else:
            assert code == 0, (program, told)


def test_every_program_prints_its_version():
    told = [run(program, "--version") for program in ALL]
    assert [code for code, _ in told] == [0] * len(ALL), told
    assert all(re.fullmatch(r"\S+ \d+\.\d+\.\d+\S*\n", text) for _, text in told), told
    assert [text.split()[0] for _, text in told] == ALL and len({text.split()[1] for _, text in told}) == 1


def test_completion_is_to_be_had_for_every_program():
    for program in ALL:
        for shell in ("bash", "zsh", "fish"):
            assert run(program, "--generate-completion-script", shell)[0] == 0


@pytest.mark.parametrize("address", ["192.0.2.1:50051", "[2001:db8::1]:50051", "elsewhere.invalid:50051", "127.0.0.1:1,192.0.2.1:50051"])
def test_no_secret_goes_to_another_machine_in_cleartext(folder, address):
    """S12: nothing is sent, and the message says what to do. The addresses here are unused."""
    phone = App(folder / "phone")
    for command in ("signup", "login"):
        told = phone.run(command, "mira@example.com", "--server", address, input=PASSWORD + "\n", code=64)
        assert "without TLS" in told and "--tls" in told and "--allow-cleartext" in told
    for program, arguments in calls(address).items():
        code, told = run(program, *arguments)
        assert code == 64 and "without TLS" in told and "--allow-cleartext" in told, (program, told)
    # Offline functions still work, and the warning says why nothing is sent.
    phone.environment["STREAK_SERVER"] = address
    phone.run("habit", "add", "reading")
    done = subprocess.run([PROGRAMS / "streak", "done", "reading"], env=phone.environment, capture_output=True, text=True)
    assert done.returncode == 0 and "without TLS" in done.stderr and phone.marks("reading") == 1


@pytest.mark.parametrize("program", ["streakd", "streakctl", "streak"])
def test_no_program_that_holds_secrets_dumps_its_memory(server, folder, program):
    """Its limit is read while it waits: the server for calls, streakctl for an answer, the app for a
    password."""
    if program == "streakd":
        assert dump_limits(server.process.pid) == ["0", "0"]
        return
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        arguments = calls(address)["streakctl"] if program == "streakctl" else ["login", "mira@example.com", "--server", address]
        waiting = subprocess.Popen(["bash", "-c", 'ulimit -c unlimited; exec "$@"', "bash", str(PROGRAMS / program), *map(str, arguments)],
                                   env={**os.environ, "STREAK_DATA": str(folder / "phone")}, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            if program == "streakctl":
                silent.accept()
            wait_until(lambda: dump_limits(waiting.pid) == ["0", "0"])
        finally:
            waiting.kill()
            waiting.wait()
            waiting.stdin.close()


def dump_limits(process):
    """The soft and the hard limit of a core dump."""
    line = next(line for line in pathlib.Path(f"/proc/{process}/limits").read_text().splitlines() if line.startswith("Max core file size"))
    return line.split()[4:6]


def test_cleartext_is_allowed_by_name_and_with_a_warning(folder):
    phone = App(folder / "phone")
    told = phone.run("login", "mira@example.com", "--server", "elsewhere.invalid:1", "--allow-cleartext", input=PASSWORD + "\n", code=69)
    assert "warning" in told and "cannot be reached" in told
    (folder / "streak").mkdir()
    (folder / "streak" / "config").write_text("server = elsewhere.invalid:1\nallow-cleartext = yes\n")
    phone.environment["XDG_CONFIG_HOME"] = str(folder)
    assert "warning" in phone.run("login", "mira@example.com", input=PASSWORD + "\n", code=69)
    for program, arguments in calls("elsewhere.invalid:1", "--allow-cleartext").items():
        code, told = run(program, *arguments)
        assert code == 69 and "warning" in told, (program, told)


@pytest.mark.parametrize("form", ["127.0.0.1:{port}", "localhost:{port}"])
def test_this_machine_may_be_spoken_to_in_cleartext(server, folder, form):
    address = form.format(port=server.port)
    App(folder / "phone").run("signup", f"{os.urandom(8).hex()}@example.com", "--server", address, input=PASSWORD + "\n")
    code, told = run("streakctl", *calls(address)["streakctl"])
    assert code == 0 and "warning" not in told, told


def test_settings_of_the_app_are_understood_or_refused(server, folder):
    """S12: each spelling of a Boolean; an unknown value is reported with its line."""
    phone = App(folder / "phone")
    phone.environment["XDG_CONFIG_HOME"] = str(folder)
    (folder / "streak").mkdir()
    config = folder / "streak" / "config"
    for word in ("true", "yes", "on", "1", "Yes"):
        config.write_text(f"# mine\nserver = {server.address}  # here\ntls = {word}\n")
        # A server without TLS does not answer a handshake.
        phone.run("login", "mira@example.com", input=PASSWORD + "\n", code=69)
    for word in ("false", "no", "off", "0", "No"):
        config.write_text(f"server = '{server.address}'\ntls = {word}\n")
        phone.run("login", "mira@example.com", input=PASSWORD + "\n", code=1)
    for line, said in (("tls = maybe", "tls must be"), ("tsl = true", "tsl is not"), ("tls", "NAME = VALUE"), ("server = a:1", "set twice")):
        config.write_text(f"server = {server.address}\n{line}\n")
        for command in (["status"], ["login", "mira@example.com"]):
            told = phone.run(*command, input=PASSWORD + "\n", code=64)
            assert f"{config}, line 2" in told and said in told, told
    line = f"server = {server.address}\n"
    config.write_text(line + "#" * (65_536 - len(line)))
    phone.run("status")
    config.write_text(line + "#" * (65_537 - len(line)))
    assert "larger than 65536 bytes" in phone.run("status", code=64)
    config.write_text(f"server = {server.address}\ntls = no\ntls-ca = {folder}/ca.pem\n")
    assert "tls" in phone.run("login", "mira@example.com", input=PASSWORD + "\n", code=64)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server that requires client certificates, and the folder with them."""
    certificates = tmp_path_factory.mktemp("mutual")
    make_authority(certificates, "server", "client")
    arguments = ["--tls-certificate", str(certificates / "server.pem"), "--tls-key", str(certificates / "server.key"),
                 "--tls-client-ca", str(certificates / "ca.pem"), "--rate-limit-factor", "0"]
    with open_folder() as folder, Server(folder=folder, arguments=arguments) as running:
        yield running, certificates


def test_every_client_can_show_a_certificate(guarded, folder):
    """O15."""
    server, certificates = guarded
    trust = ["--tls-ca", certificates / "ca.pem"]
    shown = [*trust, "--tls-certificate", certificates / "client.pem", "--tls-key", certificates / "client.key"]
    phone, email = App(folder / "phone"), f"{os.urandom(8).hex()}@example.com"
    told = phone.run("signup", email, "--server", server.address, *trust, input=PASSWORD + "\n", code=69)
    assert "certificate" in told and "--tls-certificate" in told, told
    phone.run("habit", "add", "reading")
    phone.run("signup", email, "--server", server.address, *shown, input=PASSWORD + "\n")
    # The server is stored, with its connection settings.
    phone.run("done", "reading")
    assert phone.run("sync").endswith("received.\n") and "everything is sent" in phone.run("status")
    for program in ("streakctl", "streak-harness", "streak-load"):
        code, told = run(program, *calls(server.address, *trust)[program])
        assert code == 69 and "certificate" in told, (program, told)
        code, told = run(program, *calls(server.address, *shown)[program])
        assert code == 0, (program, told)
        code, told = run(program, *calls(server.address, *shown[:4])[program])
        assert code == 64 and "go together" in told, (program, told)
        code, told = run(program, *calls(server.address, *trust, "--tls-certificate", folder / "none", "--tls-key", folder / "none")[program])
        assert code == 64 and "none" in told, (program, told)


def test_the_harness_says_that_no_server_is_there_and_that_a_filter_names_nothing(server, folder):
    """O16."""
    for arguments in ([], ["--schema", "server"], ["--limits"]):
        code, told = run("streak-harness", "--address", "127.0.0.1:1", *arguments)
        assert code == 69 and "cannot be reached" in told and "FAIL" not in told, told
    scenario = folder / "a.scenario"
    scenario.write_text("scenario one a person signs up\n  person mira\n")
    code, told = run("streak-harness", "--address", "127.0.0.1:1", "--scenario", scenario)
    assert code == 69, told
    for wrong, more in (("HabitService", []), ("SyncService/Sink", ["--only", "SyncService"]), ("Nothing", ["--limits"])):
        code, told = run("streak-harness", "--address", server.address, "--only", wrong, *more)
        assert code == 64 and "no method" in told and wrong in told, told
    code, told = run("streak-harness", "--address", server.address, "--scenario", scenario, "--only", "two")
    assert code == 64 and "no scenario" in told and "two" in told, told

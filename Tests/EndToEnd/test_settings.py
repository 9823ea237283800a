"""The settings file's syntax, and the settings that scripts/run does not override."""

import os
import subprocess

import pytest
from server import PROGRAMS, PROJECT


def refusal(folder, text, *arguments):
    (folder / "settings").write_text(text)
    done = subprocess.run([str(PROGRAMS / "streakd"), "--config", str(folder / "settings"), "--data-folder", str(folder / "data"), *arguments],
                          capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 64 and not (folder / "data").exists(), done
    return done.stderr


@pytest.mark.parametrize("value", [
    "nonsense # a comment", "'nonsense'", '"nonsense"', "  nonsense\t", '"nonsense"# a comment', "nonsense\t#x"])
def test_quotes_and_comments_are_no_part_of_a_value(folder, value):
    assert "not nonsense." in refusal(folder, f"# settings\n\n  # more\nlog-level={value}\n")


@pytest.mark.parametrize("value, meant", [("a#b", "a#b"), ("'a # b'", "a # b"), ('"a\'b"', "a'b"), ('a "b"', 'a "b"'), ("a=b", "a=b")])
def test_what_is_part_of_a_value(folder, value, meant):
    assert f"not {meant}." in refusal(folder, f"log-level = {value}\n")


@pytest.mark.parametrize("line, said", [
    ("log-level", "line 2: expected NAME = VALUE"), ("--log-level = info", "line 2: --log-level is not a name"), ("log-level =", "line 2: log-level has no value"),
    ("log-level = 'info", "line 2: the value of log-level must end"), ("log-level = 'info' x", "line 2: the value of log-level must end"),
    ("listen = 127.0.0.1:0", "line 2: listen is set twice"), ("log-level = # none", "line 2: log-level has no value"), ("log-level = ''", "has no value")])
def test_a_line_that_is_wrong_is_named(folder, line, said):
    assert said in refusal(folder, f"listen = 127.0.0.1:0\n{line}\n")


@pytest.mark.parametrize("line", ["access-log = maybe", "allow-cleartext = 2", "new-backup-folder = y"])
def test_a_flag_is_yes_or_no_or_refused(folder, line):
    name = line.split(" = ")[0]
    assert f"line 2: {name} must be true or false" in refusal(folder, f"# flags\n{line}\n")


@pytest.mark.parametrize("word", ["true", "YES", "on", "1"])
def test_each_word_for_yes_is_understood(folder, word):
    """With the permission, the next check of the address follows."""
    assert "log-level must be" in refusal(folder, f"listen = 0.0.0.0:0\nallow-cleartext = {word}\nlog-level = nonsense\n")
    assert "without TLS" in refusal(folder, "listen = 0.0.0.0:0\nallow-cleartext = no\nlog-level = nonsense\n")


def test_the_largest_file_is_read_and_one_byte_more_is_not(folder):
    line = "log-level = nonsense\n"
    assert "not nonsense" in refusal(folder, line + "#" * (65_536 - len(line)))
    assert "larger than 65536 bytes" in refusal(folder, line + "#" * (65_537 - len(line)))


MAIL = {"mail-smtp": "smtp://mail.example.com", "mail-from": "a@b.c", "mail-link-base": "https://b.c"}


@pytest.mark.parametrize("changed, said", [
    ({"mail-from": None}, "Mail needs"), ({"mail-link-base": None}, "Mail needs"), ({"mail-smtp": None}, "Mail needs"),
    ({"mail-command": "/usr/sbin/sendmail"}, "one of mail-smtp and mail-command"), ({"mail-from": "a b@c"}, "mail-from must be"),
    ({"mail-smtp": "mail.example.com"}, "mail-smtp must be"), ({"mail-smtp": "smtp://user:secret@host"}, "mail-smtp must be"),
    ({"mail-smtp": "smtp://a:65536"}, "mail-smtp must be"), ({"mail-link-base": "http://b.c"}, "mail-link-base must be"),
    ({"mail-link-base": "https://" + "b" * 505}, "at most 512 bytes"), ({"mail-user": "a"}, "go together"),
    ({"mail-password-file": "/dev/null"}, "go together"), ({"mail-user": "a", "mail-password-file": "/dev/null"}, "is empty"),
    ({"mail-ca": "/nowhere"}, "/nowhere: No such file"), ({"mail-smtp": None, "mail-command": "sendmail"}, "absolute path"),
    ({"mail-smtp": None, "mail-command": "/bin/true", "mail-user": "a", "mail-password-file": "/dev/null"}, "go with mail-smtp")])
def test_settings_of_mail_that_do_not_fit_are_refused(folder, changed, said):
    settings = {name: value for name, value in {**MAIL, **changed}.items() if value}
    refused = refusal(folder, "".join(f"{name} = {value}\n" for name, value in settings.items()))
    assert said in refused and "secret" not in refused


@pytest.mark.parametrize("way", ["environment", "database", "file", "file=", "option", "none"])
def test_the_script_uses_the_data_folder_that_the_caller_names(folder, way):
    """O11: run unchanged, with a build that does nothing and a program that prints its arguments."""
    copy = folder / "project" / "scripts"
    copy.mkdir(parents=True)
    (copy / "run").write_text((PROJECT / "scripts/run").read_text())
    (folder / "program").write_text('#!/bin/sh\necho "$@"\n')
    (folder / "program").chmod(0o755)
    (copy / "lib.sh").write_text(f'project={folder}/project\nsay() {{ :; }}\ninstall() {{ :; }}\nrelease_program() {{ program={folder}/program; }}\n'
                                 'build_packages=() server_packages=() backup_packages=()\n')
    (folder / "settings").write_text(f"  data-folder = {folder}/x\n")
    arguments, environment = ["--loops", "1"], {key: value for key, value in os.environ.items() if not key.startswith("STREAKD_")}
    match way:
        case "environment": environment["STREAKD_DATA_FOLDER"] = str(folder / "x")
        case "database": environment["STREAKD_DATABASE"] = "host=/nowhere"
        case "file": arguments += ["--config", str(folder / "settings")]
        case "file=": arguments += [f"--config={folder}/settings"]
        case "option": arguments += ["--data-folder", str(folder / "x")]
    done = subprocess.run(["bash", str(copy / "run"), *arguments], capture_output=True, text=True, env=environment, check=True)
    if way == "none":
        assert done.stdout.startswith("--data-folder ") and done.stdout.endswith(" --loops 1\n")
    else:
        assert done.stdout == " ".join(arguments) + "\n"

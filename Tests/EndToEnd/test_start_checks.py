"""The checks of a start come before anything is made: a refused start leaves nothing behind."""

import os
import subprocess

import pytest
from operator_tools import Keys
from server import PROGRAMS

# Hides PostgreSQL's programs from the program that follows.
WITHOUT_POSTGRES = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c",
                    'mount -t tmpfs tmpfs /usr/lib/postgresql && PATH=/usr/sbin:/usr/bin:/sbin:/bin exec "$@"', "sh"]


def refused(folder, *arguments, prefix=()):
    """The error of a start whose settings name nothing but places in a folder that may be made."""
    place = folder / "places"
    place.mkdir()
    done = subprocess.run(
        [*prefix, str(PROGRAMS / "streakd"), "--listen", "127.0.0.1:0", "--data-folder", str(place / "data"), "--backup-folder", str(place / "backups"),
         "--backup-recipient", Keys(folder).recipient, "--backup-signing-key", str(place / "signing" / "key"), *arguments],
        capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode != 0 and os.listdir(place) == [], (done, os.listdir(place))
    return done.stderr


def unreadable_key(folder):
    (folder / "server-key").write_text("nonsense\n")
    (folder / "server-key").chmod(0o600)
    return str(folder / "server-key")


def test_a_server_key_that_cannot_be_read_leaves_nothing(folder):
    assert "has a line that is not a key" in refused(folder, "--server-key-file", unreadable_key(folder))


def test_a_missing_postgresql_leaves_nothing(folder):
    assert "is not installed" in refused(folder, prefix=WITHOUT_POSTGRES)


def test_a_missing_postgresql_of_the_folders_version_is_told_before_anything_is_made(folder):
    (folder / "places" / "data" / "cluster").mkdir(parents=True)
    (folder / "places" / "data" / "cluster" / "PG_VERSION").write_text("99\n")
    done = subprocess.run([str(PROGRAMS / "streakd"), "--listen", "127.0.0.1:0", "--data-folder", str(folder / "places" / "data"),
                           "--backup-folder", str(folder / "places" / "backups"), "--backup-signing-key", str(folder / "places" / "key")],
                          capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode != 0 and "version 99, which made this data folder" in done.stderr, done
    assert os.listdir(folder / "places") == ["data"] and os.listdir(folder / "places" / "data") == ["cluster"]


@pytest.mark.parametrize("setting", ["--breached-passwords", "--operator-token-file", "--tls-client-ca"])
def test_a_file_that_is_missing_leaves_nothing(folder, setting):
    more = []
    if setting == "--tls-client-ca":
        certificate, key = folder / "certificate", folder / "certificate-key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
        more = ["--tls-certificate", str(certificate), "--tls-key", str(key)]
    assert "/nowhere" in refused(folder, *more, setting, "/nowhere")

"""Whatever may write the backup folder may put a link, a pipe or a folder in the place of each of its
names: none is followed, opened for ever, or taken for a file."""

import os
import subprocess

import pytest
from operator_tools import Keys, fill, streakctl
from server import Server, open_folder

NAME = "20200101T000000Z-abcdef"
FILES = ("manifest.json", "manifest.sig", "check.json", "dump.sql.zst.age")


@pytest.fixture(scope="module")
def place():
    """A running server, and a backup of it."""
    with open_folder() as folder, Server(folder=folder):
        place = Place(folder)
        fill(place.data, 3, 5)
        place.run(folder / "backups")
        yield place


class Place:
    def __init__(self, folder):
        self.folder, self.data, self.keys = folder, folder / "data", Keys(folder)

    def run(self, backups, check=True):
        return streakctl("backup", "run", "--folder", backups, "--data-folder", self.data, "--recipient", self.keys.recipient, check=check, timeout=60)


@pytest.fixture
def backups(place, folder):
    """A copy of the backup folder."""
    subprocess.run(["cp", "-a", place.folder / "backups", folder / "backups"], check=True)
    return folder / "backups"


@pytest.fixture
def precious(folder):
    """A folder outside of the backup folder; it has a file by each name that a backup has."""
    outside = folder / "outside"
    outside.mkdir()
    for name in (*FILES, "precious"):
        (outside / name).write_text("precious")
    yield outside
    assert {path.name: path.read_text() for path in outside.iterdir()} == {name: "precious" for name in (*FILES, "precious")}


@pytest.mark.parametrize("command", ["prune", "run"])
def test_a_link_in_the_place_of_an_unfinished_backup_is_removed_and_not_followed(place, backups, precious, command):
    (backups / ".unfinished-x").symlink_to(precious)
    (backups / f".unfinished-{NAME}").symlink_to(precious / "precious")
    if command == "prune":
        streakctl("backup", "prune", "--folder", backups, timeout=60)
    else:
        place.run(backups)
    assert not [path for path in backups.iterdir() if path.name.startswith(".unfinished")]


@pytest.mark.parametrize("command", ["list", "verify", "prune"])
def test_a_link_in_the_place_of_a_backup_is_not_followed(place, backups, precious, command):
    good = next(backups.glob("*Z-*")).name
    (backups / NAME).symlink_to(precious)
    done = streakctl("backup", command, "--folder", backups, *(["all"] if command == "verify" else []), check=False, timeout=60)
    # As old as its name says: the clean-up removes the link itself.
    assert f"{NAME}  " in done.stdout and "damaged" in done.stdout or done.stdout == f"removed {NAME}\n" or NAME in done.stderr, done
    assert (backups / good / "manifest.json").exists()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", ["a link", "a pipe", "a folder"])
def test_a_file_of_a_backup_that_is_something_else_is_refused_at_once(place, backups, precious, name, kind):
    backup = next(backups.glob("*Z-*"))
    (backup / name).unlink(missing_ok=True)
    if kind == "a link":
        (backup / name).symlink_to(precious / name)
    elif kind == "a pipe":
        os.mkfifo(backup / name)
    else:
        (backup / name).mkdir()
    done = streakctl("backup", "verify", "--folder", backups, "--identity", place.keys.identity, check=False, timeout=60)
    assert done.returncode == 1 and name in done.stdout + done.stderr, done
    restored = streakctl("backup", "restore", "--folder", backups, "--identity", place.keys.identity, "--into", backups.parent / "restored",
                         backup.name, check=False, timeout=60)
    assert restored.returncode == 1 and not (backups.parent / "restored").exists(), restored
    streakctl("backup", "list", "--folder", backups, timeout=60)
    # A further backup is made all the same.
    place.run(backups)


@pytest.mark.parametrize("kind", ["a link", "a pipe"])
@pytest.mark.parametrize("name", ["erasures", "lock"])
def test_the_folders_own_files_are_files(place, backups, precious, name, kind):
    (backups / name).unlink(missing_ok=True)
    if kind == "a link":
        (backups / name).symlink_to(precious / "precious")
    else:
        os.mkfifo(backups / name)
    done = place.run(backups, check=False)
    assert done.returncode == 1 and name in done.stderr, done


def test_a_server_starts_and_stops_beside_a_pipe_in_its_backup_folder(folder):
    arguments = ("--backup-folder", str(folder / "backups"), "--grace-seconds", "1")
    with Server(folder=folder, arguments=arguments):
        pass
    (folder / "backups" / NAME).mkdir()
    os.mkfifo(folder / "backups" / NAME / "manifest.json")
    with Server(folder=folder, arguments=arguments):
        pass

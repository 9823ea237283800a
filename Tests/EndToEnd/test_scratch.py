"""Trial restores are databases in clear text: none of them outlives the program that made it."""

import os
import pathlib
import signal
import subprocess

from operator_tools import STREAKCTL, Keys, fill
from server import Server, wait_until


def clusters(folder):
    return list(pathlib.Path(folder).glob("streakd-scratch-*/*/cluster"))


def processes_in(folder):
    """Processes whose working folder is inside a folder."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if os.readlink(f"/proc/{entry}/cwd").startswith(str(folder)):
                    found.append(entry)
            except OSError:
                pass
    return found


def test_a_killed_backup_leaves_no_database_behind(folder):
    """Neither its files nor its PostgreSQL; the scratch folder's path is relative, given by the option
    or by the environment."""
    scratch = folder / "scratch"
    with Server(folder=folder):
        fill(folder / "data", 200, 100)
        arguments = ["backup", "run", "--folder", str(folder / "backups"), "--data-folder", str(folder / "data"), "--recipient",
                     Keys(folder).recipient]
        option = ["--scratch-folder", "scratch"]
        for given, named in ((option, "unused"), (option, "unused"), ([], "scratch")):
            process = subprocess.Popen([STREAKCTL, *arguments, *given], cwd=folder, env={**os.environ, "STREAKD_BACKUP_SCRATCH_FOLDER": named}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_until(lambda: clusters(scratch) or process.poll() is not None)
            assert process.poll() is None
            process.send_signal(signal.SIGKILL)
            process.wait()
            wait_until(lambda: not os.listdir(scratch) and not processes_in(scratch))


def test_a_start_removes_what_killed_backups_left(folder):
    """Also if the whole process group was killed, so that no process was left to clean up."""
    scratch, backups = folder / "scratch", folder / "backups"
    own = scratch / f"streakd-scratch-{owner()}"
    with Server(folder=folder):
        pass
    old = own / "old"
    old.mkdir(parents=True)
    (old / "cluster").mkdir()
    (old / "lock").touch()
    for path in (own, old):
        path.chmod(0o700)
    if os.geteuid() == 0:
        for path in (scratch, own, old, *old.iterdir()):
            os.chown(path, owner(), -1)
    with Server(folder=folder, arguments=["--backup-folder", str(backups), "--backup-scratch-folder", str(scratch)]):
        assert not old.exists() and os.listdir(scratch) == []


def owner():
    import pwd
    return pwd.getpwnam("postgres").pw_uid if os.geteuid() == 0 else os.geteuid()

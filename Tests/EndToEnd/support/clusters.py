"""PostgreSQL's programs, with an initdb that copies clusters it has made before: see initdb.py."""

import contextlib
import os
import pathlib
import subprocess

SYSTEM_PYTHON = pathlib.Path("/usr/bin/python3")


def programs() -> pathlib.Path:
    """The folder of the newest PostgreSQL's own programs, or the one that a test has chosen."""
    if chosen := os.environ.get("STREAKD_TEST_POSTGRES_PROGRAMS"):
        return pathlib.Path(chosen)
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent


def use_copies(folder):
    """Makes `folder` and puts its initdb before every other in PATH. Without the system's Python
    the real initdb is used."""
    if not SYSTEM_PYTHON.exists():
        return
    real, templates, copying = programs(), folder / "templates", folder / "bin"
    folder.mkdir()
    templates.mkdir()
    templates.chmod(0o700)
    if os.geteuid() == 0:
        subprocess.run(["chown", "postgres", templates], check=True)
    copying.mkdir()
    for program in real.iterdir():
        (copying / program.name).symlink_to(program)
    text = (pathlib.Path(__file__).parent / "initdb.py").read_text()
    (copying / "initdb").unlink()
    (copying / "initdb").write_text(
        f"#!{SYSTEM_PYTHON} -IS\n" + text.replace("@REAL@", str(real)).replace("@TEMPLATES@", str(templates)))
    (copying / "initdb").chmod(0o755)
    os.environ["PATH"] = f"{copying}{os.pathsep}{os.environ['PATH']}"
    os.environ["STREAKD_TEST_INITDB"] = str(copying)


def initdb() -> pathlib.Path:
    """The program that makes clusters."""
    if "STREAKD_TEST_POSTGRES_PROGRAMS" in os.environ:
        return programs() / "initdb"
    return pathlib.Path(os.environ.get("STREAKD_TEST_INITDB", programs())) / "initdb"


@contextlib.contextmanager
def real_initdb():
    """Programs that are started within the context use PostgreSQL's own initdb."""
    path, copying = os.environ["PATH"], os.environ.get("STREAKD_TEST_INITDB")
    os.environ["PATH"] = os.pathsep.join(part for part in path.split(os.pathsep) if part != copying)
    try:
        yield
    finally:
        os.environ["PATH"] = path

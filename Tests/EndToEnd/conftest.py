"""Fixtures: stubs made from proto/ by the stock generator, and real streakd processes."""

import atexit
import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import grpc_tools
import pytest

# The client that it runs exists only where scripts/check has installed it.
collect_ignore = [] if "STREAKD_INTEROP_RUBY" in os.environ else ["test_interop_ruby.py"]
# Long journeys, in browsers, and a mail server that only scripts/check --long installs.
collect_ignore += [] if "STREAKD_LONG" in os.environ else ["test_page_long.py", "test_mail_opensmtpd.py"]
# Needs a network namespace of its own, and packages that only scripts/check --failover installs.
collect_ignore += [] if "STREAKD_FAILOVERS" in os.environ else ["test_failover_patroni.py"]
# Needs what only scripts/check --long installs.
collect_ignore += [] if "STREAKD_POSTGRES_VERSIONS" in os.environ else ["test_postgres_versions.py"]
PROJECT = pathlib.Path(__file__).resolve().parents[2]


def _open_run() -> None:
    """Makes what the whole run shares, once, in the process that collects; workers get it by their
    environment."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    # PostgreSQL's user may enter it.
    run = pathlib.Path(tempfile.mkdtemp(prefix="streakd-run-"))
    run.chmod(0o755)
    atexit.register(shutil.rmtree, run, ignore_errors=True)
    os.environ["STREAKD_TEST_RUN"] = str(run)
    # Trial restores: where a database is made quickly.
    (run / "scratch").mkdir()
    (run / "scratch").chmod(0o1777)
    os.environ["STREAKD_BACKUP_SCRATCH_FOLDER"] = str(run / "scratch")
    _generate_stubs(run / "stubs")
    clusters.use_copies(run / "clusters")


def _generate_stubs(output) -> None:
    """Generates the stubs as any client's developer would; the test modules import them."""
    output.mkdir()
    proto = PROJECT / "proto"
    files = [*proto.glob("streak/**/*.proto"), *proto.glob("google/rpc/*.proto")]
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", f"-I{proto}", f"-I{pathlib.Path(grpc_tools.__file__).parent}/_proto",
         f"--python_out={output}", f"--grpc_python_out={output}", *[str(file.relative_to(proto)) for file in files]],
        check=True, cwd=proto)
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", "-I.", f"-I{pathlib.Path(grpc_tools.__file__).parent}/_proto",
         f"--python_out={output}", f"--grpc_python_out={output}", "interop.proto", "conformance.proto"],
        check=True, cwd=PROJECT / "Tests/proto")


sys.path.insert(0, str(pathlib.Path(__file__).parent / "support"))

import clusters  # noqa: E402

_open_run()
sys.path.insert(0, os.environ["STREAKD_TEST_RUN"] + "/stubs")

# The key that signs backups: not this machine's own one.
_keys = tempfile.mkdtemp(prefix="streakd-signing-")
atexit.register(shutil.rmtree, _keys, ignore_errors=True)
os.environ["STREAKD_BACKUP_SIGNING_KEY"] = f"{_keys}/key"

from certificates import certificates  # noqa: E402, F401  (a fixture)
from databases import database  # noqa: E402, F401  (a fixture)
from http2_peer import Peer  # noqa: E402  (needs the generated)
from server import Server, interop_server, open_folder  # noqa: E402  (needs no generated code; imports stay together)


@pytest.fixture(scope="session")
def server():
    """One streakd with a private PostgreSQL, shared by all tests that do not stop it."""
    with open_folder() as folder, Server(folder=folder) as running:
        yield running


@pytest.fixture
def folder():
    with open_folder() as path:
        yield path


@pytest.fixture(scope="module")
def interop_address():
    """An interop-server for the tests of one module, which must not end it."""
    with interop_server() as process:
        yield f"127.0.0.1:{process.port}"


@pytest.fixture
def connect(interop_address):
    """Opens connections to the interop-server; the test's end closes them."""
    with contextlib.ExitStack() as open_peers:
        port = int(interop_address.rpartition(":")[2])
        yield lambda *pairs, **options: open_peers.enter_context(Peer(port, *pairs, **options))


@pytest.fixture
def peer(connect):
    return connect()


# The longest modules run first; otherwise a worker may begin one when the others are done.
LONG = ("test_pitr", "test_crash", "test_sync", "test_backup", "test_migration", "test_recovery", "test_harness", "test_backup_folder",
        "test_network_cuts", "test_forged_backup", "test_erasure", "test_bad_input", "test_sign_in", "test_journey", "test_admin", "test_roles",
        "test_start_stop", "test_attacks", "test_attacks_memory", "test_metrics", "test_streak_kills", "test_streak", "test_load",
        "test_failover", "test_rolling")


def pytest_collection_modifyitems(items):
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.stem, len(LONG)))


def pytest_runtest_logreport(report):
    """Prints failed tests at once; the details follow at the end of the run."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        print(f"\n{report.nodeid} failed in its {report.when}", file=sys.__stderr__, flush=True)

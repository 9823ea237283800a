"""Fixtures: stubs made from proto/ by the stock generator, and real streakd processes."""

import atexit
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import grpc_tools
import pytest

# The client it drives is only where scripts/check has installed it.
collect_ignore = [] if "STREAKD_INTEROP_RUBY" in os.environ else ["test_interop_ruby.py"]
PROJECT = pathlib.Path(__file__).resolve().parents[2]


def _generate_stubs() -> None:
    """Made once per run, before the test modules are imported: what any client's developer would do."""
    output = tempfile.mkdtemp(prefix="streakd-stubs-")
    atexit.register(shutil.rmtree, output, ignore_errors=True)
    proto = PROJECT / "proto"
    files = [*proto.glob("streak/**/*.proto"), *proto.glob("google/rpc/*.proto")]
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", f"-I{proto}", f"-I{pathlib.Path(grpc_tools.__file__).parent}/_proto",
         f"--python_out={output}", f"--grpc_python_out={output}", *[str(file.relative_to(proto)) for file in files]],
        check=True, cwd=proto)
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", "-I.", f"--python_out={output}", f"--grpc_python_out={output}", "interop.proto"],
        check=True, cwd=PROJECT / "Tests/proto")
    sys.path.insert(0, output)


_generate_stubs()

# The key that signs backups: not this machine's own one.
_keys = tempfile.mkdtemp(prefix="streakd-signing-")
atexit.register(shutil.rmtree, _keys, ignore_errors=True)
os.environ["STREAKD_BACKUP_SIGNING_KEY"] = f"{_keys}/key"

from http2_peer import Peer  # noqa: E402  (needs the generated)
from server import PROGRAMS, Server, open_folder  # noqa: E402  (needs nothing generated, but keeps imports in one place)


@pytest.fixture(scope="session")
def server():
    """One streakd with a private PostgreSQL that all tests share which do not kill it."""
    with open_folder() as folder, Server(folder=folder) as running:
        yield running


@pytest.fixture
def folder():
    with open_folder() as path:
        yield path


@pytest.fixture(scope="module")
def interop_address():
    """An interop-server for the tests of one module, which it must survive."""
    process = subprocess.Popen([str(PROGRAMS / "interop-server"), "--port=0"], stdout=subprocess.PIPE, text=True)
    try:
        yield re.search(r"listening on (\S+)", process.stdout.readline())[1]
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def connect(interop_address):
    """Opens connections to the interop-server, which the test's end closes."""
    with contextlib.ExitStack() as open_peers:
        port = int(interop_address.rpartition(":")[2])
        yield lambda *pairs, **options: open_peers.enter_context(Peer(port, *pairs, **options))


@pytest.fixture
def peer(connect):
    return connect()

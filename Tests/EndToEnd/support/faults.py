"""streakd with a database that cannot serve: the errors for clients, operators and the log."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import urllib.error
import urllib.request

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from person import details
from server import PROGRAMS, SERVER_KEY

ADMIN = ("--admin-listen", "127.0.0.1:0")


@contextlib.contextmanager
def frozen(postgres_pid):
    """A PostgreSQL that runs but does not answer: its main process is stopped first, so that it
    starts no more."""
    os.kill(postgres_pid, signal.SIGSTOP)
    children = pathlib.Path(f"/proc/{postgres_pid}/task/{postgres_pid}/children").read_text().split()
    processes = [postgres_pid, *map(int, children)]
    try:
        for process in processes[1:]:
            os.kill(process, signal.SIGSTOP)
        yield
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)


def readiness(server):
    """The readiness page's status and text."""
    address = next(found[1] for line in server.lines if (found := re.search(r"address=(\S+).* serving /metrics", line)))
    try:
        with urllib.request.urlopen(f"http://{address}/readyz", timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def retry_seconds(error):
    """The retry delay of the error; None: there is none."""
    status = status_pb2.Status.FromString(dict(error.trailing_metadata()).get("grpc-status-details-bin", b""))
    for detail in status.details:
        information = error_details_pb2.RetryInfo()
        if detail.Unpack(information):
            return information.retry_delay.seconds + information.retry_delay.nanos / 1e9
    return None


def expect_unavailable(call):
    with pytest.raises(grpc.RpcError) as caught:
        call()
    error = caught.value
    assert (error.code(), details(error)[0].reason) == (grpc.StatusCode.UNAVAILABLE, "STORAGE_UNAVAILABLE"), error
    assert retry_seconds(error) > 0
    # The database's own messages contain rows and hosts.
    assert not re.search(r"transaction|disk|role|SQLSTATE|\b[0-9]{5}\b", error.details())
    return error


def log(server, text):
    return [line for line in server.lines if text in line]


def refusal_to_start(database, *arguments) -> str:
    """The message with which streakd fails to start."""
    done = subprocess.run(
        [str(PROGRAMS / "streakd"), "--listen", "127.0.0.1:0", "--database", database, "--server-key-file", str(SERVER_KEY), *arguments], capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=60)
    assert done.returncode not in (0, None), done.stdout
    last = done.stderr.strip().split("\n")[-1]
    # Sentences, not descriptions of Swift values.
    assert last.startswith("Error: ") and not re.search(r"\w+\((reason|text):|StreakStore\.", last), done.stderr
    return last

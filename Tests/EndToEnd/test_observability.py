"""The operator's view of the server."""

import os
import signal

import grpc
import pytest
from faults import frozen
from grpc_health.v1 import health_pb2, health_pb2_grpc
from server import Server, wait_until

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def test_health_follows_a_database_that_stops_answering_and_comes_back(folder):
    with Server(folder=folder) as running, grpc.insecure_channel(running.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)

        def says(status, service):
            return health.Check(health_pb2.HealthCheckRequest(service=service), timeout=10).status == status

        watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=60)
        changes = iter(watch)
        assert next(changes).status == SERVING
        with frozen(running.postgres_pid()):
            assert next(changes).status == NOT_SERVING
            assert says(NOT_SERVING, "") and says(NOT_SERVING, "streak.v1.StreakService")
        assert next(changes).status == SERVING
        assert says(SERVING, "") and says(SERVING, "streak.v1.StreakService")
        watch.cancel()


def test_health_is_serving_again_after_the_database_was_killed(folder):
    with Server(folder=folder) as running, grpc.insecure_channel(running.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        killed = running.postgres_pid()
        os.kill(killed, signal.SIGKILL)

        def is_back():
            try:
                is_new = running.postgres_pid() != killed
            except (FileNotFoundError, ValueError):
                return False
            return is_new and health.Check(health_pb2.HealthCheckRequest(), timeout=10).status == SERVING

        wait_until(is_back, seconds=60)


@pytest.mark.parametrize("option, value, range", [
    ("health-seconds", 0, "1 to 60"), ("health-seconds", 61, "1 to 60"),
    ("ledger-cache-mib", -1, "0 to 65536"), ("ledger-cache-mib", 65_537, "0 to 65536"),
    ("busy-poll-microseconds", -1, "0 to 10000"), ("busy-poll-microseconds", 10_001, "0 to 10000")])
def test_a_setting_out_of_range_is_refused(folder, option, value, range):
    with pytest.raises(RuntimeError, match=f"{option} must be a number from {range}"):
        Server(folder=folder, arguments=[f"--{option}={value}"])

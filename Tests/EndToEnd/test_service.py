"""General behaviour as a server: stock tools, deadlines, several processes, load, an orderly end."""

import json
import os
import pathlib
import subprocess
import time

import grpc
import pytest
from databases import sql
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from google.protobuf.descriptor_pool import DescriptorPool
from person import Person, details, local_time, today
from raw_client import RawClient
from server import PROGRAMS, Server, wait_until
from streak.v1 import account_pb2, common_pb2, export_pb2, export_pb2_grpc, streak_pb2

SERVICES = {"streak.v1.AccountService", "streak.v1.CredentialService", "streak.v1.SessionService", "streak.v1.StreakService", "streak.v1.ExportService",
            "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"}


def test_health_says_serving_for_the_server_and_its_services(server):
    with grpc.insecure_channel(server.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for service in ["", "streak.v1.StreakService"]:
            answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=10)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError) as caught:
            health.Check(health_pb2.HealthCheckRequest(service="no.such.Service"), timeout=10)
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND
        watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=10)
        assert next(iter(watch)).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()


def test_reflection_describes_every_service(server):
    with grpc.insecure_channel(server.address) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        assert SERVICES <= set(database.get_services())
        pool = DescriptorPool(database)
        method = pool.FindServiceByName("streak.v1.StreakService").FindMethodByName("GetStreak")
        assert method.input_type.full_name == "streak.v1.GetStreakRequest"


def test_both_versions_of_reflection_answer_alike(server):
    """v1 and v1alpha have the same messages on the wire; the stock package speaks v1alpha."""
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    with grpc.insecure_channel(server.address) as channel:
        answers = []
        for version in ["v1", "v1alpha"]:
            call = channel.stream_stream(
                f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
                request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
                response_deserializer=reflection_pb2.ServerReflectionResponse.FromString)
            answers.append({service.name for service in next(
                call(iter([request]), timeout=10)).list_services_response.service})
        assert answers[0] == answers[1] >= SERVICES


def test_sign_out_on_one_process_is_seen_by_another(database):
    with Server(database=database) as one, Server(database=database) as two:
        with Person(one) as person, Person(two) as other:
            person.sign_up()
            habit = person.put_habit()
            other.use(person.tokens)
            assert other.streak(habit).current == 0  # the second server has cached the token
            person.accounts.SignOut(account_pb2.SignOutRequest(), metadata=person.metadata, timeout=30)

            def refused():
                try:
                    other.streak(habit)
                    return False
                except grpc.RpcError as error:
                    return error.code() == grpc.StatusCode.UNAUTHENTICATED

            wait_until(refused, seconds=5)


def test_an_expired_token_is_unauthenticated_and_a_refresh_helps(database):
    with Server(database=database) as server, Person(server) as person:
        person.sign_up()
        sql(database, "update devices set access_expires_at = now() - interval '1 second'")
        with pytest.raises(grpc.RpcError) as caught:
            person.put_habit()
        assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
        person.use(person.accounts.Refresh(
            account_pb2.RefreshRequest(refresh_token=person.tokens.refresh_token), timeout=30).tokens)
        assert person.streak(person.put_habit()).current == 0


@pytest.mark.alone
def test_a_sign_in_storm_does_not_starve_other_calls(server):
    """Password hashes are slow on purpose. 200 concurrent sign-ins must neither stop reads nor use
    unbounded memory."""
    with Person(server) as person:
        person.sign_up()
        habit = person.put_habit()
        before = server.resident_kib()
        request = account_pb2.SignInRequest(email=person.email, password="wrong password", device=person.device)
        storm = [person.accounts.SignIn.future(request, timeout=120) for _ in range(200)]
        reads, slowest = 0, 0.0
        while not all(call.done() for call in storm):
            started = time.monotonic()
            person.streak(habit)
            slowest = max(slowest, time.monotonic() - started)
            reads += 1
        assert reads > 50
        assert slowest < 5
        assert server.resident_kib() - before < 512 * 1024
        allowed = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert {call.code() for call in storm} <= allowed


def test_a_deadline_in_the_past_and_a_cancelled_call_leave_the_connection_usable(server):
    with Person(server) as person:
        person.sign_up()
        habit = person.put_habit()
        with pytest.raises(grpc.RpcError) as caught:
            person.accounts.SignIn(
                account_pb2.SignInRequest(email=person.email, password="x", device=person.device), timeout=0.001)
        assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        for _ in range(50):
            call = person.accounts.SignIn.future(
                account_pb2.SignInRequest(email=person.email, password="wrong", device=person.device), timeout=30)
            call.cancel()
        export = person.exports.Export(export_pb2.ExportRequest(), metadata=person.metadata, timeout=30)
        next(iter(export))
        export.cancel()
        assert person.streak(habit).current == 0


def test_binary_metadata_is_accepted_and_details_come_back_whole(server):
    with Person(server) as person:
        person.sign_up()
        extra = (("trace-bin", bytes(range(256))), ("other-bin", b""))
        with pytest.raises(grpc.RpcError) as caught:
            person.streaks.GetStreak(
                streak_pb2.GetStreakRequest(habit_id=os.urandom(16)), metadata=(*person.metadata, *extra), timeout=30)
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND
        information, _ = details(caught.value)
        assert (information.domain, information.reason) == ("streak.v1", "HABIT_NOT_FOUND")


def test_no_person_reads_another_persons_data(server):
    with Person(server) as one, Person(server) as two:
        one.sign_up()
        two.sign_up()
        habit = one.put_habit()
        one.record(habit, note="private")
        with pytest.raises(grpc.RpcError) as caught:
            two.streak(habit)
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND
        assert two.history() == []
        assert b"private" not in two.export()[0]


def test_sigterm_lets_calls_in_flight_end_and_then_stops_everything(folder):
    with Server(folder=folder) as running:
        with Person(running) as person:
            person.sign_up()
            postgres = running.postgres_pid()
            # On devices of their own: a sign-in revokes its device's earlier credentials.
            calls = [person.accounts.SignIn.future(account_pb2.SignInRequest(
                email=person.email, password=person.password, device=common_pb2.Device(device_id=os.urandom(16))), timeout=60)
                for _ in range(4)]
            # A call on the same connection is answered after those were sent: the server has
            # received them.
            person.accounts.GetAccount(account_pb2.GetAccountRequest(), metadata=person.metadata, timeout=60)
            running.terminate()
            codes = [call.code() for call in calls]
            assert codes == [grpc.StatusCode.OK] * len(calls)
        assert running.process.wait(timeout=30) == 0
        assert not pathlib.Path(f"/proc/{postgres}").exists()
        with pytest.raises(grpc.RpcError) as caught, Person(running) as late:
            late.sign_up()
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


def test_sigterm_says_goaway(folder):
    from h2.events import ConnectionTerminated
    with Server(folder=folder) as running, RawClient(running) as client:
        client.check_alive()
        running.terminate()
        while not client.closed:
            client.receive()
        assert any(isinstance(event, ConnectionTerminated) and event.error_code == 0 for event in client.events)


def test_what_the_field_rules_cannot_express_is_refused_naming_the_field(server):
    with Person(server) as person:
        person.sign_up()
        habit = person.put_habit()
        for name in ("\u200b", "two\nlines", "bell\x07", " "):
            with pytest.raises(grpc.RpcError) as caught:
                person.put_habit(name)
            assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
            assert [violation.field for violation in details(caught.value)[1]] == ["habit.name"]
        made = local_time()
        made.zone = "Asia/\x01Kathmandu"
        with pytest.raises(grpc.RpcError) as caught:
            person.streaks.RecordCompletion(
                streak_pb2.RecordCompletionRequest(habit_id=habit, day=today(), client_time=made), metadata=person.metadata,
                timeout=30)
        assert [violation.field for violation in details(caught.value)[1]] == ["client_time.zone"]


def test_a_slow_reader_of_exports_holds_up_only_more_exports(folder):
    """Half of a loop's connections stay free for other calls."""
    with Server(folder=folder, arguments=["--loops", "1", "--connections-per-loop", "2"]) as server, Person(server) as person:
        person.sign_up()
        habit = person.put_habit()
        for number in range(300):
            person.record(habit, note=os.urandom(2_000).hex())  # gzip can hardly compress it
        # The reader's windows stay at their initial size: the first export cannot end before it is
        # read.
        reader = grpc.insecure_channel(server.address, options=[("grpc.http2.bdp_probe", 0), ("grpc.use_local_subchannel_pool", 1)])
        export = export_pb2_grpc.ExportServiceStub(reader).Export
        running = export(export_pb2.ExportRequest(), metadata=person.metadata, timeout=60)
        # Calls at the same moment would reach the server in any order.
        first = next(running).chunk
        for further in [export(export_pb2.ExportRequest(), metadata=person.metadata, timeout=60) for _ in range(2)]:
            assert further.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            assert details(further)[0].reason == "TOO_MANY_REQUESTS"
        assert person.streak(habit).current == 1
        whole = first + b"".join(response.chunk for response in running)
        reader.close()
        assert json.loads(whole)["history"]
        assert b"ledger" in person.export()[0]


def test_a_unix_socket_is_served_by_every_loop_and_removed_at_the_end(folder):
    path = folder / "streakd.socket"
    with Server(folder=folder, arguments=["--listen", f"unix:{path}", "--loops", "2"]) as server:
        assert path.stat().st_mode & 0o777 == 0o600
        for _ in range(20):
            with grpc.insecure_channel(f"unix:{path}", options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
                answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
                assert answer.status == health_pb2.HealthCheckResponse.SERVING
        called = subprocess.run(
            [str(PROGRAMS / "streakctl"), "call", "SessionService/StartSession", '{"idempotencyKey": "AAAAAAAAAAAAAAAAAAAAAA=="}',
             "--address", f"unix:{path}"], capture_output=True, text=True, timeout=30)
        assert called.returncode == 0, called.stderr
        second = subprocess.run(
            [str(PROGRAMS / "streakd"), "--listen", f"unix:{path}", "--data-folder", str(folder / "second")],
            capture_output=True, text=True, timeout=60)
        assert second.returncode != 0 and "already in use" in second.stderr
    assert not path.exists()

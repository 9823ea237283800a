"""The operators' calls: with the operator's token, and with other credentials."""

import os
import re
import urllib.request

import grpc
import pytest
from google.protobuf import message_factory
from operator_tools import Keys
from person import Person, details
from server import Server, open_folder, wait_until
from streak.v1 import admin_pb2, admin_pb2_grpc

TOKEN = os.urandom(32).hex()


@pytest.fixture(scope="module")
def operated():
    with open_folder() as folder:
        keys = Keys(folder)
        (folder / "token").write_text(TOKEN + "\n")
        arguments = ("--backup-folder", str(folder / "backups"), "--backup-recipient", keys.recipient, "--operator-token-file",
                     str(folder / "token"), "--admin-listen", "127.0.0.1:0")
        with Server(folder=folder, arguments=arguments) as server:
            server.backups = folder / "backups"
            yield server


def stub(server):
    return admin_pb2_grpc.AdminServiceStub(grpc.insecure_channel(server.address))


OPERATOR = (("authorization", f"Bearer {TOKEN}"),)


def test_other_callers_are_refused(operated):
    with Person(operated) as person:
        person.sign_up()
        for metadata in ((), person.metadata, (("authorization", f"Bearer {TOKEN}x"),), (("authorization", f"Bearer {TOKEN[:-1]}"),)):
            for method in admin_pb2.DESCRIPTOR.services_by_name["AdminService"].methods:
                request = message_factory.GetMessageClass(method.input_type)()
                with pytest.raises(grpc.RpcError) as caught:
                    answer = getattr(stub(operated), method.name)(
                        iter([request]) if method.client_streaming else request, metadata=metadata, timeout=30)
                    if method.server_streaming:
                        list(answer)
                assert details(caught.value)[0].reason == "CREDENTIALS_INVALID", method.full_name


def test_run_list_verify_status(operated):
    admin = stub(operated)

    def run():
        try:
            return list(admin.RunBackup(admin_pb2.RunBackupRequest(), metadata=OPERATOR, timeout=60))[-1].backup
        except grpc.RpcError as error:  # the first scheduled one may be running
            assert details(error)[0].reason == "BACKUP_UNDER_WAY"
            return None

    made = wait_until(run, 60)
    assert made.trial.failure == "" and made.file_bytes > 0
    backups = admin.ListBackups(admin_pb2.ListBackupsRequest(), metadata=OPERATOR, timeout=30).backups
    assert made.name in [backup.name for backup in backups]
    check = admin.VerifyBackup(admin_pb2.VerifyBackupRequest(name=made.name), metadata=OPERATOR, timeout=30).check
    assert check.failure == ""
    file = operated.backups / made.name / "dump.sql.zst.age"
    file.write_bytes(file.read_bytes()[:-1])
    check = admin.VerifyBackup(admin_pb2.VerifyBackupRequest(name=made.name), metadata=OPERATOR, timeout=30).check
    assert "bytes instead of" in check.failure
    with pytest.raises(grpc.RpcError) as caught:
        admin.VerifyBackup(admin_pb2.VerifyBackupRequest(name="../../etc"), metadata=OPERATOR, timeout=30)
    assert details(caught.value)[0].reason == "BACKUP_NOT_FOUND"
    status = admin.GetServerStatus(admin_pb2.GetServerStatusRequest(), metadata=OPERATOR, timeout=30)
    assert status.makes_backups and status.epoch == 1 and made.name in [run.backup for run in status.backup_runs]
    assert status.unreadiness == "" and list(status.schema_versions) == [1]

    address = next(re.search(r"address=(127\S+:\d+)", line)[1] for line in operated.lines if "/metrics" in line)
    text = urllib.request.urlopen(f"http://{address}/metrics", timeout=30).read().decode()
    assert "streakd_backup_failing 0" in text
    assert re.search(r'streakd_backup_runs_total\{outcome="succeeded"\} [1-9]', text)
    assert urllib.request.urlopen(f"http://{address}/readyz", timeout=30).read() == b"ready\n"


def test_a_failed_backup_shows_and_the_service_goes_on(folder):
    recipients = folder / "recipients"
    recipients.write_text(Keys(folder).recipient + "\n")
    (folder / "token").write_text(TOKEN)
    arguments = ("--backup-folder", str(folder / "backups"), "--backup-recipient", str(recipients), "--operator-token-file",
                 str(folder / "token"), "--admin-listen", "127.0.0.1:0")
    with Server(folder=folder, arguments=arguments) as server:
        address = next(re.search(r"address=(127\S+:\d+)", line)[1] for line in server.lines if "/metrics" in line)

        def page(name):
            return urllib.request.urlopen(f"http://{address}/{name}", timeout=30).read().decode()

        recipients.write_text("no recipient\n")

        def failed():
            with pytest.raises(grpc.RpcError) as caught:
                list(stub(server).RunBackup(admin_pb2.RunBackupRequest(), metadata=OPERATOR, timeout=60))
            return details(caught.value)[0].reason != "BACKUP_UNDER_WAY"

        wait_until(failed, 60)
        assert "streakd_backup_failing 1" in page("metrics")
        assert re.match(r"ready\nwarning: the last backup failed: .*age", page("readyz"), re.DOTALL)
        with Person(server) as person:
            person.sign_up()

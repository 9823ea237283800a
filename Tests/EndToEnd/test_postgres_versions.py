"""The service on each major version of PostgreSQL that scripts/check --long installs: sync, hints,
export, and promotions that lose commits."""

import os
import pathlib
import subprocess

import pytest
from audited import Devices
from device import Device, completion
from person import today
from postgres import DATABASE
from promotions import KINDS, Pair, promotion
from server import Server, wait_until
from streak.v1 import sync_pb2

PROGRAMS = [pathlib.Path(folder) for folder in os.environ.get("STREAKD_POSTGRES_VERSIONS", "").split(":") if folder]


def major(programs) -> str:
    text = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    return text.split()[-1].split(".")[0]


@pytest.mark.parametrize("programs", PROGRAMS, ids=major)
def test_a_person_syncs_watches_and_exports_and_nothing_is_lost_by_promotions(folder, monkeypatch, programs):
    monkeypatch.setenv("STREAKD_TEST_POSTGRES_PROGRAMS", str(programs))
    pair = Pair(folder)
    try:
        assert pair.primary.sql("SHOW server_version").split(".")[0] == major(programs)
        with Server(database=pair.place("one")) as one, Server(database=pair.place("two", 6002)) as two:
            with Device(one) as phone, Device(two, of=phone) as tablet:
                habit = phone.new_habit()
                hints = tablet.service.Watch(sync_pb2.WatchRequest(), metadata=tablet.metadata, timeout=60)
                first = next(hints).cursor.change_number
                phone.make(**completion(habit, today()))
                phone.sync()
                assert next(hints).cursor.change_number > first
                hints.cancel()
                tablet.sync()
                assert tablet.cell(habit).done and tablet.digest() == phone.digest()
                document, manifest = phone.export()
                assert len(document) == manifest.document_bytes
            with Devices([one, two]) as devices:
                devices.wait_for_writes()
                for kind in KINDS:
                    promotion(pair, kind, 10, one, two, devices)
                    devices.come_back()
                    devices.audit(lambda query: pair.primary.sql(query, database=DATABASE))
                    devices.go_on()
                    pair.follow()
                wait_until(lambda: devices.acknowledged_since(0))
    finally:
        pair.stop()

"""A primary and an asynchronous standby that exchange their places, while devices write."""

import signal
import time

from postgres import DATABASE, Postgres
from server import wait_until

STREAMING = ("wal_level=replica", "max_wal_senders=5", "hot_standby=on", "max_connections=60")
# How the primary ends: killed; paused and woken after the promotion; or not at all, so that both
# primaries are written for a while.
KINDS = ("kill", "pause", "fork")


class Pair:
    """A primary and its asynchronous standby, on two ports that they exchange."""

    def __init__(self, folder):
        self.folder = folder / "postgres"
        self.primary = Postgres(self.folder, 6001, settings=STREAMING)
        self.standby = None
        self.follow()

    def place(self, name, first=6001):
        ports = (6001, 6002) if first == 6001 else (6002, 6001)
        return (f"host={self.folder},{self.folder} port={ports[0]},{ports[1]} user=keeper dbname={DATABASE} "
                f"application_name={name} connect_timeout=2")

    def follow(self):
        """Makes a new standby of the primary."""
        port = 6001 if self.primary.port == 6002 else 6002
        if self.standby:
            self.standby.forget()
        self.standby = Postgres(self.folder, port, settings=STREAMING, source=self.primary)

    def cut(self):
        """The standby gets no later commits."""
        wait_until(lambda: self.standby.sql("SELECT pg_last_wal_replay_lsn() IS NOT NULL") == "t")
        self.standby.set("primary_conninfo", "")
        wait_until(lambda: self.standby.sql("SELECT count(*) FROM pg_stat_wal_receiver") == "0")

    def promote(self):
        """The standby becomes the primary, and what was the primary is returned."""
        self.standby.promote()
        old, self.primary, self.standby = self.primary, self.standby, None
        return old

    def stop(self):
        for server in (self.primary, self.standby):
            if server:
                server.stop()


def promotion(pair, kind, cut, one, two, devices):
    """- Returns: How many acknowledged operations the new primary lacked, and the seconds to the first
    acknowledged write of every device."""
    pair.cut()
    before = sum(devices.acknowledged().values())
    wait_until(lambda: sum(devices.acknowledged().values()) >= before + cut)
    old = pair.primary
    if kind == "kill":
        old.kill()
        acknowledged = devices.acknowledged()
    elif kind == "pause":
        old.signal(signal.SIGSTOP)
        acknowledged = devices.acknowledged()
    begun = time.monotonic()
    if kind != "fork":
        lost = devices.lost_at(lambda query: pair.standby.sql(query, database=DATABASE), acknowledged)
        pair.promote()
        devices.wait_for_writes()
        seconds = time.monotonic() - begun
        if kind == "pause":
            old.signal(signal.SIGCONT)
            # It is writable again, and nothing goes there.
            devices.wait_for_writes()
            old.stop()
    else:
        pair.promote()
        # The second server's sessions move; the first one's stay with the old primary.
        old.sql("ALTER ROLE keeper CONNECTION LIMIT 0")
        old.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'two'")
        devices.wait_for_writes()
        acknowledged = {device.device.device_id.hex(): device.acknowledged for device in devices.all if device.server is one}
        lost = devices.lost_at(lambda query: pair.primary.sql(query, database=DATABASE), acknowledged)
        assert lost > 0, "both sides of a fork were written"
        old.kill()
        begun = time.monotonic()
        devices.wait_for_writes()
        seconds = time.monotonic() - begun
    pair.standby = old
    return lost, seconds

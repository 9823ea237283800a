"""Where streakd finds its database: names with several addresses, libpq's environment and service
files, a time limit for each address."""

import os
import socket
import time

import pytest
from faults import ADMIN, readiness
from person import Person
from postgres import DATABASE, Postgres
from server import Server, wait_until

TIMEOUT_SECONDS = 2


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as opened:
        return opened.getsockname()[1]


@pytest.fixture
def postgres(folder):
    with Postgres(folder / "postgres", free_port(), settings=("listen_addresses=127.0.0.1",)) as running:
        yield running


def serves(server):
    with Person(server) as person:
        person.sign_up()
        assert person.record(person.put_habit())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a process names of its own")
def test_each_address_of_a_name_has_its_own_time(folder, postgres):
    hosts = folder / "hosts"
    hosts.write_text("127.0.0.1 localhost\n127.0.0.2 database.test\n127.0.0.3 database.test\n127.0.0.1 database.test\n")
    hosts.chmod(0o644)
    # Two addresses accept connections and never answer.
    with socket.create_server(("127.0.0.2", postgres.port)), socket.create_server(("127.0.0.3", postgres.port)):
        place = f"host=database.test port={postgres.port} user=keeper dbname={DATABASE} connect_timeout={TIMEOUT_SECONDS}"
        begun = time.monotonic()
        names = ("unshare", "-m", "bash", "-c", f'mount --bind {hosts} /etc/hosts && exec "$@"', "bash")
        with Server(database=place, arguments=ADMIN, prefix=names) as server:
            serves(server)
            # The database comes back at the name's last address.
            postgres.kill()
            wait_until(lambda: readiness(server)[0] == 503)
            postgres.start()
            wait_until(lambda: readiness(server)[0] == 200)
            serves(server)
        assert time.monotonic() - begun < 60


def test_libpqs_environment_names_the_database(folder, postgres, monkeypatch):
    for name, value in {"PGHOST": "127.0.0.1", "PGPORT": postgres.port, "PGUSER": "keeper", "PGDATABASE": DATABASE}.items():
        monkeypatch.setenv(name, str(value))
    with Server(database="application_name=other") as server:
        serves(server)
        assert postgres.sql("SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'other'") == "t"


def test_libpqs_connect_timeout_in_the_environment_is_honoured(folder, postgres, monkeypatch):
    # Without it the first address, which answers nothing, would take all the time that a start has.
    monkeypatch.setenv("PGCONNECT_TIMEOUT", str(TIMEOUT_SECONDS))
    with socket.create_server(("127.0.0.2", 0)) as silent:
        place = f"host=127.0.0.2,127.0.0.1 port={silent.getsockname()[1]},{postgres.port} user=keeper dbname={DATABASE}"
        with Server(database=place) as server:
            serves(server)


def test_a_service_file_names_the_database(folder, postgres, monkeypatch):
    services = folder / "services"
    services.write_text(f"[streaks]\nhost=127.0.0.1\nport={postgres.port}\nuser=keeper\ndbname={DATABASE}\n")
    services.chmod(0o644)
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    with Server(database="service=streaks") as server:
        serves(server)

"""TLS: stock clients, client certificates, a replaced certificate, and faulty peers."""

import ctypes
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

import grpc
import pytest
import sanitizer
from app import PASSWORD, App
from certificates import tls_arguments
from grpc_health.v1 import health_pb2, health_pb2_grpc
from server import PROGRAMS, Server, open_folder, wait_until


@pytest.fixture(scope="module")
def secure(certificates):
    with open_folder() as folder, Server(folder=folder, arguments=tls_arguments(certificates)) as running:
        yield running


def channel(server, certificates, client=None):
    pair = [(certificates / f"{client}.{kind}").read_bytes() for kind in ("key", "pem")] if client else [None, None]
    return grpc.secure_channel(
        f"localhost:{server.port}", grpc.ssl_channel_credentials((certificates / "ca.pem").read_bytes(), *pair))


def check(channel):
    return health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10).status


def presented(server, certificates, protocols=("h2",), **options):
    """A new connection's version, protocol, and serial number of the certificate."""
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    if protocols:
        context.set_alpn_protocols(list(protocols))
    for name, value in options.items():
        setattr(context, name, value)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as wrapped:
            return wrapped.version(), wrapped.selected_alpn_protocol(), wrapped.getpeercert()["serialNumber"]


def test_a_stock_client_is_served(secure, certificates):
    with channel(secure, certificates) as connected:
        assert check(connected) == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("version, name", [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")])
def test_both_versions_are_spoken(secure, certificates, version, name):
    assert presented(secure, certificates, minimum_version=version, maximum_version=version)[:2] == (name, "h2")


@pytest.mark.parametrize("protocols, chosen", [
    (("h2", "http/1.1"), "h2"), (("http/1.1", "h2"), "h2"), (("http/1.1",), "http/1.1"), (("http/3", "http/1.1"), "http/1.1"), ((), None)])
def test_the_protocol_is_chosen_by_alpn(secure, certificates, protocols, chosen):
    assert presented(secure, certificates, protocols)[1] == chosen


def test_a_client_without_alpn_is_served_by_http_1_1(secure, certificates):
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    with socket.create_connection(("127.0.0.1", secure.port), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as wrapped:
            wrapped.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert wrapped.recv(12) == b"HTTP/1.1 200"


def test_a_client_with_invalid_tls_is_refused_and_others_are_served(secure, certificates):
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    context.set_alpn_protocols(["http/3"])
    with socket.create_connection(("127.0.0.1", secure.port), timeout=10) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname="localhost").recv(1)
    for nonsense in (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", os.urandom(5000), b"\x16\x03\x01\xff\xff" + bytes(70_000)):
        with socket.create_connection(("127.0.0.1", secure.port), timeout=10) as plain:
            try:
                plain.sendall(nonsense)
                plain.shutdown(socket.SHUT_WR)
                while plain.recv(65_536):
                    pass
            except OSError:
                pass  # a reset is accepted as an end as well
    with grpc.insecure_channel(secure.address) as cleartext, pytest.raises(grpc.RpcError):
        check(cleartext)
    with channel(secure, certificates) as connected:
        assert check(connected) == health_pb2.HealthCheckResponse.SERVING


def ask_for_key_updates(server, seconds=60.0):
    """Requests new keys repeatedly without reading the answers, until the server closes the
    connection. Python's ssl cannot, OpenSSL can."""
    library = ctypes.CDLL("libssl.so.3")
    for name, arguments in (
        ("TLS_client_method", []), ("SSL_CTX_new", [ctypes.c_void_p]), ("SSL_new", [ctypes.c_void_p]),
    ):
        getattr(library, name).argtypes, getattr(library, name).restype = arguments, ctypes.c_void_p
    for name, arguments in (
        ("SSL_CTX_set_alpn_protos", [ctypes.c_char_p, ctypes.c_uint]), ("SSL_set_fd", [ctypes.c_int]), ("SSL_connect", []),
        ("SSL_do_handshake", []), ("SSL_key_update", [ctypes.c_int]), ("SSL_write", [ctypes.c_char_p, ctypes.c_int]),
        ("SSL_free", []), ("SSL_CTX_free", []),
    ):
        getattr(library, name).argtypes = [ctypes.c_void_p, *arguments]
    context = library.SSL_CTX_new(library.TLS_client_method())
    library.SSL_CTX_set_alpn_protos(context, b"\x02h2", 3)
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.connect(("127.0.0.1", server.port))
        session = library.SSL_new(context)
        library.SSL_set_fd(session, plain.fileno())
        try:
            assert library.SSL_connect(session) == 1
            preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
            assert library.SSL_write(session, preface, len(preface)) == len(preface)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                if library.SSL_key_update(session, 1) != 1 or library.SSL_do_handshake(session) != 1:
                    return True
            return False
        finally:
            library.SSL_free(session)
            library.SSL_CTX_free(context)


def test_a_client_that_makes_tls_answer_and_reads_nothing_is_closed_and_others_are_served(secure, certificates):
    # Far sooner than the minute after which a peer that reads nothing is disconnected anyway, and
    # also for a peer that reads a byte now and then.
    assert ask_for_key_updates(secure, seconds=sanitizer.seconds(50))
    with channel(secure, certificates) as connected:
        assert check(connected) == health_pb2.HealthCheckResponse.SERVING


def test_a_client_certificate_is_asked_for(certificates, folder):
    with Server(folder=folder, arguments=tls_arguments(certificates, "--tls-client-ca", str(certificates / "ca.pem"))) as server:
        with channel(server, certificates, client="client") as connected:
            assert check(connected) == health_pb2.HealthCheckResponse.SERVING
        with channel(server, certificates) as connected, pytest.raises(grpc.RpcError) as caught:
            check(connected)
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


def install(certificates, name):
    """Replaces the server's certificate."""
    for kind in ("pem", "key"):
        shutil.copy(certificates / f"{name}.{kind}", certificates / f"next.{kind}")
        os.replace(certificates / f"next.{kind}", certificates / f"server.{kind}")


def test_a_certificate_is_replaced_and_no_call_is_lost(secure, certificates):
    failures, rounds, stop = [], [0], threading.Event()

    def call():
        with channel(secure, certificates) as lasting:
            while not stop.is_set():
                try:
                    check(lasting)
                    # With a connection of its own each time: handshakes continue while the
                    # certificate changes.
                    with channel(secure, certificates) as connected:
                        check(connected)
                except grpc.RpcError as error:
                    failures.append(error)
                rounds[0] += 1

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for name in ("second", "first", "second"):
            before = presented(secure, certificates)[2]
            install(certificates, name)
            secure.process.send_signal(signal.SIGHUP)
            wait_until(lambda: presented(secure, certificates)[2] != before)
            reached = rounds[0] + 8
            wait_until(lambda: rounds[0] >= reached)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures

    before = presented(secure, certificates)[2]
    (certificates / "server.pem").write_text("no certificate")
    secure.process.send_signal(signal.SIGHUP)
    wait_until(lambda: any("cannot be used" in line for line in secure.lines))
    assert presented(secure, certificates)[2] == before
    install(certificates, "first")


def test_a_certificate_that_is_replaced_in_silence_is_taken(certificates, folder):
    with Server(folder=folder, arguments=tls_arguments(certificates, "--tls-check-seconds", "1")) as server:
        before = presented(server, certificates)[2]
        install(certificates, "second")
        wait_until(lambda: presented(server, certificates)[2] != before)
    install(certificates, "first")
    for seconds in ("0", "86401"):
        with pytest.raises(RuntimeError, match="tls-check-seconds must be a number from 1 to 86400"):
            Server(folder=folder, arguments=["--tls-check-seconds", seconds])


def streakctl(server, *options):
    return subprocess.run(
        [str(PROGRAMS / "streakctl"), "call", "SessionService/StartSession", '{"idempotencyKey": "AAAAAAAAAAAAAAAAAAAAAA=="}',
         "--address", server.address, *options], capture_output=True, text=True, timeout=30)


def test_streakctl_checks_whom_it_talks_to(secure, certificates):
    authority = ["--tls-ca", str(certificates / "ca.pem")]
    assert streakctl(secure, *authority).returncode == 0
    assert streakctl(secure, *authority, "--server-name", "localhost").returncode == 0
    wrong = streakctl(secure, *authority, "--server-name", "elsewhere.example")
    assert wrong.returncode == os.EX_UNAVAILABLE and "hostname mismatch" in wrong.stderr
    untrusted = streakctl(secure, "--tls")
    assert untrusted.returncode == os.EX_UNAVAILABLE and "certificate" in untrusted.stderr


def test_cleartext_to_other_machines_and_half_a_setting_are_refused(certificates):
    def start(*options):
        return subprocess.run([str(PROGRAMS / "streakd"), *options], capture_output=True, text=True, timeout=30)

    assert "--tls-certificate" in start("--listen", "0.0.0.0:0").stderr
    assert "go together" in start("--tls-certificate", str(certificates / "first.pem")).stderr


def test_the_app_speaks_tls_and_remembers_how(secure, certificates, folder):
    phone = App(folder / "phone")
    phone.run("habit", "add", "reading")
    email, where = f"{os.urandom(8).hex()}@example.com", ("--server", f"localhost:{secure.port}")
    phone.run("signup", email, *where, input=PASSWORD + "\n", code=69)  # in cleartext
    phone.run("signup", email, *where, "--tls", input=PASSWORD + "\n", code=69)  # an unknown authority
    phone.run("signup", email, *where, "--tls-ca", certificates / "ca.pem", input=PASSWORD + "\n")
    phone.done("reading")
    assert "everything is sent" in phone.run("status")
    assert "0 sent" in phone.run("sync")
    (folder / "config" / "streak").mkdir(parents=True)
    (folder / "config" / "streak" / "config").write_text(
        f"# mine\nserver = localhost:{secure.port}\ntls-ca = {certificates / 'ca.pem'}\n")
    tablet = App(folder / "tablet")
    tablet.environment["XDG_CONFIG_HOME"] = str(folder / "config")
    tablet.log_in(email)
    assert tablet.marks("reading") == 1

"""Debian's OpenSMTPD as the mail server: it queues what it takes, and relays it to a `MailServer`."""

import os
import shutil
import signal
import socket
import subprocess
import threading

import pytest
from server import wait_until

PROGRAM = "/usr/sbin/smtpd"


def needed():
    """Skips a test where it cannot be run: it gives its processes' rights away."""
    if os.geteuid() != 0:
        pytest.skip("only root can start OpenSMTPD")
    assert shutil.which(PROGRAM), "scripts/check --long installs opensmtpd"


class OpenSMTPD:
    """One on a free port of loopback, with a spool of its own: what it holds back ends with the test.

    `domains`: the recipients' domains that it takes; all others are refused for good.
    """

    def __init__(self, folder, relay_port, domains=("example.com",), port=None):
        needed()
        if port is None:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
        self.port = port
        self.config = folder / "smtpd.conf"
        names = ", ".join(f'"{domain}"' for domain in domains)
        self.config.write_text(
            f'listen on 127.0.0.1 port {port} hostname "mail.test"\n'
            f'action "out" relay host "smtp://127.0.0.1:{relay_port}" helo "mail.test"\n'
            f'match from any for domain {{ {names} }} action "out"\n')
        self.spool = folder / "spool"
        self.spool.mkdir(mode=0o711, exist_ok=True)
        self.process = None
        self.start()

    def start(self):
        # Its spool and its control socket have fixed places.
        script = ('mkdir -p /var/spool/smtpd && mount --bind "$0" /var/spool && mkdir -p /var/spool/smtpd && chmod 711 /var/spool/smtpd && '
                  'mount -t tmpfs tmpfs /run && exec "$1" -d -f "$2"')
        self.process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", script, str(self.spool), PROGRAM, str(self.config)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self.lines = []
        threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True).start()
        wait_until(self._answers)

    def _answers(self):
        assert self.process.poll() is None, "".join(self.lines)
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                return connection.recv(4) == b"220 "
        except OSError:
            return False

    def pause(self):
        os.killpg(self.process.pid, signal.SIGSTOP)

    def go_on(self):
        os.killpg(self.process.pid, signal.SIGCONT)

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()


class LostAcceptance:
    """A way to a mail server on which the answer to a whole message is lost, as long as `isLosing`."""

    def __init__(self, port):
        self.target, self.isLosing, self.lost = port, True, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        server = socket.create_connection(("127.0.0.1", self.target))
        has_ended = threading.Event()

        def up():
            last = b""
            try:
                while data := client.recv(65_536):
                    if (last + data).endswith(b"\r\n.\r\n") and self.isLosing:
                        has_ended.set()
                    last = (last + data)[-5:]
                    server.sendall(data)
            except OSError:
                pass

        threading.Thread(target=up, daemon=True).start()
        try:
            while data := server.recv(65_536):
                if has_ended.is_set() and data.startswith(b"250"):
                    self.lost += 1
                    break
                client.sendall(data)
        except OSError:
            pass
        for one in (client, server):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

"""Mail servers of many kinds, and the mails that they took."""

import asyncio
import email
import email.policy
import re
import socket
import ssl
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from server import wait_until

SENDER = "Streaks <no-reply@streaks.example>"
LINKS = "https://app.streaks.example/account"


class Mail:
    """A mail as a mail program reads it."""

    def __init__(self, envelope):
        self.sender, self.recipients, self.raw = envelope.mail_from, envelope.rcpt_tos, envelope.content
        self.message = email.message_from_bytes(self.raw, policy=email.policy.default)
        self.subject, self.id = self.message["subject"], self.message["message-id"]
        self.text = self.message.get_body(("plain",)).get_content()
        self.html = self.message.get_body(("html",)).get_content()

    @property
    def code(self):
        return re.search(r"\b(\d{4} \d{4})\b", self.text)[1]

    @property
    def link(self):
        return re.search(re.escape(LINKS) + r"#\S+", self.text)[0]

    @property
    def token(self):
        return self.link.partition("=")[2]


class Handler:
    def __init__(self, server):
        self.server = server

    async def handle_RCPT(self, smtp, session, envelope, address, options):
        reply = self.server.replies.get("RCPT")
        if reply:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, smtp, session, envelope):
        server = self.server
        server.attempts += 1
        await asyncio.get_running_loop().run_in_executor(None, server.gate.wait)
        reply = server.replies.get("DATA")
        if reply and not reply.startswith("250"):
            return reply
        server.take(Mail(envelope))
        if server.lies:
            # The mail is taken, and the sender never learns of it.
            smtp.transport.abort()
            return None
        return "250 OK"


class MailServer:
    """One on a free port of loopback. `replies`: what it says to a command instead of yes. `lies`: it
    takes mails and breaks the connection before it says so."""

    def __init__(self, port=0, certificates=None, login=None, immediate=False):
        self.mails, self.attempts, self.lies, self.replies = [], 0, False, {}
        self.gate = threading.Event()
        self.gate.set()
        self._lock = threading.Lock()
        options = {}
        if login:
            def authenticate(server, session, envelope, mechanism, data):
                return AuthResult(success=(data.login.decode(), data.password.decode()) == login)
            # It knows of TLS by STARTTLS only.
            options.update(authenticator=authenticate, auth_required=True, auth_require_tls=not immediate)
        context = None
        if certificates:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificates)
        if context and not immediate:
            options.update(tls_context=context, require_starttls=True)
        self._controller = Controller(Handler(self), hostname="127.0.0.1", port=port, ssl_context=context if immediate else None,
                                      server_kwargs=options, ready_timeout=30)
        # Port 0 cannot be asked for by its check of readiness.
        if port == 0:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            self._controller.port = port
        self.port = port
        self._controller.start()

    def take(self, mail):
        with self._lock:
            self.mails.append(mail)

    def to(self, address, count=1, seconds=30):
        """The mails to an address, once there are so many; the last one, if it is one."""
        def found():
            with self._lock:
                mails = [mail for mail in self.mails if mail.recipients == [address]]
            return mails if len(mails) >= count else None

        mails = wait_until(found, seconds)
        assert len(mails) == count, [mail.subject for mail in mails]
        return mails[-1]

    def of(self, subject, count=1, seconds=30):
        """The mails of a kind, once there are so many. The outbox may send mails of several kinds in
        another order than they were made in."""
        def found():
            with self._lock:
                mails = [mail for mail in self.mails if mail.subject == subject]
            return mails if len(mails) >= count else None

        mails = wait_until(found, seconds)
        assert len(mails) == count, len(mails)
        return mails

    def count(self, address=None):
        with self._lock:
            return sum(address is None or mail.recipients == [address] for mail in self.mails)

    def stop(self):
        self.gate.set()
        self._controller.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def arguments(server, *more):
    """streakd's options that send mails to this server."""
    return ["--mail-smtp", f"smtp://127.0.0.1:{server.port}", "--mail-from", SENDER, "--mail-link-base", LINKS, *more]

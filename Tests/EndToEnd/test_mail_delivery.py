"""Mails on their way: mail servers of every kind, lost answers, and crashes."""

import os
import pathlib
import threading

import pytest
from databases import sql
from mail_server import LINKS, SENDER, MailServer, arguments
from mailing import due_now, outbox, request_verification, verify
from metrics import ADMIN, Metrics
from person import Person
from refusals import refusal
from server import Server, wait_until
from streak.v1 import account_pb2


def test_a_mail_is_sent_once_and_its_content_is_forgotten(database):
    with MailServer() as mails, Server(database=database, arguments=arguments(mails, *ADMIN)) as server, Person(server) as person:
        person.sign_up()
        request_verification(person)
        mail = mails.to(person.email)
        assert (mail.sender, mail.message["from"]) == ("no-reply@streaks.example", SENDER)
        assert mail.message["auto-submitted"] == "auto-generated" and mail.message["content-language"] == "en"
        assert mail.subject == "Confirm your address" and mail.code in mail.html and mail.link in mail.html
        assert all(len(line) <= 78 for line in mail.raw.split(b"\r\n")) and mail.raw.isascii()
        wait_until(lambda: outbox(database) == "0|1")
        assert sql(database, "SELECT recipient, length(sealed) FROM mail_outbox") == "|0"
        assert Metrics(server).value("streakd_mails_total", outcome="sent") == 1
        assert verify(person, mail.code).account.email_verified
        assert mails.count() == 1


def test_a_server_without_mail_says_so(database):
    with Server(database=database) as server, Person(server) as person:
        person.sign_up()
        for call, request, metadata in [
                (person.accounts.RequestVerification, account_pb2.RequestVerificationRequest(), person.metadata),
                (person.accounts.VerifyAddress, account_pb2.VerifyAddressRequest(proof="12345678"), person.metadata),
                (person.accounts.RequestAddressChange, account_pb2.RequestAddressChangeRequest(email="a@b.c"),
                 person.metadata),
                (person.accounts.RequestPasswordReset, account_pb2.RequestPasswordResetRequest(email=person.email), ()),
                (person.accounts.ResetPassword, account_pb2.ResetPasswordRequest(token="x", new_password="a new password"), ()),
                (person.accounts.TakeBackAddress, account_pb2.TakeBackAddressRequest(token="x", new_password="a new password"), ()),
                (person.accounts.RequestSignUpCode, account_pb2.RequestSignUpCodeRequest(email="a@b.c"), ())]:
            assert refusal(call, request, metadata=metadata, timeout=30)[1] == "MAIL_OFF"
        assert sql(database, "SELECT (SELECT count(*) FROM mail_outbox) + (SELECT count(*) FROM mail_tokens)") == "0"


def test_a_call_does_not_wait_for_a_slow_mail_server(database):
    with MailServer() as mails, Server(database=database, arguments=arguments(mails)) as server, Person(server) as person:
        mails.gate.clear()
        person.sign_up()
        request_verification(person)
        wait_until(lambda: mails.attempts == 1)
        # The delivery is held at the mail server; calls go on, on the only loop.
        habit = person.put_habit("Read")
        person.record(habit)
        assert outbox(database) == "1|0"
        mails.gate.set()
        mails.to(person.email)
        wait_until(lambda: outbox(database) == "0|1")


def test_a_mail_waits_for_a_server_that_is_down(database):
    with MailServer() as gone:
        options = arguments(gone, *ADMIN)
        port = gone.port
    with Server(database=database, arguments=options) as server, Person(server) as person:
        person.sign_up()
        request_verification(person)
        wait_until(lambda: Metrics(server).value("streakd_mail_attempts_failed_total") == 1)
        assert outbox(database) == "1|0"
        # Not at once again: the next attempt has its time.
        assert sql(database, "SELECT due_at > now() + interval '20 s', attempts FROM mail_outbox") == "t|1"
        with MailServer(port=port) as mails:
            due_now(database)
            verify(person, mails.to(person.email).code)
        assert any("a mail cannot be sent now" in line for line in server.lines)


@pytest.mark.parametrize("command, reply", [("RCPT", "450 4.2.1 busy"), ("DATA", "451 4.3.0 later"), ("DATA", "452 4.2.2 full")])
def test_a_refusal_for_now_is_repeated(database, command, reply):
    with MailServer() as mails, Server(database=database, arguments=arguments(mails, *ADMIN)) as server, Person(server) as person:
        mails.replies[command] = reply
        person.sign_up()
        request_verification(person)
        wait_until(lambda: Metrics(server).value("streakd_mail_attempts_failed_total") == 1)
        assert (mails.count(), outbox(database)) == (0, "1|0")
        mails.replies.clear()
        due_now(database)
        mails.to(person.email)
        wait_until(lambda: outbox(database) == "0|1")


@pytest.mark.parametrize("command, reply", [("RCPT", "550 5.1.1 no such user"), ("DATA", "554 5.6.0 no")])
def test_a_refusal_for_good_is_not_repeated(database, command, reply):
    with MailServer() as mails, Server(database=database, arguments=arguments(mails, *ADMIN)) as server, Person(server) as person:
        mails.replies[command] = reply
        person.sign_up()
        request_verification(person)
        wait_until(lambda: Metrics(server).value("streakd_mails_total", outcome="refused") == 1)
        wait_until(lambda: outbox(database) == "0|0")
        line, = [line for line in server.lines if "refuses a mail for good" in line]
        assert person.email not in line and "verifyAddress" in line


def test_a_mail_server_that_breaks_the_connection_before_its_answer_loses_nothing(database):
    """The mail may have been taken: it is sent again under the same name."""
    with MailServer() as mails, Server(database=database, arguments=arguments(mails, *ADMIN)) as server, Person(server) as person:
        mails.lies = True
        person.sign_up()
        request_verification(person)
        wait_until(lambda: Metrics(server).value("streakd_mail_attempts_failed_total") == 1)
        mails.lies = False
        due_now(database)
        mails.to(person.email, count=2)
        wait_until(lambda: outbox(database) == "0|1")
        first, second = mails.mails
        assert first.id == second.id and first.code == second.code


def test_a_mail_that_is_out_of_date_is_given_up(database):
    with MailServer() as gone:
        options = arguments(gone, *ADMIN)
    with Server(database=database, arguments=options) as server, Person(server) as person:
        person.sign_up()
        request_verification(person)
        wait_until(lambda: Metrics(server).value("streakd_mail_attempts_failed_total") == 1)
        sql(database, "UPDATE mail_outbox SET expires_at = now(), due_at = now()")
        wait_until(lambda: Metrics(server).value("streakd_mails_total", outcome="given_up") == 1)
        wait_until(lambda: outbox(database) == "0|0")
        assert any("a mail is given up" in line for line in server.lines)


def test_a_kill_between_the_acceptance_and_its_note_loses_nothing(database):
    with MailServer() as mails:
        with Server(database=database, arguments=arguments(mails)) as server, Person(server) as person:
            mails.gate.clear()
            person.sign_up()
            request_verification(person)
            wait_until(lambda: mails.attempts == 1)
            # Nothing can be noted from here on; then the mail is taken, and streakd dies.
            sql(database, "ALTER TABLE mail_outbox RENAME TO mail_outbox_away")
            mails.gate.set()
            mails.to(person.email)
            wait_until(lambda: any("outcome cannot be stored" in line for line in server.lines))
            assert mails.count() == 1
            server.kill()
        sql(database, "ALTER TABLE mail_outbox_away RENAME TO mail_outbox")
        with Server(database=database, arguments=arguments(mails)):
            # The lease of the dead process runs out first.
            assert sql(database, "SELECT due_at > now() FROM mail_outbox") == "t"
            assert mails.count() == 1
            due_now(database)
            mails.to(person.email, count=2)
            wait_until(lambda: outbox(database) == "0|1")
        assert len({mail.id for mail in mails.mails}) == 1


def test_a_mail_that_was_taken_is_not_sent_again_while_the_database_is_away(database):
    with MailServer() as mails, Server(database=database, arguments=arguments(mails)) as server, Person(server) as person:
        mails.gate.clear()
        person.sign_up()
        request_verification(person)
        wait_until(lambda: mails.attempts == 1)
        # The lease ends, and the outcome cannot be noted: writes of this table fail, reads do not.
        sql(database, """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.due_at IS NULL THEN
            RAISE EXCEPTION ''no'' USING ERRCODE = ''53100''; END IF; RETURN NEW; END';
            CREATE TRIGGER refuse BEFORE UPDATE ON mail_outbox FOR EACH ROW EXECUTE FUNCTION refuse()""")
        mails.gate.set()
        mails.to(person.email)
        wait_until(lambda: any("outcome cannot be stored" in line for line in server.lines))
        due_now(database)
        # It is taken again, and known to be sent.
        wait_until(lambda: int(sql(database, "SELECT attempts FROM mail_outbox")) > 1)
        sql(database, "DROP TRIGGER refuse ON mail_outbox")
        wait_until(lambda: outbox(database) == "0|1")
        assert mails.count() == 1


def test_several_servers_share_the_outbox(database):
    people = 12
    with MailServer() as mails, Server(database=database, arguments=arguments(mails)) as one, \
            Server(database=database, arguments=arguments(mails)) as two:
        addresses = []
        for number in range(people):
            with Person((one, two)[number % 2]) as person:
                person.sign_up()
                request_verification(person)
                addresses.append(person.email)
        wait_until(lambda: outbox(database) == f"0|{people}")
        for address in addresses:
            assert mails.count(address) == 1


@pytest.mark.parametrize("immediate", [True, False])
def test_tls_with_a_password_from_a_file(database, certificates, folder, immediate):
    password = os.urandom(12).hex()
    (folder / "password").write_text(password + "\n")
    scheme = "smtps" if immediate else "smtp"
    with MailServer(certificates=(certificates / "first.pem", certificates / "first.key"), login=("streaks", password),
                    immediate=immediate) as mails:
        options = ["--mail-smtp", f"{scheme}://localhost:{mails.port}", "--mail-from", SENDER, "--mail-link-base", LINKS,
                   "--mail-user", "streaks", "--mail-password-file", str(folder / "password"), "--mail-ca", str(certificates / "ca.pem")]
        with Server(database=database, arguments=options) as server, Person(server) as person:
            person.sign_up()
            request_verification(person)
            mails.to(person.email)
            assert password.encode() not in pathlib.Path(f"/proc/{server.process.pid}/cmdline").read_bytes()
        assert not any(password in line for line in server.lines)


def test_a_certificate_of_another_authority_gets_no_mail(database, certificates):
    with MailServer(certificates=(certificates / "first.pem", certificates / "first.key")) as mails:
        options = ["--mail-smtp", f"smtp://localhost:{mails.port}", "--mail-from", SENDER, "--mail-link-base", LINKS, *ADMIN]
        with Server(database=database, arguments=options) as server, Person(server) as person:
            person.sign_up()
            request_verification(person)
            wait_until(lambda: Metrics(server).value("streakd_mail_attempts_failed_total") == 1)
        assert (mails.count(), mails.attempts) == (0, 0)


def test_a_server_without_starttls_gets_no_mail_but_on_this_machine(database):
    with MailServer() as mails:
        # A name may lead anywhere.
        options = ["--mail-smtp", f"smtp://localhost:{mails.port}", "--mail-from", SENDER, "--mail-link-base", LINKS, *ADMIN]
        with Server(database=database, arguments=options) as server, Person(server) as person:
            person.sign_up()
            request_verification(person)
            wait_until(lambda: Metrics(server).value("streakd_mail_attempts_failed_total") == 1)
        assert (mails.count(), mails.attempts) == (0, 0)


def test_msmtp_as_the_command(database, folder):
    with MailServer() as mails:
        (folder / "msmtprc").write_text(f"account default\nhost 127.0.0.1\nport {mails.port}\ntls off\nauth off\n")
        options = ["--mail-command", f"/usr/bin/msmtp -C {folder}/msmtprc", "--mail-from", SENDER, "--mail-link-base", LINKS, *ADMIN]
        with Server(database=database, arguments=options) as server, Person(server) as person:
            person.sign_up()
            seen = []
            stop = threading.Event()

            def watch():
                while not stop.is_set():
                    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
                        try:
                            seen.append(path.read_bytes())
                        except OSError:
                            pass

            watching = threading.Thread(target=watch)
            watching.start()
            mails.gate.clear()
            request_verification(person)
            wait_until(lambda: mails.attempts == 1)
            stop.set()
            watching.join()
            running = [line for line in seen if b"msmtp" in line]
            mails.gate.set()
            mail = mails.to(person.email)
            assert mail.sender == "no-reply@streaks.example"
            assert running and not any(secret.encode() in line for line in running for secret in (person.email, mail.token, mail.code))
            verify(person, mail.link.partition("=")[2])
            wait_until(lambda: outbox(database) == "0|1")
            mails.replies["RCPT"] = "550 5.1.1 no such user"
            with Person(server) as other:
                other.sign_up()
                request_verification(other)
                wait_until(lambda: Metrics(server).value("streakd_mail_attempts_failed_total") == 1
                           or Metrics(server).value("streakd_mails_total", outcome="refused") == 1)


@pytest.mark.parametrize("code, outcome", [(67, "refused"), (75, "failed"), (78, "failed"), (1, "failed")])
def test_exit_codes_of_a_command(database, folder, code, outcome):
    command = folder / "sendmail"
    command.write_text(f"#!/bin/sh\ncat > /dev/null\nexit {code}\n")
    command.chmod(0o755)
    options = ["--mail-command", str(command), "--mail-from", SENDER, "--mail-link-base", LINKS, *ADMIN]
    with Server(database=database, arguments=options) as server, Person(server) as person:
        person.sign_up()
        request_verification(person)
        metric = ("streakd_mails_total", {"outcome": "refused"}) if outcome == "refused" else ("streakd_mail_attempts_failed_total", {})
        wait_until(lambda: Metrics(server).value(metric[0], **metric[1]) == 1)
        wait_until(lambda: outbox(database) == ("0|0" if outcome == "refused" else "1|0"))

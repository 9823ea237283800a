"""Mails by way of Debian's OpenSMTPD, which is slow, down, refusing or killed: none is lost, and none
doubled that it is known to have taken."""

import os

from databases import sql
from mail_server import LINKS, SENDER, MailServer
from mailing import due_now, outbox, request_verification, verify
from metrics import ADMIN, Metrics
from opensmtpd import LostAcceptance, OpenSMTPD
from person import Person
from server import Server, wait_until


def arguments(port):
    return ["--mail-smtp", f"smtp://127.0.0.1:{port}", "--mail-from", SENDER, "--mail-link-base", LINKS, *ADMIN]


def ordered(server, domain="example.com"):
    person = Person(server, email=f"{os.urandom(8).hex()}@{domain}")
    person.sign_up()
    request_verification(person)
    return person


def failed(server):
    return Metrics(server).value("streakd_mail_attempts_failed_total")


def test_it_takes_and_relays_mails_whole(database, folder):
    with MailServer() as mails, OpenSMTPD(folder, mails.port) as relay, Server(database=database, arguments=arguments(relay.port)) as server:
        people = [ordered(server) for _ in range(6)]
        wait_until(lambda: outbox(database) == "0|6")
        for person in people:
            mail = mails.to(person.email)
            assert mail.sender == "no-reply@streaks.example" and "by mail.test" in mail.message["received"]
            assert mail.code in mail.html and mail.link in mail.html
            verify(person, mail.code)
            person.close()


def test_it_refuses_a_recipient_for_good(database, folder):
    with MailServer() as mails, OpenSMTPD(folder, mails.port) as relay, Server(database=database, arguments=arguments(relay.port)) as server:
        ordered(server, "elsewhere.example").close()
        wait_until(lambda: Metrics(server).value("streakd_mails_total", outcome="refused") == 1)
        wait_until(lambda: outbox(database) == "0|0")
        line, = [line for line in server.lines if "refuses a mail for good" in line]
        assert "550" in line and "elsewhere.example" not in line
        assert mails.count() == 0


def test_it_stands_still_in_the_middle_and_goes_on(database, folder):
    with MailServer() as mails, OpenSMTPD(folder, mails.port) as relay, Server(database=database, arguments=arguments(relay.port)) as server:
        relay.pause()
        person = ordered(server)
        # Its kernel takes the connection, and nothing answers: calls go on.
        wait_until(lambda: sql(database, "select attempts from mail_outbox") == "1")
        habit = person.put_habit("Read")
        person.record(habit)
        assert outbox(database) == "1|0" and mails.count() == 0
        relay.go_on()
        mails.to(person.email)
        wait_until(lambda: outbox(database) == "0|1")
        assert mails.count() == 1 and failed(server) == 0
        person.close()


def test_it_is_down_and_comes_back(database, folder):
    with MailServer() as mails, OpenSMTPD(folder, mails.port) as relay, Server(database=database, arguments=arguments(relay.port)) as server:
        relay.kill()
        person = ordered(server)
        wait_until(lambda: failed(server) == 1)
        assert outbox(database) == "1|0"
        relay.start()
        due_now(database)
        verify(person, mails.to(person.email).code)
        wait_until(lambda: outbox(database) == "0|1")
        person.close()


def test_it_is_killed_with_mails_that_it_has_taken(database, folder):
    with MailServer() as mails, OpenSMTPD(folder, mails.port) as relay, Server(database=database, arguments=arguments(relay.port)) as server:
        # The next hop holds them.
        mails.gate.clear()
        people = [ordered(server) for _ in range(4)]
        wait_until(lambda: outbox(database) == "0|4")
        wait_until(lambda: mails.attempts > 0)
        relay.kill()
        mails.gate.set()
        relay.start()
        for person in people:
            wait_until(lambda person=person: mails.count(person.email) >= 1, 60)
            person.close()
        # What it has taken is its own: streakd sends nothing again.
        assert outbox(database) == "0|4" and failed(server) == 0


def test_its_acceptance_is_lost_on_the_way(database, folder):
    with MailServer() as mails, OpenSMTPD(folder, mails.port) as relay, LostAcceptance(relay.port) as way, \
            Server(database=database, arguments=arguments(way.port)) as server:
        person = ordered(server)
        wait_until(lambda: way.lost == 1 and failed(server) == 1)
        way.isLosing = False
        due_now(database)
        mails.to(person.email, count=2)
        wait_until(lambda: outbox(database) == "0|1")
        # One name, so that a mail program shows one.
        assert len({mail.id for mail in mails.mails}) == 1
        verify(person, mails.mails[0].code)
        person.close()

"""What the page does with mails: a proved address, a forgotten password, another address, and an address
that a stranger has taken without proving it."""

import os
import re

import pytest
from browsers import browser
from mail_server import MailServer, arguments
from person import Person
from server import Server

PASSWORD, NEW_PASSWORD = "a long 42 password", "a quite new 77 password"


@pytest.fixture
def email():
    return f"{os.urandom(6).hex()}@example.com"


@pytest.fixture
def mails():
    with MailServer() as running:
        yield running


@pytest.fixture
def page(database, folder, mails):
    with Server(database=database, arguments=arguments(mails)) as server, browser(server.address, folder / "profile") as found:
        found.server = server
        found.open()
        yield found


def fragment(mail):
    """What follows the "#" in a mail's link."""
    return re.search(r"https?://\S+?(#\S+)", mail.text)[1]


def follow(page, mail):
    page.driver.get("about:blank")
    page.open("/" + fragment(mail))
    page.find("mail-submit")
    # The token is not left in the address bar, nor in the browser's history.
    assert "=" not in page.driver.current_url


def sign_out(page):
    page.go("account")
    page.click("sign-out")
    page.find("add-habit")


@pytest.mark.alone
def test_a_forgotten_password_is_replaced_by_a_mail(page, mails, email):
    page.sign_up(email, PASSWORD)
    page.wait_saved()
    # The address is proved by the mail's link.
    page.go("account")
    page.click("request-verification")
    page.find("mail-form")
    follow(page, mails.to(email))
    page.click("mail-submit")
    page.find("mail-done")
    sign_out(page)
    # The password is forgotten, and replaced by another mail's link.
    page.go("account")
    page.find("forgot-password")
    page.write_field("email", email)
    page.click("forgot-password")
    page.click("way-mail")
    page.find("mail-form")
    assert page.driver.find_element("id", "email").get_attribute("value") == email
    page.click("mail-submit")
    page.find("mail-done")
    follow(page, mails.to(email, 2))
    page.write_field("fresh", NEW_PASSWORD)
    page.click("mail-submit")
    page.find("mail-done")
    page.sign_in(email, NEW_PASSWORD)
    page.wait_saved()
    assert page.console() == []


@pytest.mark.alone
def test_another_address_is_proved_by_the_digits_of_a_mail(page, mails, email):
    page.sign_up(email, PASSWORD)
    page.wait_saved()
    page.go("account")
    page.click("new-address")
    page.write_field("newEmail", f"new-{email}")
    page.write_field("newEmailPassword", PASSWORD)
    page.click("change-email")
    page.find("mail-form")
    page.write_field("proof", mails.to(f"new-{email}").code)
    page.click("mail-submit")
    page.find("mail-done")
    page.go("account")
    page.until(lambda: f"new-{email}" in page.text("signed-in"))
    page.find("codes-left")
    assert not page.has("request-verification")
    assert page.console() == []


@pytest.mark.alone
def test_an_address_that_a_stranger_has_not_proved_goes_to_the_person_who_reads_its_mail(page, mails, email):
    with Person(page.server, email=email) as stranger:
        stranger.sign_up()
        page.add_habit("Read")
        page.tap("Read")
        page.go("account")
        page.find("sign-up")
        page.enter(email, PASSWORD)
        page.find("failure")
        page.click("sign-up-code")
        page.write_field("addressCode", mails.to(email).code)
        page.click("enter")
        page.keep_codes()
        page.find("habit", name="Read")
        page.wait_saved()
        assert page.streak("Read") == 1
    assert [line for line in page.console() if "status of 400" not in line] == []

"""The links and codes of mails, followed in the page by a real browser."""

import os
import re

import pytest
from browsers import browser
from mail_server import MailServer, arguments
from server import Server

PASSWORD, NEW_PASSWORD = "a long 42 password", "a quite new 77 password"


def fragment(mail):
    """What follows the "#" in a mail's link."""
    return re.search(r"https?://\S+?(#\S+)", mail.message.get_body(("plain",)).get_content())[1]


def follow(page, mail):
    page.driver.get("about:blank")
    page.open("/" + fragment(mail))
    page.find("mail-submit")
    # The token is not left in the address bar, nor in the browser's history.
    assert "=" not in page.driver.current_url


@pytest.mark.alone
def test_a_forgotten_password_is_replaced_by_a_mail(database, folder):
    email = f"{os.urandom(6).hex()}@example.com"
    with MailServer() as mails, Server(database=database, arguments=arguments(mails)) as server, browser(
            server.address, folder / "profile") as page:
        page.open()
        page.sign_up(email, PASSWORD)
        page.wait_saved()
        # The address is proved by the mail's link.
        page.go("account")
        page.click("request-verification")
        page.find("mail-form")
        follow(page, mails.to(email))
        page.click("mail-submit")
        page.find("mail-done")
        page.go("account")
        page.click("sign-out")
        page.find("add-habit")
        # The password is forgotten, and replaced by another mail's link.
        page.go("account")
        page.click("forgot-password")
        page.find("mail-form")
        page.until(lambda: page.driver.find_element("id", "email")).send_keys(email)
        page.click("mail-submit")
        page.find("mail-done")
        follow(page, mails.to(email, 2))
        page.driver.find_element("id", "fresh").send_keys(NEW_PASSWORD)
        page.click("mail-submit")
        page.find("mail-done")
        page.sign_in(email, NEW_PASSWORD)
        page.wait_saved()
        assert page.console() == []

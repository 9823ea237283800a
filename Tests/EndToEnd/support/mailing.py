"""People whose addresses are proved by mail."""

from databases import sql
from streak.v1 import account_pb2


def request_verification(person, **options):
    return person.accounts.RequestVerification(account_pb2.RequestVerificationRequest(), metadata=person.metadata, timeout=30, **options)


def verify(person, proof):
    return person.accounts.VerifyAddress(account_pb2.VerifyAddressRequest(proof=proof), metadata=person.metadata, timeout=30)


def verified(person, mails):
    """Signs a person up with a proved address."""
    person.sign_up()
    request_verification(person)
    verify(person, mails.to(person.email).code)
    return person


def change_address(person, email, password=None):
    return person.accounts.RequestAddressChange(
        account_pb2.RequestAddressChangeRequest(
            email=email, proof=account_pb2.PersonProof(password=password or person.password)), metadata=person.metadata, timeout=60)


def forget_password(person, email=None, metadata=()):
    return person.accounts.RequestPasswordReset(
        account_pb2.RequestPasswordResetRequest(email=email or person.email), metadata=metadata, timeout=30)


def reset(person, token, password="a quite new password"):
    return person.accounts.ResetPassword(account_pb2.ResetPasswordRequest(token=token, new_password=password), timeout=60)


def take_back(person, token, password="a quite new password"):
    return person.accounts.TakeBackAddress(account_pb2.TakeBackAddressRequest(token=token, new_password=password), timeout=60)


def account(person):
    return person.accounts.GetAccount(account_pb2.GetAccountRequest(), metadata=person.metadata, timeout=30).account


def due_now(database):
    """Ends the time until the next attempt."""
    sql(database, "UPDATE mail_outbox SET due_at = now() WHERE due_at IS NOT NULL")


def outbox(database):
    return sql(database, "SELECT count(*) FILTER (WHERE due_at IS NOT NULL), count(*) FILTER (WHERE sent_at IS NOT NULL) FROM mail_outbox")

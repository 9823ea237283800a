"""Passwords as the database stores them, sealed and opened by the documented construction."""

import ctypes
import ctypes.util
import hashlib
import re

from databases import sql
from server import SERVER_KEY

_sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))
_NONCE_BYTES, _TAG_BYTES = 24, 16


def _key(purpose, *secrets):
    parts = [purpose.encode(), *secrets]
    return hashlib.blake2b(b"".join(len(part).to_bytes(4, "big") + part for part in parts), digest_size=32).digest()


def _open(box, key):
    plain = ctypes.create_string_buffer(max(len(box) - _NONCE_BYTES - _TAG_BYTES, 1))
    done = _sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
        plain, None, None, box[_NONCE_BYTES:], ctypes.c_ulonglong(len(box) - _NONCE_BYTES), None, ctypes.c_ulonglong(0), box[:_NONCE_BYTES], key)
    return None if done else plain.raw[:len(box) - _NONCE_BYTES - _TAG_BYTES]


def _seal(plain, key):
    nonce = hashlib.sha256(plain + key).digest()[:_NONCE_BYTES]
    box = ctypes.create_string_buffer(len(plain) + _TAG_BYTES)
    _sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
        box, None, plain, ctypes.c_ulonglong(len(plain)), None, ctypes.c_ulonglong(0), None, nonce, key)
    return nonce + box.raw


def password_key(database, user, file=SERVER_KEY):
    """The key of one person's password: from the file's key, and the root that it opens in the
    database. None if the file does not fit."""
    file_key = bytes.fromhex(re.search(r"^streakd-server-key-([0-9a-f]{64})$", file.read_text(), flags=re.M)[1])
    sealed = bytes.fromhex(sql(database, "select encode(sealed, 'hex') from server_key"))
    root = _open(sealed, _key("streak.v1.key-encryption.1", file_key))
    return root and _key("streak.v1.server.password", _key("streak.v1.server.password.1", root), user)


def stored_password(database, user, **options):
    """The Argon2id hash of a person's password; None if it does not open."""
    sealed = bytes.fromhex(sql(database, f"select encode(sealed_password, 'hex') from users where user_id = '{user.hex()}'"))
    hash_text = _open(sealed, password_key(database, user, **options))
    return hash_text and hash_text.decode()


def store_password(database, user, hash_text):
    box = _seal(hash_text.encode(), password_key(database, user))
    sql(database, f"update users set sealed_password = '\\x{box.hex()}' where user_id = '{user.hex()}'")


def cheap_hash(password):
    """An Argon2id hash of the least cost."""
    text = ctypes.create_string_buffer(128)
    data = password.encode()
    assert _sodium.crypto_pwhash_argon2id_str(text, data, ctypes.c_ulonglong(len(data)), ctypes.c_ulonglong(1), ctypes.c_size_t(8192)) == 0
    return text.value.decode()


def matches(hash_text, password):
    data = password.encode()
    return _sodium.crypto_pwhash_argon2id_str_verify(hash_text.encode().ljust(128, b"\0"), data, ctypes.c_ulonglong(len(data))) == 0

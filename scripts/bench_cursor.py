"""Cursors sealed as by streakd (StreakServices/Sync/CursorSeal), for requests that the benchmark
makes beforehand."""

import ctypes
import hashlib
import struct

MASK = (1 << 64) - 1


def rotated(value, count):
    return (value << count | value >> (64 - count)) & MASK


def siphash128(key, data):
    """SipHash-2-4 with 128 bits. Source: Aumasson and Bernstein, "SipHash"; its reference code for the long output."""
    first, second = struct.unpack("<QQ", key)
    a, b = first ^ 0x736F6D6570736575, second ^ 0x646F72616E646F6D ^ 0xEE
    c, d = first ^ 0x6C7967656E657261, second ^ 0x7465646279746573

    def rounds(count, a, b, c, d):
        for _ in range(count):
            a, c = (a + b) & MASK, (c + d) & MASK
            b, d = rotated(b, 13) ^ a, rotated(d, 16) ^ c
            a = rotated(a, 32)
            c, a = (c + b) & MASK, (a + d) & MASK
            b, d = rotated(b, 17) ^ c, rotated(d, 21) ^ a
            c = rotated(c, 32)
        return a, b, c, d

    whole = len(data) // 8
    words = list(struct.unpack(f"<{whole}Q", data[:8 * whole]))
    words.append((len(data) & 0xFF) << 56 | int.from_bytes(data[8 * whole:], "little"))
    for word in words:
        a, b, c, d = rounds(2, a, b, c, d ^ word)
        a ^= word
    a, b, c, d = rounds(4, a, b, c ^ 0xEE, d)
    low = a ^ b ^ c ^ d
    a, b, c, d = rounds(4, a, b ^ 0xDD, c, d)
    return struct.pack("<QQ", low, a ^ b ^ c ^ d)


def derived_key(purpose, *secrets):
    """As `SealedBytes.key`."""
    material = b"".join(struct.pack(">I", len(part)) + part for part in (purpose.encode(), *secrets))
    return hashlib.blake2b(material, digest_size=32).digest()


def server_key_root(file, sealed):
    """The root of the database's server key, decrypted with the file's current key (`KeyEncryptionKeys`)."""
    prefix = "streakd-server-key-"
    key = next(line.removeprefix(prefix) for line in file.read_text().split("\n") if line.startswith(prefix))
    sodium = ctypes.CDLL("libsodium.so.23")
    plain = ctypes.create_string_buffer(32)
    nonce, box = sealed[:24], sealed[24:]
    sealing_key = derived_key("streak.v1.key-encryption.1", bytes.fromhex(key))
    if sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(plain, None, None, box, ctypes.c_ulonglong(len(box)), None,
                                                         ctypes.c_ulonglong(0), nonce, sealing_key):
        raise ValueError("the server key's file does not fit the database")
    return plain.raw


def cursor_key(root):
    """The key of the tags, from the server key's root."""
    return hashlib.sha256(b"streak.v1.cursor.1" + derived_key("streak.v1.server.cursor.1", root)).digest()[15::-1]


def cursor_tag(key, user, epoch, bits, change_number):
    return siphash128(key, user + struct.pack(">qQq", epoch, bits, change_number))[::-1]

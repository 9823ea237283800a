"""Cursors sealed as by streakd (StreakServices/Sync/CursorSeal), for requests that the benchmark
makes beforehand."""

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


def cursor_key(secret):
    """The key of the tags, from the database's secret."""
    return hashlib.sha256(b"streak.v1.cursor.1" + secret).digest()[15::-1]


def cursor_tag(key, user, epoch, bits, change_number):
    return siphash128(key, user + struct.pack(">qQq", epoch, bits, change_number))[::-1]

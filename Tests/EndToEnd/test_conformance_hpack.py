"""RFC 7541: the header blocks that a server must accept, and those that are COMPRESSION_ERROR."""

import pytest
from http2_peer import *
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH

BROKEN = ends(COMPRESSION_ERROR)
DYNAMIC = 62  # index of the newest field in the dynamic table
TABLE_BYTES = 4_096
MALFORMED_TIMEOUT = "13"  # shows in the answer that the field was decoded: its grpc-timeout is malformed


def indexed(index):
    return integer(index, 7, 0x80)


def size_update(size):
    return integer(size, 5, 0x20)


def huffman(value):
    """A string literal with Huffman coding."""
    coded = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH).encode(value.encode())
    return integer(len(coded), 7, 0x80) + coded


def coded_value(coded):
    """A field whose value is marked as Huffman-coded, with these bytes."""
    return b"\0" + text("x-a") + integer(len(coded), 7, 0x80) + coded


UNDERSTOOD = answers(1, MALFORMED_TIMEOUT)
NAME, VALUE = "grpc-timeout", "nonsense"


@cases(
    ("without indexing", literal(NAME, VALUE), UNDERSTOOD),
    ("never indexed", literal(NAME, VALUE, 0x10), UNDERSTOOD),
    ("with indexing", literal(NAME, VALUE, 0x40), UNDERSTOOD),
    ("with indexing, and its name again", literal(NAME, "1S", 0x40) + integer(DYNAMIC, 4) + text(VALUE), UNDERSTOOD),
    ("with indexing, and its name never indexed", literal(NAME, "1S", 0x40) + integer(DYNAMIC, 4, 0x10) + text(VALUE), UNDERSTOOD),
    ("with indexing, and its name indexed", literal(NAME, "1S", 0x40) + integer(DYNAMIC, 6, 0x40) + text(VALUE), UNDERSTOOD),
    ("from the static table", indexed(16) + integer(19, 4) + text("x"), answers(1)),
    ("in Huffman code", b"\0" + huffman(NAME) + huffman(VALUE), UNDERSTOOD),
    ("with every byte in Huffman code",
     b"".join(b"\0" + huffman("x-a") + huffman(chr(code)) for code in range(33, 127)) + literal(NAME, VALUE), UNDERSTOOD),
    ("empty in Huffman code", coded_value(b""), answers(1)),
)
def test_representations(peer, sent, expected):
    """RFC 7541, sections 6.1, 6.2.1, 6.2.2 and 6.2.3: each form of a field is accepted."""
    peer.send(call(1, extra=sent))
    expected(peer)


@cases(
    ("0", indexed(0), BROKEN),
    ("one behind the static table", indexed(DYNAMIC), BROKEN),
    ("one behind the dynamic table", literal("x-a", "b", 0x40) + indexed(DYNAMIC + 1), BROKEN),
    ("far behind", indexed(2**31), BROKEN),
    ("of a name without indexing", integer(DYNAMIC, 4) + text("x"), BROKEN),
    ("of a name never indexed", integer(DYNAMIC, 4, 0x10) + text("x"), BROKEN),
    ("of a name with indexing", integer(DYNAMIC, 6, 0x40) + text("x"), BROKEN),
)
def test_index_out_of_range(peer, sent, expected):
    """RFC 7541, sections 2.3.3 and 6.1."""
    peer.send(call(1, extra=sent))
    expected(peer)


@cases(
    ("cut short", b"\0" + text("x-a") + integer(10, 7) + b"only", BROKEN),
    ("name alone", b"\0" + text("x-a"), BROKEN),
    ("first byte alone", b"\x40", BROKEN),
    ("integer cut short", b"\xff", BROKEN),
    ("integer of 2^64", b"\0" + text("x-a") + b"\x7f" + b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01", BROKEN),
    ("index of 2^35", b"\xff\x80\x80\x80\x80\x80\x01", BROKEN),
    ("endless integer", b"\xff" + b"\x80" * 1_000, BROKEN),
    # Section 5.1 allows leading zeros of an integer within limits of the implementation.
    ("integer with a leading zero", b"\0" + text("x-a") + b"\x7f\x80\x00" + b"v" * 127, answers(1)),
)
def test_integers_and_lengths(peer, sent, expected):
    """RFC 7541, sections 5.1 and 5.2; RFC 9113, section 4.3: a block that ends within a field cannot be decoded."""
    peer.send(call(1, extra=sent))
    expected(peer)


def test_a_string_that_is_too_long_is_refused_before_it_comes(peer):
    """RFC 7541, section 7.4: a string of 1 GiB is announced, in an unfinished block."""
    peer.send(headers(1, flags=0, extra=b"\0" + integer(2**30, 7)))
    BROKEN(peer)


# "a" is 00011 in Huffman code, "0" is 00000, and EOS is 30 ones.
@cases(
    ("padding of 3 ones", coded_value(b"\x1f"), answers(1)),
    ("padding of 3 zeros", coded_value(b"\x18"), BROKEN),
    ("padding that is no prefix of EOS", coded_value(b"\x1e"), BROKEN),
    ("padding of 11 ones", coded_value(b"\x1f\xff"), BROKEN),
    ("padding of 8 ones", coded_value(b"\xff"), BROKEN),
    ("padding of 16 ones", coded_value(b"\xff\xff"), BROKEN),
    ("EOS alone", coded_value(b"\xff\xff\xff\xff"), BROKEN),
    ("EOS behind a letter", coded_value(b"\x1f\xff\xff\xff\xff"), BROKEN),
    ("EOS before a letter", coded_value(b"\xff\xff\xff\xfc\x1f"), BROKEN),  # 30 ones, 00 0001 1111
    ("in the name", b"\0" + integer(1, 7, 0x80) + b"\x18" + text("x"), BROKEN),
)
def test_huffman(peer, sent, expected):
    """RFC 7541, section 5.2."""
    peer.send(call(1, extra=sent))
    expected(peer)


def test_huffman_padding_of_seven_bits(peer):
    """RFC 7541, section 5.2: the longest allowed padding. Five letters of 5 bits leave 7 bits of
    the fourth byte."""
    peer.send(call(1, extra=coded_value(b"\0\0\0\x7f")))
    answers(1)(peer)


# MARK: the dynamic table

@pytest.mark.parametrize("updates", [size_update(0), size_update(TABLE_BYTES), size_update(0) + size_update(TABLE_BYTES)],
                         ids=["to 0", "to the largest", "to 0 and back"])
def test_size_update(peer, updates):
    """RFC 7541, sections 4.2 and 6.3: at the start of a block, up to SETTINGS_HEADER_TABLE_SIZE."""
    request = frame(HEADERS, END_HEADERS, 1, updates + block(fields()))
    peer.send(request, data(1, EMPTY_MESSAGE, END_STREAM))
    answers(1)(peer)


@pytest.mark.parametrize("size", [TABLE_BYTES + 1, 2**31], ids=["by 1", "far"])
def test_size_update_above_the_limit(peer, size):
    """RFC 7541, sections 4.2 and 6.3."""
    peer.send(frame(HEADERS, END_HEADERS, 1, size_update(size) + block(fields())))
    BROKEN(peer)


@cases(
    ("behind all fields", size_update(0), BROKEN),
    ("between fields", size_update(0) + literal("x-a", "b"), BROKEN),
    ("to the same size", size_update(TABLE_BYTES), BROKEN),
)
def test_size_update_within_a_block(peer, sent, expected):
    """RFC 7541, section 4.2: it must be at the beginning of a block."""
    peer.send(call(1, extra=sent))
    expected(peer)


def test_size_update_empties_the_table(peer):
    """RFC 7541, section 4.3."""
    peer.send(call(1, extra=literal(NAME, VALUE, 0x40)))
    assert peer.answer(1)["grpc-status"] == MALFORMED_TIMEOUT
    peer.send(call(3, extra=indexed(DYNAMIC)))
    assert peer.answer(3)["grpc-status"] == MALFORMED_TIMEOUT
    peer.send(frame(HEADERS, END_HEADERS, 5, size_update(0) + size_update(TABLE_BYTES) + block(fields()) + indexed(DYNAMIC)))
    BROKEN(peer)


def test_old_fields_make_room(peer):
    """RFC 7541, sections 4.1 and 4.4: a field counts 32 bytes more than its name and value; the
    oldest is evicted first."""
    size = TABLE_BYTES // 2 - 32 - len("x-0")
    for number, stream in enumerate((1, 3)):
        peer.send(call(stream, extra=literal(f"x-{number}", "v" * size, 0x40)))
        assert peer.answer(stream)["grpc-status"] == "0"
    peer.send(call(5, extra=indexed(DYNAMIC) + indexed(DYNAMIC + 1)))  # both just fit
    assert peer.answer(5)["grpc-status"] == "0"
    peer.send(call(7, extra=literal("y", "", 0x40) + indexed(DYNAMIC + 1)))  # the first of them does not any longer
    assert peer.answer(7)["grpc-status"] == "0"
    peer.send(call(9, extra=indexed(DYNAMIC + 2)))
    BROKEN(peer)


def test_a_field_larger_than_the_table_empties_it(peer):
    """RFC 7541, section 4.4: this is no error."""
    peer.send(call(1, extra=literal("x-a", "b", 0x40) + literal("x-large", "v" * TABLE_BYTES, 0x40)))
    assert peer.answer(1)["grpc-status"] == "0"
    peer.send(call(3, extra=indexed(DYNAMIC)))
    BROKEN(peer)


# MARK: the server's own header blocks

def last_block(peer, stream):
    return next(seen.payload for seen in peer.frames if seen.kind == HEADERS and seen.stream == stream)


def test_the_server_keeps_the_table_size_of_the_client(connect):
    """RFC 7541, section 4.2: the server announces a smaller table at the start of its next block.
    (The decoder checks more.)"""
    peer = connect((HEADER_TABLE_SIZE, 0))
    peer.decoder.max_allowed_table_size = 0
    for _ in range(3):
        peer.check_serves()
    assert last_block(peer, 1_001)[0] == 0x20
    assert peer.decoder.header_table_size == 0


def test_the_server_announces_the_smallest_of_several_table_sizes(peer):
    """RFC 7541, section 4.2: of two changes between blocks both are announced, because the smaller
    one has emptied the table."""
    peer.check_serves()
    peer.send(settings((HEADER_TABLE_SIZE, 0), (HEADER_TABLE_SIZE, 1_000)))
    peer.until(lambda seen: seen.kind == SETTINGS)
    peer.check_serves()
    assert last_block(peer, 1_003).startswith(size_update(0) + size_update(1_000))


def test_the_client_may_allow_a_larger_table_than_the_server_wants(connect):
    """RFC 7541, section 4.2: the server may use less."""
    peer = connect((HEADER_TABLE_SIZE, 2**32 - 1))
    peer.decoder.max_allowed_table_size = 2**32 - 1
    for _ in range(3):
        peer.check_serves()

"""What a sanitizer (`STREAKD_SANITIZE`) costs the programs that were built with it."""
import os

NAME = os.environ.get("STREAKD_SANITIZE", "")
IS_ON = bool(NAME)
# The address sanitizer surrounds each block with a red zone and keeps freed blocks for a while; the
# thread sanitizer keeps the last accesses to each word.
_MEMORY_FACTOR = {"address": 2, "thread": 20}


def seconds(limit):
    """A time limit, for programs that are several times slower."""
    return limit * 10 if IS_ON else limit


def memory(limit):
    """A limit of memory, for programs that need a multiple of it."""
    return limit * _MEMORY_FACTOR.get(NAME, 1)

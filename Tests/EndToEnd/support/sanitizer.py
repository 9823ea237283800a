"""What a sanitizer (`STREAKD_SANITIZE`) costs the programs that were built with it."""
import os

IS_ON = bool(os.environ.get("STREAKD_SANITIZE"))


def seconds(limit):
    """A time limit, for programs that are several times slower."""
    return limit * 10 if IS_ON else limit


def memory(limit):
    """A limit of memory, for programs with red zones around each block and freed blocks kept."""
    return limit * 2 if IS_ON else limit

"""Replaces PostgreSQL's initdb: the real one makes the first cluster of a kind, the others are
copies of it.

So each set of options is tested with the real initdb once per run. Each copy gets a system
identifier of its own, as initdb would give it, because streakd tells databases apart by it. Runs as
the server's user, with the system's Python, because that user may not be able to enter the folder
of the tests' own.
"""

import fcntl
import glob
import hashlib
import os
import shutil
import struct
import subprocess
import sys

REAL = "@REAL@"  # the folder of the real programs
TEMPLATES = "@TEMPLATES@"


def checksums(data):
    """The CRC-32C of the first byte, of the first two, and so on."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        yield crc ^ 0xFFFFFFFF


def rewrite(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def identify(cluster):
    """Gives a stopped cluster a new system identifier: in pg_control, and in the long header of the log's only segment."""
    control = f"{cluster}/global/pg_control"
    with open(control, "rb") as file:
        data = file.read(1024)
    # Its checksum comes last: the position differs between versions.
    end = next(end for end, crc in enumerate(checksums(data[:600]), 1) if end >= 200 and struct.pack("=I", crc) == data[end:end + 4])
    identifier = struct.pack("=q", int.from_bytes(os.urandom(7), "big") + 1)
    *_, checksum = checksums(identifier + data[8:end])
    segment, = glob.glob(f"{cluster}/pg_wal/0*")
    with open(segment, "rb") as file:
        assert file.read(32)[24:] == data[:8], segment
    rewrite(control, 0, identifier)
    rewrite(control, end, struct.pack("=I", checksum))
    rewrite(segment, 24, identifier)


def template(arguments) -> str:
    """A cluster made by the real initdb with these arguments."""
    path = f"{TEMPLATES}/{hashlib.sha256(repr(arguments).encode()).hexdigest()[:16]}"
    with open(f"{path}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path):
            shutil.rmtree(f"{path}.new", ignore_errors=True)
            made = subprocess.run([f"{REAL}/initdb", f"--pgdata={path}.new", *arguments], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if made.returncode != 0:
                sys.stderr.buffer.write(made.stdout)
                sys.exit(made.returncode)
            os.rename(f"{path}.new", path)
    return path


def main(arguments):
    data = [argument for argument in arguments if argument.startswith("--pgdata=")]
    if len(data) != 1:
        os.execv(f"{REAL}/initdb", ["initdb", *arguments])
    cluster = data[0].removeprefix("--pgdata=")
    if os.path.lexists(cluster) and (not os.path.isdir(cluster) or os.listdir(cluster)):
        os.execv(f"{REAL}/initdb", ["initdb", *arguments])  # the real initdb refuses that
    os.umask(0o077)
    source = template([argument for argument in arguments if argument not in data])
    copied = subprocess.run(["cp", "-a", "--reflink=auto", "--", f"{source}/.", cluster])
    if copied.returncode != 0:
        sys.exit("initdb: could not copy the template")
    identify(cluster)


main(sys.argv[1:])

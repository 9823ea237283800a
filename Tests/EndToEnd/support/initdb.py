"""Stands in for PostgreSQL's initdb: the first cluster of a kind is made by the real one, the others are copies of it.

What streakd, streakctl and the tests ask of initdb is judged by the real one once per run and set of options. Each copy gets a system
identifier of its own, as initdb gives one: what tells databases apart finds them different. Runs as the server's user, by the system's
Python: the tests' own may stand where that user cannot go.
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
    # Its checksum comes last: how far it reaches differs between versions.
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
    """A cluster that the real initdb has made with these arguments."""
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
        os.execv(f"{REAL}/initdb", ["initdb", *arguments])  # which refuses that
    os.umask(0o077)
    source = template([argument for argument in arguments if argument not in data])
    copied = subprocess.run(["cp", "-a", "--reflink=auto", "--", f"{source}/.", cluster])
    if copied.returncode != 0:
        sys.exit("initdb: could not copy the template")
    identify(cluster)


main(sys.argv[1:])

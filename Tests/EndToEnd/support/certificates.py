"""A small test authority, and certificates from it."""

import os
import shutil
import subprocess

import pytest


def openssl(folder, arguments):
    subprocess.run(["openssl", *arguments.split(" ")], cwd=folder, check=True, capture_output=True)


def make_certificate(folder, name):
    openssl(folder, f"req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}")
    openssl(folder, f"x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out {name}.pem -days 2 -extfile names")
    os.chmod(folder / f"{name}.key", 0o600)


def make_authority(folder, *names):
    """Makes `ca.pem` in the folder, and from it a certificate and a key for each name, for this
    machine."""
    openssl(folder, "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj /CN=ca -days 2")
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    for name in names:
        make_certificate(folder, name)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    make_authority(folder, "first", "second", "client")
    for kind in ("pem", "key"):
        shutil.copy(folder / f"first.{kind}", folder / f"server.{kind}")
    return folder


def tls_arguments(certificates, *more):
    return ["--tls-certificate", str(certificates / "server.pem"), "--tls-key", str(certificates / "server.key"), *more]

"""The admin server's pages: metrics as the stock parser reads them, readiness, liveness."""

import os
import re
import shutil
import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

ADMIN = ("--admin-listen", "127.0.0.1:0")
# Without a proxy from the environment.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
# The folder of Debian's prometheus and promtool from scripts/test; otherwise they are found in
# PATH.
PROMETHEUS = os.environ.get("STREAKD_PROMETHEUS", "")


def program(name):
    found = shutil.which(name, path=os.pathsep.join([PROMETHEUS, os.environ.get("PATH", "")]))
    return found or pytest.skip(f"there is no {name}; scripts/test gets it on Debian")


def admin_address(server) -> str:
    for line in server.lines:
        if found := re.search(r'address[=":]+(127\.0\.0\.1:\d+)', line):
            return found[1]
    raise AssertionError("no admin address in:\n" + "".join(server.lines))


def get(server, path):
    """Status, content type and text."""
    try:
        with OPENER.open(f"http://{admin_address(server)}{path}", timeout=30) as response:
            return response.status, response.headers["content-type"], response.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.headers["content-type"], refusal.read().decode()


class Metrics:
    """One scrape, parsed by the stock parser."""

    def __init__(self, server):
        status, content_type, self.text = get(server, "/metrics")
        assert (status, content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
        self.families = {family.name: family for family in text_string_to_metric_families(self.text)}
        self.samples = [sample for family in self.families.values() for sample in family.samples]

    def value(self, name, **labels) -> float:
        """The only sample with this name and labels."""
        [value] = self.values(name, **labels)
        return value

    def values(self, name, **labels) -> list:
        return [sample.value for sample in self.samples
                if sample.name == name and labels.items() <= sample.labels.items()]

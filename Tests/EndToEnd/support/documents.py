"""The documents' code blocks and commands, and a running server's metrics."""

import pathlib
import re
import urllib.request

PROJECT = pathlib.Path(__file__).resolve().parents[3]
CATALOGUE = PROJECT / "Sources/streakd/Documentation.docc"


def page(name):
    return (CATALOGUE / name).read_text()


def section(text, heading):
    """The text of a page below a heading."""
    return re.split(rf"^## .*{re.escape(heading)}.*$", text, maxsplit=1, flags=re.M)[1].split("\n## ")[0]


def blocks(text, language=""):
    """The code blocks of a language, without the indentation of a list."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", text, flags=re.M | re.S)
    return [re.sub(rf"^{indent}", "", code, flags=re.M) for indent, code in found]


def commands(text):
    """The lines of the shell blocks."""
    return [line for block in blocks(text) for line in block.splitlines() if line and not line.startswith(" ")]


def scrape(server):
    """The text of /metrics of a server with `--admin-listen 127.0.0.1:0`."""
    address = re.search(r'address[=":]+(127\.0\.0\.1:\d+)', "".join(server.lines))[1]
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://{address}/metrics", timeout=30) as response:
        return response.read().decode()

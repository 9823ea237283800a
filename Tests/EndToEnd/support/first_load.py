"""What a first visit of the page loads by itself, and how many bytes that is: from the files, and in
a browser."""

import re
from urllib.parse import urlsplit

from server import PROJECT
from web_peer import ask

PAGE = PROJECT / "Sources/StreakWeb/Page"
IMPORT = re.compile(r'^(?:import|export)\s[^;]*?from\s"(\.[^"]+)"', re.MULTILINE)

# Resolves with the paths that the page has loaded once it is idle: the service worker serves it,
# the server was asked for a forgotten session, and for a second nothing more was loaded.
LOADED = """
const entries = () => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
const opened = () => new Promise((resolve, reject) => {
  const request = indexedDB.open("streakd");
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});
const isAsked = async () => {
  const database = await opened();
  const settings = await new Promise((resolve) => {
    database.transaction("records").objectStore("records").get("settings").onsuccess = ({ target }) => resolve(target.result);
  });
  database.close();
  return settings?.isStashAsked;
};
const { active } = await navigator.serviceWorker.ready;
for (let count = -1; !(await isAsked()) || active.state !== "activated" || count !== entries().length;) {
  count = entries().length;
  await new Promise((resolve) => setTimeout(resolve, 1_000));
}
return [...entries().map(({ name }) => name), active.scriptURL, document.querySelector("link[rel=manifest]").href];
"""


def closure(name="ui/main.js"):
    """A module with those that it imports statically."""
    found, waiting = set(), [PAGE / name]
    while waiting:
        path = waiting.pop().resolve()
        if path not in found:
            found.add(path)
            waiting += [path.parent / other for other in IMPORT.findall(path.read_text())]
    return {f"/{path.relative_to(PAGE)}" for path in found}


def expected():
    """The paths of a first visit, by the files."""
    return {"/", "/app.css", "/manifest.webmanifest", "/service-worker.js"} | closure()


def loaded(browser):
    """The paths of files that a first visit has loaded in a browser, without icons and calls."""
    paths = {urlsplit(name).path for name in browser.promise(LOADED)}
    return {path for path in paths if "icon" not in path and not path.startswith("/streak.v1.")}


def packed_bytes(server, paths):
    """The bytes of each file's body, as the server sends it to a browser that takes gzip."""
    sizes = {}
    for path in paths:
        answer = ask(server.port, "HTTP/1.1", path, b"", ("accept-encoding", "gzip"), method="GET")
        assert answer.status == 200, path
        sizes[path] = len(answer.body)
    return sizes

"""Firefox over WebDriver BiDi, which it speaks by itself: no other program is needed. Source: W3C
WebDriver BiDi."""

import contextlib
import itertools
import json
import pathlib
import re
import shutil
import subprocess
import threading

import websocket
from scripted_page import ScriptedPage

# No first-run pages, no updates, and no reports of Mozilla's.
PREFERENCES = {
    "app.normandy.enabled": False, "app.update.disabledForTesting": True, "browser.aboutwelcome.enabled": False,
    "browser.shell.checkDefaultBrowser": False, "browser.startup.page": 0, "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.server": "", "extensions.update.enabled": False, "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False, "intl.locale.requested": "en-US", "remote.active-protocols": 1,
}


class Firefox(ScriptedPage):
    def __init__(self, address, folder):
        self.address, self.problems = address, []
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "user.js").write_text("".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items()))
        self.process = subprocess.Popen(
            [shutil.which("firefox-esr"), "--headless", "--no-remote", "--profile", str(folder), "--remote-debugging-port", "0", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env={"HOME": str(folder), "PATH": "/usr/bin:/bin", "MOZ_HEADLESS": "1", "MOZ_CRASHREPORTER_DISABLE": "1", "LANG": "C.UTF-8"})
        self._socket = None
        try:
            self._begin_session()
        except BaseException:
            # A browser that answers too late must not go on beside the next test.
            self.close()
            raise

    def _begin_session(self):
        place = None
        for line in self.process.stderr:
            if place := re.search(r"WebDriver BiDi listening on (ws://\S+)", line):
                break
        assert place, "Firefox did not start"
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        self._numbers = itertools.count(1)
        self._socket = websocket.create_connection(place[1] + "/session", timeout=60, suppress_origin=True)
        self.command("session.new", {"capabilities": {}})
        self.command("session.subscribe", {"events": ["log.entryAdded"]})
        self.context = self.command("browsingContext.getTree", {})["contexts"][0]["context"]

    def command(self, method, parameters):
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("method") == "log.entryAdded" and message["params"]["level"] == "error":
                self.problems.append(message["params"]["text"])
            if message.get("id") == number:
                assert message["type"] == "success", (method, message)
                return message["result"]

    def open(self, path="/"):
        self.command("browsingContext.navigate", {"context": self.context, "url": f"http://{self.address}{path}", "wait": "complete"})

    def evaluate(self, body):
        found = self.command("script.callFunction", {
            "functionDeclaration": f"async () => JSON.stringify((await (async () => {{ {body} }})()) ?? null)", "awaitPromise": True,
            "target": {"context": self.context}})
        assert found["type"] == "success", found
        return json.loads(found["result"]["value"])

    def wipe(self):
        """Deletes what the page has stored by script; the cookies stay."""
        self.evaluate("""
            for (const registration of await navigator.serviceWorker.getRegistrations()) await registration.unregister();
            for (const name of await caches.keys()) await caches.delete(name);
            localStorage.clear();""")
        self.command("browsingContext.navigate", {"context": self.context, "url": f"http://{self.address}/manifest.webmanifest", "wait": "complete"})
        self.evaluate("""
            for (const { name } of await indexedDB.databases()) {
              await new Promise((resolve, reject) => Object.assign(indexedDB.deleteDatabase(name), { onsuccess: resolve, onerror: reject, onblocked: reject }));
            }""")

    def close(self):
        with contextlib.suppress(Exception):
            self._socket.close()
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            with contextlib.suppress(Exception):
                print(self.evaluate("return document.body.innerText")[:2_000], *self.problems, sep="\n")
        self.close()

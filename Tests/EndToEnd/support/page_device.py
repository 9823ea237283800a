"""Devices made of the page's modules, in one Node process."""

import contextlib
import json
import subprocess

from server import PROJECT


class PageRefusal(Exception):
    """A failed action, with the kind and the reason that the page's modules give it."""

    def __init__(self, error):
        super().__init__(error["message"])
        self.kind, self.reason = error["kind"], error["reason"]


class PageDevice:
    """One device. Each method of it is an action of Tests/Web/devices.mjs."""

    def __init__(self, process, name):
        self.process, self.name = process, name

    def __getattr__(self, action):
        def act(*arguments):
            self.process.stdin.write(json.dumps([self.name, action, *arguments]) + "\n")
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline())
            if "error" in answer:
                raise PageRefusal(answer["error"])
            return answer["result"]
        return act


@contextlib.contextmanager
def page_devices(server, *names):
    """Devices that call `server`."""
    process = subprocess.Popen(["node", str(PROJECT / "Tests/Web/devices.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        devices = [PageDevice(process, name) for name in names]
        for device in devices:
            device.open(f"http://{server.address}")
        yield devices
    finally:
        process.stdin.close()
        process.wait(timeout=30)

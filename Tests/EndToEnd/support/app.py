"""`streak`, the terminal app: one device of a person."""

import datetime
import json
import os
import pathlib
import subprocess

from person import ZONE, today
from server import PROGRAMS

STREAK = str(PROGRAMS / "streak")
PASSWORD = "correct horse battery staple"


def iso(day) -> str:
    """A day number in the app's format."""
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=day)).isoformat()


class App:
    """Its data is in a folder of its own; the machine's settings have no effect on it."""

    def __init__(self, folder, server=None):
        self.folder = pathlib.Path(folder)
        self.environment = {"PATH": os.environ["PATH"], "TZ": ZONE, "STREAK_DATA": str(self.folder), "XDG_CONFIG_HOME": "/nonexistent",
                            **{name: value for name, value in os.environ.items()
                               if name.endswith("SAN_OPTIONS") or name == "LD_PRELOAD"}}
        self.connect(server)

    def connect(self, server):
        self.environment.pop("STREAK_SERVER", None)
        if server:
            self.environment["STREAK_SERVER"] = server.address

    def start(self, *arguments, **options):
        return subprocess.Popen([STREAK, *map(str, arguments)], env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    def run(self, *arguments, code=0, input="", environment=None):
        """Runs it to its end, requires the exit code `code`, and returns its output."""
        done = subprocess.run([STREAK, *map(str, arguments)], env={**self.environment, **(environment or {})}, input=input, capture_output=True, text=True, timeout=60)
        assert done.returncode == code, f"{arguments} ended with {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout if code == 0 else done.stderr

    def done(self, habit, ago=0, *arguments, **options):
        return self.run("done", habit, "--on", iso(today() - ago), *arguments, **options)

    def sign_up(self, email):
        return self.run("signup", email, input=PASSWORD + "\n")

    def log_in(self, email, *arguments, **options):
        return self.run("login", email, *arguments, input=PASSWORD + "\n", **options)

    def json(self, *arguments, **options):
        """Its output with --json."""
        return json.loads(self.run(*arguments, "--json", **options))

    def marks(self, habit, **options) -> int:
        """Completed days of the last year that count."""
        shown = self.json("status", habit, "--weeks", 53, **options)
        return sum(day["counts"] for view in shown["habits"] for day in view["days"])

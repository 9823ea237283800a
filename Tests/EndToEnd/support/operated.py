"""A streakd with backups and an operator."""

import os

from operator_tools import Keys, streakctl
from server import Server

TOKEN = os.urandom(32).hex()


class Operated(Server):
    """A server with a backup folder and an operator; the backups' key is in another folder."""

    def __init__(self, folder):
        self.place = folder
        self.backups = folder / "backups"
        self.keys = Keys(folder)
        (folder / "token").write_text(TOKEN + "\n")
        super().__init__(folder=folder, arguments=("--backup-folder", str(self.backups), "--operator-token-file", str(folder / "token")))

    def back_up(self):
        return streakctl("backup", "run", "--folder", self.backups, "--data-folder", self.place / "data", "--recipient",
                         self.keys.recipient).strip()

    def fulfil(self, *options, check=True, identity=None):
        return streakctl("account", "recover", "--address", self.address, "--folder", self.backups, "--identity",
                         identity or self.keys.identity, *options, check=check, env={**os.environ, "STREAKCTL_TOKEN": TOKEN})

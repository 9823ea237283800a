"""WebKitGTK under its WebDriver. Its automation keeps no storage between two sessions."""

import contextlib
import json
import os
import shutil
import subprocess

from scripted_page import ScriptedPage
from selenium import webdriver
from selenium.common.exceptions import JavascriptException


class WebKit(ScriptedPage):
    def __init__(self, address, folder):
        self.address, self.problems = address, []
        # It has no mode without a screen.
        read, write = os.pipe()
        self.screen = subprocess.Popen(["Xvfb", "-displayfd", str(write), "-screen", "0", "900x1000x24", "-nolisten", "tcp"], pass_fds=[write],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as number:
            display = f":{number.readline().strip()}"
        options = webdriver.WebKitGTKOptions()
        options.binary_location = "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser"
        options.add_argument("--automation")
        service = webdriver.WebKitGTKService(executable_path=shutil.which("WebKitWebDriver"), env={**os.environ, "DISPLAY": display})
        self.driver = webdriver.WebKitGTK(options=options, service=service)
        self.driver.set_script_timeout(30)

    def open(self, path="/"):
        self.driver.get(f"http://{self.address}{path}")

    def evaluate(self, body):
        found = self.driver.execute_async_script(
            f"const done = arguments[arguments.length - 1]; (async () => {{ {body} }})().then((value) => done(JSON.stringify([value ?? null])), (error) => done(String(error)));")
        try:
            return json.loads(found)[0]
        except ValueError:
            raise JavascriptException(found) from None

    def close(self):
        with contextlib.suppress(Exception):
            self.driver.quit()
        self.screen.kill()
        self.screen.wait()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            with contextlib.suppress(Exception):
                print(self.evaluate("return document.body.innerText")[:2_000])
        self.close()

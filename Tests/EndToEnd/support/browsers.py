"""Real browsers under WebDriver, and the page in them as a person uses it."""

import contextlib
import json
import pathlib
import shutil

from selenium import webdriver
from selenium.common.exceptions import (ElementClickInterceptedException, NoSuchElementException, StaleElementReferenceException,
                                        WebDriverException)
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from server import wait_until

WINDOW = (900, 1000)
DAY_MILLISECONDS = 86_400_000
# Shifts the page's wall clock; timers and performance.now() stay as they are.
SHIFT = """(() => {
  const shift = %d, Real = Date;
  Date = class extends Real {
    constructor(...parts) { if (parts.length) super(...parts); else super(Real.now() + shift); }
    static now() { return Real.now() + shift; }
  };
})();"""


def chromium(folder, *arguments):
    """Headless Chromium with a profile of its own, in Berlin's zone and in English."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run", "--disable-sync",
                     "--disable-background-networking", "--disable-component-update", "--lang=en-US", f"--user-data-dir={folder}",
                     f"--window-size={WINDOW[0]},{WINDOW[1]}", *arguments):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    return webdriver.Chrome(options=options, service=service)


class Browser:
    """A browser that shows the page of a server. What it finds, it waits for."""

    def __init__(self, driver, address):
        self.driver, self.address = driver, address
        self._clock = None
        self.problems = []

    # The page

    def open(self, path="/"):
        self.driver.get(f"http://{self.address}{path}")
        return self

    def go(self, name, argument=""):
        self.driver.execute_script("location.hash = arguments[0]", f"#/{name}/{argument}" if argument else f"#/{name}")

    def reload(self):
        self.driver.refresh()

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def promise(self, text, *arguments):
        """Runs the body of an async function, and returns what it returns."""
        found = self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            f"(async (...arguments) => {{ {text} }})(...[...arguments].slice(0, -1)).then((value) => done({{value}}), (error) => done({{error: String(error)}}));",
            *arguments)
        assert "error" not in found, found["error"]
        return found.get("value")

    def all(self, test, **attributes):
        return self.driver.find_elements(By.CSS_SELECTOR, selector(test, **attributes))

    def find(self, test, **attributes):
        """The first such element; waits for it."""
        return wait_until(lambda: next(iter(self.all(test, **attributes)), None), 30)

    def has(self, test, **attributes):
        return bool(self.all(test, **attributes))

    def text(self, test, **attributes):
        return self._with(test, attributes, lambda element: element.text)

    def attribute(self, test, wanted, /, **attributes):
        return self._with(test, attributes, lambda element: element.get_attribute(wanted))

    def click(self, test, **attributes):
        self._with(test, attributes, lambda element: element.click())

    def write(self, test, text, **attributes):
        def put(element):
            element.clear()
            element.send_keys(text)
        self._with(test, attributes, put)

    def _with(self, test, attributes, body):
        """Runs `body` with an element; again if the page has replaced it meanwhile."""
        result = []

        def attempt():
            try:
                result.append(body(self.find(test, **attributes)))
                return True
            except (StaleElementReferenceException, ElementClickInterceptedException, NoSuchElementException):
                return False
        wait_until(attempt, 30)
        return result[0]

    def until(self, condition, seconds=30):
        """Waits until `condition` holds; elements may be replaced meanwhile."""
        def holds():
            try:
                return condition()
            except (NoSuchElementException, StaleElementReferenceException):
                return False
        return wait_until(holds, seconds)

    # What a person does

    def add_habit(self, name):
        field = self.until(lambda: self.driver.find_element(By.ID, "new-habit"))
        field.send_keys(name + Keys.ENTER)
        self.find("habit", name=name)

    def habit(self, name):
        return self.find("habit", name=name)

    def tap(self, name):
        """Taps a habit, and waits until the tap is on the disk and shown."""
        before = self.script(TAP_STATE, name)
        self.until(lambda: self.script("""const row = [...document.querySelectorAll('[data-test=habit]')].find((each) => each.dataset.name === arguments[0]);
            row?.querySelector('[data-test=tap]').click(); return Boolean(row)""", name))
        self.until(lambda: self.script(TAP_STATE, name) not in (before, None))

    def streak(self, name):
        return int(self.attribute("habit", "data-streak", name=name))

    def sign_up(self, email, password):
        """Makes an account, keeps the recovery codes that are shown once, and returns them."""
        self.go("account")
        self.find("sign-up")
        self.enter(email, password)
        return self.keep_codes()

    def keep_codes(self):
        self.find("recovery-code")
        codes = [each.text for each in self.all("recovery-code")]
        self.click("codes-done")
        return codes

    def sign_in(self, email, password):
        self.go("account")
        self.until(lambda: self.has("sign-in") or self.has("sign-up"))
        if self.has("sign-up"):
            self.click("switch")
        self.find("sign-in")
        self.enter(email, password)

    def enter(self, email, password):
        for name, text in (("email", email), ("password", password)):
            self.write_field(name, text)
        self.click("enter")

    def write_field(self, name, text):
        """Writes into the field with this id."""
        field = self.until(lambda: self.driver.find_element(By.ID, name))
        field.clear()
        field.send_keys(text)

    def wait_saved(self, state="everywhere", seconds=20):
        self.until(lambda: self.attribute("status", "data-state") == state, seconds)

    def set_day(self, day, note=None, done=True):
        """Changes a day in the calendar of the habit that is open."""
        while not self.has("day", day=str(day)):
            self.click("previous-month")
        self.click("day", day=str(day))
        if self.find("day-done").is_selected() != done:
            self.click("day-done")
        if note is not None:
            self.write("day-note", note)
        self.click("day-save")
        self.until(lambda: not self.has("dialog"))

    # What a test does to it

    def set_clock(self, days_ago):
        """The wall clock of the pages that are opened from now on."""
        if self._clock:
            self.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", {"identifier": self._clock})
            self._clock = None
        if days_ago:
            found = self.driver.execute_cdp_cmd(
                "Page.addScriptToEvaluateOnNewDocument", {"source": SHIFT % (-days_ago * DAY_MILLISECONDS)})
            self._clock = found["identifier"]

    def set_zone(self, name):
        """The time zone of the pages that are opened from now on, by its IANA name."""
        self.driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": name})

    def set_quota(self, count):
        """The most that the page may store, in bytes; None: what the browser allows."""
        limit = {} if count is None else {"quotaSize": count}
        self.driver.execute_cdp_cmd("Storage.overrideQuotaForOrigin", {"origin": f"http://{self.address}", **limit})

    def set_offline(self, is_offline):
        self.driver.execute_cdp_cmd("Network.enable", {})
        self.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {
            "offline": is_offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1})

    def wipe(self, cookies=False):
        """Deletes what the page has stored, as browsers do by themselves; the cookies stay, unless told."""
        kinds = "indexeddb,local_storage,cache_storage,service_workers,file_systems" + (",cookies" if cookies else "")
        self.driver.get("about:blank")
        self.driver.execute_cdp_cmd("Storage.clearDataForOrigin", {"origin": f"http://{self.address}", "storageTypes": kinds})

    def save_downloads(self, folder):
        self.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})

    def set_dark(self, is_dark):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}]})

    def console(self):
        """Errors and warnings of the console so far, apart from those that the test has allowed."""
        for line in self.driver.get_log("browser"):
            if line["level"] in ("SEVERE", "WARNING"):
                self.problems.append(line["message"])
        return self.problems

    def close(self):
        with contextlib.suppress(WebDriverException):
            self.driver.quit()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            with contextlib.suppress(Exception):
                print(self.driver.current_url, self.script("return document.body.innerText")[:2_000], *self.console(), sep="\n")
        self.close()


TAP_STATE = """const row = [...document.querySelectorAll('[data-test=habit]')].find((each) => each.dataset.name === arguments[0]);
return row ? row.querySelector('[data-test=tap]').getAttribute('aria-pressed') : null"""


def selector(test, **attributes):
    """Elements by the page's `data-test` and further `data-` attributes."""
    return f"[data-test={json.dumps(test)}]" + "".join(
        f"[data-{name.replace('_', '-')}={json.dumps(str(value))}]" for name, value in attributes.items())


@contextlib.contextmanager
def browser(address, folder, *arguments):
    """Chromium with an empty profile in a folder."""
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    with Browser(chromium(folder, *arguments), address) as found:
        yield found

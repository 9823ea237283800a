"""The page in any browser that runs scripts for a test: what a person does, by the page's own
elements."""

import json

from server import wait_until


def selector(test, **attributes):
    """Elements by the page's `data-test` and further `data-` attributes."""
    return f"[data-test={json.dumps(test)}]" + "".join(
        f"[data-{name.replace('_', '-')}={json.dumps(str(value))}]" for name, value in attributes.items())


class ScriptedPage:
    """Needs `evaluate(body)`, which runs the body of an async function in the page and returns its
    result, and `open(path)`."""

    problems = ()

    def until(self, condition, seconds=30):
        return wait_until(condition, seconds)

    def has(self, test, **attributes):
        return self.evaluate(f"return document.querySelector({json.dumps(selector(test, **attributes))}) !== null")

    def find(self, test, **attributes):
        self.until(lambda: self.has(test, **attributes))

    def text(self, test, **attributes):
        self.find(test, **attributes)
        return self.evaluate(f"return document.querySelector({json.dumps(selector(test, **attributes))})?.innerText.trim()")

    def attribute(self, test, wanted, /, **attributes):
        self.find(test, **attributes)
        return self.evaluate(f"return document.querySelector({json.dumps(selector(test, **attributes))})?.getAttribute({json.dumps(wanted)})")

    def click(self, test, **attributes):
        place = json.dumps(selector(test, **attributes))
        self.until(lambda: self.evaluate(
            f"const each = document.querySelector({place}); if (!each || each.disabled) return false; each.click(); return true"))

    def put(self, css, text):
        """Types into a field."""
        self.until(lambda: self.evaluate(
            f"const each = document.querySelector({json.dumps(css)}); if (!each) return false; each.focus(); each.value = {json.dumps(text)};"
            "each.dispatchEvent(new Event('input', { bubbles: true })); each.dispatchEvent(new Event('change', { bubbles: true })); return true"))

    def go(self, name):
        self.evaluate(f"location.hash = {json.dumps('#/' + name)}")

    def add_habit(self, name):
        self.put("#new-habit", name)
        self.click("add")
        self.find("habit", name=name)

    def tap(self, name):
        pressed = f"document.querySelector({json.dumps(selector('habit', name=name) + ' [data-test=tap]')})"
        before = self.evaluate(f"const each = {pressed}; const before = each.getAttribute('aria-pressed'); each.click(); return before")
        self.until(lambda: self.evaluate(f"return {pressed}?.getAttribute('aria-pressed')") not in (before, None))

    def streak(self, name):
        return int(self.attribute("habit", "data-streak", name=name))

    def wait_saved(self, state="everywhere", seconds=30):
        self.until(lambda: self.attribute("status", "data-state") == state, seconds)

    def enter(self, email, password):
        self.put("#email", email)
        self.put("#password", password)
        self.click("enter")

    def sign_up(self, email, password):
        """Makes an account, and keeps the recovery codes that are shown once."""
        self.go("account")
        self.find("sign-up")
        self.enter(email, password)
        self.click("codes-done")

    def sign_in(self, email, password):
        self.go("account")
        self.until(lambda: self.has("sign-in") or self.has("sign-up"))
        if not self.has("sign-in"):
            self.click("switch")
        self.find("sign-in")
        self.enter(email, password)

    def set_note(self, name, day, note):
        """Writes a note into the calendar's day."""
        self.go("")
        self.click("open") if name is None else self.evaluate(
            f"document.querySelector({json.dumps(selector('habit', name=name) + ' [data-test=open]')}).click()")
        self.find("calendar")
        self.click("day", day=day)
        self.put("#day-note", note)
        self.click("day-save")
        self.until(lambda: not self.has("dialog"))
        self.go("")
        self.find("habit", name=name)

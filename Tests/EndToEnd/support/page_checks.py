"""What must hold for every page that a person sees: contrast, the order of the focus, names for
assistive technology, and no movement."""

from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys

# Text with a contrast below 4.5 against what is drawn below it. Source: WCAG 2.2, 1.4.3, without
# its exception for large text.
CONTRAST = r"""
const parse = (text) => {
  const parts = text.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0, 0];
  return text.startsWith("color(srgb") ? [parts[0] * 255, parts[1] * 255, parts[2] * 255, parts[3] ?? 1] : [parts[0], parts[1], parts[2], parts[3] ?? 1];
};
const over = (top, below) => [0, 1, 2].map((index) => top[index] * top[3] + below[index] * (1 - top[3])).concat(1);
const light = (color) => {
  const [red, green, blue] = color.slice(0, 3).map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const ground = (element) => {
  const layers = [];
  for (let each = element; each; each = each.parentElement) layers.push(parse(getComputedStyle(each).backgroundColor));
  const scheme = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18, 1] : [255, 255, 255, 1];
  return layers.reverse().reduce((below, layer) => over(layer, below), scheme);
};
const opacity = (element) => {
  let product = 1;
  for (let each = element; each; each = each.parentElement) product *= Number(getComputedStyle(each).opacity);
  return product;
};
const found = [];
for (const element of document.body.querySelectorAll("*")) {
  const text = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data.trim()).join(" ").trim();
  const isField = element.matches("input:not([type=checkbox], [type=radio], [type=file], [type=color]), textarea, select");
  if (!text && !(isField && element.value)) continue;
  const box = element.getBoundingClientRect();
  const style = getComputedStyle(element);
  if (box.width <= 1 || box.height <= 1 || style.visibility !== "visible" || element.matches(":disabled") || element.closest("[aria-hidden=true]")) continue;
  if (box.right <= 0 || box.bottom <= 0) continue;
  const below = ground(element);
  const color = parse(style.color);
  const shown = over([...color.slice(0, 3), color[3] * opacity(element)], below);
  const [brighter, darker] = [light(shown), light(below)].sort((left, right) => right - left);
  const contrast = (brighter + 0.05) / (darker + 0.05);
  if (contrast < 4.5) found.push(`${contrast.toFixed(2)} ${element.localName}.${element.className}: ${text.slice(0, 40)}`);
}
return found;
"""

# What the tab key must reach, in the order of the document.
STOPS = """
return [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")]
  .filter((each) => each.tabIndex >= 0 && !each.disabled && each.checkVisibility({ visibilityProperty: true }))
  .filter((each) => each.type !== "radio" || each.checked)
  .map((each) => each.outerHTML.slice(0, 120))
"""
FOCUSED = """
const each = document.activeElement;
const style = getComputedStyle(each);
const box = each.getBoundingClientRect();
return each === document.body ? null : {
  html: each.outerHTML.slice(0, 120), top: box.top, left: box.left,
  // The parts of a time field are stops of their own, which the browser marks.
  hasRing: (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1) || each.type === "time",
  isShown: box.width > 1 && box.height > 1 && box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth,
}
"""

# Buttons, links and fields without a name, and images without a text.
UNNAMED = """
const named = (each) => each.getAttribute("aria-label") || each.getAttribute("aria-labelledby") || each.textContent.trim() || each.labels?.[0]?.textContent.trim() || each.title;
return [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [role=img], img, dialog")]
  .filter((each) => each.checkVisibility() && !(each.localName === "img" ? each.alt !== null : named(each))).map((each) => each.outerHTML.slice(0, 120));
"""

# Movement of what was shown before, but for what follows a person's own input.
LAYOUT_SHIFT = """
return new Promise((resolve) => {
  let sum = 0;
  const add = (list) => { for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value; };
  const observer = new PerformanceObserver(add);
  observer.observe({ type: "layout-shift", buffered: true });
  // Entries of the past come in a task of their own.
  requestAnimationFrame(() => setTimeout(() => { add({ getEntries: () => observer.takeRecords() }); resolve(sum); }, 100));
});
"""

# The width of the document, and what reaches beyond the view on either side.
WIDE = """
return [document.documentElement.scrollWidth, ...[...document.body.querySelectorAll("*")]
  .filter((each) => each.checkVisibility({ visibilityProperty: true }) && !each.closest(".unseen, .skip"))
  .filter((each) => { const box = each.getBoundingClientRect(); return box.width > 1 && (box.right > innerWidth + 1 || box.left < -1); })
  .map((each) => each.outerHTML.slice(0, 100))];
"""

# Where the name and the menu begin; and texts that stay at the left although they may go right.
MIRRORED = """
const right = (each) => each.getBoundingClientRect().right;
const unmirrored = [...document.querySelectorAll("main h1, main h2, main label, main p")].filter((each) => each.checkVisibility())
  .filter((each) => ["left", "-webkit-left"].includes(getComputedStyle(each).textAlign)).map((each) => each.outerHTML.slice(0, 100));
return [right(document.querySelector("[data-test=brand]")), right(document.querySelector(".ways")), unmirrored];
"""

# Bytes on the wire of the page itself, with its header fields.
TRANSFER = """
const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
return { bytes: entries.reduce((sum, entry) => sum + entry.transferSize, 0), names: entries.map((entry) => `${entry.transferSize} ${entry.name}`) };
"""


def check_contrast(browser):
    for is_dark in (False, True):
        browser.set_dark(is_dark)
        found = browser.script(CONTRAST)
        assert found == [], ("dark" if is_dark else "light", browser.driver.current_url, found)
    browser.set_dark(False)


def check_names(browser):
    found = browser.script(UNNAMED)
    assert found == [], (browser.driver.current_url, found)
    headings = browser.script("return [...document.querySelectorAll('h1')].filter((each) => each.checkVisibility()).length")
    assert headings == 1, (browser.driver.current_url, headings)


def check_focus_order(browser):
    """From the top, the tab key reaches everything that can be used, in the document's order, and
    each stop is seen."""
    def walk():
        stops = browser.script(STOPS)
        reached = walked(browser, len(stops))
        # A message that comes or goes meanwhile, such as after a sign-up, is no fault of the order.
        return (stops, reached) if browser.script(STOPS) == stops else None
    stops, reached = browser.until(walk)
    assert reached == stops, (browser.driver.current_url, [(one, other) for one, other in zip(reached, stops) if one != other][:3])


def walked(browser, count):
    """That many stops of the tab key, from the top."""
    browser.script("document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0);"
                   "document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex')")
    reached = []
    while len(reached) < count:
        ActionChains(browser.driver).send_keys(Keys.TAB).perform()
        focused = browser.script(FOCUSED)
        if not focused:
            break
        assert focused["hasRing"] and focused["isShown"], focused
        if focused["html"] != next(iter(reached[-1:]), None) or 'type="time"' not in focused["html"]:
            reached.append(focused["html"])
    return reached


def check_narrow(browser):
    """Nothing is cut off, and nothing scrolls sideways, at 320 pixels."""
    # Headless windows are never narrower than 500 pixels: the view is.
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 320, "height": 640, "deviceScaleFactor": 1, "mobile": True})
    wide = browser.script(WIDE)
    browser.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide == [320], (browser.driver.current_url, wide)


def check_right_to_left(browser):
    """In a language that is written from right to left, the page is mirrored, and nothing is cut off."""
    browser.script("document.documentElement.dir = 'rtl'")
    try:
        brand, ways, unmirrored = browser.script(MIRRORED)
        assert brand > ways and unmirrored == [], (browser.driver.current_url, brand, ways, unmirrored)
        check_narrow(browser)
    finally:
        browser.script("document.documentElement.dir = 'ltr'")


CHECKS = (check_contrast, check_names, check_focus_order, check_narrow, check_right_to_left)


def check_page(browser):
    for check in CHECKS:
        check(browser)

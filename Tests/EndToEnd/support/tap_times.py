"""How long a tap takes in a real browser: until the day is stored ("saved here"), until the person
sees it, and until the server has it ("saved everywhere")."""

import statistics

# Taps the first habit again and again, each time after "saved everywhere". "Seen" is the end of the
# frame that shows the tap.
MEASURE = """
const [count, quiet] = arguments;
const button = () => document.querySelector("[data-test=habit] [data-test=tap]");
const isEverywhere = () => document.querySelector("[data-test=status]").dataset.state === "everywhere";
const channel = new BroadcastChannel("streakd");
let heard = () => {};
channel.onmessage = ({ data }) => data.type === "stored" && heard(performance.now());
/** Without any change stored for a while. */
const idle = () => new Promise((resolve) => {
  let timer = setTimeout(resolve, quiet);
  heard = () => { clearTimeout(timer); timer = setTimeout(resolve, quiet); };
});
const becomes = (isTrue) => new Promise((resolve) => {
  const observer = new MutationObserver(() => { if (isTrue()) { observer.disconnect(); resolve(performance.now()); } });
  observer.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
});
const frame = () => new Promise((resolve) => requestAnimationFrame(() => { const { port1, port2 } = new MessageChannel(); port1.onmessage = () => resolve(performance.now()); port2.postMessage(0); }));
const found = { stored: [], seen: [], everywhere: [] };
for (let number = 0; number < count; number += 1) {
  await idle();
  const before = button().getAttribute("aria-pressed");
  const stored = new Promise((resolve) => { heard = resolve; });
  const begun = performance.now();
  button().click();
  const seen = becomes(() => button()?.getAttribute("aria-pressed") !== before).then(frame);
  const sent = becomes(() => button()?.getAttribute("aria-pressed") !== before && isEverywhere());
  found.stored.push(await stored - begun);
  found.seen.push(await seen - begun);
  found.everywhere.push(await sent - begun);
}
channel.close();
return found;
"""
QUIET_MILLISECONDS = 150
SCRIPT_SECONDS = 300
NAMES = {"stored": "saved here", "seen": "seen", "everywhere": "saved everywhere"}


def tap_times(page, count):
    """The milliseconds of taps on the first habit of the page that is open, as text."""
    page.driver.execute_cdp_cmd("Page.bringToFront", {})
    page.driver.set_script_timeout(SCRIPT_SECONDS)
    found = page.promise(MEASURE, count, QUIET_MILLISECONDS)
    return "; ".join(f"{name} {statistics.median(found[key]):.0f} ms (90 %: {statistics.quantiles(found[key], n=10)[-1]:.0f})"
                     for key, name in NAMES.items())

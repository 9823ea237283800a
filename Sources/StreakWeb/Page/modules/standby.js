// Stands in for the background work until there is something to send. A first visit has neither a
// session nor an account: it asks the server one question, and does not load what syncs.

import { exclusively } from "./locks.js";

/** How long the question may take, in milliseconds. */
const questionMilliseconds = 30_000;
/** When the background work is loaded again after the network has failed, in milliseconds. */
const loadAgainMilliseconds = 60_000;

export class Standby {
  #loading;
  #background;
  #isLeading = false;
  #timer;

  /** @param emit Gets the events of `Background`. */
  constructor({ store, clock, emit = () => {}, origin = "", load = () => import("./background.js") }) {
    Object.assign(this, { store, clock, emit, origin, load });
  }

  /** The background work. In the leading tab it runs from the moment when it is loaded. */
  background() {
    this.#loading ??= this.load().then(({ Background }) => {
      this.#background = new Background({ store: this.store, clock: this.clock, emit: this.emit });
      if (this.#isLeading) this.#background.run();
      return this.#background;
    }, (error) => {
      this.#loading = undefined;
      // As a call that failed: the class of those is not loaded here.
      throw Object.assign(new Error(String(error)), { name: "CallError", kind: "unreachable", fields: [] });
    });
    return this.#loading;
  }

  // What `Background` does, for `Tabs`.

  run() {
    this.#isLeading = true;
    this.#pass("run");
  }

  wake() {
    this.#pass("wake");
  }

  comeBack() {
    this.#pass("comeBack");
  }

  accountChanged() {
    this.#pass("accountChanged");
  }

  syncOnce() {
    this.#pass("syncOnce");
  }

  async #pass(name) {
    // At once: a page that is about to be closed has no time to wait.
    if (this.#background) {
      this.#background[name]();
      return;
    }
    clearTimeout(this.#timer);
    try {
      if (!(await this.#isNeeded())) return;
      const background = await this.background();
      // Once it runs, it has begun with a sync.
      if (!this.#isLeading) background[name]();
    } catch (failure) {
      this.emit({ type: "failed", failure });
      this.#timer = setTimeout(() => this.wake(), loadAgainMilliseconds);
    }
  }

  /** Whether there is an account, a session, or an answer that only the background work takes. */
  async #isNeeded() {
    const { hasData, isAsked } = await this.store.read(({ settings, session }) => ({
      hasData: Boolean(settings.current) || session?.habits.size > 0, isAsked: settings.isStashAsked,
    }));
    return hasData || !(isAsked || (await this.#hasNothingToTake()));
  }

  /**
   * Asks whether the server keeps a copy of a session that this browser has forgotten. Most often
   * it has none, and never had; everything else is asked again by `Anonymous`, which takes it.
   */
  #hasNothingToTake() {
    return exclusively("sync", async () => {
      const response = await fetch(`${this.origin}/streak.v1.SessionService/TakeStash`, {
        method: "POST", body: "{}", credentials: "same-origin", cache: "no-store", signal: AbortSignal.timeout?.(questionMilliseconds),
        headers: { "content-type": "application/json", "connect-protocol-version": "1" },
      }).catch(() => undefined);
      const answer = await response?.text().catch(() => "");
      // With this refusal the server removes the cookie: it does not say it twice.
      const hadAccount = answer?.includes('"SESSION_MIGRATED"') ?? false;
      if (!hadAccount && !(response?.ok && answer === "{}")) return false;
      await this.store.change((state) => state.setSettings({ isStashAsked: true, hadAccount }));
      return true;
    });
  }
}

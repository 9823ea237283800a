// When to talk to the server: about every five minutes, at once after a tap or a hint, when the
// network or the person returns; later and later while it fails. One tab of a browser runs this.

import { Anonymous } from "./anonymous.js";
import { SyncSchedule } from "./schedule.js";
import { CallError, Transport } from "./transport.js";

/** Pauses between two attempts to open the stream of hints, in milliseconds. */
const watchPauseMin = 1_000;
const watchPauseMax = 300_000;

export class Background {
  #schedule;
  #timer;
  #isRunning = false;
  #hasFailed = false;
  #watch;
  #sync;

  /** @param emit Gets events: `{type: "syncing" | "synced" | "failed" | "changed" | ...}`. */
  constructor({ store, clock, emit = () => {}, transport = new Transport() }) {
    Object.assign(this, { store, transport, clock, emit });
    this.anonymous = new Anonymous({ store, transport, clock });
    this.#schedule = new SyncSchedule(clock.monotonic(), clock.random);
  }

  /** The sync of accounts; a person without one does not load it. */
  account() {
    this.#sync ??= import("./sync.js").then(({ Sync }) => new Sync(this), (error) => {
      // The network failed: the next attempt loads it again.
      this.#sync = undefined;
      throw new CallError("unreachable", { message: String(error) });
    });
    return this.#sync;
  }

  /** One sync of the account in use; without one, what the session needs. */
  async sync() {
    const userId = await this.store.read((state) => state.settings.current);
    if (userId) {
      await (await this.account()).sync(userId);
      return;
    }
    const wait = await this.anonymous.turn();
    if (wait > 0) setTimeout(() => this.wake(), wait);
  }

  /** Syncs until the page goes: to be called by one tab of the browser, the leader. */
  run() {
    this.#isRunning = true;
    this.#keepWatching();
    this.wake();
  }

  /** Operations wait to be sent, or another device has changed something. */
  wake() {
    this.#schedule.wake(this.clock.monotonic());
    this.#tick();
  }

  /** The network, or the person, is back: earlier failures are ignored. */
  comeBack() {
    this.#schedule.networkReturned(this.clock.monotonic());
    this.#watch?.retry();
    this.#tick();
  }

  /** The account in use has changed: hints for the earlier one are of no use. */
  accountChanged() {
    this.#watch?.restart();
    this.comeBack();
  }

  /** One sync in a tab that does not lead, because the leader does not answer. */
  async syncOnce() {
    this.emit({ type: "syncing" });
    try {
      await this.sync();
      this.emit({ type: "synced" });
    } catch (failure) {
      this.emit({ type: "failed", failure });
    }
  }

  async #tick() {
    // A running sync ends with a turn of its own.
    if (!this.#isRunning || this.#schedule.isRunning) return;
    clearTimeout(this.#timer);
    if (this.#schedule.begin(this.clock.monotonic())) {
      this.emit({ type: "syncing" });
      let failure;
      try {
        await this.sync();
      } catch (error) {
        failure = error;
      }
      this.#hasFailed = Boolean(failure);
      this.#schedule.finish(!failure, this.clock.monotonic(), failure?.retryMilliseconds);
      this.emit(failure ? { type: "failed", failure } : { type: "synced" });
    }
    clearTimeout(this.#timer);
    const pause = Math.max(0, this.#schedule.nextAt - this.clock.monotonic());
    this.#timer = setTimeout(() => this.#tick(), pause);
  }

  async #keepWatching() {
    let pause = watchPauseMin;
    for (;;) {
      const control = new AbortController();
      let endPause = () => {};
      this.#watch = {
        retry: () => endPause(),
        restart: () => {
          control.abort();
          endPause();
        },
      };
      try {
        if (await this.#watchOnce(control.signal)) pause = watchPauseMin;
      } catch {
        // The next attempt comes after a pause; the timer syncs meanwhile.
      }
      const length = pause * (0.5 + this.clock.random() / 2);
      await new Promise((resolve) => {
        endPause = resolve;
        setTimeout(resolve, length);
      });
      pause = Math.min(pause * 2, watchPauseMax);
    }
  }

  /** Reads hints until the stream ends. Returns whether there was one. */
  async #watchOnce(signal) {
    const userId = await this.store.read((state) => (state.account?.credentials ? state.settings.current : null));
    if (!userId) return false;
    let hasReceived = false;
    const { calls } = await this.account();
    try {
      for await (const { cursor } of calls.stream("SyncService/Watch", [{}], userId, { signal })) {
        const own = await this.store.read((state) => state.accounts.get(userId)?.cursor);
        // A stream that opens after a failure shows that the network is back.
        if (!hasReceived && this.#hasFailed) this.comeBack();
        hasReceived = true;
        const isSame = ["epoch", "epochBits", "changeNumber"].every((name) => String(cursor?.[name] ?? 0) === String(own?.[name] ?? 0));
        if (!isSame) this.wake();
      }
    } catch (error) {
      if (!hasReceived) throw error;
    }
    return hasReceived;
  }
}

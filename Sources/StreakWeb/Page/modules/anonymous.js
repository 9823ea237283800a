// A session without an account: its begin becomes known to the server, which later limits how many
// of its days can count; and a sealed copy of it is kept there, because a browser forgets.

import { base64, fromBase64 } from "./bytes.js";
import { localTime, todayHere } from "./clock.js";
import { exclusively } from "./locks.js";
import { introductionMilliseconds, losesDays } from "./session.js";

/** A session says that it is alive this often; the server forgets those silent for a year. */
const keepSessionMilliseconds = 7 * 86_400_000;
/** Pauses between two stashes: short at first, longer after many. The server takes 120 an hour. */
const stashPauseMilliseconds = 5_000;
const stashLongPauseMilliseconds = 90_000;
/** A larger capture is not stashed, in bytes: about what the server takes. */
const stashBytesMax = 1024 * 1024;
const stashesInARow = 60;
const stashWindowMilliseconds = 3_600_000;

/** The bearer that proves a session: its id and its secret. */
const sessionBearer = (session) => {
  const bytes = new Uint8Array([...fromBase64(session.sessionId), ...fromBase64(session.secret)]);
  return `session.${base64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
};

export class Anonymous {
  /** When this tab stashed in the last hour. */
  #stashes = [];
  /** The session that the server does not stash, such as one that is too large. */
  #refused;

  constructor({ store, transport, clock }) {
    Object.assign(this, { store, transport, clock });
  }

  /** What there is to do now. Returns after how many milliseconds there is more; 0: nothing. */
  turn() {
    return exclusively("sync", async () => {
      await this.takeBack();
      await this.keep();
      return this.stash();
    });
  }

  /**
   * A browser that has forgotten everything, except for the session's cookie, gets it back. It asks
   * once, as soon as there is an answer; before, no session is introduced or stashed, which would
   * replace the cookie.
   */
  async takeBack() {
    if (await this.store.read((state) => state.settings.isStashAsked)) return;
    let stash = {};
    // The cookie outlives a sign-up: so a page that has forgotten its account can say that there is
    // one. The refusal removes it.
    let hadAccount = false;
    try {
      stash = await this.transport.call("SessionService/TakeStash", {});
    } catch (error) {
      if (!error.isFinal) throw error;
      hadAccount = error.reason === "SESSION_MIGRATED";
    }
    const { takeStashBack } = stash.captured ? await import("./moving.js") : {};
    const now = this.clock.now();
    await this.store.change((state) => {
      if (state.settings.isStashAsked) return;
      if (takeStashBack && state.session?.sessionId !== stash.sessionId) takeStashBack(state, stash, now);
      state.setSettings({ isStashAsked: true, hadAccount });
    });
  }

  /**
   * Introduces a new session to the server, so that its begin is known; later says that it is in
   * use. A session with earlier days, such as from an import, is not introduced: these days would
   * not count any more.
   */
  async keep() {
    const now = this.clock.now();
    const session = await this.store.read((state) => state.session && { ...state.session, losesDays: losesDays(state.session, todayHere(this.clock, state.settings.dayStart)) });
    if (!session || session.habits.size === 0) return;
    if (session.isAnchored) {
      if (now - session.keptAt < keepSessionMilliseconds) return;
      try {
        await this.transport.call("SessionService/KeepSession", {}, { bearer: sessionBearer(session) });
      } catch (error) {
        if (error.reason !== "SESSION_INVALID") throw error;
        return this.#noteLost(session.sessionId);
      }
      await this.store.change((state) => {
        // The server may have lost the copy and not the session.
        if (state.session?.sessionId === session.sessionId) state.changeSession(now, (kept) => Object.assign(kept, { keptAt: now, stashedRevision: -1 }));
      });
      return;
    }
    const age = now - session.begunAt;
    if (age < 0 || age > introductionMilliseconds || session.losesDays) return;
    const { sessionId, sessionSecret } = await this.transport.call("SessionService/StartSession", { idempotencyKey: session.startKey });
    await this.store.change((state) => {
      const { pendingSignUp, pendingMigration } = state.settings;
      // A session that is being migrated keeps the id under which it was sent.
      if (state.session?.sessionId !== session.sessionId || pendingSignUp || pendingMigration) return;
      state.changeSession(now, (kept) => Object.assign(kept, { sessionId, secret: sessionSecret, isAnchored: true, keptAt: now, stashedRevision: -1 }));
    });
  }

  /** The server has lost the session: nothing there knows its begin, and its copy is gone. */
  #noteLost(sessionId) {
    return this.store.change((state) => {
      if (state.session?.sessionId !== sessionId) return;
      state.changeSession(this.clock.now(), (kept) => Object.assign(kept, { isAnchored: false, stashedRevision: -1 }));
    });
  }

  /**
   * Keeps a copy of the session with the server, sealed under its secret, because a browser
   * forgets: Safari deletes what a page stored after seven days without a visit. The copy claims
   * nothing.
   */
  async stash() {
    const found = await this.store.read((state) => state.session && state.session.stashedRevision !== state.session.revision && state.session.habits.size > 0 && {
      session: { ...state.session, habits: new Map(state.session.habits), entries: new Map(state.session.entries) },
      dayStart: state.settings.dayStart,
    });
    if (!found || found.session.sessionId === this.#refused) return 0;
    // A burst of taps is one stash: the rest comes with the next turn.
    const now = this.clock.monotonic();
    this.#stashes = this.#stashes.filter((at) => now - at < stashWindowMilliseconds);
    const pause = this.#stashes.length < stashesInARow ? stashPauseMilliseconds : stashLongPauseMilliseconds;
    const wait = (this.#stashes.at(-1) ?? -Infinity) + pause - now;
    if (wait > 0) return wait;
    await this.#sendStash(found);
    return 0;
  }

  async #sendStash({ session, dayStart }) {
    const now = this.clock.now();
    const captureNumber = Math.max(now, session.captureNumber + 1);
    // Loaded with the first stash: the first visit has nothing to stash.
    const { capture, captureBytes } = await import("./capture.js");
    const captured = await capture(session, localTime(this.clock, now, dayStart));
    this.#stashes.push(this.clock.monotonic());
    if (captureBytes(captured.habits, captured.entries).length > stashBytesMax) {
      this.#refused = session.sessionId;
      return;
    }
    const request = { sessionId: session.sessionId, sessionSecret: session.secret, captureNumber: String(captureNumber), captured };
    try {
      await this.transport.call("SessionService/StashSession", { ...request, unanchored: !session.isAnchored });
    } catch (error) {
      // Without it the session is no worse off: it can still sign up from here.
      if (error.code === "resource_exhausted") return;
      if (!error.isFinal) throw error;
      if (error.reason === "SESSION_INVALID" && session.isAnchored) return this.#noteLost(session.sessionId);
      this.#refused = session.sessionId;
      return;
    }
    await this.store.change((state) => {
      if (state.session?.sessionId !== session.sessionId) return;
      state.changeSession(now, (kept) => Object.assign(kept, { captureNumber, stashedRevision: session.revision }));
    });
  }
}

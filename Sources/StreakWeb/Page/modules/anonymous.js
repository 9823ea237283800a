// A session without an account: its begin becomes known to the server, which later limits how many
// of its days can count; and a sealed copy of it is kept there, because a browser forgets.

import { base64, fromBase64 } from "./bytes.js";
import { exclusively } from "./locks.js";
import { capture } from "./capture.js";
import { localTime, todayHere } from "./clock.js";
import { introductionMilliseconds, losesDays } from "./session.js";

/** A session says that it is alive this often; the server forgets those silent for a year. */
const keepSessionMilliseconds = 7 * 86_400_000;
/** The shortest pause between two stashes: the server takes 120 an hour. */
const stashPauseMilliseconds = 45_000;

/** The bearer that proves a session: its id and its secret. */
const sessionBearer = (session) => {
  const bytes = new Uint8Array([...fromBase64(session.sessionId), ...fromBase64(session.secret)]);
  return `session.${base64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
};

export class Anonymous {
  #stashedAt = -Infinity;

  constructor({ store, transport, clock }) {
    Object.assign(this, { store, transport, clock });
  }

  /** What there is to do now. Returns after how many milliseconds there is more; 0: nothing. */
  turn() {
    return exclusively("sync", async () => {
      await this.keep();
      return this.stash();
    });
  }

  /** A browser that has forgotten everything, except for the session's cookie, gets it back. */
  async takeBack() {
    const stash = await this.transport.call("SessionService/TakeStash", {});
    if (!stash.captured) return false;
    const { takeStashBack } = await import("./moving.js");
    const now = this.clock.now();
    return this.store.change((state) => {
      // Another tab was faster, or the person has signed in.
      if (state.account || state.session?.sessionId === stash.sessionId) return false;
      takeStashBack(state, stash, now);
      return true;
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
      await this.transport.call("SessionService/KeepSession", {}, { bearer: sessionBearer(session) });
      await this.store.change((state) => {
        if (state.session?.sessionId === session.sessionId) state.changeSession(now, (kept) => (kept.keptAt = now));
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
      state.changeSession(now, (kept) => Object.assign(kept, { sessionId, secret: sessionSecret, isAnchored: true, keptAt: now, isStashed: false }));
    });
  }

  /**
   * Keeps a copy of the session with the server, sealed under its secret, because a browser forgets:
   * Safari deletes what a page stored after seven days without a visit. The copy claims nothing.
   */
  async stash() {
    const found = await this.store.read((state) => state.session && !state.session.isStashed && state.session.habits.size > 0 && {
      session: { ...state.session, habits: new Map(state.session.habits), entries: new Map(state.session.entries) },
      dayStart: state.settings.dayStart,
    });
    if (!found) return 0;
    // A burst of taps is one stash: the rest comes with the next turn.
    const wait = this.#stashedAt + stashPauseMilliseconds - this.clock.monotonic();
    if (wait > 0) return wait;
    await this.#sendStash(found);
    return 0;
  }

  async #sendStash({ session, dayStart }) {
    const now = this.clock.now();
    const captureNumber = Math.max(now, session.captureNumber + 1);
    const captured = await capture(session, localTime(this.clock, now, dayStart));
    this.#stashedAt = this.clock.monotonic();
    const request = { sessionId: session.sessionId, sessionSecret: session.secret, captureNumber: String(captureNumber), captured };
    try {
      await this.transport.call("SessionService/StashSession", { ...request, unanchored: !session.isAnchored });
    } catch (error) {
      // Without it the session is no worse off: it can still sign up from here.
      if (error.isFinal || error.code === "resource_exhausted") return;
      throw error;
    }
    await this.store.change((state) => {
      if (state.session?.sessionId !== session.sessionId) return;
      const isWhole = sameContent(state.session, session);
      state.changeSession(now, (kept) => Object.assign(kept, { captureNumber, isStashed: isWhole }));
    });
  }
}

const sameContent = (left, right) =>
  left.habits.size === right.habits.size && left.entries.size === right.entries.size &&
  [...left.habits].every(([id, fields]) => right.habits.get(id) === fields) &&
  [...left.entries].every(([key, entry]) => right.entries.get(key) === entry);

// What the tests of the page's modules share: a store in memory, a clock that a test sets, and a
// device as the page has one, against a real server.

import { randomBytes, webcrypto } from "node:crypto";
import { Account } from "../../Sources/StreakWeb/Page/modules/account.js";
import { Accounts } from "../../Sources/StreakWeb/Page/modules/accounts.js";
import { Anonymous } from "../../Sources/StreakWeb/Page/modules/anonymous.js";
import { Client } from "../../Sources/StreakWeb/Page/modules/client.js";
import { State } from "../../Sources/StreakWeb/Page/modules/state.js";
import { Sync } from "../../Sources/StreakWeb/Page/modules/sync.js";
import { CallError, Transport } from "../../Sources/StreakWeb/Page/modules/transport.js";

// Debian 12's Node 18 has no global of it; browsers and later versions do.
globalThis.crypto ??= webcrypto;

/** The server under test; the tests that need one are skipped without it. */
export const serverURL = process.env.STREAKD_WEB_SERVER;
/** What the real server and other clients gave; written by test_page_modules.py. */
export const vectorsPath = process.env.STREAKD_WEB_VECTORS;

/** Random numbers that a seed repeats. */
export const seeded = (seed) => {
  let state = seed * 2654435761 + 1;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
};

/**
 * A store of records like IndexedDB's: a change is stored as the records that it names, and every
 * change begins with a state that is read from these records alone. So a change that does not name
 * what it touches shows at once.
 */
export class MemoryStore {
  records = new Map();

  #state() {
    const state = new State(Account);
    for (const key of [...this.records.keys()].sort()) state.take(key, structuredClone(this.records.get(key)));
    state.finishTaking();
    return state;
  }

  async change(body) {
    const state = this.#state();
    const result = body(state);
    for (const [key, value] of state.takeChanges()) {
      if (value === undefined) this.records.delete(key);
      else this.records.set(key, structuredClone(value));
    }
    return result;
  }

  async read(body) {
    return body(this.#state());
  }
}

/** A clock at a moment, in a zone with a fixed offset. */
export const clockAt = (start, offsetSeconds = 0) => ({
  time: start,
  offsetSeconds,
  now() {
    return this.time;
  },
  monotonic: () => performance.now(),
  zone() {
    return { name: "Etc/Test", seconds: this.offsetSeconds };
  },
  random: Math.random,
});

/** Loses answers, and requests, as often as `chance` says. */
export class LossyTransport extends Transport {
  chance = 0;
  random = Math.random;

  async call(...call) {
    if (this.random() < this.chance) throw new CallError("unreachable", { message: "the request is lost" });
    const answer = await super.call(...call);
    if (this.random() < this.chance) throw new CallError("unreachable", { message: "the answer is lost" });
    return answer;
  }
}

/** A browser's device. `clone` makes a copy of it, as from a backup. */
export const makeDevice = ({ clock = clockAt(Date.now()), store = new MemoryStore(), name = "test" } = {}) => {
  const transport = new LossyTransport(serverURL);
  const events = [];
  const emit = (event) => events.push(event.type);
  const engine = new Sync({ store, transport, clock, emit });
  const sync = { calls: engine.calls, sync: async () => engine.sync(await store.read((state) => state.settings.current)) };
  const anonymous = new Anonymous({ store, transport, clock });
  const accounts = new Accounts({
    store, calls: engine.calls, sync, anonymous, clock, accountChanged: () => {}, device: () => ({ name, platform: "node", appVersion: "test" }),
  });
  const client = new Client({ store, clock, wake: () => {} });
  return { clock, store, transport, events, accounts, client, anonymous, sync: sync.sync, calls: engine.calls, engine, view: () => client.view() };
};

export const password = "a long 42 password";
export const newEmail = () => `web-${randomBytes(6).toString("hex")}@example.com`;

/** What two devices must agree on. */
export const sameState = (view) =>
  view.habits.map(({ id, name, description, color, position, archived, cells, streak }) => ({
    id, name, description, color, position, archived, current: streak.current, longest: streak.longest, total: streak.total,
    cells: [...cells.values()].map(({ day, done, note, quarantine }) => ({ day, done, note, quarantine })).sort((left, right) => left.day - right.day),
  }));

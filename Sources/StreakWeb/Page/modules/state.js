// Everything that this browser holds: the settings, the anonymous session, and the accounts; and
// how it becomes records. A change marks the records that it touches, so that storing a tap writes
// a tap, however long a history is.

import { newId, base64, randomBytes } from "./bytes.js";
import { Days, cellKey } from "./days.js";

const sessionFields = ["sessionId", "secret", "startKey", "isAnchored", "begunAt", "keptAt", "zones", "captureNumber", "revision", "stashedRevision"];

/** A session that begins now. Its id is its own until the server gives it one. */
export const newSession = (begunAt) => ({
  sessionId: newId(),
  secret: base64(randomBytes(32)),
  /** The idempotency key of the request that starts it: the same key gives the same session. */
  startKey: base64(randomBytes(32)),
  isAnchored: false,
  begunAt,
  /** When the session was last reported to the server. */
  keptAt: 0,
  zones: [],
  /** The number of the last capture that was stashed. */
  captureNumber: 0,
  /** Grows with each change of the content; and what it was in that capture. */
  revision: 0,
  stashedRevision: -1,
  habits: new Map(),
  entries: new Days(),
});

export const pick = (object, names) => Object.fromEntries(names.map((name) => [name, object[name]]));

export class State {
  /**
   * `current`: the account in use; null: the person is anonymous. `isStashAsked`: the server was
   * asked for a session that this browser may have forgotten. `hadAccount`: that session has become
   * part of an account, which this browser has forgotten, too.
   */
  settings = { current: null, dayStart: 0, pendingSignUp: null, pendingMigration: null, isStashAsked: false, hadAccount: false };
  session = null;
  accounts = new Map();
  #changed = new Set();
  #Account;

  /**
   * @param Account The class of accounts (account.js), which a browser without an account does not
   *   load. Records of accounts cannot be taken without it.
   */
  constructor(Account) {
    this.#Account = Account;
  }

  get account() {
    return this.settings.current ? this.accounts.get(this.settings.current) : undefined;
  }

  setSettings(changes) {
    this.settings = { ...this.settings, ...changes };
    this.#changed.add("settings");
  }

  // MARK: the session

  /** Changes the session, and starts one if there is none. */
  changeSession(now, body = () => {}) {
    this.session ??= newSession(now);
    this.#changed.add("s");
    body(this.session);
    return this.session;
  }

  setSessionHabit(id, fields, now) {
    this.changeSession(now).habits.set(id, fields);
    this.session.revision += 1;
    this.#changed.add(`s:h ${id}`);
  }

  setSessionEntry(entry, now) {
    const key = cellKey(entry.habitId, entry.day);
    const { entries } = this.changeSession(now);
    const otherNotes = entry.otherNotes ?? entries.get(key)?.otherNotes;
    entries.set(key, otherNotes ? { ...entry, otherNotes } : entry);
    this.session.revision += 1;
    this.#changed.add(`s:e ${key}`);
  }

  dropSessionHabit(id) {
    if (!this.session) return;
    this.session.habits.delete(id);
    this.session.revision += 1;
    this.#changed.add("s").add(`s:h ${id}`);
    for (const [key, entry] of this.session.entries) {
      if (entry.habitId !== id) continue;
      this.session.entries.delete(key);
      this.#changed.add(`s:e ${key}`);
    }
  }

  /** Removes the session once it has become part of an account. */
  dropSession() {
    if (!this.session) return;
    this.#changed.add("s");
    for (const id of this.session.habits.keys()) this.#changed.add(`s:h ${id}`);
    for (const key of this.session.entries.keys()) this.#changed.add(`s:e ${key}`);
    this.session = null;
  }

  // MARK: accounts

  addAccount(account) {
    this.accounts.set(account.userId, account);
    this.touchAccount(account.userId);
  }

  /** Marks the account's own record, and those that the account has marked itself. */
  touchAccount(userId) {
    this.#changed.add(`a:${userId}`);
  }

  dropAccount(userId) {
    const account = this.accounts.get(userId);
    if (!account) return;
    this.touchAccount(userId);
    for (const name of account.recordNames) this.#changed.add(`a:${userId}:${name}`);
    this.accounts.delete(userId);
    if (this.settings.current === userId) this.setSettings({ current: null });
    if (this.settings.pendingMigration?.userId === userId) this.setSettings({ pendingMigration: null });
  }

  // MARK: records

  /** The changed records, as `[key, value]`; without a value the record is to be removed. */
  takeChanges() {
    for (const [userId, account] of this.accounts) {
      for (const name of account.changed) this.#changed.add(`a:${userId}:${name}`);
      if (account.changed.size > 0) this.touchAccount(userId);
      account.changed.clear();
    }
    const changes = [...this.#changed].map((key) => [key, this.#value(key)]);
    this.#changed.clear();
    return changes;
  }

  #value(key) {
    if (key === "settings") return this.settings;
    if (key === "s") return this.session ? pick(this.session, sessionFields) : undefined;
    if (key.startsWith("s:h ")) return this.session?.habits.get(key.slice(4));
    if (key.startsWith("s:e ")) return this.session?.entries.get(key.slice(4));
    const account = this.accounts.get(key.slice(2, 26));
    return key.length === 26 ? account?.record : account?.recordOf(key.slice(27));
  }

  /** Takes a record as stored; without a value it was removed. */
  take(key, value) {
    if (key === "settings") {
      if (value) this.settings = value;
    } else if (key === "s") {
      const parts = this.session ?? { habits: new Map(), entries: new Days() };
      this.session = value ? { ...parts, ...value } : null;
    } else if (key.startsWith("s:")) {
      if (this.session) put(key[2] === "h" ? this.session.habits : this.session.entries, key.slice(4), value);
    } else {
      this.#takeOfAccount(key, value);
    }
  }

  #takeOfAccount(key, value) {
    const userId = key.slice(2, 26);
    if (key.length === 26) {
      if (!value) this.accounts.delete(userId);
      else this.accounts.set(userId, Object.assign(this.accounts.get(userId) ?? new this.#Account(userId, value.deviceId), value));
      return;
    }
    this.accounts.get(userId)?.take(key.slice(27), value);
  }

  /** Called when records have been taken: what is derived of them is derived anew. */
  finishTaking() {
    for (const account of this.accounts.values()) account.digest = undefined;
  }
}

/** Stores a value in a map; undefined removes the key. */
export const put = (map, key, value) => {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
};

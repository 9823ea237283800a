// Everything that this browser holds: the settings, the anonymous session, and the accounts; and
// how it becomes records. A change marks the records that it touches, so that storing a tap writes
// a tap, however long a history is.

import { newId, base64, randomBytes } from "./bytes.js";
import { Days } from "./days.js";
import { cellKey, newAccount } from "./queue.js";

const accountMaps = ["habits", "cells", "notices", "formerHabits", "deletedHabits", "aliases", "acknowledgements", "migrated", "resolutions"];
const accountFields = [
  "email", "standing", "credentials", "zones", "caughtUpAt", "deviceId", "lastTime", "lastSeq", "cursor", "seen", "dayStart",
  "dayStartDigest", "syncedAt", "deletionAt", "codesLeft",
];
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

const pick = (object, names) => Object.fromEntries(names.map((name) => [name, object[name]]));

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
    this.changeSession(now).entries.set(key, entry);
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
    for (const kind of accountMaps) for (const key of account[kind].keys()) this.#changed.add(`a:${userId}:${kind} ${key}`);
    for (const op of [...account.queue, ...account.kept.map((kept) => kept.op)]) this.#changed.add(`a:${userId}:operation ${op.seq}`);
    for (const { op } of account.rejected) this.#changed.add(`a:${userId}:rejected ${op.hybridTime}`);
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
    if (!account || key.length === 26) return account && pick(account, accountFields);
    const [kind, name] = split(key.slice(27));
    if (kind === "operation") {
      const op = account.queue.findLast((each) => each.seq === name);
      return op ? { op, decidedAt: null } : account.kept.findLast((kept) => kept.op.seq === name);
    }
    if (kind === "rejected") return account.rejected.find(({ op }) => op.hybridTime === name);
    return account[kind].get(name);
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
      else this.accounts.set(userId, Object.assign(this.accounts.get(userId) ?? newAccount(userId, value.deviceId), value));
      return;
    }
    const account = this.accounts.get(userId);
    if (!account) return;
    const [kind, name] = split(key.slice(27));
    if (kind === "operation") {
      takeOperation(account, name, value);
    } else if (kind === "rejected") {
      account.rejected = account.rejected.filter(({ op }) => op.hybridTime !== name);
      if (value) account.rejected.push(value);
    } else if (account[kind]) {
      put(account[kind], name, value);
    }
  }

  /** Called when records have been taken: what is derived of them is derived anew. */
  finishTaking() {
    for (const account of this.accounts.values()) account.digest = undefined;
  }
}

const split = (text) => {
  const place = text.indexOf(" ");
  return [text.slice(0, place), text.slice(place + 1)];
};

const put = (map, key, value) => {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
};

const takeOperation = (account, seq, value) => {
  const number = Number(seq);
  const insert = (list, item, seqOf) => {
    let place = list.length;
    while (place > 0 && Number(seqOf(list[place - 1])) > number) place -= 1;
    list.splice(place, 0, item);
  };
  const remove = (list, seqOf) => {
    const place = list.findLastIndex((item) => seqOf(item) === seq);
    if (place >= 0) list.splice(place, 1);
  };
  remove(account.queue, (op) => op.seq);
  remove(account.kept, (kept) => kept.op.seq);
  if (!value) return;
  if (value.decidedAt === null) insert(account.queue, value.op, (op) => op.seq);
  else insert(account.kept, value, (kept) => kept.op.seq);
};

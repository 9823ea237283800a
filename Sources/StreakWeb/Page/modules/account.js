// An account on this device: what the server has sent, what waits to be sent, and how both become
// records. Loaded once this browser has an account.

import { Days } from "./days.js";
import { habitFields } from "./habit.js";
import { editOf, make } from "./queue.js";
import { noteZone } from "./rules.js";
import { shownCell, shownCells, shownDayStart, shownDaysOfHabits, shownHabits } from "./shown.js";
import { pick, put } from "./state.js";

/** What is stored in the account's own record; and the maps, of which each item is a record. */
const fields = [
  "email", "standing", "credentials", "zones", "caughtUpAt", "deviceId", "lastTime", "lastSeq", "cursor", "seen", "dayStart",
  "dayStartDigest", "syncedAt", "deletionAt", "codesLeft",
];
const maps = ["habits", "cells", "notices", "formerHabits", "deletedHabits", "aliases", "acknowledgements", "migrated", "imports"];

export class Account {
  /**
   * "signedIn", "signedOut", "mustRegister" (a copy of this device exists), "unknown" (to the
   * server).
   */
  standing = "signedIn";
  credentials = null;
  zones = [];
  /** When the queue was last empty: the server judges days that are entered afterwards by it. */
  caughtUpAt = 0;
  /** When this device and the server were last equal; 0: never. */
  syncedAt = 0;
  /** When the account will be erased, as the person has announced; 0: it will not. */
  deletionAt = 0;
  /** Unused recovery codes, as the server said last; null: it has not said. */
  codesLeft = null;
  /** The hybrid clock's last time: 48 bits of milliseconds, 16 of a counter. */
  lastTime = 0n;
  lastSeq = 0;
  cursor = null;
  seen = [];
  dayStart = 0;
  /** The server's state, as received. */
  habits = new Map();
  cells = new Days();
  notices = new Map();
  /** Operations without a decision, in order and without gaps. */
  queue = [];
  /** Decided operations, as `{op, decidedAt}`. */
  kept = [];
  /** Rejected ones that the person has not seen, as `{op, reason}`. */
  rejected = [];
  /** Habits that this device knew before the server lost data, until the server has them again. */
  formerHabits = new Map();
  /** Deleted habits that operations of this device still name. */
  deletedHabits = new Map();
  /** The current id by each former id of a habit. */
  aliases = new Map();
  /** Notices that the person has seen, by id: whether the server knows it. */
  acknowledgements = new Map();
  /** Documents that were imported as they are: `{bytes, importedAt, isTaken, isLost}`, by import id. */
  imports = new Map();
  /** Sessions that lately became part of the account, by migration. */
  migrated = new Map();
  /** The names of the records that have changed since the account was stored. */
  changed = new Set();

  constructor(userId, deviceId, email = "") {
    Object.assign(this, { userId, deviceId, email });
  }

  // MARK: what a person sees, and changes

  shownDayStart() {
    return shownDayStart(this);
  }

  shownHabits() {
    return shownHabits(this);
  }

  shownCell(habitId, day) {
    return shownCell(this, habitId, day);
  }

  shownCells(now) {
    return shownCells(this, now);
  }

  shownDaysOfHabits(now) {
    return shownDaysOfHabits(this, now);
  }

  make(change, now) {
    return make(this, change, now);
  }

  /** Changes a habit's fields, of which `before` are known. */
  editHabit(id, edited, before, now) {
    const changed = habitFields.filter((field) => before?.[field] !== edited[field]);
    if (changed.length > 0) make(this, { editHabit: editOf(id, edited, changed) }, now);
  }

  acknowledge(noticeId) {
    if (!this.notices.delete(noticeId)) return;
    this.acknowledgements.set(noticeId, false);
    this.changed.add(`notices ${noticeId}`).add(`acknowledgements ${noticeId}`);
  }

  /**
   * Takes the zones that the server knows: with those of the completions that it does not have yet,
   * every device says the same of today.
   */
  takeZones(zones, now) {
    this.zones = this.queue.reduce((known, { setCompletion }) => (setCompletion ? noteZone(known, setCompletion.clientTime, now) : known), zones);
  }

  // MARK: records

  /** The account's own record. */
  get record() {
    return pick(this, fields);
  }

  /** The names of its other records. */
  get recordNames() {
    return [
      ...maps.flatMap((kind) => [...this[kind].keys()].map((key) => `${kind} ${key}`)),
      ...[...this.queue, ...this.kept.map((kept) => kept.op)].map((op) => `operation ${op.seq}`),
      ...this.rejected.map(({ op }) => `rejected ${op.hybridTime}`),
    ];
  }

  /** The record of a name; undefined if there is none any more. */
  recordOf(name) {
    const [kind, key] = split(name);
    if (kind === "operation") {
      const op = this.queue.findLast((each) => each.seq === key);
      return op ? { op, decidedAt: null } : this.kept.findLast((kept) => kept.op.seq === key);
    }
    if (kind === "rejected") return this.rejected.find(({ op }) => op.hybridTime === key);
    return this[kind].get(key);
  }

  /** Takes a record as stored; without a value it was removed. */
  take(name, value) {
    const [kind, key] = split(name);
    if (kind === "operation") {
      takeOperation(this, key, value);
    } else if (kind === "rejected") {
      this.rejected = this.rejected.filter(({ op }) => op.hybridTime !== key);
      if (value) this.rejected.push(value);
    } else if (this[kind]) {
      put(this[kind], key, value);
    }
  }
}

const split = (text) => {
  const place = text.indexOf(" ");
  return [text.slice(0, place), text.slice(place + 1)];
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

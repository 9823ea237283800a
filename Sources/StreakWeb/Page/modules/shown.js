// What a person sees of an account: the received state with the queue applied on top. A page
// without a network works from here alone.

import { BackfillAllowance } from "./backfill.js";
import { Days, cellKey } from "./days.js";
import { fieldsOf } from "./habit.js";
import { meantKey, stated } from "./queue.js";

/** "HABIT_FIELD_NAME" is "name". */
export const fieldName = (name) => (name ?? "").replace("HABIT_FIELD_", "").toLowerCase();

/**
 * Sessions that became part of the account and that no pull has brought yet: until then only this
 * device's record of them holds their days. The server has them; they are shown as they were sent.
 */
const unreceived = (account) => [...account.migrated.values()].filter((migrated) => !migrated.isReceived);

/** The habits as the person sees them: a map from id to fields. */
export const shownHabits = (account) => {
  const habits = new Map([...account.habits].map(([id, habit]) => [id, habit.fields]));
  for (const { claim, habitMap } of unreceived(account)) {
    const names = new Map(habitMap);
    for (const { habit } of claim.captured.habits) {
      const id = names.get(habit.id) ?? habit.id;
      if (!habits.has(id)) habits.set(id, fieldsOf(habit));
    }
  }
  for (const op of account.queue.map(stated)) {
    if (op.editHabit) {
      const id = account.aliases.get(op.editHabit.habit.id) ?? op.editHabit.habit.id;
      const edited = fieldsOf(op.editHabit.habit);
      const fields = { ...(habits.get(id) ?? edited) };
      const names = (op.editHabit.fields ?? []).map((name) => fieldName(name));
      for (const name of names.length > 0 ? names : Object.keys(fields)) fields[name] = edited[name];
      habits.set(id, fields);
    } else if (op.deleteHabit) {
      habits.delete(account.aliases.get(op.deleteHabit.habitId) ?? op.deleteHabit.habitId);
    }
  }
  return habits;
};

const shownOver = (op, cell, habitId, day) => {
  const before = cell ?? { habitId, day, done: false, note: "", quarantine: "" };
  if (op.setNote) return { ...before, note: op.setNote.note ?? "" };
  if (op.setCompletion.done) return { ...before, done: true, note: op.setCompletion.note || before.note };
  return cell && { ...cell, done: false };
};

/** The days without the queue: the received ones, and those of sessions that are not received. */
const baseCells = (account) => {
  const waiting = unreceived(account);
  if (waiting.length === 0) return account.cells;
  const cells = new Days();
  for (const { claim, habitMap } of waiting) {
    const names = new Map(habitMap);
    for (const { habitId: captured, day, done, note } of claim.captured.entries) {
      const habitId = names.get(captured) ?? captured;
      cells.set(cellKey(habitId, day), { habitId, day, done, note, quarantine: "" });
    }
  }
  for (const [key, cell] of account.cells) cells.set(key, cell);
  return cells;
};

/** One day as the person sees it, before any expectation of what counts. */
export const shownCell = (account, habitId, day) => {
  const key = cellKey(habitId, day);
  let cell = baseCells(account).get(key);
  for (const op of account.queue) if (meantKey(account, op) === key) cell = shownOver(stated(op), cell, habitId, day);
  return cell;
};

/**
 * What the queue states about days, by key. Days without the server's judgement have the status
 * that this device expects.
 */
const statedCells = (account, base, now) => {
  const found = new Map();
  const backfill = new BackfillAllowance(account.caughtUpAt);
  for (const op of account.queue) {
    const key = meantKey(account, op);
    if (!key) continue;
    const { setCompletion, setNote } = stated(op);
    const about = setCompletion ?? setNote;
    const cell = shownOver(stated(op), found.get(key) ?? base.get(key), account.aliases.get(about.habitId) ?? about.habitId, about.day);
    if (!cell) continue;
    // "Done after all" has the status of the completion that it confirms, and claims nothing.
    if (setCompletion?.done && !op.resolveConflict) {
      const expected = backfill.claim(about.day, about.clientTime, now);
      // A day that was judged before keeps its status, unless the new one is better.
      const before = account.cells.get(key)?.quarantine ?? expected;
      found.set(key, { ...cell, quarantine: before === "" ? "" : expected, isUnsent: true });
    } else {
      found.set(key, { ...cell, isUnsent: true });
    }
  }
  return found;
};

/** All days as the person sees them, by key. */
export const shownCells = (account, now) => {
  const base = baseCells(account);
  return new Map([...base, ...statedCells(account, base, now)]);
};

/**
 * The same for each habit: a function from its id to its days by number. Days that did not change
 * are the same map as before.
 */
export const shownDaysOfHabits = (account, now) => {
  const base = baseCells(account);
  const changed = new Map();
  for (const cell of statedCells(account, base, now).values()) {
    if (!changed.has(cell.habitId)) changed.set(cell.habitId, new Map(base.ofHabit(cell.habitId)));
    changed.get(cell.habitId).set(cell.day, cell);
  }
  return (habitId) => changed.get(habitId) ?? base.ofHabit(habitId);
};

export const shownDayStart = (account) =>
  account.queue.reduce((minutes, op) => (op.setDayStart ? (op.setDayStart.dayStartMinutes ?? 0) : minutes), account.dayStart);

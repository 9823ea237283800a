// What a person sees of an account: the received state with the queue applied on top. A page
// without a network works from here alone.

import { fieldsOf } from "./habit.js";
import { cellKey, meantKey } from "./queue.js";
import { BackfillAllowance } from "./rules.js";

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
  for (const op of account.queue) {
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
  const cells = new Map();
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
  for (const op of account.queue) if (meantKey(account, op) === key) cell = shownOver(op, cell, habitId, day);
  return cell;
};

/**
 * All days as the person sees them, by key. Days without the server's judgement have the status
 * that this device expects.
 */
export const shownCells = (account, now) => {
  const shown = new Map(baseCells(account));
  const backfill = new BackfillAllowance(account.caughtUpAt);
  for (const op of account.queue) {
    const key = meantKey(account, op);
    if (!key) continue;
    const about = op.setCompletion ?? op.setNote;
    const cell = shownOver(op, shown.get(key), account.aliases.get(about.habitId) ?? about.habitId, about.day);
    if (!cell) continue;
    if (op.setCompletion?.done) {
      const expected = backfill.claim(about.day, about.made, now);
      // A day that was judged before keeps its status, unless the new one is better.
      const before = account.cells.get(key)?.quarantine ?? expected;
      shown.set(key, { ...cell, quarantine: before === "" ? "" : expected, isUnsent: true });
    } else {
      shown.set(key, { ...cell, isUnsent: true });
    }
  }
  return shown;
};

export const shownDayStart = (account) =>
  account.queue.reduce((minutes, op) => (op.setDayStart ? (op.setDayStart.dayStartMinutes ?? 0) : minutes), account.dayStart);

/**
 * The statement that resolves a conflict; undefined if none is needed.
 *
 * It states the chosen value like a tap. `ResolveConflict` would need the conflict to be there: a
 * server that has lost it, and receives the statements again, may not have it yet.
 */
export const resolution = (account, notice, takesOther, made) => {
  const value = (takesOther ? notice.other : notice.kept) ?? "";
  const fields = shownHabits(account).get(notice.habitId);
  const edit = (name, changed) => ({
    editHabit: { habit: { id: notice.habitId, ...fields, ...changed }, fields: [`HABIT_FIELD_${name.toUpperCase()}`] },
  });
  switch (notice.kind) {
    case "NOTICE_KIND_NOTE_CONFLICT":
      return { setNote: { habitId: notice.habitId, day: notice.day, note: value, made } };
    case "NOTICE_KIND_DONE_CONFLICT":
      return { setCompletion: { habitId: notice.habitId, day: notice.day, done: value === "true", made } };
    case "NOTICE_KIND_FIELD_CONFLICT": {
      if (!fields) return undefined;
      const name = fieldName(notice.field);
      const read = { color: Number, position: Number, archived: (text) => text === "true" }[name] ?? String;
      return edit(name, { [name]: read(value) });
    }
    case "NOTICE_KIND_DELETION_CONFLICT":
      if (takesOther) return { deleteHabit: { habitId: notice.habitId } };
      return fields && edit("archived", {});
    default:
      return undefined;
  }
};

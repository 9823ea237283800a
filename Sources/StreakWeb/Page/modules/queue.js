// The queue of operations: what a person does becomes one absolute statement, numbered from 1
// without gaps. `make` runs inside the database transaction that stores the tap, so a tab that is
// closed at any moment has stored both or neither, and two tabs never give out one number twice.

import { byId } from "./bytes.js";
import { cellKey } from "./days.js";
import { habitFields } from "./habit.js";

/** How long decided operations are kept, in case the server loses them. */
export const keptMilliseconds = 35 * 86_400_000;
/** Most completions that an undo names: own ones, and received ones. */
export const undoneMaxOfEach = 32;

/** What an operation states: a resolution states the chosen value of its conflict. */
export const stated = (op) => op.resolveConflict ?? op;

/** The habit that an operation is about. */
export const habitIdOf = (op) => {
  const { setCompletion, setNote, editHabit, deleteHabit } = stated(op);
  return setCompletion?.habitId ?? setNote?.habitId ?? editHabit?.habit.id ?? deleteHabit?.habitId;
};

/** The day that an operation is about, under its habit's current id. */
export const meantKey = (account, op) => {
  const { setCompletion, setNote } = stated(op);
  const about = setCompletion ?? setNote;
  return about ? cellKey(account.aliases.get(about.habitId) ?? about.habitId, about.day) : undefined;
};

export const byStatement = (left, right) => byId(left.sourceId, right.sourceId) || Number(left.seq) - Number(right.seq);

/** Of several statements of one source the last one counts. */
export const unionSeen = (...lists) => {
  const last = new Map();
  for (const id of lists.flat()) {
    const seq = Number(id.seq ?? 0);
    if (!last.has(id.sourceId) || last.get(id.sourceId) < seq) last.set(id.sourceId, seq);
  }
  return [...last].map(([sourceId, seq]) => ({ sourceId, seq: String(seq) })).sort(byStatement);
};

export const covers = (seen, sourceId, seq) => seen.some((id) => id.sourceId === sourceId && seq <= Number(id.seq ?? 0));

/** An `EditHabit` of some fields; all of them are written as none. */
export const editOf = (id, fields, changed) => ({
  habit: { id, ...fields },
  ...(changed.length < habitFields.length ? { fields: changed.map((field) => `HABIT_FIELD_${field.toUpperCase()}`) } : {}),
});

/** The next time of the hybrid clock: it grows, also when the wall clock is set back. */
const tick = (account, now) => {
  const wall = BigInt(Math.max(0, Math.floor(now))) << 16n;
  account.lastTime = wall > account.lastTime ? wall : account.lastTime + 1n;
  return account.lastTime;
};

/** An undo takes back the completions that the device shows: received ones, and its own. */
const named = (account, change) => {
  if (change.resolveConflict) return { resolveConflict: named(account, change.resolveConflict) };
  const wanted = change.setCompletion;
  if (!wanted || wanted.done || wanted.undone) return change;
  const key = cellKey(wanted.habitId, wanted.day);
  // A done day whose completions have no names here: the undo takes back all that are known.
  const cell = account.cells.get(key);
  if (cell?.done && !cell.completions?.length) return change;
  const own = [...account.kept.map((kept) => kept.op), ...account.queue].filter(
    (op) => stated(op).setCompletion?.done && meantKey(account, op) === key,
  );
  const names = own.slice(-undoneMaxOfEach).map((op) => ({ sourceId: account.deviceId, seq: op.seq }));
  const received = (account.cells.get(key)?.completions ?? []).slice(0, undoneMaxOfEach);
  const undone = [];
  for (const id of [...names, ...received].sort(byStatement)) {
    const last = undone.at(-1);
    if (!last || byStatement(last, id) !== 0) undone.push(id);
  }
  // Without names it means all that the device knew, as on the wire.
  return undone.length > 0 ? { ...change, setCompletion: { ...wanted, undone } } : change;
};

/**
 * Adds a change to the queue: `{setCompletion}`, `{setNote}`, `{editHabit}`, `{deleteHabit}`,
 * `{setDayStart}` or `{resolveConflict}`, as the schema has them. The operation is stored as it will be sent, because a
 * number stands for one payload for ever.
 */
export const make = (account, change, now) => {
  account.lastSeq += 1;
  const op = { seq: String(account.lastSeq), hybridTime: String(tick(account, now)), ...named(account, change) };
  if (account.seen.length > 0) op.seen = account.seen;
  account.queue.push(op);
  account.changed.add(`operation ${op.seq}`);
  return op;
};

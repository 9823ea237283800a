// Records a history of another program: each day like a tap that is entered afterwards, under the
// same rules. Importing the same history again adds nothing.

import { timeOfDay, todayHere } from "../modules/clock.js";
import { addHabit, dayStartOf, habitsOf, record, shownDays } from "../modules/client.js";
import { earliestDay } from "../modules/day.js";
import { cellKey } from "../modules/days.js";
import { inOrder, normalisedName } from "../modules/habit.js";
import { meantKey, stated } from "../modules/queue.js";
import { firstDayThatCounts } from "../modules/session.js";

/**
 * How many of the days will count: in an account those that are shown so, otherwise by the rules of
 * a sign-up.
 */
const countingOf = (added, state, today, now) => {
  const shown = shownDays(state, now);
  const first = state.account ? earliestDay : firstDayThatCounts(state.session, today, now);
  return added.filter(({ key, day }) => !shown.get(key)?.quarantine && day >= first).length;
};

/** What this device has taken back or stated itself, by the operations that it keeps. */
const ownStatements = (account) => {
  const own = { undone: new Set(), noted: new Set(), deleted: new Set() };
  const meant = (id) => account.aliases.get(id) ?? id;
  for (const op of [...account.kept.map((kept) => kept.op), ...account.queue]) {
    const { setCompletion, setNote, editHabit, deleteHabit } = stated(op);
    if (setCompletion?.done) own.undone.delete(meantKey(account, op));
    else if (setCompletion) own.undone.add(meantKey(account, op));
    if (setNote || setCompletion?.note) own.noted.add(meantKey(account, op));
    if (deleteHabit) own.deleted.add(meant(deleteHabit.habitId));
    if (editHabit) own.deleted.delete(meant(editHabit.habit.id));
  }
  return own;
};

/** The habit that one of a document was and still is here, by its id. */
const habitOfDocument = ({ account }, id) => {
  const habitId = account.aliases.get(id) ?? id;
  return account.shownHabits().has(habitId) || account.formerHabits.has(habitId) ? habitId : undefined;
};

/**
 * @param isRepeated It was imported into this account before, and lost: what this device has
 *   taken back since is not stated anew.
 */
const recordAll = (state, history, clock, now, isRepeated = false) => {
  const own = isRepeated ? ownStatements(state.account) : undefined;
  const dayStart = dayStartOf(state);
  const today = todayHere(clock, dayStart, now);
  const added = [];
  const report = { habits: 0, days: 0, known: 0, notes: 0, counting: 0, refused: 0, remarks: [] };
  // A habit with the name of an existing one is that habit; several of one name stay apart.
  const free = [...habitsOf(state)].sort(inOrder);
  const before = new Map(shownDays(state, now));
  for (const imported of history.habits) {
    if (own?.deleted.has(state.account.aliases.get(imported.id) ?? imported.id)) continue;
    const former = own && habitOfDocument(state, imported.id);
    const place = free.findIndex(([id, fields]) => (former ? id === former : normalisedName(fields.name) === normalisedName(imported.name)));
    let habitId = former;
    try {
      if (place >= 0) {
        [[habitId]] = free.splice(place, 1);
      } else if (!former) {
        habitId = addHabit(state, imported, now);
        report.habits += 1;
      }
    } catch (error) {
      report.refused += imported.days.size;
      report.remarks.push({ reason: error.reason, habit: imported.name });
      continue;
    }
    for (const [day, text] of imported.days) {
      const key = cellKey(habitId, day);
      if (own?.undone.has(key)) continue;
      const note = own?.noted.has(key) ? "" : text;
      const known = before.get(key);
      // Another device may have taken it back.
      if (own && known && !known.done && !own.noted.has(key)) continue;
      if (known?.done) {
        report.known += 1;
        if (!note || note === known.note) continue;
        if (known.note) {
          report.remarks.push({ key: "otherNote", habit: imported.name, day, detail: note });
          continue;
        }
      }
      try {
        const clientTime = timeOfDay(clock, day, dayStart, now);
        record(state, { habitId, day, done: true, note: note || undefined, clientTime, before: known ?? null }, now);
        if (known?.done) {
          report.notes += 1;
        } else {
          report.days += 1;
          added.push({ key, day });
        }
      } catch (error) {
        report.refused += 1;
        const cause = day < earliestDay ? { key: "tooEarly" } : { reason: error.reason };
        report.remarks.push({ ...cause, habit: imported.name, day, detail: note });
      }
    }
  }
  report.counting = countingOf(added, state, today, now);
  return report;
};

/** Ends a transaction whose changes nobody wants. */
class DryRun extends Error {
  constructor(report) {
    super("dry run");
    this.report = report;
  }
}

/** What `importHistory` would do now; changes nothing. */
export const previewImport = async (store, clock, history) => {
  try {
    await store.change((state) => {
      throw new DryRun(recordAll(state, history, clock, clock.now()));
    });
  } catch (error) {
    if (error instanceof DryRun) return error.report;
    throw error;
  }
  return undefined;
};

/** All of it in one transaction. */
export const importHistory = (store, clock, history, { isRepeated } = {}) =>
  store.change((state) => recordAll(state, history, clock, clock.now(), isRepeated));

// What a person does with habits and days. None of it waits for a server: every function returns
// when the change is on the disk, then wakes the sync.

import { newId, utf8Length } from "./bytes.js";
import { timeOfDay, todayHere } from "./clock.js";
import { dayOf } from "./day.js";
import { cellKey } from "./days.js";
import { areFieldsValid, habitsMax, inOrder, positionMax } from "./habit.js";
import { isSealed, judgedDay, noteBytesMax, noteZone, rejection, sessionEntriesMax, todayOfZones } from "./rules.js";
import { previewSignUp } from "./session.js";
import { streakOf } from "./streak.js";

/** A change that breaks a rule on this device already. `reason` is the service's name for it. */
export class RuleError extends Error {
  constructor(reason) {
    super(reason);
    this.name = "RuleError";
    this.reason = reason;
  }
}

export const dayStartOf = (state) => (state.account ? state.account.shownDayStart() : state.settings.dayStart);
export const habitsOf = (state) => (state.account ? state.account.shownHabits() : (state.session?.habits ?? new Map()));

const cellOf = (state, habitId, day) => {
  if (state.account) return state.account.shownCell(habitId, day);
  const entry = state.session?.entries.get(cellKey(habitId, day));
  return entry && { ...entry, quarantine: "" };
};

/** All days as the person sees them, by key. */
export const shownDays = (state, now) => (state.account ? state.account.shownCells(now) : (state.session?.entries ?? new Map()));

// Each of the following changes the state within a transaction; an import uses them many times.

export const editHabit = (state, id, fields, before, now) => {
  if (!areFieldsValid(fields)) throw new RuleError("INVALID_NAME");
  if (state.account) state.account.editHabit(id, fields, before, now);
  else state.setSessionHabit(id, fields, now);
};

export const addHabit = (state, { name, description = "", color = 0, archived = false }, now) => {
  const habits = habitsOf(state);
  if (habits.size >= habitsMax) throw new RuleError("HABIT_LIMIT");
  const last = Math.max(-1, ...[...habits.values()].map((fields) => fields.position));
  const id = newId();
  editHabit(state, id, { name, description, color, position: Math.min(last + 1, positionMax), archived }, undefined, now);
  return id;
};

const check = (day, note, clientTime, now) => {
  if (utf8Length(note) > noteBytesMax || note.includes("\0")) throw new RuleError("INVALID_NOTE");
  const reason = rejection(day, clientTime, now);
  if (reason) throw new RuleError(reason);
};

const stateInSession = (state, entry, before, now) => {
  if (!before && (state.session?.entries.size ?? 0) >= sessionEntriesMax) throw new RuleError("SESSION_FULL");
  state.setSessionEntry(entry, now);
  state.session.zones = noteZone(state.session.zones, entry.clientTime, now);
};

/**
 * States that a day is done, or not done. A note of `undefined` stays; an empty one is cleared.
 * `before` is the day as it is shown, for callers that have it; null if there is nothing.
 */
export const record = (state, { habitId, day, done, note, clientTime, before: known }, now) => {
  const before = known === undefined ? cellOf(state, habitId, day) : known;
  check(day, note ?? "", clientTime, now);
  const { account } = state;
  if (!done) {
    if (!before) throw new RuleError("CELL_NOT_FOUND");
    // A session was not sent to any server: every entry can be undone.
    if (account && isSealed(day, judgedDay(clientTime, now))) throw new RuleError("DAY_SEALED");
  }
  const isNoteNew = done && note !== undefined && note !== (before?.note ?? "");
  if (before?.done === done && !isNoteNew) return false;
  if (!account) {
    stateInSession(state, { habitId, day, done, note: isNoteNew ? note : (before?.note ?? ""), clientTime }, before, now);
    return true;
  }
  // A completion without a note states none: clearing a note is a statement of its own.
  if (before?.done !== done || note !== "") {
    account.make({ setCompletion: { habitId, day, done, ...(done && note ? { note } : {}), clientTime } }, now);
    account.zones = noteZone(account.zones, clientTime, now);
  }
  if (isNoteNew && note === "") account.make({ setNote: { habitId, day, note: "", clientTime } }, now);
  return true;
};

export class Client {
  #wake;

  /** @param wake Called when operations wait to be sent. */
  constructor({ store, clock, wake }) {
    this.store = store;
    this.clock = clock;
    this.#wake = wake;
  }

  async #change(body) {
    const now = this.clock.now();
    const result = await this.store.change((state) => body(state, now));
    this.#wake();
    return result;
  }

  // MARK: what the person does

  addHabit(fields) {
    return this.#change((state, now) => addHabit(state, fields, now));
  }

  /** Changes fields of a habit. */
  editHabit(id, changes) {
    return this.#change((state, now) => {
      const before = habitsOf(state).get(id);
      if (!before) throw new RuleError("HABIT_NOT_FOUND");
      editHabit(state, id, { ...before, ...changes }, before, now);
    });
  }

  /** Moves a habit one place up (-1) or down (1) in the person's order. */
  moveHabit(id, by) {
    return this.#change((state, now) => {
      const habits = [...habitsOf(state)].sort(inOrder);
      const shown = habits.filter(([, fields]) => !fields.archived).map(([each]) => each);
      const other = shown[shown.indexOf(id) + by];
      if (other === undefined) return;
      const ids = habits.map(([each]) => each);
      const [from, to] = [ids.indexOf(id), ids.indexOf(other)];
      ids.splice(from, 1);
      ids.splice(to, 0, id);
      const fieldsOfId = new Map(habits);
      ids.forEach((each, position) => {
        const before = fieldsOfId.get(each);
        if (before.position !== position) editHabit(state, each, { ...before, position }, before, now);
      });
    });
  }

  /** Deletes a habit. In an account its days stay in the ledger and in the export. */
  deleteHabit(id) {
    return this.#change((state, now) => {
      if (!habitsOf(state).has(id)) throw new RuleError("HABIT_NOT_FOUND");
      if (state.account) state.account.make({ deleteHabit: { habitId: id } }, now);
      else state.dropSessionHabit(id);
    });
  }

  /** Records a day as done or not done; without a day, today. */
  tap(habitId, done, { day, note } = {}) {
    return this.#change((state, now) => {
      if (!habitsOf(state).has(habitId)) throw new RuleError("HABIT_NOT_FOUND");
      const clientTime = timeOfDay(this.clock, day, dayStartOf(state), now);
      record(state, { habitId, day: day ?? dayOf(clientTime), done, note, clientTime }, now);
    });
  }

  /** Sets the note of a day, done or not; empty text clears it. */
  setNote(habitId, day, note) {
    return this.#change((state, now) => {
      const clientTime = timeOfDay(this.clock, day, dayStartOf(state), now);
      const before = cellOf(state, habitId, day);
      check(day, note, clientTime, now);
      if (note === (before?.note ?? "")) return;
      if (state.account) state.account.make({ setNote: { habitId, day, note, clientTime } }, now);
      else stateInSession(state, { habitId, day, done: before?.done ?? false, note, clientTime }, before, now);
    });
  }

  setDayStart(dayStartMinutes) {
    return this.#change((state, now) => {
      if (dayStartMinutes === dayStartOf(state)) return;
      if (state.account) state.account.make({ setDayStart: { dayStartMinutes } }, now);
      else state.setSettings({ dayStart: dayStartMinutes });
    });
  }

  /** The person has seen a notice; the server learns it with the next sync. */
  acknowledge(noticeId) {
    return this.#change(({ account }) => account?.acknowledge(noticeId));
  }

  /** Resolves a conflict: true takes the losing value, false confirms the winning one. */
  async resolve(noticeId, takesLosing) {
    const { resolve } = await import("./resolution.js");
    return this.#change(({ account }, now) => {
      const notice = account?.notices.get(noticeId);
      if (!notice) return;
      resolve(account, notice, takesLosing, this.clock, now);
      account.acknowledge(noticeId);
    });
  }

  /** The person has seen that an operation was rejected. */
  acknowledgeRejected(hybridTime) {
    return this.#change(({ account }) => {
      account.rejected = account.rejected.filter(({ op }) => op.hybridTime !== hybridTime);
      account.changed.add(`rejected ${hybridTime}`);
    });
  }

  // MARK: what the person sees

  /** Everything that the page shows, at this moment. */
  view() {
    const now = this.clock.now();
    return this.store.read((state) => viewOf(state, this.clock, now));
  }
}

/** The streaks of days that have not changed. */
const streaks = new WeakMap();

const knownStreak = (cells, today, isArchived) => {
  const known = streaks.get(cells);
  if (known?.today === today && known.isArchived === isArchived) return known.streak;
  const counted = [...cells.values()].filter((cell) => cell.done && !cell.quarantine).map((cell) => cell.day);
  const streak = streakOf(counted, today, isArchived);
  streaks.set(cells, { today, isArchived, streak });
  return streak;
};

/** The habits with their days and streaks, and what is known about the account. */
export const viewOf = (state, clock, now) => {
  const { account, session, settings } = state;
  const dayStart = dayStartOf(state);
  const here = todayHere(clock, dayStart, now);
  // The device's own zone counts as long as nothing was recorded in any: so every device shows the
  // streak that the server states.
  const zones = account?.zones ?? session?.zones ?? [];
  const today = zones.length > 0 ? todayOfZones(zones, now) : here;
  const daysOf = account ? account.shownDaysOfHabits(now) : (id) => session?.entries.ofHabit(id) ?? new Map();
  const habits = [...habitsOf(state)].sort(inOrder).map(([id, fields]) => {
    const cells = daysOf(id);
    return { id, ...fields, cells, streak: knownStreak(cells, today, fields.archived) };
  });
  return {
    habits, today, here, dayStart, now,
    session: session && session.habits.size > 0
      ? { habits: session.habits.size, entries: session.entries.size, isAnchored: session.isAnchored, isStashed: session.stashedRevision === session.revision,
          preview: previewSignUp(session, here, now) }
      : undefined,
    account: account && {
      userId: account.userId, email: account.email, standing: account.standing, isSignedIn: Boolean(account.credentials),
      waiting: account.queue.length, syncedAt: account.syncedAt, caughtUpAt: account.caughtUpAt, deletionAt: account.deletionAt, codesLeft: account.codesLeft,
      notices: [...account.notices.values()], rejected: account.rejected, deviceId: account.deviceId,
    },
    others: [...state.accounts.values()].filter((other) => other.userId !== settings.current).map((other) => ({
      userId: other.userId, email: other.email, standing: other.standing, waiting: other.queue.length,
    })),
    hadAccount: Boolean(settings.hadAccount),
  };
};


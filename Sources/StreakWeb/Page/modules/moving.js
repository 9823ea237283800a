// The way of data from the anonymous session into an account, and back when a server has lost the
// account. Each function changes the state within one transaction. Loaded on demand: it is needed
// at a sign-up, a migration, and after a loss.

import { base64, byId, randomBytes } from "./bytes.js";
import { timeOfDay } from "./clock.js";
import { cellKey } from "./days.js";
import { fieldsOf, habitFields, normalisedName, sameFields } from "./habit.js";
import { editOf, make, stated, unionSeen } from "./queue.js";
import { takeRejected } from "./replica.js";
import { noteZone } from "./rules.js";
import { shownCells, shownDayStart, shownHabits } from "./shown.js";
import { newSession } from "./state.js";

/** Gives the session a new id, because the server knows another session by the old one. */
export const takeNewName = (session) => {
  const { sessionId, secret, startKey } = newSession(0);
  Object.assign(session, { sessionId, secret, startKey, isAnchored: false, keptAt: 0, captureNumber: 0, stashedRevision: -1 });
};

/** The habits and days of a claim, as they were sent. */
const sentWith = (claim) => ({
  habits: new Map((claim.captured?.habits ?? []).map(({ habit }) => [habit.id, fieldsOf(habit)])),
  days: new Map((claim.captured?.entries ?? []).map((entry) => [cellKey(entry.habitId, entry.day), entry])),
});

/** The account's habit for each habit of the session; without a mapping, those of equal names. */
const namesIn = (sent, result, habits) => {
  const names = new Map((result?.habits ?? []).map((habit) => [habit.capturedHabitId, habit.habitId]));
  for (const [id, fields] of sent.habits) {
    if (names.has(id) || habits.has(id)) continue;
    const name = normalisedName(fields.name);
    const [first] = [...habits].filter(([, other]) => normalisedName(other.name) === name).map(([other]) => other).sort(byId);
    if (first) names.set(id, first);
  }
  return names;
};

/**
 * Ends a session that has become part of an account: what was recorded since it was sent becomes
 * operations. The copy on this device goes only now, when it holds the committed result.
 */
export const moveSession = (state, claim, { isSecondDevice = false, result, userId, now }) => {
  const { session } = state;
  const account = state.accounts.get(userId);
  if (!session || !account || session.sessionId !== claim.sessionId) return;
  const sent = sentWith(claim);
  const names = namesIn(sent, result, shownHabits(account));
  const nameOf = (id) => names.get(id) ?? id;
  const migrationIds = [...new Set([claim.migrationId, result?.migrationId].filter(Boolean))].sort(byId);
  account.seen = unionSeen(account.seen, migrationIds.map((sourceId) => ({ sourceId, seq: "0" })));
  account.migrated.set(claim.migrationId, {
    claim, isSecondDevice, habitMap: [...names].filter(([from, to]) => from !== to), migratedAt: now, afterSeq: account.lastSeq,
    isLost: false, isReceived: false,
  });
  account.changed.add(`migrated ${claim.migrationId}`);
  account.zones = session.zones;
  for (const [id, fields] of [...session.habits].sort(([left], [right]) => byId(left, right))) {
    const before = sent.habits.get(id);
    if (before && sameFields(before, fields)) continue;
    const changed = habitFields.filter((field) => before?.[field] !== fields[field]);
    make(account, { editHabit: editOf(nameOf(id), fields, changed) }, now);
  }
  for (const [key, entry] of session.entries) {
    const before = sent.days.get(key) ?? { done: false, note: "" };
    const about = { habitId: nameOf(entry.habitId), day: entry.day, clientTime: entry.clientTime };
    if (entry.done !== before.done) {
      const undone = entry.done ? {} : { undone: migrationIds.map((sourceId) => ({ sourceId, seq: "0" })) };
      make(account, { setCompletion: { ...about, done: entry.done, ...undone } }, now);
    }
    if (entry.note !== before.note) make(account, { setNote: { ...about, note: entry.note } }, now);
  }
  for (const id of sent.habits.keys()) {
    if (!session.habits.has(id)) make(account, { deleteHabit: { habitId: nameOf(id) } }, now);
  }
  state.dropSession();
  for (const [id, other] of state.accounts) {
    if (other.standing !== "unknown") continue;
    takeRejected(account, other.rejected);
    state.dropAccount(id);
  }
};

/**
 * The server does not know an account: its visible data becomes part of the anonymous session, and
 * counts once that is signed up. The account's own data stays until then. Returns whether the
 * account was not in this state before.
 */
export const moveIntoSession = (state, userId, clock, now) => {
  const account = state.accounts.get(userId);
  if (!account || account.standing === "unknown") return false;
  const dayStart = shownDayStart(account);
  const { habits, entries } = everythingShown(account, clock, now, dayStart);
  const beganAt = Math.min(now, ...[...entries.values()].map((entry) => Date.parse(entry.clientTime.occurredAt)));
  state.changeSession(beganAt, (session) => {
    if (session.habits.size === 0) session.zones = account.zones;
    session.begunAt = Math.min(session.begunAt, beganAt);
    // Its begin has moved: the server recorded another one, or none.
    takeNewName(session);
  });
  for (const [id, fields] of habits) state.setSessionHabit(id, fields, now);
  for (const [key, entry] of entries) {
    const known = state.session.entries.get(key);
    if (!known || known.clientTime.occurredAt < entry.clientTime.occurredAt) state.setSessionEntry(entry, now);
  }
  const { pendingMigration } = state.settings;
  state.setSettings({
    dayStart,
    current: state.settings.current === userId ? null : state.settings.current,
    pendingMigration: pendingMigration?.userId === userId ? null : pendingMigration,
  });
  account.credentials = null;
  account.standing = "unknown";
  state.touchAccount(userId);
  return true;
};

/**
 * The account's visible data, with the migrated sessions that no pull has contained yet. A day's
 * `otherNotes` lost conflicts in which the person has not chosen.
 */
const everythingShown = (account, clock, now, dayStart) => {
  const habits = new Map();
  const entries = new Map();
  const set = (habitId, day, done, note, clientTime) => entries.set(cellKey(habitId, day), { habitId, day, done, note, clientTime });
  const waiting = [...account.migrated.values()].filter((migrated) => !migrated.isReceived);
  for (const { claim, habitMap } of waiting.sort((left, right) => left.migratedAt - right.migratedAt)) {
    const names = new Map(habitMap);
    const sent = sentWith(claim);
    for (const [id, fields] of sent.habits) habits.set(names.get(id) ?? id, fields);
    for (const entry of sent.days.values()) set(names.get(entry.habitId) ?? entry.habitId, entry.day, entry.done, entry.note, entry.clientTime);
  }
  for (const op of [...account.kept.filter((kept) => !kept.isRejected).map((kept) => kept.op), ...account.queue].map(stated)) {
    const about = op.setCompletion ?? op.setNote;
    if (op.deleteHabit) habits.delete(op.deleteHabit.habitId);
    if (!about) continue;
    const known = entries.get(cellKey(about.habitId, about.day));
    if (op.setNote) set(about.habitId, about.day, known?.done ?? false, about.note ?? "", about.clientTime);
    else set(about.habitId, about.day, about.done, (about.done && about.note) || known?.note || "", about.clientTime);
  }
  for (const [id, fields] of shownHabits(account)) habits.set(id, fields);
  for (const [key, cell] of shownCells(account, now)) {
    const clientTime = entries.get(key)?.clientTime ?? timeOfDay(clock, cell.day, dayStart, now);
    set(cell.habitId, cell.day, cell.done, cell.note, clientTime);
  }
  for (const notice of account.notices.values()) {
    const entry = notice.kind === "NOTICE_KIND_NOTE_CONFLICT" && !notice.resolved && entries.get(cellKey(notice.habitId, notice.day));
    if (entry && notice.losingValue && notice.losingValue !== entry.note) entry.otherNotes = [...(entry.otherNotes ?? []), notice.losingValue];
  }
  for (const [key, entry] of entries) if (!habits.has(entry.habitId)) entries.delete(key);
  return { habits, entries };
};

/**
 * Takes a stash back into this browser, which has forgotten what it stored. What was recorded in
 * the meantime is added to it: habits of equal names are one, and of one day the later statement
 * stays.
 */
export const takeStashBack = (state, stash, now) => {
  const meantime = state.session;
  state.dropSession();
  const { captured } = stash;
  const moments = captured.entries?.map((entry) => Date.parse(entry.clientTime.occurredAt)) ?? [];
  state.changeSession(now, (session) => {
    Object.assign(session, {
      sessionId: stash.sessionId, secret: stash.sessionSecret, startKey: base64(randomBytes(32)),
      isAnchored: Boolean(stash.anchor), captureNumber: Number(stash.captureNumber ?? 0),
      begunAt: stash.anchor ? Date.parse(stash.anchor) : Math.min(now, ...moments),
      keptAt: stash.anchor ? Date.parse(stash.anchor) : 0,
    });
  });
  for (const { habit } of captured.habits ?? []) state.setSessionHabit(habit.id, fieldsOf(habit), now);
  const days = new Map();
  for (const entry of captured.entries ?? []) {
    const { note: otherNote, otherNotes = [] } = days.get(cellKey(entry.habitId, entry.day ?? 0)) ?? {};
    const clientTime = { utcOffsetSeconds: 0, dayStartMinutes: 0, ...entry.clientTime };
    const day = { habitId: entry.habitId, day: entry.day ?? 0, done: entry.done ?? false, note: entry.note ?? "", clientTime };
    if (otherNote) day.otherNotes = [...otherNotes, otherNote];
    days.set(cellKey(day.habitId, day.day), day);
    state.setSessionEntry(day, now);
    state.session.zones = noteZone(state.session.zones, clientTime, now);
  }
  if (captured.capturedAt?.dayStartMinutes) state.setSettings({ dayStart: captured.capturedAt.dayStartMinutes });
  const names = new Map();
  for (const [id, fields] of meantime?.habits ?? []) {
    const same = [...state.session.habits].find(([, other]) => normalisedName(other.name) === normalisedName(fields.name));
    names.set(id, same?.[0] ?? id);
    if (!same) state.setSessionHabit(id, fields, now);
  }
  for (const entry of meantime?.entries.values() ?? []) {
    const habitId = names.get(entry.habitId) ?? entry.habitId;
    const known = state.session.entries.get(cellKey(habitId, entry.day));
    if (!known || known.clientTime.occurredAt < entry.clientTime.occurredAt) state.setSessionEntry({ ...entry, habitId }, now);
  }
};


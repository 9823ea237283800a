// The capture of an anonymous session: everything that this device holds of it, with counts and a
// hash, so that the server recognises a capture that did not arrive whole. Source: migration.proto,
// `CaptureManifest`.

import { base64, byId, newId, utf8 } from "./bytes.js";
import { Writer, sha256 } from "./canonical.js";
import { dayOf } from "./day.js";
import { inOrder } from "./habit.js";
import { sessionEntriesMax } from "./rules.js";
import { streakOf } from "./streak.js";

/** The bytes that the manifest's hash covers. */
export const captureBytes = (habits, entries) => {
  const writer = new Writer().raw(utf8("streak.v1.capture.1")).byte(0).int32(habits.length);
  for (const { habit } of habits) {
    writer.id(habit.id).text(habit.name).text(habit.description).int32(habit.color).int32(habit.position).byte(habit.archived);
  }
  writer.int32(entries.length);
  for (const { habitId, day, done, clientTime, note } of entries) {
    const milliseconds = Date.parse(clientTime.occurredAt);
    const seconds = Math.floor(milliseconds / 1000);
    writer.id(habitId).int32(day).byte(done).int64(seconds).int32((milliseconds - seconds * 1000) * 1_000_000)
      .int32(clientTime.utcOffsetSeconds).int32(clientTime.dayStartMinutes).text(clientTime.zone).text(note);
  }
  return writer.bytes;
};

/**
 * The session's content at this moment, as the schema's `CapturedSession`. The claimed numbers are
 * compared by the server and reported; it never uses them.
 */
export const capture = async (session, capturedAt) => {
  const done = new Map();
  for (const entry of session.entries.values()) {
    if (!entry.done) continue;
    if (!done.has(entry.habitId)) done.set(entry.habitId, []);
    done.get(entry.habitId).push(entry.day);
  }
  const habits = [...session.habits].sort(inOrder).map(([id, fields]) => {
    const streak = streakOf(done.get(id) ?? [], dayOf(capturedAt));
    return { habit: { id, ...fields }, claim: { currentStreak: streak.current, lastCompletedDay: streak.lastDay ?? 0 } };
  });
  const entries = [...session.entries.values()]
    // Of equal moments the last note is shown; the others become notices.
    .flatMap(({ habitId, day, done: isDone, note, clientTime, otherNotes = [] }) =>
      [...otherNotes, note].map((each) => ({ habitId, day, done: isDone, note: each, clientTime })))
    // An account that the server has lost may hold more than fits: the latest days are sent, the
    // earliest follow as operations.
    .sort((left, right) => left.day - right.day || byId(left.habitId, right.habitId))
    .slice(-sessionEntriesMax)
    .sort((left, right) => byId(left.habitId, right.habitId) || left.day - right.day);
  const hash = await sha256(captureBytes(habits, entries));
  return {
    habits, entries, capturedAt,
    manifest: { habitCount: habits.length, entryCount: entries.length, sha256: base64(hash) },
  };
};

/** The session with its proof, for a sign-up or a migration. */
export const claim = async (session, capturedAt, migrationId = newId()) => ({
  sessionId: session.sessionId,
  sessionSecret: session.secret,
  migrationId,
  unanchored: !session.isAnchored,
  captured: await capture(session, capturedAt),
});

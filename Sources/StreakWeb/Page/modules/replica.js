// The received state of an account. Everything here but `prepare` is synchronous and without I/O,
// so that one response is taken within one database transaction: outcomes, changes and cursor
// together, or nothing.

import { cellKey } from "./days.js";
import { cellDigest, dayStartDigest, emptyDigest, habitDigest, isSame, minus, plus, readDigest, writeDigest } from "./digest.js";
import { fieldsOf, sameFields } from "./habit.js";
import { habitIdOf, keptMilliseconds, unionSeen } from "./queue.js";
import { isBehind } from "./submission.js";

/** A cell as the server writes it, in this page's form. `quarantine` is empty if the day counts. */
export const readCell = (cell) => ({
  habitId: cell.habitId,
  day: cell.day ?? 0,
  done: cell.done ?? false,
  note: cell.note ?? "",
  quarantine:
    cell.trust === "CELL_TRUST_QUARANTINED" ? (cell.quarantineReason ?? "").replace("QUARANTINE_REASON_", "") : "",
  completions: (cell.completions ?? []).map((id) => ({ sourceId: id.sourceId, seq: id.seq ?? "0" })),
});

/** A moment of the schema in milliseconds; 0 if it is absent. */
export const momentOf = (text) => (text ? Date.parse(text) : 0);

/** A value of a notice: a text, a flag or a number; undefined if it has none. */
const valueOf = ({ text, flag, number } = {}) => text ?? flag ?? (number === undefined ? undefined : Number(number));
const withValues = (notice) => ({
  ...notice, winningValue: valueOf(notice.winningValue), losingValue: valueOf(notice.losingValue),
});

/** Prepares a response outside of a transaction: its items' digests are made here. */
export const prepare = async (response) => ({
  outcomes: (response.outcomes ?? []).map((outcome) => ({
    seq: String(outcome.seq), reason: outcome.reason ?? "", status: outcome.status,
  })),
  isReset: response.reset ?? false,
  habits: await Promise.all(
    (response.habits ?? []).map(async (habit) => {
      const fields = fieldsOf(habit);
      return { id: habit.id, fields, digest: await habitDigest(habit.id, fields) };
    }),
  ),
  deletedHabitIds: response.deletedHabitIds ?? [],
  aliases: (response.habitAliases ?? []).map((alias) => [alias.aliasId, alias.habitId]),
  cells: await Promise.all(
    (response.cells ?? []).map(async (received) => {
      const cell = readCell(received);
      return { ...cell, digest: await cellDigest(cell) };
    }),
  ),
  notices: (response.notices ?? []).filter((notice) => notice.noticeId && notice.habitId).map(withValues),
  cursor: response.cursor ?? {},
  hasMore: response.hasMore ?? false,
  digest: response.digest ? readDigest(response.digest.sum) : undefined,
  lastSeq: Number(response.lastSeq ?? 0),
  seen: response.hasMore ? undefined : unionSeen(response.seen ?? []),
  latestTime: BigInt(response.latestTime ?? 0),
  dayStart: response.settings ? (response.settings.dayStartMinutes ?? 0) : undefined,
  dayStartDigest: response.settings ? await dayStartDigest(response.settings.dayStartMinutes ?? 0) : undefined,
  deletionAt: momentOf(response.deletionAt),
  zones: response.hasMore ? undefined : (response.zoneUses ?? []).map((use) => ({
    offset: use.utcOffsetSeconds ?? 0, dayStart: use.dayStartMinutes ?? 0, at: momentOf(use.lastUsedAt),
  })),
});

/**
 * The digest of the received state. It is not stored: if records are missing or damaged, the next
 * sync finds it and pulls them again.
 */
export const digestOfAccount = (account) => {
  let sum = account.dayStartDigest ?? emptyDigest;
  for (const habit of account.habits.values()) sum = plus(sum, habit.digest);
  for (const cell of account.cells.values()) sum = plus(sum, cell.digest);
  return sum;
};

const epochOf = (cursor) => `${cursor?.epoch ?? 0}/${cursor?.epochBits ?? 0}`;
const noEpoch = "0/0";
const isSameCursor = (left, right) => JSON.stringify(left ?? null) === JSON.stringify(right ?? null);

// MARK: receiving

const drop = (account, kind, key) => {
  if (account[kind].delete(key)) account.changed.add(`${kind} ${key}`);
};

const put = (account, kind, key, value) => {
  account[kind].set(key, value);
  account.changed.add(`${kind} ${key}`);
};

const namesHabit = (account, id) => {
  const isNamed = (op) => habitIdOf(op) === id || account.aliases.get(habitIdOf(op)) === id;
  return account.queue.some(isNamed) || account.kept.some(({ op }) => isNamed(op));
};

/** Takes over what a server has rejected of another account of the same person. */
export const takeRejected = (account, rejected) => {
  for (const { op } of rejected) account.changed.add(`rejected ${op.hybridTime}`);
  account.rejected = [...account.rejected, ...rejected].sort((left, right) => (BigInt(left.op.hybridTime) < BigInt(right.op.hybridTime) ? -1 : 1));
};

const keepFormerHabits = (account) => {
  for (const [id, fields] of account.deletedHabits) put(account, "formerHabits", id, fields);
  for (const [id, habit] of account.habits) put(account, "formerHabits", id, habit.fields);
};

const noteDeletedHabit = (account, id, fields) => {
  if (namesHabit(account, id)) put(account, "deletedHabits", id, fields);
};

const applyOutcomes = (account, outcomes, now) => {
  for (const outcome of outcomes) {
    if (outcome.seq !== account.queue[0]?.seq) continue;
    const op = account.queue.shift();
    account.kept.push({ op, decidedAt: now, isRejected: outcome.status === "OPERATION_STATUS_REJECTED" });
    account.changed.add(`operation ${op.seq}`);
    if (!outcome.reason || outcome.reason === "ERROR_REASON_UNSPECIFIED") continue;
    // The wall clock was a day or more ahead: later operations must not be ordered after that.
    if (outcome.reason === "CLOCK_SKEW" && account.lastTime >= BigInt(op.hybridTime)) account.lastTime = 0n;
    account.rejected = [...account.rejected.filter((other) => other.op.hybridTime !== op.hybridTime), { op, reason: outcome.reason }]
      .sort((left, right) => (BigInt(left.op.hybridTime) < BigInt(right.op.hybridTime) ? -1 : 1));
    account.changed.add(`rejected ${op.hybridTime}`);
  }
  const oldest = now - keptMilliseconds;
  if (account.kept.length > 0 && account.kept[0].decidedAt < oldest) {
    for (const kept of account.kept) {
      if (kept.decidedAt >= oldest) continue;
      account.changed.add(`operation ${kept.op.seq}`);
    }
    account.kept = account.kept.filter((kept) => kept.decidedAt >= oldest);
    for (const id of [...account.deletedHabits.keys()]) if (!namesHabit(account, id)) drop(account, "deletedHabits", id);
  }
};

/** The server holds this device's operations up to `seq`: later ones are sent again, unchanged. */
const sendAgain = (account, seq) => {
  const place = account.kept.findIndex(({ op }) => Number(op.seq) > seq);
  if (place < 0) return;
  keepFormerHabits(account);
  const again = account.kept.splice(place);
  for (const { op } of again) account.changed.add(`operation ${op.seq}`);
  account.queue = [...again.map(({ op }) => op), ...account.queue];
};

const dropHabit = (account, id) => {
  const habit = account.habits.get(id);
  if (!habit) return;
  drop(account, "habits", id);
  noteDeletedHabit(account, id, habit.fields);
  account.digest = minus(account.digest, habit.digest);
  for (const [key, cell] of account.cells) {
    if (cell.habitId !== id) continue;
    account.digest = minus(account.digest, cell.digest);
    drop(account, "cells", key);
  }
};

const dropReceived = (account) => {
  for (const [id, habit] of account.habits) noteDeletedHabit(account, id, habit.fields);
  for (const kind of ["habits", "cells", "notices"]) {
    for (const key of account[kind].keys()) account.changed.add(`${kind} ${key}`);
    account[kind].clear();
  }
  account.dayStart = 0;
  account.dayStartDigest = emptyDigest;
  account.digest = emptyDigest;
};

const takeChanges = (account, changes) => {
  for (const id of changes.deletedHabitIds) dropHabit(account, id);
  for (const [id, habitId] of changes.aliases) {
    put(account, "aliases", id, habitId);
    drop(account, "formerHabits", id);
  }
  for (const { id, fields, digest } of changes.habits) {
    drop(account, "aliases", id);
    const known = account.habits.get(id);
    if (known) account.digest = minus(account.digest, known.digest);
    account.digest = plus(account.digest, digest);
    put(account, "habits", id, { fields, digest });
    drop(account, "formerHabits", id);
    drop(account, "deletedHabits", id);
  }
  for (const cell of changes.cells) {
    const key = cellKey(cell.habitId, cell.day);
    const known = account.cells.get(key);
    if (known) account.digest = minus(account.digest, known.digest);
    account.digest = plus(account.digest, cell.digest);
    put(account, "cells", key, cell);
  }
  if (changes.dayStart !== undefined) {
    account.digest = plus(minus(account.digest, account.dayStartDigest ?? emptyDigest), changes.dayStartDigest);
    account.dayStart = changes.dayStart;
    account.dayStartDigest = changes.dayStartDigest;
  }
  for (const notice of changes.notices) put(account, "notices", notice.noticeId, notice);
};

const forgetCompletions = (account) => {
  for (const [key, cell] of account.cells) if (cell.completions?.length) put(account, "cells", key, { ...cell, completions: [] });
};

/**
 * Takes a prepared response. "good", "diverged" (all is pulled again), or "outdated" (no effect).
 */
const receive = (account, changes, sent, now) => {
  account.digest ??= digestOfAccount(account);
  // A late answer from an earlier epoch of the database: its decisions may be lost, and the
  // operations are sent again. A submission made after the device had learned the epoch is answered
  // by the current server, also if that server's epoch is an earlier one.
  const isOlder = Number(changes.cursor.epoch ?? 0) < Number(account.cursor?.epoch ?? 0);
  if (isOlder && epochOf(sent.cursor) !== epochOf(account.cursor)) return "outdated";
  const isNewEpoch = epochOf(changes.cursor) !== epochOf(account.cursor) && epochOf(account.cursor) !== noEpoch;
  // Also in the same epoch: a database that went back may lack habits.
  if (changes.isReset) keepFormerHabits(account);
  // The state is equal, but the server may hold other completions of the same days: the names that
  // this device knows are not all.
  if (isNewEpoch && !changes.isReset) forgetCompletions(account);
  for (const habit of sent.restatedHabits) {
    if (sameFields(account.formerHabits.get(habit.id), fieldsOf(habit))) drop(account, "formerHabits", habit.id);
  }
  applyOutcomes(account, changes.outcomes, now);
  account.deletionAt = changes.deletionAt;
  if (changes.latestTime > account.lastTime) account.lastTime = changes.latestTime;
  // The server holds less of this device than it had acknowledged.
  sendAgain(account, changes.lastSeq);
  // Changes count from a cursor: an answer to another one does not fit. It will come again.
  if (!isSameCursor(sent.cursor, account.cursor)) return "outdated";
  if (changes.isReset || !sent.cursor) dropReceived(account);
  takeChanges(account, changes);
  account.cursor = changes.cursor;
  if (changes.seen) account.seen = changes.seen;
  if (!changes.digest || isSame(changes.digest, account.digest)) return "good";
  // The received state stays visible until it has been received again.
  account.cursor = { ...changes.cursor, changeNumber: "-1" };
  delete account.cursor.resume;
  delete account.cursor.tag;
  return "diverged";
};

/**
 * Applies an answer, which may be late or repeated: `{changes}`, `{gap}`, `{reused}` or
 * `{cursorInvalid}`. Returns what the device does next: "done", "more", "repair", "ignore", or
 * "register" (as a new device).
 */
export const take = (account, answer, sent, sentAs, now) => {
  // An answer for an abandoned device id has no effect.
  if (sentAs !== account.deviceId) return "ignore";
  const isFront = sent.operations[0]?.seq === account.queue[0]?.seq;
  if (answer.changes) {
    const receipt = receive(account, answer.changes, sent, now);
    if (receipt === "diverged") return "repair";
    if (receipt === "outdated") return "ignore";
    return isBehind(account) ? "more" : "done";
  }
  if (answer.gap !== undefined) {
    if (!isFront) return "ignore";
    const last = account.kept.at(-1)?.op.seq;
    if (last === undefined || answer.gap > Number(last)) return "register";
    sendAgain(account, answer.gap - 1);
    return "more";
  }
  if (answer.reused) return isFront ? "register" : "ignore";
  if (!isSameCursor(sent.cursor, account.cursor) || !account.cursor) return "ignore";
  keepFormerHabits(account);
  account.cursor = null;
  return "more";
};

/**
 * Whether an answer shows that the server may have lost acknowledged data. Called before `take`.
 */
export const showsLoss = (account, answer, sent) => {
  if (!answer.changes) return answer.gap !== undefined || Boolean(answer.cursorInvalid);
  const { outcomes, lastSeq, cursor, isReset } = answer.changes;
  const acknowledged = Math.max(Number(account.kept.at(-1)?.op.seq ?? 0), Number(outcomes.at(-1)?.seq ?? 0));
  if (lastSeq < acknowledged) return true;
  return (
    isSameCursor(sent.cursor, account.cursor) && epochOf(account.cursor) !== noEpoch &&
    (epochOf(cursor) !== epochOf(account.cursor) || isReset)
  );
};

export const ownDigest = (account) => writeDigest((account.digest ??= digestOfAccount(account)));

// What a device sends of its queue, and how the queue is numbered anew when another device has used
// its numbers.

import { byId } from "./bytes.js";
import { byStatement, habitIdOf, stated, undoneMaxOfEach, unionSeen } from "./queue.js";

/** Most operations in one submission. */
export const operationsMax = 200;
/** Most habits restated in one submission, besides those that its operations name. */
export const restatedHabitsMax = 200;

/** The request for the next exchange. It stays the same until it is answered. */
export const submission = (account, digest) => {
  const operations = account.queue.slice(0, operationsMax);
  // An alias needs the habit that it is one of.
  const namedHabits = new Set(operations.map(habitIdOf).filter(Boolean).flatMap((id) => [id, account.aliases.get(id) ?? id]));
  const restated = [...account.formerHabits].sort(
    ([left], [right]) => Number(namedHabits.has(right)) - Number(namedHabits.has(left)) || byId(left, right),
  );
  const first = account.kept[0]?.op ?? account.queue[0];
  const isComplete = account.cursor && !account.cursor.resume && Number(account.cursor.changeNumber ?? 0) > 0;
  return {
    userId: account.userId,
    cursor: account.cursor,
    operations,
    queueDrained: operations.length === account.queue.length,
    restatedHabits: restated.slice(0, Math.max(restatedHabitsMax, namedHabits.size)).map(([id, fields]) => ({
      id, ...fields, ...(account.aliases.has(id) ? { aliasOf: account.aliases.get(id) } : {}),
    })),
    oldestKeptSeq: first ? first.seq : "0",
    acknowledgedSeq: String(Number(account.queue[0]?.seq ?? account.lastSeq + 1) - 1),
    digest: isComplete ? digest : "",
  };
};

/** Whether there is something to send, or more to fetch. */
export const isBehind = (account) =>
  account.queue.length > 0 || Boolean(account.cursor?.resume) || account.formerHabits.size > 0;

/**
 * Numbers the queue anew under a new id: this device was restored from an old copy, and its numbers
 * were used for other operations.
 */
export const continueAsNewDevice = (account, deviceId) => {
  for (const op of [...account.kept.map((kept) => kept.op), ...account.queue]) account.changed.add(`operation ${op.seq}`);
  account.kept = [];
  const former = account.deviceId;
  // The former device's operations that were decided before the copy was made belong to another
  // device now, and are known.
  const decided = Number(account.queue[0]?.seq ?? account.lastSeq + 1) - 1;
  const formerSeen = decided > 0 ? [{ sourceId: former, seq: String(decided) }] : [];
  account.seen = unionSeen(account.seen, formerSeen);
  const renamed = new Map();
  account.queue = account.queue.map((op, index) => {
    const seq = String(index + 1);
    renamed.set(op.seq, seq);
    const next = { ...op, seq };
    const seen = unionSeen(op.seen ?? [], formerSeen);
    if (seen.length > 0) next.seen = seen;
    const { setCompletion } = stated(op);
    if (!setCompletion?.undone) return next;
    // The former names stay: the server may have received them.
    const anew = setCompletion.undone.filter((id) => id.sourceId === former && renamed.has(id.seq))
      .map((id) => ({ sourceId: deviceId, seq: renamed.get(id.seq) }));
    const undone = [...anew, ...setCompletion.undone].slice(0, 2 * undoneMaxOfEach).sort(byStatement);
    const change = { setCompletion: { ...setCompletion, undone } };
    return { ...next, ...(op.resolveConflict ? { resolveConflict: { ...op.resolveConflict, ...change } } : change) };
  });
  account.deviceId = deviceId;
  account.lastSeq = account.queue.length;
  for (const op of account.queue) account.changed.add(`operation ${op.seq}`);
};

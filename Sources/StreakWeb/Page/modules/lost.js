// Sessions that became part of an account and that the server may have lost since: they are kept as
// long as decided operations are, and sent again.

import { byId } from "./bytes.js";
import { keptMilliseconds } from "./queue.js";

/**
 * The server may have lost acknowledged data: sessions are sent again as long as operations are.
 */
export const noteLoss = (account, now) => {
  for (const [id, migrated] of account.migrated) {
    account.changed.add(`migrated ${id}`);
    if (migrated.migratedAt < now - keptMilliseconds) account.migrated.delete(id);
    else account.migrated.set(id, { ...migrated, isLost: true });
  }
};

/** Sessions that the server may have lost, in the order of their migration. */
export const lostSessions = (account) =>
  [...account.migrated].filter(([, migrated]) => migrated.isLost).sort(
    ([leftId, left], [rightId, right]) =>
      left.afterSeq - right.afterSeq || left.migratedAt - right.migratedAt || byId(leftId, rightId),
  );

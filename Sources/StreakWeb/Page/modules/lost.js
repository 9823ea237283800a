// Sessions and documents that became part of an account and that the server may have lost since: they
// are kept as long as decided operations are, and sent again.

import { byId } from "./bytes.js";
import { keptMilliseconds } from "./queue.js";

/**
 * The server may have lost acknowledged data: sessions are sent again as long as operations are, and
 * so are acknowledgements of notices.
 */
export const noteLoss = (account, now) => {
  for (const [id, imported] of account.imports) {
    account.changed.add(`imports ${id}`);
    if (imported.importedAt < now - keptMilliseconds) account.imports.delete(id);
    else account.imports.set(id, { ...imported, isLost: true });
  }
  for (const id of account.acknowledgements.keys()) {
    account.acknowledgements.set(id, false);
    account.changed.add(`acknowledgements ${id}`);
  }
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

/** Documents that the server may have lost, in the order of their import. */
export const lostImports = (account) =>
  [...account.imports].filter(([, imported]) => imported.isLost)
    .sort(([leftId, left], [rightId, right]) => left.importedAt - right.importedAt || byId(leftId, rightId));

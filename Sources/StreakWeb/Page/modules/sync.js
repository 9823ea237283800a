// The device's side of sync: sends the queue, takes what comes down, until both sides are equal.
// This module and what it imports can be lifted into another app: it needs a store with `change`
// and `read` (store.js), a transport with `call` and `stream` (transport.js), and a clock
// (clock.js).
//
// The rules, and where they are kept:
// - an operation is applied exactly once, however often it is sent: its number and its bytes never
//   change (queue.js);
// - one response is stored in one transaction (replica.js);
// - nothing acknowledged is forgotten for 35 days: a server that was restored to an earlier moment
//   gets it again, after the habits that it lacks, and sessions and documents that it lost (lost.js).
// When to sync is another matter: background.js.

import { newId } from "./bytes.js";
import { Calls } from "./calls.js";
import { exclusively } from "./locks.js";
import { lostImports, lostSessions, noteLoss } from "./lost.js";
import { covers } from "./queue.js";
import { ownDigest, prepare, showsLoss, take } from "./replica.js";
import { submission as submissionOf } from "./submission.js";
import { CallError } from "./transport.js";

const pageSize = 1000;
/** Rounds in a row in which the states may differ, or nothing new arrives, before a sync ends. */
const fruitlessRoundsMax = 4;
/** Answers of one sync that may show a loss: a server that loses all would get all for ever. */
const lossesMax = 8;
const noticePagesMax = 256;
/** Acknowledged notices that a device remembers. */
const acknowledgedMax = 1000;

/** The outcomes that this version knows. An operation with another one can be neither kept as decided nor dropped. */
const outcomeStatuses = new Set(["OPERATION_STATUS_APPLIED", "OPERATION_STATUS_SUPERSEDED", "OPERATION_STATUS_REJECTED"]);

const failing = (message) => new CallError("failing", { message });

/** The next submission. While a session is lost, the operations made after it wait. */
const submissionFor = (account, isFirst) => {
  const submission = submissionOf(account, ownDigest(account));
  const lost = lostSessions(account)[0]?.[1];
  // Operations may concern habits of a migrated session. Before any is sent, it must be known
  // whether the server still has these habits.
  const last = isFirst && account.migrated.size + account.imports.size > 0 ? 0 : (lost?.afterSeq ?? Number.MAX_SAFE_INTEGER);
  const operations = submission.operations.filter((op) => Number(op.seq) <= last);
  if (operations.length === submission.operations.length) return submission;
  return { ...submission, operations, queueDrained: false };
};

const requestOf = (submission, sentAt) => ({
  userId: submission.userId,
  ...(submission.cursor ? { cursor: submission.cursor } : {}),
  operations: submission.operations,
  queueDrained: submission.queueDrained,
  pageSize,
  sentAt: new Date(sentAt).toISOString(),
  restatedHabits: submission.restatedHabits,
  oldestKeptSeq: submission.oldestKeptSeq,
  acknowledgedSeq: submission.acknowledgedSeq,
  ...(submission.digest ? { digest: submission.digest } : {}),
});

export class Sync {
  /** @param emit Gets events: `{type: "changed" | "signInNeeded" | ...}`. */
  constructor({ store, transport, clock, emit = () => {} }) {
    Object.assign(this, { store, clock, emit });
    this.calls = new Calls({ store, transport, clock, emit });
  }

  /** One sync of an account. In one browser one runs at a time, whichever tab asks. */
  sync(userId) {
    return exclusively("sync", async () => {
      await this.#sendAcknowledgements(userId);
      await this.#exchangeAll(userId);
      await this.store.change((state) => {
        const account = state.accounts.get(userId);
        if (!account) return;
        account.syncedAt = this.clock.now();
        state.touchAccount(userId);
      });
    });
  }

  async #exchangeAll(userId) {
    let [fruitless, losses, isFirst] = [0, 0, true];
    while (fruitless < fruitlessRoundsMax) {
      await this.#resendLostImports(userId);
      await this.#resendLostSessions(userId);
      const sent = await this.store.read((state) => {
        const account = state.accounts.get(userId);
        return account && {
          submission: structuredClone(submissionFor(account, isFirst)), deviceId: account.deviceId,
          lostCount: lostSessions(account).length,
        };
      });
      if (!sent) throw new CallError("signInNeeded");
      isFirst = false;
      const answer = await this.#exchange(sent.submission, userId);
      const taken = await this.#take(answer, sent, userId);
      if (taken.isLoss) losses += 1;
      if (losses > lossesMax) throw failing("It has lost what it had acknowledged.");
      let { next } = taken;
      // A lost session is sent again, and the changes that it causes are received.
      if (next === "done" && taken.hasLost) next = sent.lostCount === 0 ? "more" : "ignore";
      if (next === "done") return;
      if (next === "register") throw new CallError("signInNeeded");
      fruitless = next === "more" ? 0 : fruitless + 1;
    }
    throw failing("The server's answers do not fit this device's state.");
  }

  async #exchange(submission, userId) {
    try {
      const response = await this.calls.call("SyncService/Sync", requestOf(submission, this.clock.now()), userId);
      // Before anything of it is taken: the next request begins after it, and would not get them.
      if (response.moreNotices) response.notices = await this.#allNotices(response.notices ?? [], userId);
      const changes = await prepare(response);
      if (!changes.outcomes.every(({ status }) => outcomeStatuses.has(status))) {
        throw failing("It decides operations in a way that this version of the page does not know.");
      }
      return { changes };
    } catch (error) {
      if (error.reason === "SEQUENCE_GAP") return { gap: Number(error.detail("streak.v1.SyncRefusal")?.expectedSeq ?? 0) };
      if (error.reason === "OPERATION_REUSED") return { reused: true };
      if (error.reason === "CURSOR_INVALID") return { cursorInvalid: true };
      throw error;
    }
  }

  /** The notices of a response, and those for which it had no room. */
  async #allNotices(first, userId) {
    const notices = new Map(first.map((notice) => [notice.noticeId, notice]));
    let pageToken = "";
    for (let page = 0; page < noticePagesMax; page += 1) {
      const response = await this.calls.call("SyncService/ListNotices", { pageSize, pageToken }, userId);
      for (const notice of response.notices ?? []) if (!notices.has(notice.noticeId)) notices.set(notice.noticeId, notice);
      pageToken = response.nextPageToken ?? "";
      if (!pageToken) return [...notices.values()];
    }
    throw failing("It gives notices without an end.");
  }

  async #take(answer, { submission, deviceId }, userId) {
    const now = this.clock.now();
    const taken = await this.store.change((state) => {
      const account = state.accounts.get(userId);
      if (!account) return { next: "ignore" };
      const isLoss = showsLoss(account, answer, submission);
      const next = take(account, answer, submission, deviceId, now);
      if (next === "register") {
        // Only a sign-in can register a new device; until then the queue waits.
        account.credentials = null;
        account.standing = "mustRegister";
      }
      if (next === "done" && submission.queueDrained) account.caughtUpAt = now;
      if (isLoss) noteLoss(account, now);
      if (next !== "ignore" && answer.changes?.zones) account.takeZones(answer.changes.zones, now);
      if (next !== "ignore" && answer.changes?.seen) {
        for (const [id, migrated] of account.migrated) {
          if (migrated.isReceived || !covers(answer.changes.seen, id, 0)) continue;
          account.migrated.set(id, { ...migrated, isReceived: true });
          account.changed.add(`migrated ${id}`);
        }
      }
      // Also those that the server knows: a change of this device's own may bring one once more.
      for (const id of account.acknowledgements.keys()) if (account.notices.delete(id)) account.changed.add(`notices ${id}`);
      state.touchAccount(userId);
      return { next, isLoss, hasLost: lostSessions(account).length > 0 };
    });
    this.emit({ type: taken.next === "register" ? "signInNeeded" : "changed" });
    return taken;
  }

  async #sendAcknowledgements(userId) {
    const noticeIds = await this.store.read((state) =>
      [...(state.accounts.get(userId)?.acknowledgements ?? [])].filter(([, isSent]) => !isSent).map(([id]) => id).slice(0, 1000),
    );
    if (noticeIds.length === 0) return;
    await this.calls.call("SyncService/AcknowledgeNotices", { noticeIds }, userId);
    await this.store.change((state) => {
      const account = state.accounts.get(userId);
      if (!account) return;
      for (const id of noticeIds) account.acknowledgements.set(id, true);
      const sent = [...account.acknowledgements].filter(([, isSent]) => isSent).map(([id]) => id);
      const dropped = sent.slice(0, Math.max(0, sent.length - acknowledgedMax));
      for (const id of dropped) account.acknowledgements.delete(id);
      for (const id of [...noticeIds, ...dropped]) account.changed.add(`acknowledgements ${id}`);
    });
  }

  /**
   * Imports a document of this service into an empty account, as it is. It is kept first: a lost
   * answer, a closed tab and a server that loses it later send the same import again.
   */
  async importDocument(userId, bytes) {
    const importId = newId();
    const imported = { bytes, importedAt: this.clock.now(), isTaken: false, isLost: true };
    await this.#keepImport(userId, importId, imported);
    let answer;
    try {
      answer = await this.#sendDocument(userId, importId, bytes);
    } catch (error) {
      if (error.isFinal) await this.#keepImport(userId, importId, undefined);
      throw error;
    }
    await this.#keepImport(userId, importId, { ...imported, isTaken: true, isLost: false });
    return answer;
  }

  async #sendDocument(userId, importId, bytes) {
    const { importDocument } = await import("./export.js");
    return importDocument(this.calls, userId, importId, bytes);
  }

  #keepImport(userId, importId, imported) {
    return this.store.change((state) => {
      const account = state.accounts.get(userId);
      if (!account) return;
      if (imported) account.imports.set(importId, imported);
      else account.imports.delete(importId);
      account.changed.add(`imports ${importId}`);
      state.touchAccount(userId);
    });
  }

  /** Sends lost documents again before anything else: what was done since refers to them. */
  async #resendLostImports(userId) {
    const lost = await this.store.read((state) => {
      const account = state.accounts.get(userId);
      return account ? lostImports(account) : [];
    });
    for (const [importId, imported] of lost) {
      try {
        await this.#sendDocument(userId, importId, imported.bytes);
      } catch (error) {
        if (!error.isFinal || error.kind !== "refused") throw error;
        if (!imported.isTaken) {
          await this.#keepImport(userId, importId, undefined);
          continue;
        }
        // The account has other data than what was lost: the rest is entered day by day.
        const [{ readHistory }, { importHistory }] = await Promise.all([import("../import/readers.js"), import("../import/record.js")]);
        const isCurrent = await this.store.read((state) => state.settings.current === userId);
        if (!isCurrent) return;
        await importHistory(this.store, this.clock, readHistory(imported.bytes, { name: "", clock: this.clock }), { isRepeated: true });
      }
      await this.#keepImport(userId, importId, { ...imported, isTaken: true, isLost: false });
    }
  }

  /**
   * Sends migrated sessions again that the server may have lost, once what preceded them is sent.
   */
  async #resendLostSessions(userId) {
    const lost = await this.store.read((state) => {
      const account = state.accounts.get(userId);
      if (!account || account.formerHabits.size > 0) return [];
      const next = Number(account.queue[0]?.seq ?? Number.MAX_SAFE_INTEGER);
      return lostSessions(account).filter(([, migrated]) => migrated.afterSeq < next);
    });
    for (const [id, migrated] of lost) {
      try {
        await this.#sendSessionAgain(migrated, userId);
      } catch (error) {
        // The server's final answer: its own record of this session stands.
        if (!error.isFinal || error.kind !== "refused") throw error;
      }
      await this.store.change((state) => {
        const account = state.accounts.get(userId);
        if (!account?.migrated.has(id)) return;
        account.migrated.set(id, { ...account.migrated.get(id), isLost: false });
        account.changed.add(`migrated ${id}`);
      });
    }
  }

  async #sendSessionAgain({ claim, isSecondDevice, habitMap }, userId) {
    let request = {
      session: claim, secondDevice: isSecondDevice,
      habitMap: habitMap.map(([capturedHabitId, habitId]) => ({ capturedHabitId, habitId })),
    };
    for (let attempt = 0; ; attempt += 1) {
      try {
        await this.calls.call("MigrationService/Migrate", request, userId);
        return;
      } catch (error) {
        if (attempt === 2) throw error;
        if (error.reason === "SESSION_INVALID" && !request.session.unanchored) {
          request = { ...request, session: { ...request.session, unanchored: true } };
        } else if (error.reason === "INVALID_FIELD" && request.habitMap.length > 0) {
          // A restated habit is missing: the account has too many habits.
          request = { ...request, habitMap: [] };
        } else {
          throw error;
        }
      }
    }
  }
}

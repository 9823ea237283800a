// The state in IndexedDB. Every change is one transaction that begins with what the other tabs have
// stored meanwhile, so all tabs may record taps and none overwrites another. When `change` returns,
// the change is on the disk; if the tab is closed before, none of it is.

import { State } from "./state.js";

const databaseName = "streakd";
const recordsName = "records";
const logName = "log";
const versionKey = "!";
/** Changes that a tab can catch up with by reading only what has changed. */
const logLengthMax = 500;
const logKeysMax = 2000;

export class StorageError extends Error {
  /**
   * @param kind "quota": there is no room; "lost": the browser took the database away; "failed".
   */
  constructor(kind, message) {
    super(message);
    this.name = "StorageError";
    this.kind = kind;
  }
}

const storageError = (error) => {
  if (error?.name === "QuotaExceededError") return new StorageError("quota", error.message);
  const isLost = ["InvalidStateError", "UnknownError", "AbortError", "NotFoundError"].includes(error?.name);
  return new StorageError(isLost ? "lost" : "failed", error?.message ?? String(error));
};

/** Why a transaction was given up: there is an account, and its class is not loaded. */
const accountNeeded = Symbol("account needed");

const open = () =>
  new Promise((resolve, reject) => {
    const request = indexedDB.open(databaseName, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(recordsName);
      request.result.createObjectStore(logName);
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(storageError(request.error));
    request.onblocked = () => reject(new StorageError("lost", "another tab holds an older database"));
  });

const isOfAccount = (key) => key.startsWith("a:");

export class Store {
  #database;
  #state;
  #version = -1;
  #last = Promise.resolve();
  #Account;

  /** @param onChange Called after each change that this tab has stored. */
  constructor(onChange = () => {}) {
    this.onChange = onChange;
  }

  /** Changes the state; `body` is synchronous. If it throws, nothing has changed. */
  change(body) {
    return this.#inTurn(() => this.#withRetry("readwrite", body));
  }

  /** Reads the state, including what other tabs have stored. */
  read(body) {
    return this.#inTurn(() => this.#withRetry("readonly", body));
  }

  /** Removes everything. */
  async erase() {
    await this.#inTurn(async () => {
      this.#forget();
      await new Promise((resolve, reject) => {
        const request = indexedDB.deleteDatabase(databaseName);
        request.onsuccess = resolve;
        request.onerror = () => reject(storageError(request.error));
      });
    });
  }

  #inTurn(run) {
    const result = this.#last.then(run, run);
    this.#last = result.catch(() => {});
    return result;
  }

  #forget() {
    this.#database?.close();
    this.#database = undefined;
    this.#state = undefined;
    this.#version = -1;
  }

  /**
   * iOS ends the process that holds its databases while a page sleeps: the handle is dead then. It
   * is opened anew, and the change is made once more: it states absolute values, so a change that
   * was stored after all is not made twice.
   */
  async #withRetry(mode, body) {
    try {
      return await this.#transaction(mode, body);
    } catch (error) {
      // A transaction does not wait for a module: it is made once more, with it.
      if (error === accountNeeded) {
        this.#Account = (await import("./account.js")).Account;
        return this.#withRetry(mode, body);
      }
      if (!(error instanceof StorageError) || error.kind !== "lost") throw error;
      this.#forget();
      return this.#transaction(mode, body);
    }
  }

  async #transaction(mode, body) {
    if (!this.#database) {
      this.#database = await open();
      // Another tab updates or removes the database: this one must not block it.
      this.#database.onversionchange = () => this.#forget();
      this.#database.onclose = () => this.#forget();
    }
    const database = this.#database;
    return new Promise((resolve, reject) => {
      let result;
      let failure;
      let transaction;
      let isWritten = false;
      try {
        transaction = database.transaction([recordsName, logName], mode, { durability: "strict" });
      } catch (error) {
        reject(storageError(error));
        return;
      }
      const records = transaction.objectStore(recordsName);
      const log = transaction.objectStore(logName);
      transaction.oncomplete = () => {
        resolve(result);
        if (isWritten) this.onChange();
      };
      transaction.onabort = () => {
        // What is in memory may be ahead of the disk.
        this.#state = undefined;
        this.#version = -1;
        reject(failure ?? storageError(transaction.error));
      };
      const run = () => {
        try {
          result = body(this.#state);
          const changes = this.#state.takeChanges();
          if (mode === "readwrite" && changes.length > 0) {
            this.#write(records, log, changes);
            isWritten = true;
          }
        } catch (error) {
          failure = error;
          transaction.abort();
        }
      };
      const giveUp = (reason) => {
        failure = reason;
        transaction.abort();
      };
      records.get(versionKey).onsuccess = ({ target }) => this.#catchUp(records, log, target.result ?? 0, run, giveUp);
    });
  }

  #write(records, log, changes) {
    this.#version += 1;
    for (const [key, value] of changes) {
      if (value === undefined) records.delete(key);
      else records.put(value, key);
    }
    records.put(this.#version, versionKey);
    log.put(changes.length <= logKeysMax ? changes.map(([key]) => key) : null, this.#version);
    log.delete(IDBKeyRange.upperBound(this.#version - logLengthMax));
  }

  /**
   * Brings the state in memory to `version`, then calls `next`, all within the transaction. If it
   * cannot, it calls `giveUp` with the reason.
   */
  #catchUp(records, log, version, next, giveUp) {
    if (this.#state && this.#version === version) {
      next();
      return;
    }
    const isKnown = this.#state && version > this.#version && version - this.#version < logLengthMax;
    if (!isKnown) {
      this.#load(records, version, next, giveUp);
      return;
    }
    log.getAll(IDBKeyRange.bound(this.#version + 1, version)).onsuccess = ({ target }) => {
      const lists = target.result;
      if (lists.length !== version - this.#version || lists.includes(null)) {
        this.#load(records, version, next, giveUp);
        return;
      }
      // In the order of keys, an account's own record precedes its parts.
      const keys = [...new Set(lists.flat())].sort();
      if (!this.#Account && keys.some(isOfAccount)) {
        giveUp(accountNeeded);
        return;
      }
      let waiting = keys.length;
      const done = () => {
        this.#state.finishTaking();
        this.#version = version;
        next();
      };
      if (waiting === 0) done();
      for (const key of keys) {
        records.get(key).onsuccess = (event) => {
          this.#state.take(key, event.target.result);
          waiting -= 1;
          if (waiting === 0) done();
        };
      }
    };
  }

  #load(records, version, next, giveUp) {
    let keys;
    records.getAllKeys().onsuccess = ({ target }) => {
      keys = target.result;
      if (!this.#Account && keys.some(isOfAccount)) giveUp(accountNeeded);
    };
    records.getAll().onsuccess = ({ target }) => {
      const state = new State(this.#Account);
      keys.forEach((key, index) => {
        if (key !== versionKey) state.take(key, target.result[index]);
      });
      state.finishTaking();
      this.#state = state;
      this.#version = version;
      next();
    };
  }
}

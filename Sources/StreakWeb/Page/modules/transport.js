// Calls of the service by Connect with JSON, over fetch: https://connectrpc.com/docs/protocol
// Every failure becomes a `CallError`, whose `kind` says what is known and whose `reason` is the
// service's own name of the refusal.

import { utf8Length } from "./bytes.js";

/** How long a call may take, in milliseconds. */
export const callMilliseconds = 30_000;
/** How long a stream may be without a byte before it counts as dead, in milliseconds. */
const idleMilliseconds = 600_000;
/** The most that a browser sends after its page has gone (`keepalive`), with room for headers. */
const keepaliveBytesMax = 60_000;

export class CallError extends Error {
  /**
   * @param kind "unreachable": no answer came; the server may have carried out what arrived, and
   *   repeating is safe. "failing": the server was reached and could not answer. "signInNeeded",
   *   "copied", "accountErased", "accountUnknown": as the reason says. "refused": a final answer.
   */
  constructor(kind, { code = "", reason = "", message = "", retryMilliseconds, fields = [], details = [] } = {}) {
    super(message || reason || code || kind);
    this.name = "CallError";
    this.kind = kind;
    this.code = code;
    this.reason = reason;
    this.retryMilliseconds = retryMilliseconds;
    this.fields = fields;
    this.details = details;
  }

  /** The answer had no effect, and repeating the request would be refused again. */
  get isFinal() {
    return (
      (this.kind === "refused" && this.code !== "resource_exhausted") || this.kind === "accountErased" ||
      this.kind === "accountUnknown"
    );
  }

  /** The message among the status's details, such as "streak.v1.SyncRefusal". */
  detail(type) {
    return this.details.find((detail) => detail.type === type)?.debug;
  }
}

const unreachable = (message) => new CallError("unreachable", { code: "unavailable", message });

/** The code of a status that no Connect server wrote, such as a proxy's. */
const codeOfStatus = (status) =>
  ({ 400: "internal", 401: "unauthenticated", 403: "permission_denied", 404: "unimplemented", 429: "unavailable", 502: "unavailable",
    503: "unavailable", 504: "unavailable" })[status] ?? "unknown";

/** The failure that a Connect error's JSON states. */
export const errorOf = (body, status = 0) => {
  const code = body?.code ?? codeOfStatus(status);
  const details = (body?.details ?? []).map(({ type, debug }) => ({ type, debug: debug ?? {} }));
  const find = (type) => details.find((detail) => detail.type === type)?.debug;
  const info = find("google.rpc.ErrorInfo");
  const reason = info?.reason ?? "";
  const seconds = Number.parseFloat(find("google.rpc.RetryInfo")?.retryDelay);
  const state = {
    code, reason, details, message: body?.message ?? "",
    retryMilliseconds: Number.isFinite(seconds) ? seconds * 1000 : undefined,
    fields: (find("google.rpc.BadRequest")?.fieldViolations ?? []).map(({ field, description }) => ({ field, description })),
  };
  const kind =
    { ACCOUNT_ERASED: "accountErased", ACCOUNT_UNKNOWN: "accountUnknown",
      CREDENTIALS_INVALID: info?.metadata?.new_device === "true" ? "copied" : "signInNeeded" }[reason] ??
    // These statuses say nothing about the request itself: repeating it may succeed.
    (["unavailable", "canceled", "unknown", "deadline_exceeded", "internal"].includes(code) || reason === "CONCURRENT_CHANGE"
      ? "failing"
      : "refused");
  return new CallError(kind, state);
};

const headersFor = (contentType, { bearer, timeoutMilliseconds }) => ({
  "content-type": contentType,
  "connect-protocol-version": "1",
  ...(timeoutMilliseconds ? { "connect-timeout-ms": String(timeoutMilliseconds) } : {}),
  ...(bearer ? { authorization: `Bearer ${bearer}` } : {}),
});

/** Ends a call at its deadline, or when its caller gives up. */
const limited = (milliseconds, signal) => {
  const controller = new AbortController();
  const end = () => controller.abort();
  const timer = setTimeout(end, milliseconds);
  signal?.addEventListener("abort", end);
  if (signal?.aborted) end();
  return {
    signal: controller.signal,
    stop() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
    },
  };
};

/** A browser's or a network's failure. The text is the browser's own; it is not shown as it is. */
const failureOf = (error) => (error instanceof CallError ? error : unreachable(String(error?.message ?? error)));

const isJSON = (response) => (response.headers.get("content-type") ?? "").startsWith("application/json");

export class Transport {
  constructor(origin = "") {
    this.origin = origin;
  }

  /**
   * A unary call. Repeating it is safe for every method of this page: the service's calls state
   * absolute values, or have keys.
   */
  async call(method, message = {}, { bearer, signal, timeoutMilliseconds = callMilliseconds } = {}) {
    const body = JSON.stringify(message);
    const limit = limited(timeoutMilliseconds, signal);
    try {
      const response = await fetch(`${this.origin}/streak.v1.${method}`, {
        method: "POST", body, signal: limit.signal, credentials: "same-origin", cache: "no-store",
        headers: headersFor("application/json", { bearer, timeoutMilliseconds }),
        // What a person has just done still goes out when the tab is closed.
        keepalive: body.length < keepaliveBytesMax && utf8Length(body) < keepaliveBytesMax,
      });
      // A network that asks for a sign-in of its own answers with a page.
      if (response.ok && !isJSON(response)) throw unreachable("The answer is not the service's.");
      if (response.ok) return await response.json();
      throw errorOf(isJSON(response) ? await response.json() : undefined, response.status);
    } catch (error) {
      throw failureOf(error);
    } finally {
      limit.stop();
    }
  }

  /**
   * A call with a stream of answers. `messages` are the requests: a browser sends all of them
   * before it reads, so several only suit methods that answer at the end.
   */
  async *stream(method, messages, { bearer, signal, idle = idleMilliseconds } = {}) {
    const controller = new AbortController();
    const end = () => controller.abort();
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
    let timer = setTimeout(end, idle);
    try {
      const response = await fetch(`${this.origin}/streak.v1.${method}`, {
        method: "POST", body: new Blob(messages.map(envelope)), signal: controller.signal, credentials: "same-origin",
        cache: "no-store", headers: headersFor("application/connect+json", { bearer }),
      });
      if (!response.ok || !(response.headers.get("content-type") ?? "").startsWith("application/connect+json")) {
        throw errorOf(isJSON(response) ? await response.json() : undefined, response.status || 503);
      }
      const reader = response.body.getReader();
      const envelopes = new EnvelopeReader();
      for (;;) {
        const { done, value } = await reader.read();
        clearTimeout(timer);
        timer = setTimeout(end, idle);
        if (done) throw unreachable("The stream ended early.");
        for (const { isEnd, message } of envelopes.add(value)) {
          if (!isEnd) {
            yield message;
          } else if (message.error) {
            throw errorOf(message.error);
          } else {
            return;
          }
        }
      }
    } catch (error) {
      throw failureOf(error);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      controller.abort();
    }
  }
}

/** One message of a stream: a byte of flags, its length in 4 bytes, its JSON. */
const envelope = (message) => {
  const body = new TextEncoder().encode(JSON.stringify(message));
  const head = new Uint8Array(5);
  new DataView(head.buffer).setUint32(1, body.length);
  return new Blob([head, body]);
};

/** Cuts a stream's bytes into messages, wherever the network has cut them. */
export class EnvelopeReader {
  #rest = new Uint8Array(0);

  add(bytes) {
    const all = new Uint8Array(this.#rest.length + bytes.length);
    all.set(this.#rest);
    all.set(bytes, this.#rest.length);
    const messages = [];
    let start = 0;
    while (all.length - start >= 5) {
      const count = new DataView(all.buffer).getUint32(start + 1);
      if (all.length - start - 5 < count) break;
      const text = new TextDecoder().decode(all.subarray(start + 5, start + 5 + count));
      messages.push({ isEnd: (all[start] & 2) !== 0, message: JSON.parse(text || "{}") });
      start += 5 + count;
    }
    this.#rest = all.slice(start);
    return messages;
  }
}

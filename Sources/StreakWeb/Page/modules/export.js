// Downloads everything that the server holds of an account, as one document, and checks it before
// anyone gets it. A broken connection goes on where it was, as long as the data is the same.

import { base64, fromBase64 } from "./bytes.js";
import { sha256 } from "./canonical.js";
import { check } from "./document.js";
import { CallError } from "./transport.js";

/** Broken connections in a row without progress, and restarts because the data has changed. */
const cutsMax = 5;
const beginningsMax = 5;
const pauseMilliseconds = 1_000;

const joined = (parts) => {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    bytes.set(part, place);
    place += part.length;
  }
  return bytes;
};

/** Resolves with `{bytes, count}`. `progress` gets the number of bytes so far. */
export const exportEverything = async (calls, userId, progress = () => {}) => {
  let [parts, size, snapshot, manifest] = [[], 0, "", undefined];
  let [cuts, beginnings] = [0, 0];
  const begin = () => {
    [parts, size, snapshot, manifest] = [[], 0, "", undefined];
  };
  while (!manifest) {
    const before = size;
    try {
      const resume = snapshot ? { snapshot, documentBytes: String(size), sha256: base64(await sha256(joined(parts))) } : undefined;
      const request = { format: "EXPORT_FORMAT_JSON", ...(resume ? { resume } : {}) };
      for await (const message of calls.stream("ExportService/Export", [request], userId)) {
        if (message.snapshot && message.snapshot !== snapshot) {
          begin();
          ({ snapshot } = message);
        }
        if (message.chunk) {
          const part = fromBase64(message.chunk);
          parts.push(part);
          size += part.length;
          progress(size);
        }
        manifest = message.manifest ?? manifest;
      }
      if (!manifest) throw new CallError("failing", { message: "The document ended early." });
    } catch (error) {
      if (error.reason === "EXPORT_CHANGED" && beginnings < beginningsMax) {
        beginnings += 1;
        begin();
        continue;
      }
      cuts = size > before ? 0 : cuts + 1;
      if (!["unreachable", "failing"].includes(error.kind) || cuts >= cutsMax) throw error;
      await new Promise((resolve) => setTimeout(resolve, cuts * pauseMilliseconds));
    }
  }
  const bytes = joined(parts);
  return { bytes, count: await check(bytes, manifest) };
};

/** Bytes of one piece of a document that is imported. */
const pieceBytes = 128 * 1024;

/**
 * Imports a document of this service into an empty account, with the status of its days. The whole
 * request is sent before the answer is read, which is all that a browser can do.
 */
export const importDocument = async (calls, userId, importId, bytes) => {
  const messages = [{ begin: { importId, format: "EXPORT_FORMAT_JSON" } }];
  for (let start = 0; start < bytes.length; start += pieceBytes) messages.push({ chunk: base64(bytes.subarray(start, start + pieceBytes)) });
  let answer = {};
  for await (const message of calls.stream("ExportService/Import", messages, userId)) answer = message;
  return answer;
};

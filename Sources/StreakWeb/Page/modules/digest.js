// The digest of a person's whole state, compared with the server's after each pull: silent
// divergence is found at once. Source: sync.proto, `StateDigest`.
//
// An item's digest is the first 16 bytes of SHA-256 over its canonical bytes, as two 64-bit
// numbers; each of the two is summed modulo 2^64. The sum is kept up to date item by item: hashing
// is asynchronous in a browser, and a database transaction cannot wait for it. So the hashes of
// what arrives are made before the transaction, and stored with the items.

import { base64, fromBase64 } from "./bytes.js";
import { Writer, sha256 } from "./canonical.js";

export const quarantineNumbers = { "": 0, OVER_LIMIT: 1, ANCHOR: 2, TOO_OLD: 3, BACKFILL: 4, ZONE_HOP: 5 };

const mask = (1n << 64n) - 1n;

export const emptyDigest = Object.freeze([0n, 0n]);

const pair = (bytes) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return [view.getBigUint64(0), view.getBigUint64(8)];
};

const digestOf = async (writer) => pair(await sha256(writer.bytes));

export const habitDigest = (id, fields) =>
  digestOf(
    new Writer().byte(1).id(id).text(fields.name).text(fields.description).int32(fields.color).int32(fields.position)
      .byte(fields.archived),
  );

export const cellDigest = (cell) =>
  digestOf(
    new Writer().byte(2).id(cell.habitId).int32(cell.day).byte(cell.done).byte(quarantineNumbers[cell.quarantine])
      .text(cell.note),
  );

export const dayStartDigest = async (minutes) =>
  minutes === 0 ? emptyDigest : digestOf(new Writer().byte(3).int32(minutes));

export const plus = (left, right) => [(left[0] + right[0]) & mask, (left[1] + right[1]) & mask];
export const minus = (left, right) => [(left[0] - right[0]) & mask, (left[1] - right[1]) & mask];
export const isSame = (left, right) => left[0] === right[0] && left[1] === right[1];

/** The 16 bytes in base64, as the schema carries them. */
export const writeDigest = (digest) => {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, digest[0]);
  view.setBigUint64(8, digest[1]);
  return base64(bytes);
};

/** Reads `writeDigest` back; undefined for another length. */
export const readDigest = (text) => {
  const bytes = fromBase64(text ?? "");
  return bytes.length === 16 ? pair(bytes) : undefined;
};

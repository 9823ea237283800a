// Canonical bytes, of which digests and hashes are made. Loaded with what makes one.

import { fromBase64, utf8 } from "./bytes.js";

export const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

/** Writes canonical bytes: integers big-endian, text as its length in 4 bytes and its UTF-8. */
export class Writer {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #count = 0;

  #room(more) {
    if (this.#count + more <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#count + more));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }

  raw(bytes) {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#count);
    this.#count += bytes.length;
    return this;
  }

  byte(value) {
    this.#room(1);
    this.#bytes[this.#count++] = Number(value);
    return this;
  }

  int32(value) {
    this.#room(4);
    this.#view.setInt32(this.#count, value);
    this.#count += 4;
    return this;
  }

  int64(value) {
    this.#room(8);
    this.#view.setBigInt64(this.#count, BigInt(value));
    this.#count += 8;
    return this;
  }

  id(text) {
    return this.raw(fromBase64(text));
  }

  text(text) {
    const bytes = utf8(text);
    return this.int32(bytes.length).raw(bytes);
  }

  get bytes() {
    return this.#bytes.slice(0, this.#count);
  }
}

// Bytes, and the texts that stand for them in JSON. Ids are kept in the form in which the server
// writes them (base64), so that nothing has to be converted on the way in or out.

export const base64 = (bytes) => {
  let text = "";
  // In parts: `fromCharCode` takes its bytes as arguments, and an engine limits their number.
  for (let start = 0; start < bytes.length; start += 8192) {
    text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  }
  return btoa(text);
};

export const fromBase64 = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export const randomBytes = (count) => crypto.getRandomValues(new Uint8Array(count));

/** A new random id: 16 bytes, in base64. */
export const newId = () => base64(randomBytes(16));

/** Sixteen zero bytes. */
export const zeroId = "AAAAAAAAAAAAAAAAAAAAAA==";

/** Orders ids by their bytes; the order of their base64 is another one. */
export const byId = (left, right) => {
  if (left === right) return 0;
  return atob(left) < atob(right) ? -1 : 1;
};

const encoder = new TextEncoder();
export const utf8 = (text) => encoder.encode(text);
export const utf8Length = (text) => encoder.encode(text).length;

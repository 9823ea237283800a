// A file's bytes as text, and kinds of files that are no text.

/**
 * A file that cannot be read, or not without an answer: `question` is "dateOrder" or "habitName".
 */
export class ImportError extends Error {
  constructor(key, { question, example, values } = {}) {
    super(key);
    this.name = "ImportError";
    Object.assign(this, { key, question, example, values });
  }
}

/** Kinds that are not read here, by their first characters. */
const knownKinds = [
  ["SQLite format 3\0", "import.database"], ["PK\u0003\u0004", "import.zip"], ["PK\u0005\u0006", "import.zip"], ["\u00d0\u00cf\u0011\u00e0", "import.spreadsheet"],
  ["%PDF", "import.pdf"], ["\u001f\u008b", "import.gzip"], ["bplist00", "import.plist"],
];

/**
 * The characters of the bytes 0x80 to 0x9F. Source: the Encoding Standard's index of windows-1252.
 */
const windows1252 = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ";

const sampleBytes = 4096;
/** Bytes that are converted at once: `fromCharCode` takes them as arguments. */
const pieceBytes = 8192;

/** One character for each byte. */
const latin1 = (bytes) => {
  let text = "";
  for (let start = 0; start < bytes.length; start += pieceBytes) text += String.fromCharCode(...bytes.subarray(start, start + pieceBytes));
  return text;
};

const count = (text, pattern) => text.match(pattern)?.length ?? 0;

/** The byte order of UTF-16 without a mark: half of most characters is zero. */
const unmarkedUTF16 = (bytes) => {
  const sample = bytes.subarray(0, sampleBytes);
  const zeros = [0, 0];
  sample.forEach((byte, place) => { if (byte === 0) zeros[place % 2] += 1; });
  // Some characters are zero in the other half.
  const isMost = (one, other) => one > sample.length / 4 && 10 * other < one;
  if (isMost(zeros[1], zeros[0])) return "utf-16le";
  return isMost(zeros[0], zeros[1]) ? "utf-16be" : undefined;
};

const fromUTF16 = (bytes, encoding) => {
  const whole = bytes.subarray(0, bytes.length - (bytes.length % 2));
  const remarks = whole.length < bytes.length ? [{ key: "halfCharacter" }] : [];
  const text = new TextDecoder(encoding).decode(whole);
  // Signs that stand in the file itself are no faults.
  const [first, second] = encoding === "utf-16be" ? [0xff, 0xfd] : [0xfd, 0xff];
  let halves = count(text, /\ufffd/g);
  for (let place = 0; halves > 0 && place < whole.length; place += 2) if (whole[place] === first && whole[place + 1] === second) halves -= 1;
  if (halves > 0) remarks.push({ key: "halfSigns", detail: String(halves) });
  return { text, remarks };
};

const fromUTF8 = (bytes) => {
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes), remarks: [] };
  } catch {
    const text = new TextDecoder().decode(bytes);
    // Signs that stand in the file itself are no faults.
    const faults = count(text, /\ufffd/g) - count(latin1(bytes), /\u00ef\u00bf\u00bd/g);
    const characters = count(text, /[^\0-\u007f]/gu) - faults;
    if (characters > faults) return { text, remarks: [{ key: "badBytes", detail: String(faults) }] };
    return { text: latin1(bytes).replace(/[\u0080-\u009f]/g, (sign) => windows1252[sign.charCodeAt(0) - 0x80]), remarks: [{ key: "windows1252" }] };
  }
};

/**
 * The text of a file as `{text, remarks}`: UTF-8 and UTF-16 with and without a mark, Windows-1252.
 */
export const decode = (bytes) => {
  const head = latin1(bytes.subarray(0, 16));
  const kind = knownKinds.find(([beginning]) => head.startsWith(beginning));
  if (kind) throw new ImportError(kind[1]);
  if (head.startsWith("\u00ff\u00fe")) return fromUTF16(bytes, "utf-16le");
  if (head.startsWith("\u00fe\u00ff")) return fromUTF16(bytes, "utf-16be");
  const encoding = unmarkedUTF16(bytes);
  return encoding ? fromUTF16(bytes, encoding) : fromUTF8(bytes);
};

/** A text contains at most one control character below the tab in so many; it has some damage. */
const controlsPart = 10;

/** With spaces instead of control characters below the tab; refuses what is no text. */
export const withoutControls = (text) => {
  const controls = count(text, /[\0-\u0008]/g);
  if (controlsPart * controls > text.length) throw new ImportError("import.notText");
  return controls === 0 ? { text, remarks: [] } : { text: text.replace(/[\0-\u0008]/g, " "), remarks: [{ key: "controls", detail: String(controls) }] };
};

/** Without white space around it and without control characters there. */
export const trimmed = (text) => {
  const first = text.charCodeAt(0);
  const last = text.charCodeAt(text.length - 1);
  // Most fields need no trimming.
  if (first > 0x20 && first < 0x7f && last > 0x20 && last < 0x7f) return text;
  return text.replace(/^[\s\p{Cc}]+/u, "").replace(/[\s\p{Cc}]+$/u, "");
};

/** Most characters of a text in a remark. */
const shownMax = 300;
/** A text for a remark, on one line, and shortened if necessary. */
export const shown = (text) => {
  const line = text.replace(/[\r\n\u2028\u2029]+/g, " ");
  return line.length <= shownMax ? line : `${line.slice(0, shownMax)}… (${line.length})`;
};

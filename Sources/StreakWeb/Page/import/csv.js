// Tables of text: RFC 4180, and what programs make of it.

import { readDate } from "./dates.js";
import { trimmed } from "./text.js";

const delimiters = [",", ";", "\t", "|"];
/** Rows by which the delimiter is found. */
const sampleRows = 50;
/**
 * Most characters of a quoted field: in a longer one, the opening mark is taken for a stray one.
 */
const quotedMax = 262_144;

/** The element that occurs most often; of several the first. */
export const mostFrequent = (elements) => {
  const counts = new Map();
  for (const element of elements) counts.set(element, (counts.get(element) ?? 0) + 1);
  return [...counts].reduce((best, each) => (each[1] > best[1] ? each : best), [undefined, 0])[0];
};

/** Most rows quote none. */
const noColumns = new Set();

/** Parses a text row by row. */
class Parser {
  remarks = [];
  #place = 0;
  #width = 0;
  /** Those of the last row. */
  #quotedColumns;

  constructor(text, delimiter, line = 1) {
    Object.assign(this, { text, delimiter, line });
  }

  /** The next row that is not empty. */
  next() {
    while (this.#place < this.text.length) {
      const [start, line] = [this.#place, this.line];
      let fields = this.#row(true);
      if (!fields) {
        // A stray quotation mark must not swallow the following rows.
        [this.#place, this.line] = [start, line];
        fields = this.#row(false);
        this.remarks.push({ key: "quotes", place: `line ${line}` });
      }
      if (!fields.some((field) => field !== "")) continue;
      this.#width ||= fields.length;
      return { line, fields, quoted: this.#quotedColumns };
    }
    return undefined;
  }

  #isEnd(place) {
    const character = this.text[place];
    return character === undefined || character === "\n" || character === "\r";
  }

  /** One row with its line end; undefined if its quotation marks do not match. */
  #row(hasQuotes) {
    const { text, delimiter } = this;
    const fields = [];
    this.#quotedColumns = noColumns;
    for (;;) {
      let end = this.#place;
      // Spaces may precede a quotation mark.
      while (text[end] === " ") end += 1;
      const quoted = hasQuotes && text[end] === '"' ? this.#quoted(end + 1) : undefined;
      if (quoted !== undefined) {
        if (this.#quotedColumns === noColumns) this.#quotedColumns = new Set();
        this.#quotedColumns.add(fields.length);
        fields.push(quoted);
      } else {
        if (hasQuotes && text[this.#place] === '"') return undefined;
        while (text[end] !== delimiter && !this.#isEnd(end)) end += 1;
        fields.push(text.slice(this.#place, end));
        this.#place = end;
      }
      if (text[this.#place] !== delimiter) {
        this.line += 1;
        this.#place += text.startsWith("\r\n", this.#place) ? 2 : 1;
        return fields;
      }
      this.#place += 1;
    }
  }

  /** The content of a quoted field from `start` on; undefined if its closing mark is missing. */
  #quoted(start) {
    const { text, delimiter } = this;
    let content = "";
    for (let from = start; ; ) {
      const end = text.indexOf('"', from);
      if (end < 0) return undefined;
      content += text.slice(from, end);
      if (content.length > quotedMax) return undefined;
      from = end + 1;
      if (text[from] === '"') {
        content += '"';
        from += 1;
        continue;
      }
      while (text[from] === " ") from += 1;
      if ((text[from] !== delimiter && !this.#isEnd(from)) || this.#holdsRows(content)) return undefined;
      this.line += content.split("\n").length - 1;
      this.#place = from;
      return content;
    }
  }

  /**
   * Whether a field's further lines are rows themselves, so that its opening mark is a stray one.
   */
  #holdsRows(content) {
    if (this.#width < 2 || !/[\r\n]/.test(content)) return false;
    return content.split(/[\r\n]/).slice(1).some((line) => {
      const fields = line.split(this.delimiter);
      return fields.length === this.#width && fields.some((field) => readDate(trimmed(field)) !== undefined);
    });
  }
}

/** The delimiter with which most rows have as many fields as the header. */
const delimiterOf = (text) => {
  let best = { delimiter: ",", score: 0 };
  for (const delimiter of delimiters) {
    const parser = new Parser(text, delimiter);
    const widths = [];
    for (let row = parser.next(); row && widths.length < sampleRows; row = parser.next()) widths.push(row.fields.length);
    const usual = mostFrequent(widths) ?? 0;
    const score = 2 * widths.filter((width) => width === usual).length + (widths[0] === usual ? 1 : 0);
    if (usual > 1 && score > best.score) best = { delimiter, score };
  }
  return best.delimiter;
};

/**
 * The rows as `{line, fields, quoted}`, with the columns that are quoted; empty rows are left out.
 */
export const readTable = (text) => {
  // Spreadsheets declare their delimiter so.
  const declared = /^sep=(.)(?:\r\n?|\n)/.exec(text);
  const body = declared ? text.slice(declared[0].length) : text;
  const parser = new Parser(body, declared?.[1] ?? delimiterOf(body), declared ? 2 : 1);
  const rows = [];
  for (let row = parser.next(); row; row = parser.next()) rows.push(row);
  return { delimiter: parser.delimiter, rows, remarks: parser.remarks };
};

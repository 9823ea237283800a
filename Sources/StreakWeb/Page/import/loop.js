// Files of Loop Habit Tracker. Source: iSoron/uhabits, models/Entry.kt.

import { readDate } from "./dates.js";
import { addHabit, newFile } from "./history.js";
import { mostFrequent } from "./csv.js";
import { ImportError, trimmed } from "./text.js";

const kind = "Loop Habit Tracker, CSV";
const words = { YES_MANUAL: "done", YES_AUTO: "filledIn", NO: "notDone", SKIP: "skipped", UNKNOWN: "unknown", "": "unknown" };
const isInteger = (text) => /^[-+]?\d{1,18}$/.test(text);
const isAmount = (text) => isInteger(text) && (Number(text) < -1 || Number(text) > 3);

/** The meaning of a value; undefined if it is none of Loop's. Amounts are in thousandths. */
const valueOf = (text, hasAmounts) => {
  if (Object.hasOwn(words, text)) return words[text];
  if (!isInteger(text)) return undefined;
  const number = Number(text);
  if (number === -1) return "unknown";
  if (number === 3) return "skipped";
  return !hasAmounts && number >= 0 && number <= 2 ? ["notDone", "filledIn", "done"][number] : number / 1000;
};

/**
 * Checkmarks.csv of one habit, from that habit's folder, whose name alone names the habit: with
 * Date,Value,Notes since 2.1, without a header in 2.0.
 */
export const loopHabit = ({ rows }, { habitName }) => {
  const texts = rows.map(({ fields }) => fields.map(trimmed));
  const header = texts[0].map((name) => name.toLowerCase());
  const hasHeader = header[0] === "date" && header[1] === "value" && (header.length === 2 || header[2] === "notes");
  const isReadable = (fields) => fields.length > 1 && fields[1] !== "" && valueOf(fields[1], true) !== undefined;
  if (hasHeader ? !texts.some(isReadable) : texts[0].length !== 2 || readDate(texts[0][0]) === undefined || !isReadable(texts[0])) return undefined;
  if (!habitName) throw new ImportError("import.loopHabit", { question: "habitName" });
  const file = newFile(kind);
  const own = rows.slice(hasHeader ? 1 : 0).map((row) => ({ place: `line ${row.line}`, fields: row.fields.map(trimmed) }));
  const hasAmounts = own.some(({ fields }) => isAmount(fields[1] ?? ""));
  const habit = addHabit(file, habitName, hasAmounts ? { goal: "elsewhere" } : {});
  for (const { place, fields } of own) {
    const [date, text = ""] = fields;
    // Commas of a note that is not quoted
    const note = fields.slice(2).join(", ");
    const value = valueOf(text, hasAmounts);
    if (fields.length < 2) file.remarks.push({ key: "cutValue", habit: habitName, place });
    if (value === undefined) file.remarks.push({ key: "loopValue", habit: habitName, place, detail: [text, note].filter(Boolean).join(", ") });
    else file.records.push({ habit, date, value, note, place });
  }
  return file;
};

/** Files of the same export that hold no days. */
export const loopOther = ({ rows }, { name }) => {
  const header = rows[0].fields.map(trimmed);
  if (header[0] === "Position" && header[1] === "Name") throw new ImportError("import.loopList");
  const values = rows.slice(1, 51).flatMap(({ fields }) => fields.slice(1).filter(Boolean));
  const isScores = name.toLowerCase().startsWith("scores") || header[1] === "Score" || (values.length > 1 && values.every((text) => /^(0\.\d{4}|1\.0000)$/.test(text)));
  if (header[0] === "Date" && isScores) throw new ImportError("import.loopScores");
  return undefined;
};

/** "Entry(timestamp=2023-02-17, value=2)" of version 2.0.3 is two fields, and more with commas in its note. */
const joinedEntries = (fields) => {
  const values = [];
  let open;
  for (const field of fields) {
    if (open === undefined && !field.startsWith("Entry(")) {
      values.push(trimmed(field));
      continue;
    }
    open = open === undefined ? field : `${open},${field}`;
    if (!field.endsWith(")")) continue;
    values.push(open);
    open = undefined;
  }
  if (open !== undefined) values.push(open);
  if (values.at(-1) === "") values.pop();
  return values;
};

/** The value and the note of an entry. */
const partsOf = (text) => {
  const start = text.startsWith("Entry(") ? text.indexOf("value=") : -1;
  if (start < 0) return { text, note: "" };
  const notes = text.indexOf(", notes=");
  return { text: /^[^,)]*/.exec(text.slice(start + 6))[0], note: notes < 0 ? "" : text.slice(notes + 8).replace(/\)$/, "") };
};

/** Whether only Loop writes this: "Entry(...)", its words, or its header and numbers. */
const isCheckmarks = ({ rows, delimiter }, name) => {
  const header = rows[0].fields;
  if (delimiter !== "," || trimmed(header[0]) !== "Date" || header.length < 2) return false;
  const fields = rows.slice(1).flatMap((row) => row.fields.slice(1)).filter(Boolean);
  if (fields.some((field) => field.startsWith("Entry(") || field === "-1" || (field !== "NO" && Object.hasOwn(words, field)))) return true;
  return fields.every((field) => isInteger(field) || field === "NO") && (name.toLowerCase().includes("checkmarks") || (header.length > 2 && header.at(-1) === ""));
};

/** The names of the header, which are not quoted: after a comma in a name a space follows. */
const namesOf = (header, width) => {
  const pieces = header.slice(1);
  if (pieces.at(-1) === "") pieces.pop();
  if (pieces.length === width || width === 0) return pieces;
  const joined = [];
  for (const piece of pieces) {
    if (piece.startsWith(" ") && joined.length > 0) joined.push(`${joined.pop()},${piece}`);
    else joined.push(piece);
  }
  if (joined.length !== width) throw new ImportError("import.loopNames");
  return joined;
};

/** Checkmarks.csv of all habits: a row for each day, a column for each habit. */
export const loopCheckmarks = (table, { name }) => {
  if (!isCheckmarks(table, name)) return undefined;
  const file = newFile(kind);
  // A name may hold a line feed: the header ends at the first row with a date.
  const dated = table.rows.findIndex(({ fields }, index) => index > 0 && readDate(trimmed(fields[0])) !== undefined);
  const start = dated < 0 ? table.rows.length : dated;
  const header = table.rows.slice(0, start).reduce((joined, { fields }) => [...joined.slice(0, -1), [joined.at(-1), fields[0]].filter((part) => part !== undefined).join("\n"), ...fields.slice(1)], []);
  const rows = table.rows.slice(start).map(({ fields, line }) => ({ date: fields[0], values: joinedEntries(fields.slice(1)), place: `line ${line}` }));
  const width = mostFrequent(rows.map(({ values }) => values.length)) ?? 0;
  for (const { values, place } of rows) {
    if (values.length < width) file.remarks.push({ key: "cutValues", place, detail: `${values.length} / ${width}` });
    if (values.length > width) file.remarks.push({ key: "fields", place, detail: values.slice(width).join(", ") });
  }
  namesOf(header, width).forEach((habitName, column) => {
    const entries = rows.filter(({ values }) => values.length > column).map(({ date, values, place }) => ({ date, place, ...partsOf(values[column]) }));
    const hasAmounts = entries.some(({ text }) => isAmount(text));
    const habit = addHabit(file, habitName, { place: "line 1", ...(hasAmounts ? { goal: "elsewhere" } : {}) });
    for (const { date, place, text, note } of entries) {
      const value = valueOf(text, hasAmounts);
      if (value === undefined) file.remarks.push({ key: "loopValue", habit: habitName, place, detail: text });
      else if (value !== "unknown" || note) file.records.push({ habit, date, value, note, place });
    }
  });
  return file;
};

// Files of Loop Habit Tracker. Source: iSoron/uhabits, models/Entry.kt.

import { readDate } from "./dates.js";
import { addHabit, newFile } from "./history.js";
import { mostFrequent } from "./csv.js";
import { readNumber } from "./numbers.js";
import { ImportError, shown, trimmed } from "./text.js";

const kind = "Loop Habit Tracker, CSV";
const words = { YES_MANUAL: "done", YES_AUTO: "filledIn", NO: "notDone", SKIP: "skipped", UNKNOWN: "unknown", "": "unknown" };
const isInteger = (text) => /^[-+]?\d{1,18}$/.test(text);
const isAmount = (text) => isInteger(text) && (Number(text) < -1 || Number(text) > 3);

/** The meaning of a value; undefined if it is none of Loop's. Amounts are in thousandths. */
const valueOf = (text, hasAmounts) => {
  if (Object.hasOwn(words, text)) return words[text];
  if (!isInteger(text) || (!hasAmounts && isAmount(text))) return undefined;
  const number = Number(text);
  if (number === -1) return "unknown";
  if (number === 3) return "skipped";
  return !hasAmounts && number >= 0 && number <= 2 ? ["notDone", "filledIn", "done"][number] : number / 1000;
};

/** Whether a habit's values are amounts: they outnumber days that are done. */
const areAmounts = (texts) => texts.filter(isAmount).length > texts.filter((text) => ["1", "2", "YES_MANUAL", "YES_AUTO"].includes(text)).length;

/** The header of Loop's file of one habit, which other programs write too. */
const hasHabitHeader = ({ rows }) => ["date,value", "date,value,notes"].includes(rows[0].fields.map((name) => trimmed(name).toLowerCase()).join());

/**
 * Whether numbers of Loop's outnumber those of other programs. Loop writes amounts in thousandths.
 */
const hasLoopNumbers = (values) => {
  let [loops, others] = [0, 0];
  for (const value of values) {
    if (value === "0" || value === "1") continue;
    if (isInteger(value)) Number(value) >= 4 && Number(value) < 100 ? (others += 1) : (loops += 1);
    else if (!Object.hasOwn(words, value) && readNumber(value)) others += 1;
  }
  return loops > others;
};

/**
 * Whether Loop wrote it: it has the header and a value of Loop's, or most rows are a date and such
 * a value. Only 1 and 0 may be any program's.
 */
const isHabitFile = (table) => {
  const rows = table.rows.map(({ fields }) => fields.map(trimmed));
  if (!hasHabitHeader(table)) {
    const dated = rows.filter((fields) => fields.length === 2 && readDate(fields[0]) !== undefined);
    const readable = dated.filter(([, value]) => valueOf(value, true) !== undefined);
    return rows[0].length === 2 && 2 * readable.length > dated.length && hasLoopNumbers(dated.map(([, value]) => value));
  }
  const values = rows.slice(1).map(([, value = ""]) => value);
  if (values.some((value) => value !== "" && value !== "NO" && Object.hasOwn(words, value))) return true;
  // Loop's own capitals.
  return rows[0][0] === "Date" && rows[0][1] === "Value" && (values.length === 0 || hasLoopNumbers(values));
};

/**
 * Checkmarks.csv of one habit, from that habit's folder, whose name alone names the habit: with
 * Date,Value,Notes since 2.1, without a header in 2.0.
 */
export const loopHabit = (table, { habitName }) => {
  if (!isHabitFile(table)) return undefined;
  if (!habitName) throw new ImportError("import.loopHabit", { question: "habitName" });
  const file = newFile(kind);
  const hasHeader = hasHabitHeader(table);
  const hasNotes = hasHeader && table.rows[0].fields.length > 2;
  const rows = table.rows.slice(hasHeader ? 1 : 0).map((row) => ({ place: `line ${row.line}`, fields: row.fields.map(trimmed) }));
  const hasAmounts = areAmounts(rows.map(({ fields }) => fields[1] ?? ""));
  const habit = addHabit(file, habitName, hasAmounts ? { goal: "elsewhere" } : {});
  for (const { place, fields } of rows) {
    const [date, text = ""] = fields;
    // Commas of a note that is not quoted
    const rest = fields.slice(2).join(", ").replace(/[,\s]+$/, "");
    const value = valueOf(text, hasAmounts);
    const tell = (key, detail) => file.remarks.push({ key, habit: habitName, place, detail: shown(detail) });
    if (fields.length < 2) tell("cutValue", "");
    if (value === undefined) {
      tell("loopValue", [text, rest].filter(Boolean).join(", "));
      continue;
    }
    if (rest && !hasNotes) tell("fields", rest);
    file.records.push({ habit, date, value, note: hasNotes ? rest : "", place });
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

/**
 * "Entry(timestamp=2023-02-17, value=2)" of version 2.0.3 is two fields, and more with commas in
 * its note.
 */
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
const isCheckmarks = (table, name) => {
  const header = table.rows[0].fields;
  if (table.delimiter !== "," || trimmed(header[0]) !== "Date" || header.length < 2 || hasHabitHeader(table)) return false;
  const fields = table.rows.slice(1).flatMap((row) => row.fields.slice(1)).filter(Boolean);
  if (fields.some((field) => field.startsWith("Entry(") || field === "-1" || (field !== "NO" && Object.hasOwn(words, field)))) return true;
  if (!fields.every((field) => isInteger(field) || field === "NO")) return false;
  // Other programs too end rows with a comma, and write 1 for a day that is done.
  const endsInComma = header.length > 2 && header.at(-1) === "" && fields.some((field) => field !== "0" && field !== "1");
  return name.toLowerCase().includes("checkmarks") || endsInComma;
};

/**
 * Whether a row is no part of a header with a line feed: it has a date, or values beside a damaged
 * one.
 */
const isDay = ({ fields }) => {
  if (readDate(trimmed(fields[0])) !== undefined) return true;
  const values = joinedEntries(fields.slice(1)).filter(Boolean);
  return values.length > 0 && values.every((value) => valueOf(partsOf(value).text, true) !== undefined);
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
  // A name may hold a line feed.
  const dated = table.rows.findIndex((row, index) => index > 0 && isDay(row));
  const start = dated < 0 ? table.rows.length : dated;
  const header = [...table.rows[0].fields];
  for (const { fields } of table.rows.slice(1, start)) {
    header.push(`${header.pop()}\n${fields[0]}`);
    for (const field of fields.slice(1)) header.push(field);
  }
  const rows = table.rows.slice(start).map(({ fields, line }) => ({ date: fields[0], values: joinedEntries(fields.slice(1)), place: `line ${line}` }));
  const width = mostFrequent(rows.map(({ values }) => values.length)) ?? 0;
  for (const { values, place } of rows) {
    if (values.length < width) file.remarks.push({ key: "cutValues", place, detail: `${values.length} / ${width}` });
    if (values.length > width) file.remarks.push({ key: "fields", place, detail: values.slice(width).join(", ") });
  }
  namesOf(header, width).forEach((habitName, column) => {
    const entries = rows.filter(({ values }) => values.length > column).map(({ date, values, place }) => ({ date, place, ...partsOf(values[column]) }));
    const hasAmounts = areAmounts(entries.map(({ text }) => text));
    const habit = addHabit(file, habitName, { place: "line 1", ...(hasAmounts ? { goal: "elsewhere" } : {}) });
    for (const { date, place, text, note } of entries) {
      const value = valueOf(text, hasAmounts);
      if (value === undefined) file.remarks.push({ key: "loopValue", habit: habitName, place, detail: text });
      else if (value !== "unknown" || note) file.records.push({ habit, date, value, note, place });
    }
  });
  return file;
};

// Reads the files of other trackers, and documents of this service, into one form: habits with the
// days that were done, and remarks about everything that was not taken as it is. Nothing is dropped
// in silence. The rules are those of the program `streak`, which reads more kinds.

import { todayHere } from "../modules/clock.js";
import { fieldsOf, isNameValid } from "../modules/habit.js";
import { noteBytesMax } from "../modules/rules.js";
import { utf8Length } from "../modules/bytes.js";
import { readTable } from "./csv.js";
import { dayIn, orderOf, readDate } from "./dates.js";
import { columnOf, readValue } from "./words.js";

/** Most bytes of a file. */
export const fileBytesMax = 32 * 1024 * 1024;

/** A file that cannot be read, or not without an answer: `question` is "dateOrder" or undefined. */
export class ImportError extends Error {
  constructor(key, question) {
    super(key);
    this.name = "ImportError";
    this.key = key;
    this.question = question;
  }
}

// A record is `{habit, date | day, value, note, place}`; a file `{kind, habits, records, remarks}`.

const newFile = (kind) => ({ kind, habits: [], records: [], remarks: [] });

const habitPlace = (file, places, name, more = {}) => {
  if (!places.has(name)) {
    places.set(name, file.habits.length);
    file.habits.push({ name, description: "", color: 0, archived: false, ...more });
  }
  return places.get(name);
};

// MARK: tables

const isDate = (text) => readDate(text) !== undefined;
const isMostlyDates = (texts) => {
  const filled = texts.filter(Boolean);
  return filled.length > 0 && 2 * filled.filter(isDate).length > filled.length;
};

/** HabitBull: a row for each habit and day. */
const habitBull = ({ rows }) => {
  const header = rows[0].fields.map((name) => name.trim().toLowerCase());
  const at = (name) => header.indexOf(name);
  const date = Math.max(at("calendardate"), at("date"));
  if (at("habitname") < 0 || at("value") < 0 || date < 0 || Math.max(at("habitdescription"), at("habitcategory")) < 0) return undefined;
  const file = newFile("HabitBull, CSV");
  const places = new Map();
  for (const { fields, line } of rows.slice(1)) {
    const name = fields[at("habitname")] ?? "";
    const place = `line ${line}`;
    if (!name || fields.length <= Math.max(date, at("value"))) {
      file.remarks.push({ key: "cut", place });
      continue;
    }
    const habit = habitPlace(file, places, name, { description: fields[at("habitdescription")] ?? "" });
    const text = fields[at("value")];
    // Its mark for a day without a value is a number far below zero.
    const value = Number(text) < -2e9 ? "unknown" : text;
    file.records.push({ habit, date: fields[date], word: value, note: fields[at("commenttext")] ?? "", place });
  }
  return file;
};

/** Loop's values. Source: iSoron/uhabits, models/Entry.kt. */
const loopMeanings = { 2: "done", YES_MANUAL: "done", 1: "filledIn", YES_AUTO: "filledIn", 0: "notDone", NO: "notDone", "-1": "unknown", UNKNOWN: "unknown", "": "unknown", 3: "skipped", SKIP: "skipped" };
const isLoopValue = (text) => text in loopMeanings || /^-?\d+$/.test(text);

/**
 * Loop's Checkmarks.csv of one habit, from that habit's folder, whose name alone names the habit.
 * Without a header in version 2.0.
 */
const loopHabit = ({ rows }) => {
  const first = rows[0].fields;
  const header = first.map((name) => name.toLowerCase());
  const isWithHeader = header[0] === "date" && header[1] === "value" && (header.length === 2 || header[2] === "notes");
  const isFile = isWithHeader ? rows.slice(1).every(({ fields }) => isLoopValue(fields[1] ?? "")) : first.length === 2 && isDate(first[0]) && isLoopValue(first[1]);
  if (isFile) throw new ImportError("import.loopHabit");
  return undefined;
};

/** A value of version 2.0.3, "Entry(timestamp=2023-02-17, value=2)", is split at its commas. */
const loopFields = (fields) => {
  const joined = [];
  let open;
  for (const field of fields) {
    if (open === undefined && !field.startsWith("Entry(")) {
      joined.push({ text: field, note: "" });
      continue;
    }
    open = open === undefined ? field : `${open},${field}`;
    if (!field.endsWith(")")) continue;
    const [, text = "", , note = ""] = /value=([^,)]*)(,\s*notes=(.*))?\)$/s.exec(open) ?? [];
    joined.push({ text, note });
    open = undefined;
  }
  if (joined.at(-1)?.text === "") joined.pop();
  return joined;
};

/** The names of Loop's header, which it does not quote: after a comma in a name a space follows. */
const loopNames = (header, width) => {
  const pieces = header.slice(1);
  if (pieces.at(-1)?.trim() === "") pieces.pop();
  const joined = [];
  for (const piece of pieces) {
    if (pieces.length !== width && piece.startsWith(" ") && joined.length > 0) joined.push(`${joined.pop()},${piece}`);
    else joined.push(piece);
  }
  if (joined.length !== width) throw new ImportError("import.loopNames");
  return joined.map((name) => name.trim());
};

/** Loop's Checkmarks.csv: a row for each day, a column for each habit. */
const loopCheckmarks = ({ rows, delimiter, header }, name) => {
  if (delimiter !== "," || rows[0].fields[0] !== "Date" || header.length < 2) return undefined;
  const own = rows.slice(1).map(({ fields, line }) => ({ date: fields[0], values: loopFields(fields.slice(1)), line, isEntry: fields.some((field) => field.startsWith("Entry(")) }));
  const texts = own.flatMap(({ values }) => values.map(({ text }) => text)).filter(Boolean);
  const isOwn = own.some(({ isEntry }) => isEntry) || texts.some((text) => text === "-1" || /^(YES_MANUAL|YES_AUTO|SKIP|UNKNOWN)$/.test(text));
  if (!isOwn && !(texts.every(isLoopValue) && (name.toLowerCase().includes("checkmarks") || header.at(-1) === ""))) return undefined;
  const file = newFile("Loop Habit Tracker, CSV");
  // A row that is cut off has fewer values than the others.
  const width = Math.max(0, ...own.map(({ values }) => values.length));
  for (const { values, line } of own) if (values.length < width) file.remarks.push({ key: "cut", place: `line ${line}` });
  loopNames(header, width).forEach((habitName, column) => {
    const habit = file.habits.push({ name: habitName, description: "", color: 0, archived: false }) - 1;
    const entries = own.map(({ date, values, line }) => ({ date, line, ...values[column] })).filter(({ text }) => text);
    // Amounts are in thousandths, and their goal is in another file.
    if (entries.some(({ text }) => Number(text) > 3)) {
      file.remarks.push({ key: "goalElsewhere", habit: habitName });
      return;
    }
    for (const { date, text, note, line } of entries) file.records.push({ habit, date, value: loopMeanings[text] ?? "unknown", note, place: `line ${line}` });
  });
  return file;
};

/** A row for each habit and day, of any program; columns are found by their names. */
const list = ({ rows }) => {
  const header = rows[0].fields;
  const [habit, date, done, amount, note] = ["habit", "date", "done", "amount", "note"].map((kind) => columnOf(header, kind));
  if (habit < 0 || date < 0 || habit === date || !rows.slice(1).some(({ fields }) => isDate(fields[date] ?? ""))) return undefined;
  const file = newFile("list");
  const places = new Map();
  const value = done >= 0 ? done : amount;
  for (const { fields, line } of rows.slice(1)) {
    const place = `line ${line}`;
    const name = fields[habit] ?? "";
    if (!name || fields.length <= Math.max(date, value)) {
      file.remarks.push({ key: "cut", place });
      continue;
    }
    const record = { habit: habitPlace(file, places, name), date: fields[date], note: note >= 0 ? (fields[note] ?? "") : "", place };
    file.records.push(value >= 0 ? { ...record, word: fields[value] } : { ...record, value: "done" });
  }
  const used = new Set([habit, date, done, amount, note]);
  header.forEach((name, column) => {
    if (name && !used.has(column)) file.remarks.push({ key: "column", detail: name });
  });
  return file;
};

/** A row for each day and a column for each habit, or the reverse. */
const table = ({ rows }) => {
  const header = rows[0].fields;
  if (header.length < 2) return undefined;
  const file = newFile("table");
  if (isMostlyDates(header.slice(1))) {
    for (const { fields, line } of rows.slice(1)) {
      if (!fields[0]) continue;
      const habit = file.habits.push({ name: fields[0], description: "", color: 0, archived: false }) - 1;
      header.forEach((date, column) => {
        if (column > 0 && date && fields[column]) file.records.push({ habit, date, word: fields[column], note: "", place: `line ${line}` });
      });
    }
    return file;
  }
  const date = Math.max(0, columnOf(header, "date"));
  if (!isMostlyDates(rows.slice(1).map(({ fields }) => fields[date] ?? ""))) return undefined;
  const columns = [];
  const notes = [];
  header.forEach((name, column) => {
    if (column === date || !name) return;
    const texts = rows.slice(1).map(({ fields }) => fields[column] ?? "").filter(Boolean);
    const isText = texts.length > 0 && !texts.some((text) => readValue(text) !== undefined);
    if (columnOf([name], "note") === 0 || isText) notes.push(column);
    else columns.push({ column, habit: file.habits.push({ name, description: "", color: 0, archived: false }) - 1 });
  });
  if (columns.length === 0) return undefined;
  for (const { fields, line } of rows.slice(1)) {
    // If there is one habit, a column of text beside it is its note.
    const note = columns.length === 1 ? notes.map((column) => fields[column] ?? "").filter(Boolean).join("\n") : "";
    for (const { column, habit } of columns) {
      if (fields[column] || note) file.records.push({ habit, date: fields[date], word: fields[column] ?? "", note, place: `line ${line}` });
    }
  }
  if (columns.length > 1) for (const column of notes) file.remarks.push({ key: "column", detail: header[column] });
  return file;
};

// MARK: JSON

/** The document of this service's own export. */
const ownDocument = (root) => {
  if (root.schemaVersion === undefined || !Array.isArray(root.habits) || !Array.isArray(root.ledger)) return undefined;
  const file = newFile("own");
  const places = new Map();
  for (const habit of root.habits) {
    if (habit.deleted) {
      file.remarks.push({ key: "deleted", habit: habit.name });
      continue;
    }
    places.set(habit.id, file.habits.push(fieldsOf(habit)) - 1);
  }
  for (const entry of root.ledger) {
    const cell = entry.cell ?? entry;
    if (!places.has(cell.habitId)) continue;
    file.records.push({ habit: places.get(cell.habitId), day: cell.day, date: entry.date, value: cell.done ? "done" : "notDone", note: cell.note ?? "", place: entry.date ?? "" });
  }
  return file;
};

/** HabitKit: habits, and completions with a moment and its offset. */
const habitKit = (root) => {
  if (!Array.isArray(root.habits) || !Array.isArray(root.completions)) return undefined;
  const file = newFile("HabitKit, JSON");
  const places = new Map();
  const momentOf = (date) => (typeof date === "number" ? date * (date < 1e11 ? 1000 : 1) : Date.parse(date));
  /** How often a habit is to be done on a day, at the time of a completion. */
  const goalOf = (habitId, moment) =>
    (Array.isArray(root.intervals) ? root.intervals : []).findLast((interval) => interval.habitId === habitId && !(momentOf(interval.startDate) > moment) && !(momentOf(interval.endDate) <= moment))
      ?.requiredNumberOfCompletionsPerDay ?? 1;
  for (const habit of [...root.habits].sort((left, right) => (left.orderIndex ?? 0) - (right.orderIndex ?? 0))) {
    places.set(habit.id, file.habits.push({ name: habit.name ?? "", description: habit.description ?? "", color: 0, archived: habit.archived === true, isSlips: habit.isInverse === true }) - 1);
  }
  root.completions.forEach((item, index) => {
    const place = `completions, entry ${index + 1}`;
    const moment = momentOf(item.date);
    if (!places.has(item.habitId) || !Number.isFinite(moment)) {
      file.remarks.push({ key: "cut", place });
      return;
    }
    const offset = item.timezoneOffsetInMinutes;
    const isWithOffset = typeof offset === "number" && Math.abs(offset) <= 1440;
    file.records.push({
      habit: places.get(item.habitId), place, note: item.note ?? "", value: item.amountOfCompletions ?? 1, goal: goalOf(item.habitId, moment),
      ...(isWithOffset ? { day: Math.floor((moment + offset * 60_000) / 86_400_000) } : { date: String(Math.round(moment)).padStart(13, "0") }),
    });
  });
  return file;
};

/** Beaver Habits: each habit with its records. */
const beaverHabits = (root) => {
  const habits = Array.isArray(root) ? root : root.habits;
  if (!Array.isArray(habits) || !habits.some((habit) => Array.isArray(habit?.records) && habit.name)) return undefined;
  const file = newFile("Beaver Habits, JSON");
  for (const item of habits) {
    const habit = file.habits.push({ name: item.name ?? "", description: "", color: 0, archived: !["", "normal", "active", undefined].includes(item.status) }) - 1;
    for (const record of item.records ?? []) file.records.push({ habit, date: record.day ?? "", value: record.done === true ? "done" : "notDone", note: record.text ?? "", place: record.day ?? "" });
  }
  return file;
};

// MARK: days

const fileOf = (text, name) => {
  const source = text.startsWith("\ufeff") ? text.slice(1) : text;
  if (/^\s*[[{]/.test(source)) {
    let root;
    try {
      root = JSON.parse(source);
    } catch {
      throw new ImportError("import.notJSON");
    }
    return ownDocument(root) ?? habitKit(root) ?? beaverHabits(root);
  }
  const parsed = readTable(source);
  if (parsed.rows.length === 0) return undefined;
  return habitBull(parsed) ?? loopHabit(parsed) ?? loopCheckmarks(parsed, name) ?? list(parsed) ?? table(parsed);
};

/** Such as "1.5", for an amount that is kept in a note. */
const amountText = (amount) => String(Math.round(amount * 1000) / 1000);

/**
 * Reads a file's text. `options.dateOrder` answers the question of an `ImportError`. The result is
 * `{kind, habits: [{name, description, color, archived, days: Map(day -> note)}], remarks}`.
 */
export const readHistory = (text, { name = "", dateOrder, clock }) => {
  const file = fileOf(text, name);
  if (!file) throw new ImportError("import.unknown");
  const dates = new Map();
  for (const { date, day } of file.records) if (day === undefined && !dates.has(date)) dates.set(date, readDate(date ?? ""));
  const order = dateOrder ?? orderOf([...dates.values()].filter(Boolean), todayHere(clock, 0), clock);
  if (!order) throw new ImportError("import.dateOrder", "dateOrder");
  const { remarks } = file;
  const days = file.habits.map(() => new Map());
  for (const record of file.records) {
    const habit = file.habits[record.habit].name;
    const { place } = record;
    const value = record.value ?? readValue(record.word);
    if (value === undefined) {
      remarks.push({ key: "word", habit, place, detail: record.word });
      continue;
    }
    if (value === "unknown" && !record.note) continue;
    const date = record.day === undefined ? dates.get(record.date) : undefined;
    const day = record.day ?? (date && dayIn(date, order, clock));
    if (day === undefined) {
      remarks.push({ key: "noDay", habit, place, detail: record.date });
      continue;
    }
    const entry = days[record.habit].get(day) ?? { isDone: false, amount: undefined, notes: [], others: new Set(), place };
    if (value === "done") entry.isDone = true;
    else if (typeof value === "number") Object.assign(entry, { amount: (entry.amount ?? 0) + value, goal: record.goal });
    else entry.others.add(value);
    const note = record.note.trim();
    if (note && !entry.notes.includes(note)) entry.notes.push(note);
    days[record.habit].set(day, entry);
  }
  const habits = file.habits.map(({ name: habitName, description, color, archived, isSlips }, index) => {
    const habit = { name: habitName, description, color, archived, days: new Map() };
    const hasAmounts = [...days[index].values()].some(({ amount }) => amount !== undefined && amount !== 0 && amount !== 1);
    let filledIn = 0;
    for (const [day, entry] of [...days[index]].sort(([left], [right]) => left - right)) {
      const isBelowGoal = !entry.isDone && entry.amount > 0 && entry.amount < (entry.goal ?? 0);
      const isDone = !isSlips && !isBelowGoal && (entry.isDone || (entry.amount ?? 0) > 0);
      const amount = hasAmounts && entry.amount !== undefined ? amountText(entry.amount) : "";
      const note = entry.notes.join("\n");
      if (isDone) {
        const kept = amount && note ? `${note} (${amount})` : note || amount;
        if (utf8Length(kept) > noteBytesMax) remarks.push({ key: "noteTooLong", habit: habitName, day, place: entry.place });
        habit.days.set(day, utf8Length(kept) > noteBytesMax ? "" : kept.replaceAll("\0", ""));
      } else if (isSlips) {
        remarks.push({ key: "slip", habit: habitName, day, place: entry.place });
      } else if (isBelowGoal) {
        remarks.push({ key: "belowGoal", habit: habitName, day, place: entry.place, detail: [`${amountText(entry.amount)} / ${entry.goal}`, note].filter(Boolean).join(", ") });
      } else if (entry.others.has("skipped")) {
        remarks.push({ key: "skipped", habit: habitName, day, place: entry.place, detail: note });
      } else if (entry.others.has("filledIn")) {
        filledIn += 1;
      } else if (note) {
        remarks.push({ key: "noteOfUndone", habit: habitName, day, place: entry.place, detail: note });
      }
    }
    if (filledIn > 0) remarks.push({ key: "filledIn", habit: habitName, detail: String(filledIn) });
    if (hasAmounts && [...days[index].values()].every(({ goal }) => goal === undefined)) remarks.push({ key: "amounts", habit: habitName });
    return habit;
  });
  return { kind: file.kind, habits: habits.filter((habit) => isNameValid(habit.name) || habit.days.size > 0), remarks };
};

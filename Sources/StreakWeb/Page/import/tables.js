// Tables of HabitBull, Habitica and any other program.

import { readDate } from "./dates.js";
import { addHabit, habitNamed, newFile } from "./history.js";
import { numberIn, readNumber } from "./numbers.js";
import { ImportError, shown, trimmed } from "./text.js";
import { columnOf, isColumn, readWord } from "./words.js";

const placeOf = ({ line }) => `line ${line}`;
/** A field without white space around it; empty if the row is shorter. */
const at = ({ fields }, column) => trimmed(fields[column] ?? "");
const isDate = (text) => readDate(text) !== undefined;
const isValue = (text) => readWord(text) !== undefined || readNumber(text) !== undefined;
const isMostlyDates = (texts) => {
  const filled = texts.filter(Boolean);
  return filled.length > 0 && 2 * filled.filter(isDate).length > filled.length;
};

/** How many columns the header names. */
const widthOf = ({ fields }) => fields.findLastIndex((name) => trimmed(name) !== "") + 1;

/**
 * A row's note. If it is the last column and not quoted, the fields that the row has more than the
 * header are parts of it; others are told.
 */
const noteOf = (table, row, column, file, habit) => {
  const header = table.rows[0];
  const width = widthOf(header);
  const surplus = row.fields.length - header.fields.length;
  const isSplit = surplus > 0 && column === width - 1 && !row.quoted.has(column) && at(row, column) !== "";
  const end = isSplit ? column + surplus + 1 : width;
  const further = row.fields.slice(end).map(trimmed).filter(Boolean);
  if (further.length > 0) file.remarks.push({ key: "fields", habit, place: placeOf(row), detail: shown(further.join(", ")) });
  return isSplit ? trimmed(row.fields.slice(column, end).join(table.delimiter)).replace(/[,;|\s]+$/, "") : at(row, column);
};

/** Tells the values of a column without a name. */
const tellNameless = (file, rows, column) => {
  for (const row of rows) if (at(row, column)) file.remarks.push({ key: "columnNoName", place: `${placeOf(row)}, column ${column + 1}`, detail: shown(at(row, column)) });
};

/** HabitBull: a row for each habit and day. */
export const habitBull = (table) => {
  const [header, ...rows] = table.rows;
  const names = header.fields.map((name) => trimmed(name).toLowerCase());
  const [habitName, value, description, category, note] = ["habitname", "value", "habitdescription", "habitcategory", "commenttext"].map((name) => names.indexOf(name));
  const date = names.includes("calendardate") ? names.indexOf("calendardate") : names.indexOf("date");
  if (habitName < 0 || value < 0 || date < 0 || Math.max(description, category) < 0) return undefined;
  const file = newFile("HabitBull, CSV");
  const places = new Map();
  for (const row of rows) {
    const name = at(row, habitName);
    const place = placeOf(row);
    if (row.fields.length <= Math.max(value, date)) {
      file.remarks.push({ key: "cut", habit: name, place });
      continue;
    }
    if (!name) {
      file.remarks.push({ key: "noHabit", place, detail: at(row, date) });
      continue;
    }
    if (!places.has(name) && at(row, category)) file.remarks.push({ key: "category", habit: name, detail: at(row, category) });
    const habit = habitNamed(file, places, name, { description: at(row, description), place });
    const word = at(row, value);
    if (!word) file.remarks.push({ key: "noValue", habit: name, place });
    // Its mark for a day without a value is a number far below zero.
    file.records.push({ habit, date: row.fields[date], word: Number(word) < -2e9 ? "unknown" : word, note: noteOf(table, row, note, file, name), place });
  }
  return file;
};

/** Habitica's history.csv: a row's value is a score, which rises on days when the task was done. */
export const habiticaHistory = (table) => {
  const [header, ...rows] = table.rows;
  if (["Task Name", "Task ID", "Task Type", "Date", "Value"].some((name, column) => at(header, column) !== name)) return undefined;
  const file = newFile("Habitica, CSV", true);
  const places = new Map();
  const scores = new Map();
  for (const row of rows) {
    const place = placeOf(row);
    const score = Number(at(row, 4) || NaN);
    if (!Number.isFinite(score)) {
      file.remarks.push({ key: "cut", habit: at(row, 0), place });
      continue;
    }
    noteOf(table, row, -1, file, at(row, 0));
    const id = at(row, 1);
    if (!places.has(id)) places.set(id, addHabit(file, at(row, 0), { place }));
    file.records.push({ habit: places.get(id), date: row.fields[3], value: score > (scores.get(id) ?? 0) ? "done" : "notDone", note: "", place });
    scores.set(id, score);
  }
  file.remarks.push({ key: "scores" });
  return file;
};

/** A row for each habit and day, of any program; columns are found by their names. */
export const list = (table) => {
  const [header, ...rows] = table.rows;
  const [habit, date, done, amount, note, time] = ["habit", "date", "done", "amount", "note", "time"].map((kind) => columnOf(header.fields, kind));
  if (habit < 0 || date < 0 || habit === date || !rows.some((row) => isDate(at(row, date)))) return undefined;
  const file = newFile("list", true);
  const places = new Map();
  for (const row of rows) {
    const place = placeOf(row);
    const name = at(row, habit);
    if (!name) {
      file.remarks.push({ key: "noHabit", place, detail: shown(row.fields.map(trimmed).filter(Boolean).join(", ")) });
      continue;
    }
    if (row.fields.length <= Math.max(date, done >= 0 ? done : amount)) {
      file.remarks.push({ key: "cut", habit: name, place });
      continue;
    }
    const record = { habit: habitNamed(file, places, name, { place }), date: row.fields[date], note: noteOf(table, row, note, file, name), place };
    const tell = (key, detail) => file.remarks.push({ key, habit: name, place, detail: shown(detail) });
    const value = valueIn(row, { done, amount }, tell);
    if (value.word === "") tell("noValue", "");
    const clock = readDate(`2000-01-01 ${at(row, time)}`);
    if (clock?.seconds !== undefined) record.time = clock.time;
    else if (at(row, time)) tell("time", at(row, time));
    file.records.push({ ...record, ...value });
  }
  const used = new Set([habit, date, done, amount, note, time]);
  header.fields.slice(0, widthOf(header)).forEach((field, column) => {
    if (used.has(column)) return;
    if (trimmed(field)) file.remarks.push({ key: "column", detail: trimmed(field) });
    else tellNameless(file, rows, column);
  });
  return file;
};

/**
 * The value of a row with a column for done, one for an amount, both or none. What of it is not
 * kept is told.
 */
const valueIn = (row, { done, amount }, tell) => {
  if (Math.max(done, amount) < 0) return { value: "done" };
  if (Math.min(done, amount) < 0) return { word: at(row, Math.max(done, amount)) };
  const [state, size] = [at(row, done), at(row, amount)];
  if (!size) return { word: state };
  const numberOf = (text) => readNumber(text) && numberIn(readNumber(text), ".");
  const [word, number] = [readWord(state), numberOf(state)];
  if (word === "unknown") return { word: size };
  if (word === "done" || number === 1) {
    // The amount is more exact.
    if (numberOf(size) > 0) return { word: size };
    if (numberOf(size) !== undefined) tell("amountZero", size);
    else if (readWord(size) !== "done") tell("amountWord", size);
    return { value: "done" };
  }
  if (numberOf(size) !== 0) tell(["notDone", "skipped"].includes(word) || number === 0 ? "amountUndone" : "amountLost", size);
  return { word: state };
};

/** A row for each day and a column for each habit, or the reverse. */
export const table = (parsed, { habitName }) => {
  const [header, ...rows] = parsed.rows;
  if (header.fields.length < 2) return undefined;
  if (isMostlyDates(header.fields.slice(1).map(trimmed))) return rowsOfHabits(parsed);
  const named = columnOf(header.fields, "date");
  const date = Math.max(0, named);
  if (rows.length === 0 ? named < 0 : !isMostlyDates(rows.map((row) => at(row, date)))) return undefined;
  return isDate(at(header, 0)) ? withoutHeader(parsed, habitName) : columnsOfHabits(parsed, date, habitName);
};

/** A table whose first row is a day. With one column of values, these are one habit's. */
const withoutHeader = ({ rows }, habitName) => {
  if (rows.some((row) => widthOf(row) > 2)) throw new ImportError("import.noHeader");
  if (!habitName) throw new ImportError("import.noName", { question: "habitName" });
  const file = newFile("table");
  const habit = addHabit(file, habitName);
  for (const row of rows) if (at(row, 1)) file.records.push({ habit, date: row.fields[0], word: at(row, 1), note: "", place: placeOf(row) });
  return file;
};

const columnsOfHabits = (parsed, date, habitName) => {
  const [header, ...rows] = parsed.rows;
  const file = newFile("table");
  const width = rows.reduce((most, { fields }) => Math.max(most, fields.length), header.fields.length);
  const [columns, notes, nameless] = [[], [], []];
  for (let column = 0; column < width; column += 1) {
    if (column === date) continue;
    const name = at(header, column);
    const texts = rows.map((row) => at(row, column)).filter(Boolean);
    if (!name) nameless.push(column);
    else if (isColumn(name, "note") || (texts.length > 0 && !texts.some(isValue))) notes.push(column);
    else columns.push({ column, name });
  }
  if (columns.length === 0) return undefined;
  // Columns that name no habit are about one, of which the name is missing.
  const [done, amount] = ["done", "amount"].map((kind) => columns.filter(({ name }) => isColumn(name, kind)).map(({ column }) => column));
  const isNameless = done.length + amount.length === columns.length && done.length < 2 && amount.length < 2;
  if (isNameless && !habitName) throw new ImportError("import.noName", { question: "habitName" });
  const isOne = isNameless || columns.length === 1;
  const habits = isNameless ? [{ name: habitName, column: done[0] ?? amount[0], place: addHabit(file, habitName) }]
    : columns.map(({ column, name }) => ({ name, column, place: addHabit(file, name, { place: `line ${header.line}, column ${column + 1}` }) }));
  const isNoteLast = isOne && notes.at(-1) === widthOf(header) - 1;
  // A note that is last takes care of the fields after it.
  for (const column of nameless) if (!isNoteLast || column < widthOf(header)) tellNameless(file, rows, column);
  for (const row of rows) {
    const place = placeOf(row);
    if (row.fields.length < widthOf(header)) file.remarks.push({ key: "cutTable", place });
    // If there is one habit, a column of text beside it is its note.
    const texts = notes.map((column) => (isNoteLast && column === notes.at(-1) ? noteOf(parsed, row, column, file) : at(row, column)));
    const note = isOne ? texts.filter(Boolean).join("\n") : "";
    for (const { column, place: habit } of habits) {
      const value = isNameless ? valueIn(row, { done: done[0] ?? -1, amount: amount[0] ?? -1 }, (key, detail) => file.remarks.push({ key, habit: habitName, place, detail: shown(detail) })) : { word: at(row, column) };
      if (value.value || value.word || note) file.records.push({ habit, date: row.fields[date], ...value, note, place });
    }
    if (isOne) continue;
    texts.forEach((text, index) => {
      if (text) file.remarks.push({ key: "columnText", place, detail: shown(`${at(header, notes[index])}: ${text}`) });
    });
  }
  return file;
};

const rowsOfHabits = ({ rows: [header, ...rows] }) => {
  const file = newFile("table");
  for (const row of rows) {
    const [name, place] = [at(row, 0), placeOf(row)];
    if (!name) {
      file.remarks.push({ key: "noHabit", place, detail: shown(row.fields.map(trimmed).filter(Boolean).join(", ")) });
      continue;
    }
    const habit = addHabit(file, name, { place });
    if (row.fields.length < widthOf(header)) file.remarks.push({ key: "cutTable", habit: name, place });
    row.fields.forEach((field, column) => {
      const word = trimmed(field);
      if (column === 0 || !word) return;
      const spot = `${place}, column ${column + 1}`;
      if (at(header, column)) file.records.push({ habit, date: header.fields[column], word, note: "", place: spot });
      else file.remarks.push({ key: "columnNoDate", habit: name, place: spot, detail: shown(word) });
    });
  }
  return file.habits.length > 0 ? file : undefined;
};

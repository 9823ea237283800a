// Makes a history of what a reader found: decides the forms of dates and numbers by the whole file,
// joins a day's records, compares amounts with goals, applies limits, and lists every deviation.

import { todayHere } from "../modules/clock.js";
import { isoDay } from "../modules/day.js";
import { descriptionBytesMax, isNameValid, nameBytesMax } from "../modules/habit.js";
import { noteBytesMax } from "../modules/rules.js";
import { utf8Length } from "../modules/bytes.js";
import { dateRules, dayOfDate, isSharedName, localDay, readDate } from "./dates.js";
import { amountText, decimalSignOf, numberIn, readNumber, voteOf } from "./numbers.js";
import { ImportError, shown, trimmed } from "./text.js";
import { readWord } from "./words.js";

// What a reader makes:
// - a file `{kind, habits, records, remarks, areTicks}`; `areTicks`: several records of a day are
//   repeated actions, and not the same statement again;
// - a habit `{name, description, color, archived, id, goal, unit, place, rhythm, hasReminder}`. A goal
//   is `{atLeast}`, "slips" (the records are failures), or "elsewhere" (another file has it);
// - a record `{habit, day | moment, offset | date, value | word, note, time, goal, place}`. `value`
//   is an amount or one of the words of `readWord`, `date` and `word` are texts to interpret;
// - a remark `{key, habit, day, place, detail, values}`: `remark.KEY` is its sentence.

export const newFile = (kind, areTicks = false) => ({ kind, areTicks, habits: [], records: [], remarks: [] });

/** Adds a habit, and returns its place. */
export const addHabit = (file, name, more = {}) => file.habits.push({ name, description: "", color: 0, archived: false, unit: "", place: "", ...more }) - 1;

/** The place of the habit with a name. */
export const habitNamed = (file, places, name, more) => {
  if (!places.has(name)) places.set(name, addHabit(file, name, more));
  return places.get(name);
};

/** How often a habit is to be done, as the values of a remark; undefined for daily. */
export const rhythmOf = (count, days) => (count >= 1 && days >= 1 && count < days ? { key: "rhythm", values: { count, days } } : undefined);

// MARK: limits

/** The longest beginning of whole characters with at most that many bytes. */
const cut = (text, bytesMax) => {
  if (utf8Length(text) <= bytesMax) return text;
  let [bytes, kept] = [0, ""];
  for (const character of text) {
    bytes += utf8Length(character);
    if (bytes > bytesMax) break;
    kept += character;
  }
  return kept;
};

const storedName = (habit, index, remarks) => {
  const line = trimmed(habit.name.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, " "));
  const remark = (key, name, detail = "") => remarks.push({ key, habit: name, place: habit.place, detail });
  if (!isNameValid(cut(line, nameBytesMax))) {
    const name = `Habit ${index + 1}`;
    remark("nameMissing", name, shown(line));
    return name;
  }
  const name = cut(line, nameBytesMax);
  if (line !== trimmed(habit.name)) remark("nameCleaned", name);
  if (name !== line) remark("nameCut", name, shown(line));
  return name;
};

const storedText = (text, bytesMax, remark) => {
  const clean = text.replaceAll("\0", "");
  const kept = cut(clean, bytesMax);
  if (kept !== clean) remark({ detail: shown(clean.slice(kept.length)), values: { bytes: utf8Length(clean), kept: utf8Length(kept) } });
  return kept;
};

// MARK: days

const withUnit = (amount, unit) => (unit ? `${amountText(amount)} ${unit}` : amountText(amount));

/** Lists that most days do not need. */
const none = [];
/** A day's records together; of the words of `readWord` each that occurs is true. */
const emptyEntry = { done: false, notDone: false, filledIn: false, skipped: false, unknown: false, amount: undefined, goal: undefined, ticks: 0, notes: none, times: none, places: none };

const addTo = (entry, list, text, isOnce) => {
  if (entry[list] === none) entry[list] = [text];
  else if (!isOnce || !entry[list].includes(text)) entry[list].push(text);
};

const addRecord = (entry, { goal, note, place }, value, time, areTicks) => {
  if (goal) entry.goal = goal;
  if (typeof value === "number") entry.amount = (entry.amount ?? 0) + value;
  else entry[value] = true;
  if (value === "done" || value > 0) entry.ticks += 1;
  if (value <= 0) entry.notDone = true;
  if (time && value !== "notDone" && value !== "unknown") addTo(entry, "times", time, !areTicks);
  const text = trimmed(note);
  if (text) addTo(entry, "notes", text, true);
  if (place) addTo(entry, "places", place, true);
};

const meetsGoal = ({ done, amount, goal }) => {
  if (done) return goal !== "slips";
  if (!(amount > 0) || goal === "elsewhere" || goal === "slips") return false;
  // Decimals are added with an error.
  return amount + 1e-8 * Math.max(1, amount) >= (goal?.atLeast ?? 0);
};

/** The note to keep: the notes, and then what the program counted. */
const keptNote = ({ notes, amount, ticks, times }, unit, areTicks) => {
  const facts = [];
  if (unit !== undefined && amount !== undefined) facts.push(withUnit(amount, unit));
  if (ticks > 1 && facts.length > 0) facts.push(`in ${ticks} entries`);
  else if (ticks > 1 && areTicks) facts.push(`${ticks} times`);
  const all = [facts.join(" "), [...times].sort().join(", ")].filter(Boolean).join(": ");
  const note = notes.join("\n");
  return note && all ? `${note} (${all})` : note || all;
};

/** The unit of a habit's amounts; undefined if they only mean done. */
const unitOf = ({ goal, unit }, entries) => {
  const amounts = entries.map(({ amount }) => amount).filter((amount) => amount !== undefined);
  if (amounts.length === 0) return undefined;
  const isPlain = goal === undefined || goal === "slips" || goal.atLeast === 1;
  return !isPlain || amounts.some((amount) => amount !== 0 && amount !== 1) ? unit : undefined;
};

/** What a day that is not done has to say; undefined if nothing. */
const undoneRemark = ({ done, skipped, amount, goal, notes }, unit) => {
  const note = notes.join("\n");
  const hasAmount = amount > 0;
  const text = amount === undefined || (amount === 0 && unit === undefined) ? "" : withUnit(amount, unit);
  const detail = [text, note].filter(Boolean).join(", ");
  if (skipped) return { key: "skipped", detail };
  if (goal === "slips" && (done || hasAmount)) return { key: "slip", detail };
  if (goal === "elsewhere" && hasAmount) return { key: "goalElsewhere", detail };
  if (goal?.atLeast !== undefined && hasAmount) return { key: "belowGoal", detail: [`${amountText(amount)} / ${withUnit(goal.atLeast, unit)}`, note].filter(Boolean).join(", ") };
  if (amount < 0) return { key: "belowZero", detail };
  return note ? { key: "noteOfUndone", detail } : undefined;
};

/**
 * Such as `{kind, habits: [{name, description, color, archived, days: Map(day -> note)}],
 * remarks}`. `options.dateOrder` is the person's answer about the dates.
 */
export const historyOf = (file, { dateOrder, clock, usesSemicolons }) => {
  const { remarks } = file;
  const names = file.habits.map((habit, index) => storedName(habit, index, remarks));
  file.habits.forEach(({ rhythm, hasReminder }, index) => {
    if (rhythm) remarks.push({ ...rhythm, habit: names[index] });
    if (hasReminder) remarks.push({ key: "reminder", habit: names[index] });
  });

  // The forms of dates and numbers
  const dates = new Map();
  for (const { date } of file.records) if (date !== undefined && !dates.has(date)) dates.set(date, readDate(trimmed(date)));
  const rules = dateRules([...dates].filter(([, date]) => date), dateOrder, todayHere(clock, 0), clock);
  if (!rules.order) throw new ImportError("import.dateOrder", { question: "dateOrder", example: rules.example });
  if (rules.isAssumed) remarks.push({ key: "dayFirst", detail: rules.example.text });
  const decimalSign = decimalSignOf(file.records.map(({ word }) => word).filter((word) => word && /[.,]/.test(word)), usesSemicolons);

  const valueOf = ({ habit, value, word, place }) => {
    if (value !== undefined) return value;
    const meant = readWord(word);
    if (meant) return meant;
    const number = readNumber(trimmed(word));
    if (!number) return undefined;
    const vote = voteOf(number);
    const amount = numberIn(number, vote ?? decimalSign);
    if (amount !== undefined && vote && vote !== decimalSign) remarks.push({ key: "decimalSign", habit: names[habit], place, detail: shown(`${trimmed(word)} = ${amountText(amount)}`) });
    return amount;
  };

  /** `{day, time}`; undefined, with a remark, if there is no day. */
  const dayOf = (record) => {
    const { day, moment, offset, date: text, place } = record;
    if (day !== undefined) return { day };
    if (moment !== undefined) return { day: localDay(moment, clock, offset) };
    const remark = (key) => void remarks.push({ key, habit: names[record.habit], place, detail: shown(trimmed(text ?? "")) });
    const date = dates.get(text);
    if (!date) return remark(trimmed(text ?? "") ? "notDate" : "noDate");
    const found = dayOfDate(date, rules);
    if (found.day === undefined) return remark(isSharedName(date) && !rules.language ? "sharedMonth" : "noDay");
    if (date.hasInvalidTime && !record.time) remark("time");
    return found;
  };

  // The records of each habit's days
  const days = file.habits.map(() => new Map());
  const known = new Set();
  for (const record of file.records) {
    const value = valueOf(record);
    if (value === undefined) {
      remarks.push({ key: "word", habit: names[record.habit], place: record.place, detail: shown([record.word, record.note].filter(Boolean).join(", ")) });
      continue;
    }
    if (value === "unknown" && !record.note) continue;
    const found = dayOf(record);
    if (!found) continue;
    const time = record.time || found.time || "";
    const entries = days[record.habit];
    if (!file.areTicks) {
      const statement = `${record.habit} ${found.day} ${value} ${record.note}`;
      if (known.has(statement)) {
        remarks.push({ key: "same", habit: names[record.habit], day: found.day, place: record.place, detail: time });
        continue;
      }
      known.add(statement);
    }
    let entry = entries.get(found.day);
    if (!entry) {
      entry = { ...emptyEntry };
      entry.goal = file.habits[record.habit].goal;
      entries.set(found.day, entry);
    }
    addRecord(entry, record, value, time, file.areTicks);
  }

  // What is done. In the files of programs that record actions, a record that is not done
  // contradicts no other.
  const hasContradictions = !file.areTicks || file.kind === "list";
  const habits = file.habits.map((habit, index) => {
    const name = names[index];
    const unit = unitOf(habit, [...days[index].values()]);
    const description = storedText(trimmed(habit.description), descriptionBytesMax, (more) => remarks.push({ key: "descriptionCut", habit: name, place: habit.place, ...more }));
    const made = { name, description, color: habit.color, archived: habit.archived, ...(habit.id ? { id: habit.id } : {}), days: new Map() };
    const filledIn = [];
    for (const [day, entry] of [...days[index]].sort(([left], [right]) => left - right)) {
      const place = entry.places.join(", ");
      if (meetsGoal(entry)) {
        if (hasContradictions && entry.notDone) remarks.push({ key: "contradiction", habit: name, day, place });
        made.days.set(day, storedText(keptNote(entry, unit, file.areTicks), noteBytesMax, (more) => remarks.push({ key: "noteCut", habit: name, day, place, ...more })));
        continue;
      }
      const remark = undoneRemark(entry, unit);
      if (remark) remarks.push({ habit: name, day, place, ...remark, detail: shown(remark.detail) });
      if (entry.filledIn && entry.amount === undefined) filledIn.push(day);
    }
    if (unit !== undefined && habit.goal === undefined) remarks.push({ key: "amounts", habit: name });
    if (unit !== undefined && habit.goal?.atLeast !== undefined && habit.goal.atLeast !== 1) remarks.push({ key: "goal", habit: name, detail: withUnit(habit.goal.atLeast, unit) });
    if (filledIn.length > 0) remarks.push({ key: "filledIn", habit: name, detail: `${filledIn.length} (${isoDay(filledIn[0])} – ${isoDay(filledIn.at(-1))})` });
    return made;
  });
  return { kind: file.kind, habits, remarks };
};

// JSON documents: this service's own, and those of HabitKit, Habitica and Beaver Habits.

import { dayOfValue, momentOf } from "./dates.js";
import { addHabit, newFile, rhythmOf } from "./history.js";
import { amountText } from "./numbers.js";
import { ImportError } from "./text.js";
import { colorOf } from "./words.js";

// MARK: JSON of any kind

const escaped = { "\t": "\\t", "\n": "\\n", "\r": "\\r", "\\": "\\\\" };

/**
 * Escapes what JSON does not allow in a text; `JSON.parse` refuses a whole file for one of them.
 */
const repaired = (source) => {
  let faults = 0;
  const text = source.replace(/"[^"\\]*(?:\\[^][^"\\]*)*"/g, (string) =>
    string.replace(/\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})|\\|[\0-\u001f]/g, (sign) => {
      if (sign.length > 1) return sign;
      faults += 1;
      return escaped[sign] ?? " ";
    }));
  return { text, faults };
};

/** Escapes of halves of a character, which stand for nothing. */
const withoutHalves = (source) => {
  let faults = 0;
  const text = !/\\u[dD][89a-fA-F]/.test(source) ? source
    : source.replace(/\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\[^]/g, (sign) => {
      if (sign.length !== 6) return sign;
      faults += 1;
      return "\\ufffd";
    });
  return { text, faults };
};

/**
 * `{root, remarks}`; an `ImportError` if the text is no JSON, for example because its end is
 * missing.
 */
export const readJSON = (source) => {
  const halves = withoutHalves(source);
  const remarks = halves.faults > 0 ? [{ key: "halfSigns", detail: String(halves.faults) }] : [];
  try {
    return { root: JSON.parse(halves.text), remarks };
  } catch {
    const { text, faults } = repaired(halves.text);
    try {
      return { root: JSON.parse(text), remarks: [...remarks, { key: "jsonSigns", detail: String(faults) }] };
    } catch {
      throw new ImportError("import.notJSON");
    }
  }
};

/** A text, or a number's digits. */
const textOf = (value) => (typeof value === "string" || typeof value === "number" ? String(value) : "");
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
/** The elements of a list, each an object: what is none is taken as an empty one. */
const itemsOf = (value) => (Array.isArray(value) ? value.map((item) => (isObject(item) ? item : {})) : []);
const numberOf = (value) => (typeof value === "number" || (typeof value === "string" && value.trim() !== "") ? finite(Number(value)) : undefined);
const finite = (number) => (Number.isFinite(number) ? number : undefined);
const integerOf = (value) => (Number.isInteger(numberOf(value)) ? numberOf(value) : undefined);

// MARK: kinds

/** The document of this service's own export. */
export const ownDocument = (root) => {
  if (root.schemaVersion === undefined || !Array.isArray(root.habits) || !Array.isArray(root.ledger)) return undefined;
  const file = newFile("own");
  const places = new Map();
  const deleted = new Map();
  itemsOf(root.habits).forEach((habit, index) => {
    const [name, id] = [textOf(habit.name), textOf(habit.id)];
    if (habit.deleted === true) {
      deleted.set(id, { name, days: 0 });
      return;
    }
    const color = Math.min(Math.max(integerOf(habit.color) ?? 0, 0), 0xffffff);
    places.set(id, addHabit(file, name, { description: textOf(habit.description), color, archived: habit.archived === true, id, place: `habits, entry ${index + 1}` }));
  });
  itemsOf(root.ledger).forEach((entry, index) => {
    const cell = isObject(entry.cell) ? entry.cell : entry;
    const [id, date, place] = [textOf(cell.habitId), textOf(entry.date), `ledger, entry ${index + 1}`];
    if (deleted.has(id)) {
      deleted.get(id).days += cell.done === true ? 1 : 0;
    } else if (!places.has(id)) {
      file.remarks.push({ key: "orphan", place, detail: date });
    } else {
      const day = integerOf(cell.day);
      file.records.push({ habit: places.get(id), ...(day === undefined ? { date } : { day }), value: cell.done === true ? "done" : "notDone", note: textOf(cell.note), place });
    }
  });
  for (const { name, days } of deleted.values()) file.remarks.push({ key: "deleted", habit: name, detail: String(days) });
  const others = ["history", "notices", "rejectedEntries", "rejectedOperations"].filter((list) => root[list]?.length > 0);
  if (others.length > 0) file.remarks.push({ key: "others", detail: others.join(", ") });
  return file;
};

/** HabitKit: habits, completions with a moment and its offset, and goals that apply for a time. */
export const habitKit = (root) => {
  if (!Array.isArray(root.habits)) return undefined;
  const habits = itemsOf(root.habits);
  if (!Array.isArray(root.completions) && !Array.isArray(root.intervals) && !habits.some((habit) => habit.orderIndex !== undefined)) return undefined;
  const file = newFile("HabitKit, JSON", true);
  const intervals = itemsOf(root.intervals).map((item) => ({
    habitId: textOf(item.habitId), start: momentOf(item.startDate) ?? -Infinity, end: momentOf(item.endDate) ?? Infinity,
    atLeast: Math.max(1, numberOf(item.requiredNumberOfCompletionsPerDay) ?? 1),
    rhythm: rhythmOf(integerOf(item.requiredNumberOfCompletions) ?? 0, { week: 7, month: 30 }[item.type] ?? 0),
  }));
  const reminded = new Set(itemsOf(root.reminders).map(({ habitId }) => textOf(habitId)));
  const places = new Map();
  const sorted = habits.map((item, index) => ({ item, index, order: integerOf(item.orderIndex) ?? index })).sort((left, right) => left.order - right.order || left.index - right.index);
  for (const { item, index } of sorted) {
    const id = textOf(item.id);
    const last = intervals.filter(({ habitId }) => habitId === id).reduce((latest, each) => (latest && latest.start >= each.start ? latest : each), undefined);
    places.set(id, addHabit(file, textOf(item.name), {
      description: textOf(item.description), color: colorOf(textOf(item.color)), archived: item.archived === true, unit: "times", place: `habits, entry ${index + 1}`,
      goal: item.isInverse === true ? "slips" : { atLeast: last?.atLeast ?? 1 }, rhythm: last?.rhythm, hasReminder: reminded.has(id),
    }));
  }
  itemsOf(root.completions).forEach((item, index) => {
    const [id, place, date] = [textOf(item.habitId), `completions, entry ${index + 1}`, textOf(item.date)];
    if (!places.has(id)) {
      file.remarks.push({ key: "orphan", place, detail: date });
      return;
    }
    const habit = places.get(id);
    const day = dayOfValue(item.date, integerOf(item.timezoneOffsetInMinutes));
    if (!day) {
      file.remarks.push({ key: date ? "notDate" : "noDate", habit: file.habits[habit].name, place, detail: date });
      return;
    }
    const moment = momentOf(item.date);
    const interval = file.habits[habit].goal === "slips" ? undefined : intervals.findLast(({ habitId, start, end }) => habitId === id && start <= moment && moment < end);
    file.records.push({ habit, ...day, value: numberOf(item.amountOfCompletions) ?? 1, note: textOf(item.note), place, ...(interval ? { goal: { atLeast: interval.atLeast } } : {}) });
  });
  const categories = itemsOf(root.categories).map(({ name }) => textOf(name)).filter(Boolean);
  if (categories.length > 0) file.remarks.push({ key: "categories", detail: categories.join(", ") });
  return file;
};

/** Habitica's tasks at any of their places: one list, or a list for each kind. */
const tasksOf = (root) => {
  const holder = root.tasks ?? root.data?.tasks ?? root.data ?? root;
  if (Array.isArray(holder)) return itemsOf(holder).some(({ type, text }) => type !== undefined && text !== undefined) ? itemsOf(holder) : undefined;
  if (!isObject(holder) || (holder.dailys === undefined && holder.todos === undefined)) return undefined;
  return Object.entries({ dailys: "daily", habits: "habit", todos: "todo", rewards: "reward" }).flatMap(([kind, type]) => itemsOf(holder[kind]).map((task) => ({ type, ...task })));
};

const taskRhythm = ({ frequency, everyX, repeat }) => {
  const every = integerOf(everyX) ?? 1;
  const weekdays = isObject(repeat) ? Object.values(repeat).filter((isOn) => isOn === true).length : 7;
  if (frequency === "weekly" && every === 1) return weekdays < 7 ? { key: "weekdays", values: { count: weekdays } } : undefined;
  return rhythmOf(1, { daily: every, weekly: 7 * every, monthly: 30 * every, yearly: 365 * every }[frequency] ?? 1);
};

/** Habitica's user data, or its answer about tasks: dailies and habits with their history. */
export const habitica = (root) => {
  const tasks = tasksOf(root);
  if (!tasks) return undefined;
  const file = newFile("Habitica, JSON", true);
  const preferences = root.preferences ?? root.data?.preferences ?? {};
  // JavaScript's sign: minutes west of UTC.
  const west = integerOf(preferences.timezoneOffset);
  const offset = Math.abs(west) <= 1440 ? -west * 60 : undefined;
  const dayStart = Math.min(Math.max(integerOf(preferences.dayStart) ?? 0, 0), 23) * 3_600_000;
  let others = 0;
  tasks.forEach((task, index) => {
    if (task.type !== "daily" && task.type !== "habit") {
      others += 1;
      return;
    }
    const name = textOf(task.text);
    const habit = addHabit(file, name, {
      description: textOf(task.notes), unit: "times", place: `tasks, entry ${index + 1}`, hasReminder: task.reminders?.length > 0,
      goal: task.type === "habit" && task.up === false && task.down === true ? "slips" : { atLeast: 1 }, rhythm: task.type === "daily" ? taskRhythm(task) : undefined,
    });
    let previous = 0;
    itemsOf(task.history).forEach((item, number) => {
      const place = `history of ${name}, entry ${number + 1}`;
      const [moment, score, up] = [momentOf(item.date), numberOf(item.value), numberOf(item.scoredUp)];
      const rises = score !== undefined && score > previous;
      previous = score ?? previous;
      if (moment === undefined) {
        file.remarks.push({ key: item.date === undefined ? "noDate" : "notDate", habit: name, place, detail: textOf(item.date) });
        return;
      }
      const record = { habit, moment: moment - dayStart, offset, value: rises ? "done" : "notDone", note: "", place };
      if (task.type === "daily") {
        if (typeof item.completed === "boolean") record.value = item.completed ? "done" : "notDone";
      } else if (up !== undefined) {
        const down = numberOf(item.scoredDown) ?? 0;
        record.value = up > 0 ? up : "notDone";
        if (down > 0 && file.habits[habit].goal === "slips") record.value = down;
        else if (down > 0) record.note = `scored down ${amountText(down)} times`;
      }
      file.records.push(record);
    });
  });
  if (file.habits.length === 0) throw new ImportError("import.noHabits");
  if (others > 0) file.remarks.push({ key: "tasks", detail: String(others) });
  return file;
};

/** Beaver Habits: each habit with its records. */
export const beaverHabits = (root) => {
  const list = Array.isArray(root) ? root : root.habits;
  if (!itemsOf(list).some(({ name, records }) => Array.isArray(records) && name !== undefined)) return undefined;
  const file = newFile("Beaver Habits, JSON");
  itemsOf(list).forEach((item, index) => {
    const name = textOf(item.name);
    const period = isObject(item.period) ? item.period : {};
    const days = { D: 1, W: 7, M: 30, Y: 365 }[period.period_type] ?? 1;
    const habit = addHabit(file, name, {
      archived: !["", "normal", "active"].includes(textOf(item.status)), place: `habits, entry ${index + 1}`,
      rhythm: rhythmOf(integerOf(period.target_count) ?? 0, (integerOf(period.period_count) ?? 0) * days),
    });
    itemsOf(item.records).forEach((record, number) => {
      file.records.push({ habit, date: textOf(record.day), value: record.done === true ? "done" : "notDone", note: textOf(record.text), place: `records of ${name}, entry ${number + 1}` });
    });
  });
  return file;
};

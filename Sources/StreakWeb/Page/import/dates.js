// Dates as people and programs write them.

import { dayAt, dayFrom, earliestDay } from "../modules/day.js";

/** Months by the beginnings of their names, in frequent languages. */
const months = [
  ["jan", "jän", "ene", "gen", "sty", "oca", "янв"], ["feb", "fev", "fév", "lut", "şub", "фев"], ["mar", "mär", "mrz", "mrt", "maa", "мар"],
  ["apr", "avr", "abr", "kwi", "nis", "апр"], ["may", "mai", "maj", "mei", "mag", "май", "мая"], ["jun", "juin", "giu", "cze", "haz", "июн"],
  ["jul", "juil", "lug", "lip", "tem", "июл"], ["aug", "aoû", "ago", "sie", "ağu", "авг"], ["sep", "set", "wrz", "eyl", "сен"],
  ["oct", "okt", "out", "ott", "paź", "eki", "окт"], ["nov", "lis", "kas", "ноя"], ["dec", "dez", "déc", "dic", "gru", "ara", "дек"],
];
const monthOf = (word) => months.findIndex((names) => names.some((name) => word.startsWith(name))) + 1;

/**
 * Reads a date with what stands beside it. Undefined if the text is no date; otherwise `{day}` if
 * it is certain (undefined: there is no such day), `{numbers}` if the order of its numbers is not,
 * or `{moment}` in milliseconds.
 */
export const readDate = (source) => {
  const text = source.trim().toLowerCase();
  if (text.length === 0 || text.length > 64) return undefined;
  if (/^\d{8}$/.test(text)) return { day: dayFrom(Number(text.slice(0, 4)), Number(text.slice(4, 6)), Number(text.slice(6))) };
  if (/^\d{10}$/.test(text)) return { moment: Number(text) * 1000 };
  if (/^\d{13}$/.test(text)) return { moment: Number(text) };
  // A moment in UTC is converted to the local day; a date alone is often written as midnight in
  // UTC.
  const iso = /^(\d{4}-\d{2}-\d{2})[t ](\d{2}:\d{2}(?::\d{2})?(?:\.\d+)?)\s*(z|[+-]00:?00)$/.exec(text);
  if (iso && !/^00:00(:00(\.0+)?)?$/.test(iso[2])) return { moment: Date.parse(`${iso[1]}T${iso[2]}Z`) };
  const date = text.replace(/[t\s]*\d{1,2}:\d{2}.*$/, "");
  const numbers = date.match(/\d+/g) ?? [];
  const month = (date.match(/\p{L}{3,}/gu) ?? []).map(monthOf).filter(Boolean).at(-1);
  if (/\p{L}/u.test(date) && !month) return undefined;
  const full = (year) => (year.length === 4 ? Number(year) : 2000 + Number(year));
  if (month && numbers.length === 2) {
    const [first, second] = numbers;
    return { day: first.length === 4 ? dayFrom(Number(first), month, Number(second)) : dayFrom(full(second), month, Number(first)) };
  }
  if (month || numbers.length !== 3) return undefined;
  const [first, second, third] = numbers;
  if (first.length === 4) return { day: dayFrom(Number(first), Number(second), Number(third)) };
  if (first.length > 2 || second.length > 2 || ![2, 4].includes(third.length)) return undefined;
  // Full stops separate day, month and year, in every language that has them.
  if (/\d\.\s*\d/.test(date)) return { day: dayFrom(full(third), Number(second), Number(first)) };
  return { numbers: [Number(first), Number(second), full(third)] };
};

/** The day of a date whose order is known: "dayFirst" or "monthFirst". */
export const dayIn = (date, order, clock) => {
  if (date.moment !== undefined) return dayAt(date.moment, clock.zone(date.moment).seconds, 0);
  if (!date.numbers) return date.day;
  const [first, second, year] = date.numbers;
  return order === "dayFirst" ? dayFrom(year, second, first) : dayFrom(year, first, second);
};

/** One side must be this many times the other; the few are then taken for mistakes. */
const majority = 4;

/**
 * The order that makes the dates of a whole file valid. A date votes for an order if only that
 * makes it a past day. Undefined if several orders are possible and mean different days.
 */
export const orderOf = (dates, today, clock) => {
  const votes = { dayFirst: 0, monthFirst: 0 };
  let isOpen = false;
  for (const date of dates) {
    if (!date.numbers) continue;
    const isPast = (day) => day !== undefined && day >= earliestDay && day <= today + 1;
    const [left, right] = [dayIn(date, "dayFirst", clock), dayIn(date, "monthFirst", clock)];
    if (isPast(left) && !isPast(right)) votes.dayFirst += 1;
    else if (isPast(right) && !isPast(left)) votes.monthFirst += 1;
    else if (left !== right) isOpen = true;
  }
  if (votes.dayFirst === 0 && votes.monthFirst === 0) return isOpen ? undefined : "dayFirst";
  if (votes.dayFirst >= majority * votes.monthFirst) return "dayFirst";
  return votes.monthFirst >= majority * votes.dayFirst ? "monthFirst" : undefined;
};

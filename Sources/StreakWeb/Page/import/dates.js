// Dates as people and programs write them.

import { dayAt, dayFrom, dayMilliseconds, earliestDay } from "../modules/day.js";
import { plainDigits } from "./numbers.js";

// MARK: months

/** Months by the beginnings of their names, in frequent languages; the longest beginning decides. */
const beginnings = [
  "jan jän ene gen oca ian jaa tam sty siječ sijec led sau січ янв яну ιαν",
  "feb fev fév lut şub sub vee helm velj únor vas лют фев φεβ",
  "mar mär mae mrz mrt maar maal már ožuj ozuj břez brez kov бер мар μαρ μάρ",
  "apr avr abr kwi nis huh ápr trav dub bal квіт апр απρ",
  "may mai maj mei mag maí máj tou svib kvě kve geg трав май мая μαΐ μαι μάι",
  "jun juin giu cze haz jún jūn juun iun kesä kesa lipanj lipnj červ cerv bir чер июн юни ιουν",
  "jul juil lug lip tem júl jūl juul iul hein srpanj srpnj červenc červenec cervenc cervenec lie лип июл юли ιουλ",
  "aug aoû aou ago sie ağu agu avg elo kolov srpna srpen rugp сер авг αυγ αύγ",
  "sep set wrz eyl sze syy ruj zář zar rugs вер сен сеп σεπ",
  "oct okt out ott paź pazd eki lok říj rij spa жов окт οκτ",
  "nov lis kas noi marras stud nóv lap листоп ноя ное νοε νοέ",
  "dec dez déc dic des gru ara det jou pros груд дек δεκ",
].map((list) => list.split(" "));
const months = new Map(beginnings.flatMap((list, index) => list.map((beginning) => [beginning, index + 1])));
/** Weekdays that begin like a month. */
const weekdays = /^(maandag|martes|marted|mardi|marți$|marti$|szerd|vasár|keskiv|subot|серед)/u;

/** 1 to 12; undefined if no month begins so. */
const monthOf = (word) => {
  if (word.length < 3 || weekdays.test(word)) return undefined;
  for (let length = Math.min(word.length, 8); length >= 3; length -= 1) {
    const month = months.get(word.slice(0, length));
    if (month) return month;
  }
  return undefined;
};

/** The same word is October in Croatian, and November in Polish and Czech. */
const listopad = /^listopada?$/;
const croatian = /^(siječ|velj|ožuj|trav|svib|lipanj|lipnj|srpanj|srpnj|kolov|ruj|stud)/;
const polishOrCzech = /^(sty|lut|marc|marz|kwi|cze|lipc|lipi|sie|wrz|paź|led|únor|břez|dub|kvě|červ|srpna|srpen|zář|říj|listopadu)/;

// MARK: one date

/** Single letters that belong to dates. */
const letters = new Set([..."thrmdгр年月日년월일"]);
/** Most characters of a date with the text beside it. */
const dateMax = 64;
const digitsMax = 18;

/** `{digits}`, `{word}` in lower case, or `{sign}`; marks of direction and spaces only separate. */
const tokensOf = (text) =>
  [...plainDigits(text).toLowerCase().matchAll(/(\d+)|([\p{Alphabetic}\p{Mn}]+)|[\s\p{Cf}'’]+|([^])/gu)]
    .filter(([, digits, word, sign]) => digits || word || sign)
    .map(([, digits, word, sign]) => ({ digits, word, sign }));

const isNumber = (token, min, max = min) => token?.digits !== undefined && token.digits.length >= min && token.digits.length <= max;
const two = (number) => String(number).padStart(2, "0");

/** Takes a time and its offset from the tokens: `{time, seconds, offset}`. */
const takeTime = (tokens) => {
  const start = tokens.findIndex((token, index) => isNumber(token, 1, 2) && tokens[index + 1]?.sign === ":" && isNumber(tokens[index + 2], 2));
  if (start < 0) return { time: "" };
  let hour = Number(tokens[start].digits);
  const minute = Number(tokens[start + 2].digits);
  let [end, second, offset] = [start + 3, 0, undefined];
  if (tokens[end]?.sign === ":" && isNumber(tokens[end + 1], 2)) {
    second = Number(tokens[end + 1].digits);
    end += 2;
    if ([".", ","].includes(tokens[end]?.sign) && isNumber(tokens[end + 1], 1, 9)) end += 2;
  }
  if (["am", "pm", "a", "p"].includes(tokens[end]?.word)) {
    hour = (hour % 12) + (tokens[end].word.startsWith("p") ? 12 : 0);
    end += 1;
    // "a.m."
    while (tokens[end]?.sign === "." || tokens[end]?.word === "m") end += 1;
  }
  if (["z", "utc", "gmt"].includes(tokens[end]?.word)) {
    offset = 0;
    end += 1;
  }
  if (["+", "-", "−"].includes(tokens[end]?.sign)) {
    const direction = tokens[end].sign === "+" ? 1 : -1;
    const number = Number(tokens[end + 1]?.digits);
    if (isNumber(tokens[end + 1], 4)) {
      offset = direction * (Math.floor(number / 100) * 3600 + (number % 100) * 60);
      end += 2;
    } else if (isNumber(tokens[end + 1], 2) && (end + 2 === tokens.length || tokens[end + 2]?.sign === ":")) {
      offset = direction * (number * 3600 + (isNumber(tokens[end + 3], 2) ? Number(tokens[end + 3].digits) : 0) * 60);
      end += end + 2 === tokens.length ? 2 : 4;
    }
  }
  tokens.splice(start, end - start);
  // The T of ISO 8601.
  if (start > 0 && tokens[start - 1].word === "t") tokens.splice(start - 1, 1);
  if (hour > 23 || minute > 59 || second > 60) return { time: "", offset };
  const seconds = hour * 3600 + minute * 60 + second;
  return { time: seconds === 0 ? "" : `${two(hour)}:${two(minute)}`, seconds, offset };
};

/** The word of a month that is nearest to the day's number; of two the one after it. */
const monthBeside = (tokens, dayToken) => {
  // Short words such as "de" link others.
  const texts = tokens.filter((token) => token.digits || token.word?.length >= 3);
  const place = texts.indexOf(dayToken);
  return texts
    .map(({ word }, index) => ({ word, distance: index > place ? index - place : place - index + 0.5 }))
    .filter(({ word }) => word && monthOf(word))
    .sort((left, right) => left.distance - right.distance)[0]?.word;
};

const full = (digits) => (digits.length === 4 ? Number(digits) : 2000 + Number(digits));

const shapeOf = (tokens) => {
  const numbers = tokens.filter(({ digits }) => digits);
  const [first, second, third] = numbers.map(({ digits }) => digits);
  const isYear = (digits) => digits.length === 4 || digits.length === 2;
  if (numbers.length === 3 || numbers.length === 5) {
    // Five: a time whose parts are separated by full stops follows.
    if (first.length === 4) return { day: dayFrom(Number(first), Number(second), Number(third)) };
    if (first.length > 2 || second.length > 2 || !isYear(third)) return undefined;
    const signs = tokens.map(({ sign }) => sign);
    const isDotted = signs.includes(".") && !signs.includes("/") && !signs.includes("-");
    if (numbers.length === 5 && !isDotted) return undefined;
    // A full stop after a year of two digits: it may be the day, after a year that comes first.
    const isClear = isDotted && !(numbers.length === 3 && third.length === 2 && signs.at(-1) === ".");
    return { numbers: [first, second, third], isDotted: isClear };
  }
  if (numbers.length === 2) {
    const [year, day] = first.length === 4 ? [first, numbers[1]] : [second, numbers[0]];
    const word = monthBeside(tokens, day);
    if (!word || !isYear(year) || day.digits.length > 2) return undefined;
    const dayIn = (month) => dayFrom(full(year), month, Number(day.digits));
    const hints = { isCroatian: croatian.test(word), isNotCroatian: polishOrCzech.test(word) };
    return listopad.test(word) ? { day: dayIn(11), october: dayIn(10) } : { day: dayIn(monthOf(word)), ...hints };
  }
  if (tokens.length !== 1 || numbers.length !== 1) return undefined;
  if (first.length === 8) return { day: dayFrom(Number(first.slice(0, 4)), Number(first.slice(4, 6)), Number(first.slice(6))) };
  if (first.length === 10) return { moment: Number(first) * 1000 };
  return first.length === 13 ? { moment: Number(first) } : undefined;
};

/**
 * Reads a date with what stands beside it. Undefined if the text is no date; otherwise one of
 * `{day}` (undefined: there is no such day), `{day, october}`, `{numbers}` whose order is not
 * certain and `{moment}` in milliseconds, each with `{time, seconds, offset}`.
 */
export const readDate = (source) => {
  if (source.length > dateMax || !/\p{Nd}/u.test(source)) return undefined;
  const tokens = tokensOf(source);
  const time = takeTime(tokens);
  // A single letter belongs to no date, as in the typing error "2025x".
  if (tokens.some(({ word, digits }) => (word?.length === 1 && !letters.has(word)) || digits?.length > digitsMax)) return undefined;
  const shape = shapeOf(tokens);
  return shape && { ...shape, ...time };
};

/** The moment of a date in UTC, if it has a time other than midnight: that writes a date alone. */
const utcMoment = ({ day, seconds, offset }) => (offset === 0 && seconds && day !== undefined ? day * dayMilliseconds + seconds * 1000 : undefined);

export const localDay = (moment, clock, offset = clock.zone(moment).seconds) => dayAt(moment, offset, 0);

// MARK: a whole file

export const orders = ["dayFirst", "monthFirst", "yearFirst"];

const dayInOrder = ({ numbers: [first, second, third] }, order) => {
  if (order === "yearFirst") return third.length === 4 ? undefined : dayFrom(full(first), Number(second), Number(third));
  const [day, month] = order === "dayFirst" ? [first, second] : [second, first];
  return dayFrom(full(third), Number(month), Number(day));
};

/** One side must be this many times the other; the few are then taken for mistakes. */
const majority = 4;

/**
 * The order that makes the dates of a whole file past days. A date that several orders make a past
 * day decides nothing by itself. Undefined if several orders remain that mean different days.
 */
const orderOf = (dates, latest) => {
  const isPast = (day) => day !== undefined && day >= earliestDay && day <= latest;
  const votes = Object.fromEntries(orders.map((order) => [order, 0]));
  const faults = { ...votes };
  const hints = { ...votes };
  const open = [];
  for (const date of dates) {
    const days = orders.map((order) => [order, dayInOrder(date, order)]).filter(([, day]) => day !== undefined);
    const past = days.filter(([, day]) => isPast(day));
    const possible = past.length > 0 ? past : days;
    if (possible.length === 1) votes[possible[0][0]] += 1;
    if (new Set(past.map(([, day]) => day)).size > 1) open.push(date);
    for (const order of orders) if (possible.length > 0 && !possible.some(([each]) => each === order)) faults[order] += 1;
    const [first, second, third] = date.numbers;
    if (possible.length > 0 || third.length !== 4) continue;
    // There is no such day in any order; the number above 12 is no month.
    if (first > 12) hints.dayFirst += 1;
    if (second > 12) hints.monthFirst += 1;
  }
  const remaining = orders.filter((order) => faults[order] === 0);
  if (remaining.length === 0) return orders.find((order) => votes[order] >= majority * faults[order] && votes[order] > 0);
  const differ = (left, right) => open.some((date) => dayInOrder(date, left) !== dayInOrder(date, right));
  const hinted = ["dayFirst", "monthFirst"].find((order, index) => hints[order] > 0 && hints[order] >= majority * hints[orders[1 - index]]);
  if (hinted && remaining.includes(hinted)) return hinted;
  if (remaining.every((order) => !differ(order, remaining[0]))) return remaining[0];
  return remaining.includes("dayFirst") && open.every(({ isDotted }) => isDotted) ? "dayFirst" : undefined;
};

/**
 * The rules for all dates of a file, each `[text, date]`: `{order, isCroatian, isListopadOpen}`; or
 * `{example}`, one date with its days in each order, if the person has to say the order.
 */
export const dateRules = (entries, wanted, today, clock) => {
  const dates = entries.map(([, date]) => date);
  const uncertain = entries.filter(([, { numbers }]) => numbers);
  const latest = today + 1;
  const order = wanted ?? orderOf(uncertain.map(([, date]) => date), latest);
  const isNotCroatian = dates.some((date) => date.isNotCroatian);
  const listopads = dates.filter(({ october }) => october !== undefined);
  const isFuture = listopads.some(({ day }) => day > latest) && listopads.every(({ october }) => october <= latest);
  const isCroatian = !isNotCroatian && (isFuture || dates.some((date) => date.isCroatian));
  const rules = { order, isCroatian, isListopadOpen: !isCroatian && !isNotCroatian, clock };
  if (order) return rules;
  const examples = uncertain.map(([text, date]) => ({ text, days: Object.fromEntries(orders.map((each) => [each, dayInOrder(date, each)]).filter(([, day]) => day !== undefined && day <= latest)) }));
  return { example: examples.sort((left, right) => new Set(Object.values(right.days)).size - new Set(Object.values(left.days)).size)[0] };
};

/** The day and the time of a date, by the rules of its file; without a day there is none. */
export const dayOfDate = (date, { order, isCroatian, clock }) => {
  if (date.moment !== undefined) return { day: localDay(date.moment, clock), time: date.time };
  if (date.numbers) return { day: dayInOrder(date, order), time: date.time };
  const moment = utcMoment(date);
  if (moment !== undefined) return { day: localDay(moment, clock), time: "" };
  return { day: isCroatian && date.october !== undefined ? date.october : date.day, time: date.time };
};

/** The moment of a JSON value: a number (below 10^11 it counts seconds), or ISO 8601. */
export const momentOf = (value) => {
  const number = typeof value === "number" ? value : /^-?\d+(\.\d+)?$/.test(value ?? "") ? Number(value) : undefined;
  if (number !== undefined) return Math.abs(number) < 1e15 ? Math.trunc(Math.abs(number) < 1e11 ? number * 1000 : number) : undefined;
  const date = typeof value === "string" ? readDate(value) : undefined;
  if (date?.day === undefined) return undefined;
  return date.day * dayMilliseconds + ((date.seconds ?? 0) - (date.offset ?? 0)) * 1000;
};

/** The day of a JSON value at an offset in minutes, as a record has it; undefined: it is no date. */
export const dayOfValue = (value, offsetMinutes) => {
  const moment = momentOf(value);
  if (moment === undefined) return undefined;
  const date = typeof value === "string" && !/^-?\d+(\.\d+)?$/.test(value) ? readDate(value) : undefined;
  if (date && (date.seconds === undefined || date.offset !== 0)) return { day: date.day };
  const offset = Number.isInteger(offsetMinutes) && Math.abs(offsetMinutes) <= 1440 ? offsetMinutes * 60 : undefined;
  return { moment, offset };
};

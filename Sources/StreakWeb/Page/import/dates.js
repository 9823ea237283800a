// Dates as people and programs write them.

import { dayAt, dayFrom, dayMilliseconds, earliestDay } from "../modules/day.js";
import { plainDigits } from "./numbers.js";

// MARK: months

/**
 * Months by the beginnings of their names, in frequent languages; the longest beginning decides.
 */
const beginnings = [
  "jan jän ene gen oca ian jaa tam sty sij led sau січ янв яну ιαν",
  "feb fev fév lut şub sub vee helm velj únor vas лют фев φεβ",
  "mar mär mae mrz mrt maar maal már ožu ozu bře bre kov бер мар μαρ μάρ",
  "apr avr abr kwi nis huh ápr tra dub bal квіт апр απρ",
  "may mai maj mei mag maí máj tou svi kvě kve geg трав май мая μαΐ μαι μάι",
  "jun juin giu cze haz jún jūn juun iun kesä kesa lipa lipn červ cerv bir чер июн юни ιουν",
  "jul juil lug lipc lipi tem júl jūl juul iul hein srpa srpnj červenc červenec cervenc cervenec lie лип июл юли ιουλ",
  "aug aoû aou ago sie ağu agu avg elo kol srpna srpen rugp сер авг αυγ αύγ",
  "sep set wrz eyl sze syy ruj zář zar rugs вер сен сеп σεπ",
  "oct okt out ott paź pazd eki lok říj rij spa жов окт οκτ",
  "nov lis kas noi marras stu nóv lap лис ноя ное νοε νοέ",
  "dec dez déc dic des gru ara det jou pros груд дек δεκ",
].map((list) => list.split(" "));
const months = new Map(beginnings.flatMap((list, index) => list.map((beginning) => [beginning, index + 1])));
/** Weekdays that begin like a month. */
const weekdays = /^(maandag|martes|marted|mardi|marți$|marti$|szerd|vasár|keskiv|subot|серед)/u;

/** 1 to 12; undefined if no month begins so. */
const monthOf = (word) => {
  if (word.length < 3 || weekdays.test(word)) return undefined;
  if (shared.has(word)) return shared.get(word) + 1;
  for (let length = Math.min(word.length, 8); length >= 3; length -= 1) {
    const month = months.get(word.slice(0, length));
    if (month) return month;
  }
  return undefined;
};

/**
 * Names that are one month in Croatian and the next one in Polish and Czech, whole or shortened.
 */
const shared = new Map([["lip", 6], ["srp", 7], ["lis", 10], ["listopad", 10], ["listopada", 10]]);
const croatian = /^(sij|velj|ožu|tra|svi|lipa|lipn|srpa|srpnj|kol|ruj|stu)/;
const polishOrCzech = /^(sty|led|lut|úno|bře|kwi|dub|kvě|cze|čer|lipc|lipi|sie|srpe|srpna|wrz|zář|paź|říj|listopadu|gru)/;

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

/**
 * The place of a time's hour; -1 if there is none. A full stop or an "h" can separate it from the
 * minute, if the time follows a date of three numbers.
 */
const startOfTime = (tokens) => {
  const isTime = (start, isSeparator) => isNumber(tokens[start], 1, 2) && isSeparator(tokens[start + 1] ?? {}) && isNumber(tokens[start + 2], 2);
  const start = tokens.findIndex((_, index) => isTime(index, ({ sign }) => sign === ":"));
  if (start >= 0) return start;
  const numbers = [...tokens.keys()].filter((index) => tokens[index].digits);
  return numbers.length === 5 && isTime(numbers[3], ({ sign, word }) => sign === "." || word === "h") ? numbers[3] : -1;
};

/** Takes a time and its offset from the tokens: `{time, seconds, offset, isInvalid}`. */
const takeTime = (tokens) => {
  const start = startOfTime(tokens);
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
  if (hour > 23 || minute > 59 || second > 60) return { time: "", offset, isInvalid: true };
  const seconds = hour * 3600 + minute * 60 + second;
  return { time: seconds === 0 ? "" : `${two(hour)}:${two(minute)}`, seconds, offset };
};

/**
 * The word of a month that is nearest to the day's number; a word between the day and the year
 * comes first, and of two the one after the day.
 */
const monthBeside = (tokens, numbers, day) => {
  // Short words such as "de" link others.
  const texts = tokens.filter((token) => token.digits || token.word?.length >= 3);
  const place = texts.indexOf(day);
  const [start, end] = numbers.map((number) => texts.indexOf(number));
  const distanceOf = (index) => (index > place ? index - place : place - index + 0.5);
  return texts
    .map(({ word }, index) => ({ word, isBetween: start < index && index < end, distance: distanceOf(index) }))
    .filter(({ word }) => word && monthOf(word))
    .sort((left, right) => right.isBetween - left.isBetween || left.distance - right.distance)[0];
};

const full = (digits) => (digits.length === 4 ? Number(digits) : 2000 + Number(digits));

/** As in 24年1月31日. */
const hasYearSign = (tokens) => tokens.some(({ digits }, index) => digits && ["年", "년"].includes(tokens[index + 1]?.word) && index === 0);

const shapeOf = (tokens) => {
  const numbers = tokens.filter(({ digits }) => digits);
  const [first, second, third] = numbers.map(({ digits }) => digits);
  const isYear = (digits) => digits.length === 4 || digits.length === 2;
  if (numbers.length === 3 || numbers.length === 5) {
    // Five: an invalid time follows.
    if (first.length === 4 || hasYearSign(tokens)) return { day: dayFrom(full(first), Number(second), Number(third)) };
    // A year of two digits may come first, and a day of one digit last.
    if (first.length > 2 || second.length > 2 || !(isYear(third) || (third.length === 1 && first.length === 2))) return undefined;
    const signs = tokens.map(({ sign }) => sign);
    const hasPoints = signs.includes(".") && !signs.includes("/") && !signs.includes("-");
    if (numbers.length === 5 && !hasPoints) return undefined;
    // A full stop at the end: Korean dates have one, with a year of two digits first.
    return { numbers: [first, second, third], isDotted: hasPoints && (third.length === 4 || signs.at(-1) !== ".") };
  }
  if (numbers.length === 2) {
    const [year, day] = first.length === 4 ? [first, numbers[1]] : [second, numbers[0]];
    const { word, isBetween } = monthBeside(tokens, numbers, day) ?? {};
    if (!word || !isYear(year) || day.digits.length > 2) return undefined;
    const dayIn = (month) => dayFrom(full(year), month, Number(day.digits));
    if (shared.has(word)) return { croatian: dayIn(shared.get(word)), other: dayIn(shared.get(word) + 1) };
    const language = croatian.test(word) ? "croatian" : polishOrCzech.test(word) ? "other" : undefined;
    // In "24-Jan-05" the year may be first.
    if (isBetween && first.length === 2 && second.length === 2) return { numbers: [first, String(monthOf(word)), second], isNamed: true, isDotted: true, language };
    return { day: dayIn(monthOf(word)), language };
  }
  if (tokens.length !== 1 || numbers.length !== 1) return undefined;
  if (first.length === 8) return { day: dayFrom(Number(first.slice(0, 4)), Number(first.slice(4, 6)), Number(first.slice(6))) };
  if (first.length === 10) return { moment: Number(first) * 1000 };
  return first.length === 13 ? { moment: Number(first) } : undefined;
};

/**
 * Reads a date with what stands beside it. Undefined if the text is no date; otherwise one of
 * `{day, language}` (without a day there is none), `{croatian, other}` for a month's name with two
 * meanings, `{numbers, isNamed, isDotted}` whose order is not certain, and `{moment}` in
 * milliseconds, each with `{time, seconds, offset, hasInvalidTime}`.
 */
export const readDate = (source) => {
  if (source.length > dateMax || !/\p{Nd}/u.test(source)) return undefined;
  const tokens = tokensOf(source);
  const { isInvalid, ...time } = takeTime(tokens);
  const hasInvalidTime = isInvalid || tokens.filter(({ digits }) => digits).length === 5;
  // A single letter belongs to no date, as in the typing error "2025x".
  if (tokens.some(({ word, digits }) => (word?.length === 1 && !letters.has(word)) || digits?.length > digitsMax)) return undefined;
  const shape = shapeOf(tokens);
  return shape && { ...shape, ...time, hasInvalidTime };
};

/** The moment of a date in UTC, if it has a time other than midnight: that writes a date alone. */
const utcMoment = ({ day, seconds, offset }) => (offset === 0 && seconds && day !== undefined ? day * dayMilliseconds + seconds * 1000 : undefined);

export const localDay = (moment, clock, offset = clock.zone(moment).seconds) => dayAt(moment, offset, 0);

// MARK: a whole file

export const orders = ["dayFirst", "monthFirst", "yearFirst"];

const dayInOrder = ({ numbers: [first, second, third], isNamed }, order) => {
  // A year has two digits or four.
  if (order === "yearFirst") return third.length < 4 && first.length === 2 ? dayFrom(full(first), Number(second), Number(third)) : undefined;
  const [day, month] = order === "dayFirst" || isNamed ? [first, second] : [second, first];
  return third.length === 1 ? undefined : dayFrom(full(third), Number(month), Number(day));
};

/** One side must be this many times the other; the few are then taken for mistakes. */
const majority = 4;

/**
 * The orders that make a date a past day, each `[order, day]`. If there is none, the orders that
 * make it a day: not for a year of two digits, which can be read out of any number.
 */
const candidatesOf = (date, latest) => {
  const days = orders.map((order) => [order, dayInOrder(date, order)]).filter(([, day]) => day !== undefined);
  const past = days.filter(([, day]) => day >= earliestDay && day <= latest);
  return past.length > 0 || date.numbers[2].length < 4 ? past : days;
};

/**
 * The order that makes the dates of a whole file past days, as `{order, isAssumed}`. A date that
 * several orders make a past day decides nothing by itself. Without an order several remain that
 * mean different days.
 */
const orderOf = (dates, latest) => {
  const none = Object.fromEntries(orders.map((order) => [order, 0]));
  const [votes, mistakes, hints, open] = [{ ...none }, { ...none }, { ...none }, []];
  for (const date of dates) {
    const candidates = candidatesOf(date, latest);
    if (candidates.length === 1) votes[candidates[0][0]] += 1;
    if (new Set(candidates.map(([, day]) => day)).size > 1) open.push(date);
    for (const order of orders) if (candidates.length > 0 && !candidates.some(([each]) => each === order)) mistakes[order] += 1;
    const [first, second, third] = date.numbers;
    if (candidates.length > 0 || third.length !== 4) continue;
    // There is no such day in any order; the number above 12 is no month.
    if (first > 12) hints.dayFirst += 1;
    if (second > 12) hints.monthFirst += 1;
  }
  const valid = orders.filter((order) => mistakes[order] === 0);
  if (valid.length === 0) return { order: orders.find((order) => votes[order] > 0 && votes[order] >= majority * mistakes[order]) };
  if (valid.length === 1) return { order: valid[0] };
  const hinted = orders.filter((order) => hints[order] > 0);
  if (hinted.length === 1 && valid.includes(hinted[0])) return { order: hinted[0] };
  if (valid.every((order) => open.every((date) => dayInOrder(date, order) === dayInOrder(date, valid[0])))) return { order: valid[0] };
  return valid.includes("dayFirst") && open.every(({ isDotted }) => isDotted) ? { order: "dayFirst", isAssumed: true } : {};
};

/** The language of names with two meanings; undefined if the file's other names do not tell. */
const languageOf = (dates, latest) => {
  const found = new Set(dates.map(({ language }) => language).filter(Boolean));
  const isPast = (day) => day !== undefined && day <= latest;
  for (const date of dates) {
    // A day that does not exist, or is not over, decides too.
    if (isSharedName(date) && isPast(date.croatian) !== isPast(date.other)) found.add(isPast(date.croatian) ? "croatian" : "other");
  }
  return found.size === 1 ? [...found][0] : undefined;
};

export const isSharedName = (date) => "croatian" in date;

/**
 * The rules for all dates of a file, each `[text, date]`: `{order, isAssumed, language, example}`.
 * `example` is an uncertain date with its days in each order. Without an order the person has to
 * say it.
 */
export const dateRules = (entries, wanted, today, clock) => {
  const latest = today + 1;
  const uncertain = entries.filter(([, { numbers }]) => numbers);
  const rules = wanted ? { order: wanted } : orderOf(uncertain.map(([, date]) => date), latest);
  const examples = uncertain.map(([text, date]) => ({ text: text.trim(), days: Object.fromEntries(candidatesOf(date, latest)) }));
  const countOf = ({ days }) => new Set(Object.values(days)).size;
  const example = examples.reduce((best, each) => (best && countOf(best) >= countOf(each) ? best : each), undefined);
  return { ...rules, language: languageOf(entries.map(([, date]) => date), latest), example, clock };
};

/** The day and the time of a date, by the rules of its file; without a day there is none. */
export const dayOfDate = (date, { order, language, clock }) => {
  if (date.moment !== undefined) return { day: localDay(date.moment, clock), time: date.time };
  if (date.numbers) return { day: dayInOrder(date, order), time: date.time };
  if (isSharedName(date)) return { day: language && date[language], time: date.time };
  const moment = utcMoment(date);
  return moment === undefined ? { day: date.day, time: date.time } : { day: localDay(moment, clock), time: "" };
};

/** The moment of a JSON value: a number (below 10^11 it counts seconds), or ISO 8601. */
export const momentOf = (value) => {
  const number = typeof value === "number" ? value : /^-?\d+(\.\d+)?$/.test(value ?? "") ? Number(value) : undefined;
  if (number !== undefined) return Math.abs(number) < 1e15 ? Math.trunc(Math.abs(number) < 1e11 ? number * 1000 : number) : undefined;
  const date = typeof value === "string" ? readDate(value) : undefined;
  if (date?.day === undefined) return undefined;
  return date.day * dayMilliseconds + ((date.seconds ?? 0) - (date.offset ?? 0)) * 1000;
};

/**
 * The day of a JSON value at an offset in minutes, as a record has it; undefined: it is no date.
 */
export const dayOfValue = (value, offsetMinutes) => {
  const date = typeof value === "string" && !/^-?\d+(\.\d+)?$/.test(value) ? readDate(value) : undefined;
  if (date?.numbers || (date && isSharedName(date))) return { date: value };
  const moment = momentOf(value);
  if (moment === undefined) return undefined;
  if (date && (date.seconds === undefined || date.offset !== 0)) return { day: date.day };
  const offset = Number.isInteger(offsetMinutes) && Math.abs(offsetMinutes) <= 1440 ? offsetMinutes * 60 : undefined;
  return { moment, offset };
};

// Days are numbers: days since 1970-01-01. All arithmetic is on these numbers, never on midnight
// timestamps, so a day of 23 or 25 hours cannot break a streak.

export const dayMilliseconds = 86_400_000;
/** 2000-01-01, the earliest day that the service accepts. */
export const earliestDay = 10_957;
/** 9999-12-31, the latest day that can be written. */
export const latestDay = 2_932_896;

/** The date at a moment: date((moment + offset) - day start). */
export const dayAt = (milliseconds, utcOffsetSeconds, dayStartMinutes) =>
  Math.floor((milliseconds + utcOffsetSeconds * 1000 - dayStartMinutes * 60_000) / dayMilliseconds);

/** The day of a `LocalTime`. */
export const dayOf = (clientTime) => dayAt(Date.parse(clientTime.occurredAt), clientTime.utcOffsetSeconds ?? 0, clientTime.dayStartMinutes ?? 0);

/** Year, month (1 to 12) and day of the month of a day. */
export const civil = (day) => {
  const date = new Date(day * dayMilliseconds);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
};

/** The day of a civil date; undefined if there is no such date. */
export const dayFrom = (year, month, day) => {
  const day0 = new Date(0);
  // `Date.UTC` would read the years 0 to 99 as 1900 to 1999.
  day0.setUTCFullYear(year, month - 1, day);
  const number = Math.round(day0.getTime() / dayMilliseconds);
  const found = civil(number);
  return found.year === year && found.month === month && found.day === day ? number : undefined;
};

/** Such as "2026-11-23". */
export const isoDay = (day) => new Date(day * dayMilliseconds).toISOString().slice(0, 10);

/** Reads what `isoDay` writes; undefined for anything else. */
export const dayFromIso = (text) => {
  const found = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  return found ? dayFrom(Number(found[1]), Number(found[2]), Number(found[3])) : undefined;
};

/** Monday is 1, Sunday is 7. */
export const weekday = (day) => ((((day + 3) % 7) + 7) % 7) + 1;

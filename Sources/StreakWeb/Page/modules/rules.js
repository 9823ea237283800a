// The service's rules of days, as far as a device applies them before the server does: what can be
// recorded, and what is going to count. The server judges for good; its answer replaces this one.

import { utcOffsetMax, utcOffsetMin } from "./clock.js";
import { dayAt, dayMilliseconds, dayOf, earliestDay, latestDay } from "./day.js";
import { utf8Length } from "./bytes.js";

/** Days after which a day cannot be undone, and a late completion does not count. */
export const lateDaysMax = 30;
/** Days before today that may be entered afterwards and still count. */
export const backfillDaysMax = 2;
/** Days of the window of which an anonymous person's days count at the sign-up. */
export const windowDays = 30;
/** Days that may count on top of those that passed since the server saw the session begin. */
export const anchorSpareDays = 2;
export const noteBytesMax = 4096;
/** Most days of a session. */
export const sessionEntriesMax = 50_000;
const futureSlackMilliseconds = 300_000;
const judgedDayStartMinutesMax = 360;
const zoneBytesMax = 64;

const offsetOf = (clientTime) => clientTime.utcOffsetSeconds ?? 0;
const startOf = (clientTime) => clientTime.dayStartMinutes ?? 0;

/** The latest date anywhere on Earth, with five minutes of slack. */
export const latestToday = (now) => dayAt(now + futureSlackMilliseconds, utcOffsetMax, 0);

/** The date by which a day is judged: of a moment, in the statement's own offset. */
export const judgedDay = (clientTime, at) => dayAt(at, offsetOf(clientTime), Math.min(startOf(clientTime), judgedDayStartMinutesMax));

/** Why a statement about a day would be rejected; undefined if it is not. */
export const rejection = (day, clientTime, now) => {
  const isValid =
    day >= earliestDay && day <= latestDay && offsetOf(clientTime) >= utcOffsetMin && offsetOf(clientTime) <= utcOffsetMax &&
    startOf(clientTime) >= 0 && startOf(clientTime) <= 1439 && clientTime.zone !== "" && utf8Length(clientTime.zone) <= zoneBytesMax;
  if (!isValid) return "INVALID_FIELD";
  // Before the comparison with the moment: a clock that is ahead is the likelier cause.
  if (day > latestToday(now)) return "FUTURE_DAY";
  if (day !== dayOf(clientTime)) return "DAY_MISMATCH";
  return undefined;
};

/** Whether a day is too old to be undone in an account. */
export const isSealed = (day, today) => today - day > lateDaysMax;

// MARK: the zones that a person used

const zoneWindowMilliseconds = 48 * 3_600_000;
const zonesMax = 16;
const isRecent = (use, now) => now - use.at <= zoneWindowMilliseconds;

/**
 * Adds the zone of a statement to the zones used lately, most recent first. A clock that is ahead
 * counts as now. Returns a new list.
 */
export const noteZone = (zones, clientTime, now) => {
  const use = { offset: offsetOf(clientTime), dayStart: startOf(clientTime), at: Math.min(Date.parse(clientTime.occurredAt), now) };
  const isSame = (other) => other.offset === use.offset && other.dayStart === use.dayStart;
  use.at = Math.max(use.at, ...zones.filter(isSame).map((other) => other.at));
  const sorted = [use, ...zones.filter((other) => !isSame(other))].sort((left, right) => right.at - left.at);
  // The latest use stays at any age: it is the person's last known zone.
  return sorted.filter((other, index) => index === 0 || isRecent(other, now)).slice(0, zonesMax);
};

/** The earliest current date among the zones used in the last 48 hours. */
export const todayOfZones = (zones, now) => {
  const recent = zones.filter((use) => isRecent(use, now));
  const relevant = recent.length > 0 ? recent : zones.slice(0, 1);
  if (relevant.length === 0) return dayAt(now, 0, 0);
  return Math.min(...relevant.map((use) => dayAt(now, use.offset, use.dayStart)));
};

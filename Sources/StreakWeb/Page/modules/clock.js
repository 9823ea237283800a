// The one place that asks what time it is, and where. Modules take a clock as an argument; tests in
// Node pass one of their own, tests in a browser set the browser's clock and zone from outside
// (WebDriver, CDP). So there is no switch for tests in the product.

import { dayAt, dayMilliseconds } from "./day.js";

/** The offsets that the service accepts, in seconds east of UTC. */
export const utcOffsetMin = -43_200;
export const utcOffsetMax = 50_400;

const digits = (number) => String(number).padStart(2, "0");

/** The name for a zone of which only the offset is known, such as "+08:00". */
const nameOfOffset = (seconds) => {
  const minutes = Math.floor(Math.abs(seconds) / 60);
  return `${seconds < 0 ? "-" : "+"}${digits(Math.floor(minutes / 60))}:${digits(minutes % 60)}`;
};

/** How long the zone's name is taken as known: asking for it is slow, and an import asks often. */
const nameMilliseconds = 1_000;
let zoneName = { at: -Infinity, name: "" };
const nameNow = () => {
  const at = performance.now();
  if (at - zoneName.at > nameMilliseconds) zoneName = { at, name: Intl.DateTimeFormat().resolvedOptions().timeZone };
  return zoneName.name;
};

export const systemClock = {
  /** Milliseconds since 1970. */
  now: () => Date.now(),
  /** Milliseconds of a clock that nobody can set. */
  monotonic: () => performance.now(),
  /** The zone's name, and its offset in seconds at a moment. */
  zone(at) {
    // Historic local mean times may lie outside of what the service accepts.
    const seconds = Math.min(Math.max(-new Date(at).getTimezoneOffset() * 60, utcOffsetMin), utcOffsetMax);
    return { name: nameNow() || nameOfOffset(seconds), seconds };
  },
  random: () => Math.random(),
};

/** A moment as the service's `LocalTime`, in the device's zone. */
export const localTime = (clock, at, dayStartMinutes) => {
  const zone = clock.zone(at);
  return {
    occurredAt: new Date(at).toISOString(),
    zone: zone.name,
    utcOffsetSeconds: zone.seconds,
    dayStartMinutes,
  };
};

/**
 * The local time that stands for a day: now for today, otherwise the middle of that day, which is
 * half a day away from its borders: more than any change of the offset.
 */
export const timeOfDay = (clock, day, dayStartMinutes, at = clock.now()) => {
  const here = clock.zone(at);
  if (day === undefined || day === dayAt(at, here.seconds, dayStartMinutes)) return localTime(clock, at, dayStartMinutes);
  const local = day * dayMilliseconds + dayStartMinutes * 60_000 + dayMilliseconds / 2;
  const guess = local - clock.zone(local).seconds * 1000;
  return localTime(clock, local - clock.zone(guess).seconds * 1000, dayStartMinutes);
};

/** The person's current day by the device's zone. */
export const todayHere = (clock, dayStartMinutes, at = clock.now()) => dayAt(at, clock.zone(at).seconds, dayStartMinutes);

// What a device expects the server to count of days that are entered afterwards in an account.

import { dayMilliseconds } from "./day.js";
import { backfillDaysMax, judgedDay, lateDaysMax } from "./rules.js";

/**
 * What a device may newly claim since its queue was last empty. `claim` returns the reason for
 * which a day is going to be quarantined; an empty text if it counts.
 */
export class BackfillAllowance {
  #claimed = new Set();

  constructor(caughtUpAt) {
    this.caughtUpAt = caughtUpAt;
  }

  claim(day, clientTime, now) {
    const today = judgedDay(clientTime, now);
    const caughtUpDay = Math.min(judgedDay(clientTime, this.caughtUpAt), today);
    const age = today - day;
    if (age > lateDaysMax) return "TOO_OLD";
    if (age > backfillDaysMax && day < caughtUpDay - 1) return "BACKFILL";
    if (day < caughtUpDay - 1 || this.#claimed.has(day)) return "";
    // Fourteen hours: so far east may a person have moved, and clocks go forward.
    const passed = Math.max(0, now - this.caughtUpAt) + 14 * 3_600_000;
    if (this.#claimed.size >= Math.floor(passed / dayMilliseconds) + 2) return "ZONE_HOP";
    this.#claimed.add(day);
    return "";
  }
}

// Why a number is what it is, and sums over a habit's days. Loaded with the page of a habit.

import { civil, weekday } from "./day.js";
import { lengthOf, runsOf, streakOf } from "./streak.js";

/**
 * The days that make the number, and every other recorded day with the reason why it is not part of
 * it, in the form of `ExplainStreakResponse`.
 */
export const explain = (cells, today, isArchived = false) => {
  const counted = cells.filter((cell) => cell.done && !cell.quarantine).map((cell) => cell.day);
  const streak = streakOf(counted, today, isArchived);
  const leftOut = [];
  for (const cell of [...cells].sort((left, right) => left.day - right.day)) {
    if (!cell.done) {
      // A day that only has a note was never done: it is no part of any number.
      leftOut.push({ day: cell.day, omission: "UNDONE" });
    } else if (cell.quarantine) {
      leftOut.push({ day: cell.day, omission: "QUARANTINED", quarantine: cell.quarantine });
    } else if (!streak.run || cell.day < streak.run.first || cell.day > streak.run.last) {
      leftOut.push({ day: cell.day, omission: "OTHER_RUN" });
    }
  }
  return { streak, run: streak.run, leftOut };
};

/** Sums over a habit's days, as `GetStatistics` gives them. */
export const statisticsOf = (cells) => {
  const counted = cells.filter((cell) => cell.done && !cell.quarantine).map((cell) => cell.day);
  const byWeekday = [0, 0, 0, 0, 0, 0, 0];
  const months = new Map();
  for (const day of counted) {
    byWeekday[weekday(day) - 1] += 1;
    const { year, month } = civil(day);
    const key = year * 12 + month - 1;
    months.set(key, (months.get(key) ?? 0) + 1);
  }
  return {
    counted: counted.length,
    quarantined: cells.filter((cell) => cell.done && cell.quarantine).length,
    undone: cells.filter((cell) => !cell.done).length,
    byWeekday,
    byMonth: [...months].sort(([left], [right]) => left - right).map(([key, count]) => ({
      year: Math.floor(key / 12), month: (key % 12) + 1, counted: count,
    })),
    longestRun: Math.max(0, ...runsOf(counted).map(lengthOf)),
  };
};

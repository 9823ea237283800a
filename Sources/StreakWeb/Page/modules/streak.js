// A streak is a pure function of the days that count. Nothing here is stored, and nothing is taken
// from the server: while offline the page computes the same numbers as the server does.

import { civil, weekday } from "./day.js";

/** The runs of consecutive days, earliest first, as `{first, last}`. */
export const runsOf = (days) => {
  const runs = [];
  for (const day of [...new Set(days)].sort((left, right) => left - right)) {
    const run = runs.at(-1);
    if (run && run.last + 1 === day) run.last = day;
    else runs.push({ first: day, last: day });
  }
  return runs;
};

const lengthOf = (run) => (run ? run.last - run.first + 1 : 0);

/**
 * The run that is current on `today`, and the streak's state. "Today" is the earliest date among a
 * person's zones: in a later zone they may have recorded days after it.
 */
export const currentRun = (runs, today) => {
  const last = runs.at(-1);
  if (!last) return { run: undefined, state: "NONE" };
  const holding = runs.find((run) => run.first <= today && today <= run.last);
  if (holding) return { run: holding, state: "DONE_TODAY" };
  const ended = runs.find((run) => run.last === today - 1);
  if (ended) return { run: ended, state: "AT_RISK" };
  return last.first > today ? { run: last, state: "DONE_TODAY" } : { run: undefined, state: "BROKEN" };
};

/** The streak of a habit's counted days. An archived habit is never at risk. */
export const streakOf = (countedDays, today, isArchived = false) => {
  const runs = runsOf(countedDays);
  const { run, state } = currentRun(runs, today);
  return {
    state: state === "AT_RISK" && isArchived ? "ARCHIVED" : state,
    current: lengthOf(run),
    longest: Math.max(0, ...runs.map(lengthOf)),
    total: runs.reduce((sum, each) => sum + lengthOf(each), 0),
    lastDay: runs.at(-1)?.last,
    run,
  };
};

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

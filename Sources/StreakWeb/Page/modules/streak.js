// A streak is a pure function of the days that count. Nothing here is stored, and nothing is taken
// from the server: while offline the page computes the same numbers as the server does.

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

export const lengthOf = (run) => (run ? run.last - run.first + 1 : 0);

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

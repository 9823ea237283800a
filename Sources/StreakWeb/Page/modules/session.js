// What is known about the anonymous session before it becomes part of an account: which of its days
// are going to count, by the service's rules, on this device's clock.

import { anchorSpareDays, windowDays } from "./rules.js";

/**
 * A session of which the server does not know the begin may be introduced to it for this long.
 * Introduced later, its earlier days would be judged by the later begin, and fewer of them would
 * count than without an introduction.
 */
export const introductionMilliseconds = 86_400_000;

/** The first day that counts if the session becomes an account now: the service's rules, here. */
export const firstDayThatCounts = (session, today, now) => {
  const window = today + 1 - windowDays;
  if (!session?.isAnchored) return window;
  // The server recorded the session's begin when it was introduced. Later contacts have overwritten
  // that time here.
  const isFirstContact = session.keptAt - session.begunAt <= introductionMilliseconds;
  const passed = Math.max(0, now - (isFirstContact ? session.keptAt : session.begunAt));
  return Math.max(window, today + 1 - anchorSpareDays - Math.floor(passed / 86_400_000));
};

/** Whether introducing the session now would make days not count that were entered afterwards. */
export const losesDays = (session, today) =>
  [...session.entries.values()].some((entry) => entry.done && entry.day < today + 1 - anchorSpareDays);

/** What a sign-up now would do with the session's days; undefined without a session. */
export const previewSignUp = (session, today, now) => {
  if (!session || session.habits.size === 0) return undefined;
  const first = firstDayThatCounts(session, today, now);
  const done = [...session.entries.values()].filter((entry) => entry.done);
  const counted = done.filter((entry) => entry.day >= first).length;
  return { counted, notCounted: done.length - counted, first };
};

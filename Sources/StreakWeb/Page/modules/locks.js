// One tab at a time: by Web Locks, which the browser releases when a tab dies.

/** Runs `body` while no other tab of this browser runs one of the same name. */
export const exclusively = (name, body) =>
  globalThis.navigator?.locks ? navigator.locks.request(`streakd ${name}`, body) : body();

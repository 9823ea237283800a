// A person's choice in a conflict, as an operation. Loaded when a person chooses.

import { timeOfDay } from "./clock.js";
import { make } from "./queue.js";
import { fieldName, shownDayStart, shownHabits } from "./shown.js";

/**
 * The chosen value of a conflict as a statement; undefined if there is nothing to state. It is what
 * the person sees until the server has decided the resolution, and what is sent instead to a server
 * that does not have the conflict.
 */
const statementOf = (account, notice, takesLosing, clientTime) => {
  const value = takesLosing ? notice.losingValue : notice.winningValue;
  const fields = shownHabits(account).get(notice.habitId);
  const edit = (name, changed) => ({
    editHabit: { habit: { id: notice.habitId, ...fields, ...changed }, fields: [`HABIT_FIELD_${name.toUpperCase()}`] },
  });
  switch (notice.kind) {
    case "NOTICE_KIND_NOTE_CONFLICT":
      return { setNote: { habitId: notice.habitId, day: notice.day, note: value, clientTime } };
    case "NOTICE_KIND_DONE_CONFLICT":
      return { setCompletion: { habitId: notice.habitId, day: notice.day, done: value, clientTime } };
    case "NOTICE_KIND_FIELD_CONFLICT": {
      if (!fields) return undefined;
      const name = fieldName(notice.field);
      return edit(name, { [name]: value });
    }
    case "NOTICE_KIND_DELETION_CONFLICT":
      if (takesLosing) return { deleteHabit: { habitId: notice.habitId } };
      return fields && edit("archived", { archived: true });
    default:
      return undefined;
  }
};

/**
 * Adds the resolution of a conflict. Until the server has decided it, the person sees `statement`:
 * the chosen value, as a change of its own.
 */
export const makeResolution = (account, noticeId, takeLosing, statement, now) => {
  const op = make(account, { resolveConflict: { noticeId, takeLosing } }, now);
  account.resolutions.set(op.hybridTime, { statement, isDecided: false });
  account.changed.add(`resolutions ${op.hybridTime}`);
};

/** Resolves a conflict: true takes the losing value, false confirms the winning one. */
export const resolve = (account, notice, takesLosing, clock, now) => {
  const clientTime = timeOfDay(clock, notice.day, shownDayStart(account), now);
  const statement = statementOf(account, notice, takesLosing, clientTime);
  if (statement) makeResolution(account, notice.noticeId, takesLosing, statement, now);
};

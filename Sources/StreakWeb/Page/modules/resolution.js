// A person's choice in a conflict, as an operation. Loaded when a person chooses.

import { timeOfDay } from "./clock.js";
import { make } from "./queue.js";
import { fieldName, shownDayStart, shownHabits } from "./shown.js";

/** The chosen value of a conflict as a statement; undefined if there is nothing to state. */
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

/** Resolves a conflict: true takes the losing value, false confirms the winning one. */
export const resolve = (account, notice, takesLosing, clock, now) => {
  const clientTime = timeOfDay(clock, notice.day, shownDayStart(account), now);
  const statement = statementOf(account, notice, takesLosing, clientTime);
  if (statement) make(account, { resolveConflict: { noticeId: notice.noticeId, takeLosing: takesLosing, ...statement } }, now);
};

// Days by their key, and by their habit: a page draws after each tap, and must not go through the
// days of all years for that.

export const cellKey = (habitId, day) => `${habitId}:${day}`;

/** A map from `cellKey` to a day; each has `habitId` and `day`. */
export class Days extends Map {
  /** By habit: its days by number; and as they were last given out, until one of them changes. */
  #habits = new Map();

  set(key, cell) {
    let own = this.#habits.get(cell.habitId);
    if (!own) this.#habits.set(cell.habitId, (own = { days: new Map(), given: undefined }));
    own.days.set(cell.day, cell);
    own.given = undefined;
    return super.set(key, cell);
  }

  delete(key) {
    const cell = this.get(key);
    const own = cell && this.#habits.get(cell.habitId);
    if (own) {
      own.days.delete(cell.day);
      own.given = undefined;
    }
    return super.delete(key);
  }

  clear() {
    this.#habits.clear();
    super.clear();
  }

  /**
   * A habit's days by number, each with its status. The map does not change any more: it is the
   * same one as long as none of the days changes, and then another one.
   */
  ofHabit(habitId) {
    const own = this.#habits.get(habitId);
    if (!own) return none;
    own.given ??= new Map([...own.days].map(([day, cell]) => [day, cell.quarantine === undefined ? { ...cell, quarantine: "" } : cell]));
    return own.given;
  }
}

const none = new Map();

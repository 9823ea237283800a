// Reads the files of other trackers, and documents of this service, into one form: habits with the
// days that were done, and remarks about everything that was not taken as it is. Nothing is dropped
// in silence. The rules are those of the program `streak`, which reads databases and archives too.
// A further format is a reader in one of the lists below.

import { readTable } from "./csv.js";
import { beaverHabits, habitica, habitKit, ownDocument, readJSON } from "./documents.js";
import { historyOf } from "./history.js";
import { loopCheckmarks, loopHabit, loopOther } from "./loop.js";
import { habitBull, habiticaHistory, list, table } from "./tables.js";
import { decode, ImportError, withoutControls } from "./text.js";

export { ImportError };

/** Most bytes of a file. */
export const fileBytesMax = 32 * 1024 * 1024;

/** Readers of documents and of tables, those with the clearest marks first. */
const documents = [ownDocument, habitKit, habitica, beaverHabits];
const tables = [habitBull, habiticaHistory, loopOther, loopHabit, loopCheckmarks, list, table];

const firstOf = (readers, ...content) => {
  for (const read of readers) {
    const file = read(...content);
    if (file) return file;
  }
  throw new ImportError("import.unknown");
};

/**
 * Reads a file's bytes, or its text. `options.dateOrder` and `options.habitName` answer the
 * question of an `ImportError`. The result is that of `historyOf`.
 */
export const readHistory = (content, { name = "", dateOrder, habitName, clock }) => {
  const { text: source, remarks } = typeof content === "string" ? { text: content, remarks: [] } : decode(content);
  const text = source.startsWith("\ufeff") ? source.slice(1) : source;
  const [first] = /\S/.exec(text) ?? [];
  if (!first) throw new ImportError("import.empty");
  const add = (file, more) => ({ ...file, remarks: [...remarks, ...more, ...file.remarks] });
  if (first === "{" || first === "[") {
    const { root, remarks: more } = readJSON(text);
    return historyOf(add(firstOf(documents, root), more), { dateOrder, clock });
  }
  const clean = withoutControls(text);
  const parsed = readTable(clean.text);
  if (parsed.rows.length === 0) throw new ImportError("import.empty");
  return historyOf(add(firstOf(tables, parsed, { name, habitName }), [...clean.remarks, ...parsed.remarks]), { dateOrder, clock, usesSemicolons: parsed.delimiter === ";" });
};

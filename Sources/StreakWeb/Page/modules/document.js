// The documents of an export: the check of one that was received, and the document of what is on
// this device. Source: export.proto, `ExportManifest`.

import { base64, byId, utf8 } from "./bytes.js";
import { sha256 } from "./canonical.js";
import { isoDay } from "./day.js";
import { inOrder } from "./habit.js";

const sections = [
  "account", "devices", "habits", "ledger", "history", "rejectedEntries", "rejectedOperations", "notices", "migrations", "audit",
];

export class DocumentError extends Error {
  constructor(message) {
    super(message);
    this.name = "DocumentError";
  }
}

/** The record of a line: its text without the comma that separates it from the next. */
const recordOf = (line) => {
  const text = line.trim();
  return text.endsWith(",") ? text.slice(0, -1) : text;
};

/** The records' texts of each section. Each record stands on a line of its own. */
const recordsBySection = (text) => {
  const found = new Map();
  let open;
  for (const line of text.split("\n")) {
    const begun = /^\s*"(\w+)":\[(\])?,?\s*$/.exec(line);
    if (open && /^\s*\]/.test(line)) {
      open = undefined;
    } else if (open) {
      found.get(open).push(recordOf(line));
    } else if (begun) {
      found.set(begun[1], []);
      if (!begun[2]) [, open] = begun;
    }
  }
  return found;
};

/**
 * Checks a document against its manifest: its size, and the count and hash of each section; and
 * that the document carries the same manifest. Returns the number of records.
 */
export const check = async (bytes, manifest) => {
  if (Number(manifest.documentBytes) !== bytes.length) throw new DocumentError(`it has ${bytes.length} of ${manifest.documentBytes} bytes`);
  const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  const own = JSON.parse(text).manifest;
  const found = recordsBySection(text);
  let count = 0;
  for (const section of manifest.sections ?? []) {
    const records = found.get(section.name);
    const wanted = Number(section.count ?? 0);
    if (records?.length !== wanted) throw new DocumentError(`"${section.name}" has ${records?.length ?? "no"} of ${wanted} records`);
    const hash = base64(await sha256(utf8(records.map((record) => `${record}\n`).join(""))));
    if (hash !== section.sha256) throw new DocumentError(`the records of "${section.name}" are not those that were sent`);
    const inside = own?.sections?.find(({ name }) => name === section.name);
    if (inside?.sha256 !== section.sha256) throw new DocumentError(`the document's own hash of "${section.name}" is another one`);
    count += records.length;
  }
  return count;
};

/** Leaves out defaults, as proto3's JSON does. */
const compact = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== "" && value !== 0 && value !== false && value !== undefined));

/**
 * What is on this device, in the layout of the service's documents; sections of data that only a
 * server has are empty. The page and the program `streak` import it.
 */
export const localDocument = (view) => {
  const habits = view.habits.map((habit) => [habit.id, habit]).sort(inOrder);
  const cells = view.habits.flatMap((habit) => [...habit.cells.values()]).sort((left, right) => byId(left.habitId, right.habitId) || left.day - right.day);
  const trust = (cell) => {
    // Without an account the status of a day is not decided yet.
    if (!view.account) return {};
    return cell.quarantine
      ? { trust: "CELL_TRUST_QUARANTINED", quarantineReason: `QUARANTINE_REASON_${cell.quarantine}` }
      : { trust: "CELL_TRUST_COUNTED" };
  };
  const records = {
    habits: habits.map(([id, { name, description, color, position, archived }]) => compact({ id, name, description, color, position, archived })),
    ledger: cells.map((cell) => ({
      date: isoDay(cell.day), cell: compact({ habitId: cell.habitId, day: cell.day, done: cell.done, note: cell.note, ...trust(cell), clientTime: cell.clientTime }),
    })),
  };
  const header = JSON.stringify(compact({ schemaVersion: 2, exportedAt: new Date(view.now).toISOString(), userId: view.account?.userId }));
  const parts = sections.map((name) => {
    const lines = (records[name] ?? []).map((record) => JSON.stringify(record));
    return `,\n"${name}":[${lines.length > 0 ? `\n${lines.join(",\n")}\n` : ""}]`;
  });
  return { text: `${header.slice(0, -1)}${parts.join("")}}\n`, count: habits.length + cells.length };
};

// Words of tables, in frequent languages: for done and not done, and for the names of columns.

const done = new Set(
  ("x ✓ ✔ ✔️ ☑ ☑️ ✅ ● • * + yes y true t done complete completed checked check on ok success si sí verdadero hecho ja j wahr erledigt " +
    "oui vrai fait sim verdadeiro feito vero fatto waar gedaan tak prawda evet doğru да истина yes_manual").split(" "),
);
const notDone = new Set(
  ("no n false f incomplete unchecked off missed fail failed none null n/a na - – — ☐ ✗ ✘ ❌ ✖ ✖️ nein falsch non faux falso não nao nee " +
    "onwaar nie fałsz hayır yanlış нет ложь").split(" "),
);

/** What a word says of a day: "done", "notDone", "skipped", "filledIn", "unknown"; or undefined. */
export const readWord = (text) => {
  const word = text.trim().toLowerCase();
  if (word === "" || word === "?" || word === "unknown") return "unknown";
  if (["skip", "skipped", "excused", "rest"].includes(word)) return "skipped";
  if (word === "yes_auto" || word === "auto") return "filledIn";
  if (done.has(word)) return "done";
  return notDone.has(word) || word === "not done" ? "notDone" : undefined;
};

const columns = {
  date:
    "date|day|timestamp|datum|tag|fecha|día|dia|data|jour|giorno|dag|dzień|дата|calendardate|completed at|completed on|completion date|date completed|when|日付|日期",
  habit:
    "habit|habit name|habitname|habit_name|name|task|task name|activity|title|tracker|gewohnheit|aktivität|hábito|habito|nombre|habitude|nom|abitudine|nome|gewoonte|naam|nawyk|vana|привычка|習慣|习惯",
  done: "done|completed|complete|status|state|checked|success|erledigt|estado|hecho|fait|fatto|feito|gedaan",
  amount: "value|amount|count|quantity|number|times|wert|menge|anzahl|valor|cantidad|valeur|quantité|valore|quantità|quantidade|waarde|aantal|значение",
  note: "note|notes|comment|comments|commenttext|memo|remark|text|notiz|notizen|kommentar|nota|notas|comentario|commentaire|commento|comentário|opmerking|заметка",
  time: "time|hour|uhrzeit|zeit|hora|heure|ora|tijd|время",
};
const names = Object.fromEntries(Object.entries(columns).map(([kind, list]) => [kind, new Set(list.split("|"))]));

/** Whether a column's name is one of a kind. */
export const isColumn = (name, kind) => names[kind].has(name.trim().toLowerCase());

/** The place of the first column of a kind; -1 if there is none. */
export const columnOf = (header, kind) => header.findIndex((name) => isColumn(name, kind));

const colors = {
  slate: 0x64748b, gray: 0x6b7280, grey: 0x6b7280, red: 0xef4444, orange: 0xf97316, amber: 0xf59e0b, yellow: 0xeab308, lime: 0x84cc16, green: 0x22c55e, emerald: 0x10b981,
  teal: 0x14b8a6, cyan: 0x06b6d4, sky: 0x0ea5e9, blue: 0x3b82f6, indigo: 0x6366f1, violet: 0x8b5cf6, purple: 0xa855f7, fuchsia: 0xd946ef, pink: 0xec4899, rose: 0xf43f5e,
};

/** The colour of a name, or of hexadecimal digits such as "#FF5722"; 0 for another text. */
export const colorOf = (text) => {
  const name = text.toLowerCase();
  if (Object.hasOwn(colors, name)) return colors[name];
  const digits = /^(?:0x|#*)([0-9a-f]{8}|[0-9a-f]{6}|[0-9a-f]{3})$/.exec(name)?.[1] ?? "0";
  return parseInt(digits.length === 3 ? digits.replace(/./g, "$&$&") : digits.slice(-6), 16);
};

// Words of tables, in frequent languages: for done and not done, and for the names of columns.

const done = new Set(
  ("x ✓ ✔ ✔️ ☑ ☑️ ✅ ● • * + yes y true t done complete completed checked check on ok success si sí verdadero hecho ja j wahr erledigt " +
    "oui vrai fait sim verdadeiro feito vero fatto waar gedaan tak prawda evet doğru да истина yes_manual").split(" "),
);
const notDone = new Set(
  ("no n false f incomplete unchecked off missed fail failed none null n/a na - – — ☐ ✗ ✘ ❌ ✖ ✖️ nein falsch non faux falso não nao nee " +
    "onwaar nie fałsz hayır yanlış нет ложь").split(" "),
);

/** A number with a decimal point or comma, perhaps with a unit. */
export const readNumber = (text) => {
  const found = /^([-−+]?)(\d[\d.,'’ ]*)\s*([\p{L}%°²³./ ]*)$/u.exec(text.trim());
  if (!found) return undefined;
  const body = found[2].replace(/['’\s]/g, "");
  const last = Math.max(body.lastIndexOf("."), body.lastIndexOf(","));
  const isGroup = last >= 0 && body.length - last - 1 === 3 && body.split(body[last]).length > 2;
  const plain = last < 0 || isGroup ? body.replace(/[.,]/g, "") : `${body.slice(0, last).replace(/[.,]/g, "")}.${body.slice(last + 1)}`;
  const number = Number(plain);
  if (!Number.isFinite(number)) return undefined;
  return found[1] === "-" || found[1] === "−" ? -number : number;
};

/** What a word or a number says of a day: "done", "notDone", "skipped", "unknown", or an amount. */
export const readValue = (text) => {
  const word = text.trim().toLowerCase();
  if (word === "" || word === "?" || word === "unknown") return "unknown";
  if (["skip", "skipped", "excused", "rest"].includes(word)) return "skipped";
  if (word === "yes_auto" || word === "auto") return "filledIn";
  if (done.has(word)) return "done";
  if (notDone.has(word) || word === "not done") return "notDone";
  return readNumber(word);
};

const columns = {
  date: "date|day|timestamp|datum|tag|fecha|día|dia|data|jour|giorno|dag|dzień|дата|calendardate|completed at|completed on|when|日付|日期",
  habit: "habit|habit name|habitname|habit_name|name|task|task name|activity|title|tracker|gewohnheit|aktivität|hábito|nombre|habitude|nom|abitudine|nome|gewoonte|naam|nawyk|vana|привычка|習慣|习惯",
  done: "done|completed|complete|status|state|checked|success|erledigt|estado|hecho|fait|fatto|feito|gedaan",
  amount: "value|amount|count|quantity|number|times|wert|menge|anzahl|valor|cantidad|valeur|quantité|valore|quantità|quantidade|waarde|aantal|значение",
  note: "note|notes|comment|comments|commenttext|memo|remark|text|notiz|notizen|kommentar|nota|notas|comentario|commentaire|commento|comentário|opmerking|заметка",
};
const names = Object.fromEntries(Object.entries(columns).map(([kind, list]) => [kind, new Set(list.split("|"))]));

/** The place of the first column of a kind; -1 if there is none. */
export const columnOf = (header, kind) => header.findIndex((name) => names[kind].has(name.trim().toLowerCase()));

// What the page's importer takes of other programs' files: the rules of `streak import`
// (Sources/StreakClient/Import), with the samples of its tests.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { Account } from "../../Sources/StreakWeb/Page/modules/account.js";
import { viewOf } from "../../Sources/StreakWeb/Page/modules/client.js";
import { dayFromIso, isoDay } from "../../Sources/StreakWeb/Page/modules/day.js";
import { check, localDocument } from "../../Sources/StreakWeb/Page/modules/document.js";
import { readDate } from "../../Sources/StreakWeb/Page/import/dates.js";
import { readHistory } from "../../Sources/StreakWeb/Page/import/readers.js";
import { importHistory, previewImport } from "../../Sources/StreakWeb/Page/import/record.js";
import { more } from "../../Sources/StreakWeb/Page/i18n/en-more.js";
import { page } from "../../Sources/StreakWeb/Page/ui/data.js";
import { loadMore } from "../../Sources/StreakWeb/Page/ui/i18n.js";
import { MemoryStore, clockAt, makeDevice, seeded } from "./support.mjs";

const clock = clockAt(Date.UTC(2026, 10, 24, 12));
const read = (input, options = {}) => readHistory(input, { clock, ...options });
const lines = (...each) => `${each.join("\n")}\n`;
const daysOf = ({ habits }) => Object.fromEntries(habits.map(({ name, days }) => [name, [...days.keys()].map(isoDay).join(" ")]));
const noteOf = ({ habits }, name, day) => habits.find((habit) => habit.name === name).days.get(dayFromIso(day));

/** The remarks, one on each line; every one has its sentence. */
const told = ({ remarks }) =>
  remarks.map(({ key, habit = "", day, place = "", detail = "" }) => {
    assert.ok(`remark.${key}` in more, `remark.${key}`);
    return `${habit}|${day === undefined ? "" : isoDay(day)}|${place}|${detail}|${key}`;
  }).join("\n");
const tells = (history, ...wanted) => {
  for (const line of wanted) assert.ok(told(history).includes(line), `${line} is missing in\n${told(history)}`);
};
const refuses = (input, key, options) =>
  assert.throws(() => read(input, options), (error) => {
    assert.equal(error.key, key, error.stack);
    assert.ok(key in more, key);
    return true;
  });

// MARK: samples

/** The samples of `ImportSampleTests.swift`, and what the program `streak` takes from them. */
const samples = fileURLToPath(new URL("../StreakClientTests/Import/Fixtures/", import.meta.url));
const readSample = async (name, options) => read(await readFile(samples + name), { name, ...options });

for (const [name, kind, days] of [
  ["habitbull-uk.csv", "HabitBull, CSV", { Read: "2024-12-31 2025-01-01 2025-01-02 2025-01-13" }],
  ["habitbull-datenumber.csv", "HabitBull, CSV", { Read: "2024-01-01 2024-01-02", Run: "2024-01-01" }],
  ["habitkit.json", "HabitKit, JSON", { Ytyy: "2026-07-22", Old: "" }],
  ["habitica-user.json", "Habitica, JSON", { Water: "2024-01-01" }],
  ["loop-2.0.3-Checkmarks.csv", "Loop Habit Tracker, CSV", { Meditate: "2023-02-15 2023-02-16 2023-02-17", "Wake up early": "2023-02-16" }],
  ["loop-comma-Checkmarks.csv", "Loop Habit Tracker, CSV", { "Reduce sleep, and wake up early": "2025-08-03", Read: "2025-08-02", Run: "2025-08-01" }],
  ["semicolon.csv", "table", { Leer: "2024-01-01 2024-01-02", Correr: "2024-01-02 2024-01-03" }],
]) {
  test(`${name} gives the days that \`streak\` takes from it`, async () => {
    const history = await readSample(name);
    assert.equal(history.kind, kind);
    assert.deepEqual(daysOf(history), days);
  });
}

test("Loop's file of one habit: its name is asked for, and its days are taken", async () => {
  for (const [name, days] of [["loop-per-habit-Checkmarks-2.3.csv", "2025-08-01 2025-08-03"], ["loop-per-habit-Checkmarks-2.0.csv", "2015-01-23 2015-01-25"]]) {
    await assert.rejects(readSample(name), { key: "import.loopHabit", question: "habitName" }, name);
    const history = await readSample(name, { habitName: "Walk" });
    assert.deepEqual([history.kind, daysOf(history)], ["Loop Habit Tracker, CSV", { Walk: days }]);
  }
  const history = await readSample("loop-per-habit-Checkmarks-2.3.csv", { habitName: "Walk" });
  tells(history, "Walk|2025-08-02|line 3|flu, in bed|skipped");
  assert.equal(noteOf(history, "Walk", "2025-08-01"), "after work");
});

test("a database is recognised, and the program that reads it is named", async () => {
  await assert.rejects(readSample("loop-atmost.db"), { key: "import.database" });
  assert.match(more["import.database"], /streak import/);
});

test("files of other kinds are refused with advice", () => {
  const advice = [
    ["", "import.empty"], [" \n", "import.empty"], ["a,b\n", "import.unknown"], ["a,b\n1,2\n", "import.unknown"], ["Date\n", "import.unknown"],
    ['HabitName,"', "import.unknown"], ["Date,A\nyesterday,2\n", "import.unknown"], ['{"a":', "import.notJSON"], ['{"a":1}', "import.unknown"], ["[1]", "import.unknown"],
    ["\0\u0001\n", "import.notText"], ["%PDF-1.7", "import.pdf"], ["bplist00", "import.plist"], ["PK\u0003\u0004x", "import.zip"],
    ["Position,Name,Type\n001,A,YES_NO\n", "import.loopList"], ["Date,A,B\n2024-01-01,0.1234,0.0000\n", "import.loopScores"], ["Date,Score\n2024-01-01,0.1234\n", "import.loopScores"],
    ['{"tasks": [{"type": "todo", "text": "Taxes"}]}', "import.noHabits"],
  ];
  for (const [text, key] of advice) refuses(new TextEncoder().encode(text), key);
  refuses(Uint8Array.of(0xd0, 0xcf, 0x11, 0xe0, 1), "import.spreadsheet");
  refuses(Uint8Array.of(0x1f, 0x8b, 8), "import.gzip");
});

// MARK: Loop

test("a file of one habit is known by its header and one readable value; bad ones are listed", () => {
  const cut = lines("Date,Value,Notes", "2025-08-03,YES_MANUAL,", "2025-08-02,MAYBE,odd", "2025-08-01,YES_MANUAL,fine", "2025-07-31").trimEnd();
  refuses(cut, "import.loopHabit");
  const history = read(cut, { habitName: "Walk" });
  assert.deepEqual(daysOf(history), { Walk: "2025-08-01 2025-08-03" });
  tells(history, "Walk||line 3|MAYBE, odd|loopValue", "Walk||line 5||cutValue");
  const old = read("2015-01-25,2\n2015-01-24,x\n2015-01-23,2\n2015-01-22", { habitName: "Walk" });
  assert.deepEqual(daysOf(old), { Walk: "2015-01-23 2015-01-25" });
  tells(old, "Walk||line 2|x|loopValue", "Walk||line 4||cutValue");
});

test("Loop's header with the values of another program is a table of one habit, and a bad first row is a row", () => {
  assert.throws(() => read("Date,Value,Notes\n2024-01-03,YES_MANUAL,n\n2024-01-02,MAYBE,\n", { name: "Checkmarks.csv" }), { question: "habitName" });
  const first = read("2024-01-02,MAYBE\n2024-01-03,2\n2024-01-01,2\n", { habitName: "Walk" });
  assert.deepEqual(daysOf(first), { Walk: "2024-01-01 2024-01-03" });
  tells(first, "Walk||line 1|MAYBE|loopValue");
  for (const [text, days] of [
    ["date,value\n2024-01-02,1\n2024-01-01,0\n", "2024-01-02"], ["Date,Value,Notes\n2024-01-02,1,n\n2024-01-01,0,\n", "2024-01-02"], ["date,count,note\n2024-01-02,3,n\n2024-01-01,2,\n", "2024-01-01 2024-01-02"],
    ["Datum;Wert\n02.01.2024;1,5\n31.01.2024;0\n", "2024-01-02"], ["2024-01-02,x\n2024-01-01,\n2024-01-03,x\n", "2024-01-02 2024-01-03"], ["Date,Value\n2024-01-02,5\n2024-01-01,8.5\n", "2024-01-01 2024-01-02"],
  ]) {
    assert.throws(() => read(text), { key: "import.noName", question: "habitName" }, text);
    const history = read(text, { habitName: "Walk" });
    assert.deepEqual([history.kind, daysOf(history)], ["table", { Walk: days }], text);
  }
  assert.equal(noteOf(read("date,done,amount,note\n2024-01-02,yes,3,n\n", { habitName: "Walk" }), "Walk", "2024-01-02"), "n (3)");
  refuses("2024-01-02,x,\n2024-01-01,,x\n", "import.noHeader");
});

test("a table with 1 and 0 whose rows end in a comma is no table of Loop's, and a damaged date is no name", () => {
  assert.deepEqual(daysOf(read("Date,Read,\n2024-01-02,1,\n2024-01-01,0,\n")), { Read: "2024-01-02" });
  const history = read("Date,A,B,\nbroken,YES_MANUAL,NO,\n2024-01-02,YES_MANUAL,NO,\n2024-01-01,NO,YES_MANUAL,\n");
  assert.deepEqual(daysOf(history), { A: "2024-01-02", B: "2024-01-01" });
  tells(history, "A||line 2|broken|notDate");
});

test("words of Loop: only what the person checked; skipped and filled-in days are listed", () => {
  const history = read("Date,A,B,\n2024-01-02,YES_MANUAL,YES_AUTO,\n2024-01-01,2,UNKNOWN,\n2023-12-31,SKIP,NO,\n");
  assert.equal(history.kind, "Loop Habit Tracker, CSV");
  assert.deepEqual(daysOf(history), { A: "2024-01-01 2024-01-02", B: "" });
  tells(history, "A|2023-12-31|line 4||skipped", "B|||1 (2024-01-02 – 2024-01-02)|filledIn");
});

test("numbers of old versions of Loop: 1 was filled in by it, unlike in other tables", () => {
  assert.deepEqual(daysOf(read("Date,A,B,\n2024-01-02,2,1,\n2024-01-01,0,-1,\n")), { A: "2024-01-02", B: "" });
  assert.deepEqual(daysOf(read("Date,A,B\n2024-01-02,2,1\n2024-01-01,0,0\n")), { A: "2024-01-02", B: "2024-01-02" });
});

test("amounts without a goal make no day done, each is listed, and the habit stays", () => {
  const history = read("Date,Cigarettes,Run,\n2024-01-02,7000,YES_MANUAL,\n2024-01-01,UNKNOWN,NO,\n");
  assert.deepEqual(daysOf(history), { Cigarettes: "", Run: "2024-01-02" });
  tells(history, "Cigarettes|2024-01-02|line 2|7|goalElsewhere");
});

test("one number above 3 does not make amounts of a habit's days, and is no day done", () => {
  const matrix = read("Date,A,B,\n2024-01-03,2,8000,\n2024-01-02,2,0,\n2024-01-01,400,2000,\n");
  assert.deepEqual(daysOf(matrix), { A: "2024-01-02 2024-01-03", B: "" });
  tells(matrix, "A||line 4|400|loopValue", "B|2024-01-03|line 2|8|goalElsewhere");
  assert.deepEqual(daysOf(read("Date,Value,Notes\n2024-01-02,YES_MANUAL,\n2024-01-01,400,\n", { habitName: "Walk" })), { Walk: "2024-01-02" });
});

test("a header of Loop with unclear commas is refused; a cut row is listed and read", () => {
  refuses("Date,a,b,c,\n2024-01-01,YES_MANUAL,NO,\n", "import.loopNames");
  refuses("Date,Read,Run,\n2025-08-03,YES_MANUAL,NO,SKIP,\n", "import.loopNames");
  const history = read("Date,A,B,\n2024-01-03,YES_MANUAL,YES_MANUAL,\n2024-01-02,YES_MANUAL,MAYBE,\n2024-01-01,YES_MANUAL");
  assert.deepEqual(daysOf(history), { A: "2024-01-01 2024-01-02 2024-01-03", B: "2024-01-03" });
  tells(history, "||line 4|1 / 2|cutValues", "B||line 3|MAYBE|loopValue");
  const longer = read("Date,A,B,\n2024-01-03,YES_MANUAL,NO,\n2024-01-02,NO,NO,SKIP,\n2024-01-01,YES_MANUAL,NO,\n");
  assert.deepEqual(daysOf(longer), { A: "2024-01-01 2024-01-03", B: "" });
  tells(longer, "||line 3|SKIP|fields");
});

test("a note with a comma in Entry(...), and a name with a line feed", () => {
  const history = read("Date,A,B,\n2024-01-02,Entry(timestamp=2024-01-02, value=2, notes=long, cold),Entry(timestamp=2024-01-02, value=2, notes=),\n");
  assert.deepEqual([noteOf(history, "A", "2024-01-02"), noteOf(history, "B", "2024-01-02")], ["long, cold", ""]);
  assert.deepEqual(daysOf(read("Date,Two\nlines,B,\n2024-01-02,YES_MANUAL,NO,\n")), { "Two lines": "2024-01-02", B: "" });
});

// MARK: text

const grid = "Date;Grüße;Ñandú – 跑步\n2024-01-01;x;\n2024-01-02;;x\n";
const utf16 = (text, isBigEndian, hasMark) => {
  const units = [...(hasMark ? "\ufeff" : ""), ...text].join("");
  return Uint8Array.from({ length: units.length * 2 }, (_, index) => {
    const unit = units.charCodeAt(index >> 1);
    return (index % 2 === 0) === isBigEndian ? unit >> 8 : unit & 0xff;
  });
};

test("UTF-8 and UTF-16 in both orders, with and without a mark", () => {
  const files = [new TextEncoder().encode(grid), new TextEncoder().encode(`\ufeff${grid}`)];
  for (const isBigEndian of [false, true]) for (const hasMark of [false, true]) files.push(utf16(grid, isBigEndian, hasMark));
  for (const file of files) {
    const history = read(file);
    assert.deepEqual(daysOf(history), { "Grüße": "2024-01-01", "Ñandú – 跑步": "2024-01-02" });
    assert.equal(told(history), "");
  }
  tells(read(utf16(grid, false, true).slice(0, -1)), "halfCharacter");
});

test("every sample is the same in each encoding", async () => {
  for (const name of ["habitbull-uk.csv", "habitkit.json", "habitica-user.json", "loop-2.0.3-Checkmarks.csv", "loop-comma-Checkmarks.csv", "semicolon.csv"]) {
    const text = await readFile(samples + name, "utf8");
    for (const isBigEndian of [false, true]) for (const hasMark of [false, true]) assert.deepEqual(read(utf16(text, isBigEndian, hasMark), { name }), await readSample(name), name);
  }
});

test("Windows-1252 is read, and told; one bad byte does not change the encoding of the file", () => {
  const bytes = (...parts) => Uint8Array.from(parts.flatMap((part) => (typeof part === "number" ? [part] : [...new TextEncoder().encode(part)])));
  const windows = read(bytes("Date;Caf", 0xe9, 0x20, 0x96, 0x20, 0x80, "\n2024-01-01;x\n"));
  assert.deepEqual(daysOf(windows), { "Café – €": "2024-01-01" });
  tells(windows, "windows1252");
  const broken = read(bytes("Date;Grüße;Ñandú;a", 0xff, "\n2024-01-01;x;x;x\n"));
  assert.deepEqual(Object.keys(daysOf(broken)), ["Grüße", "Ñandú", "a\ufffd"]);
  tells(broken, "|1|badBytes");
  // A sign that stands in the file itself is no fault.
  assert.equal(told(read("Date;Grüße;a\ufffd\n2024-01-01;x;x\n")), "");
  assert.equal(told(read(new TextEncoder().encode("Date;Grüße;a\ufffd\n2024-01-01;x;x\n"))), "");
});

test("single damaged characters: control characters in a table, halves in UTF-16, a zero in the other half", () => {
  const history = read("Date,A,B\n2024-01-01,x\0,x\n2024-01-02,\u0001,x\n2024-01-0\u00023,x,x\n");
  assert.deepEqual(daysOf(history), { A: "2024-01-01", B: "2024-01-01 2024-01-02" });
  tells(history, "|3|controls", "A||line 4|2024-01-0 3|notDate");
  for (const isBigEndian of [false, true]) {
    assert.deepEqual(daysOf(read(utf16("Date;\u0100;B\n2024-01-01;x;\n2024-01-02;;x\n", isBigEndian, false))), { "\u0100": "2024-01-01", B: "2024-01-02" });
    assert.equal(told(read(utf16("Date;A\ufffd\n2024-01-01;x\n", isBigEndian, true))), "");
    tells(read(utf16("Date;A\n2024-01-01;x\ud800\n2024-01-02;x\n", isBigEndian, true)), "|1|halfSigns");
  }
});

test("delimiters and line ends of all kinds", () => {
  for (const text of [
    "Date,A,B\n2024-01-01,1,0\n2024-01-02,0,1", "Date;A;B\r\n2024-01-01;1;0\r\n2024-01-02;0;1\r\n",
    "Date\tA\tB\r2024-01-01\t1\t0\r2024-01-02\t0\t1\r", "Date|A|B\n2024-01-01|1|0\n\n2024-01-02|0|1\n",
    "sep=;\r\nDate;A;B\r\n2024-01-01;1;0\r\n2024-01-02;0;1\r\n", '"Date","A","B"\n"2024-01-01" ,"1","0"\n2024-01-02,"0",1\n',
  ]) {
    const history = read(text);
    assert.deepEqual([daysOf(history), told(history)], [{ A: "2024-01-01", B: "2024-01-02" }, ""], text);
  }
});

test("quotation marks, commas and line feeds in names and notes", () => {
  const history = read('habit,date,note\r\n"Tea, ""green""",2024-02-29,"two\r\nlines"\r\n"Two\nlines",2024-02-28,\r\n');
  assert.deepEqual(Object.keys(daysOf(history)), ['Tea, "green"', "Two lines"]);
  assert.equal(noteOf(history, 'Tea, "green"', "2024-02-29"), "two\r\nlines");
  tells(history, "Two lines||line 4||nameCleaned");
});

test("a stray quotation mark damages at most its own row, which is listed", () => {
  const history = read(lines("HabitName,HabitDescription,HabitCategory,CalendarDate,Value,CommentText", 'Read,,C,2024-01-01,1,"never closed', 'Read,,C,2024-01-02,1,"fine"', 'Read,,C,2024-01-03,1,5" nails', 'Read,,C,2024-01-04,1,"open'));
  assert.equal(daysOf(history).Read, "2024-01-01 2024-01-02 2024-01-03 2024-01-04");
  assert.deepEqual([noteOf(history, "Read", "2024-01-02"), noteOf(history, "Read", "2024-01-03")], ["fine", '5" nails']);
  tells(history, "||line 2||quotes", "||line 5||quotes");
  // A second stray mark closes the first one: what is between them are rows, and no note.
  const pair = read(lines("habit,date,note", 'A,2024-01-01,"open', "A,2024-01-02,", 'A,2024-01-03,12"', "A,2024-01-04,"));
  assert.equal(daysOf(pair).A, "2024-01-01 2024-01-02 2024-01-03 2024-01-04");
  tells(pair, "||line 2||quotes");
  for (const end of ["\n", "\r\n", "\r"]) {
    for (const [first, second] of [['"', '"'], ['"open', 'end"'], ['"open', ""]]) {
      const rows = ["habit,date,value,note", `Read,2025-01-05,1,${first}`, `Read,2025-01-06,1,${second}`, "Read,2025-01-07,1,", 'Read,2025-01-08,1,12"'];
      const stray = read(rows.join(end) + end);
      assert.equal(daysOf(stray).Read, "2025-01-05 2025-01-06 2025-01-07 2025-01-08");
      tells(stray, "||line 2||quotes");
    }
  }
  const note = "first, of many, with commas\n2025-01-06, cold\na, b, c, d";
  const several = read(`habit,date,value,note\nRead,2025-01-05,1,"${note}"\nRead,2025-01-06,1,\n`);
  assert.deepEqual([daysOf(several).Read, noteOf(several, "Read", "2025-01-05")], ["2025-01-05 2025-01-06", note]);
  assert.ok(!told(several).includes("quotes"));
  const narrow = read('Date,A\n2024-01-01,"x\n2024-01-02,x\n2024-01-03,x"\n2024-01-04,x\n');
  assert.equal(daysOf(narrow).A, "2024-01-02 2024-01-04");
  tells(narrow, "||line 2||quotes", 'A||line 2|"x|word', 'A||line 4|x"|word');
  const limit = 262_144;
  const whole = `habit,date,note\nA,2024-01-01,"${"n".repeat(limit)}"\nB,2024-01-01,\n`;
  assert.deepEqual(Object.keys(daysOf(read(whole))), ["A", "B"]);
  tells(read(whole.replace('"n', '"nn')), "quotes");
});

test("fields beyond the header belong to the note if that is last, and are listed otherwise", () => {
  for (const text of ["habit,date,done,note\nRead,2024-01-01,1,flu, in bed\n", 'habit,date,done,note\nRead,2024-01-01,1, "flu, in bed"\n', "Date,Read,Notes\n2024-01-01,x,flu, in bed\n", "habit,date,note\nRead,2024-01-01,flu, in bed,,\n"]) {
    const history = read(text);
    assert.deepEqual([noteOf(history, "Read", "2024-01-01"), told(history)], ["flu, in bed", ""], text);
  }
  const part = read('habit,date,note\nRead,2024-01-01, "flu" in bed\n');
  assert.deepEqual([noteOf(part, "Read", "2024-01-01"), told(part)], ['"flu" in bed', ""]);
  for (const text of ["HabitName,HabitCategory,CommentText,CalendarDate,Value\nA,,n,2024-01-01,1,cold\n", "Task Name,Task ID,Task Type,Date,Value\nA,1,daily,2024-01-01,1,cold\n"]) tells(read(text), "A||line 2|cold|fields");
  assert.equal(noteOf(read("Date,Value,Notes\n2024-01-01,YES_MANUAL,cold, dark\n", { habitName: "A" }), "A", "2024-01-01"), "cold, dark");
  tells(read("Date,Value\n2024-01-01,YES_MANUAL,cold\n", { habitName: "A" }), "A||line 2|cold|fields");
  const bull = read("HabitName,HabitDescription,HabitCategory,CalendarDate,Value,CommentText\nRead,,,2024-01-01,1,a, b, c\n");
  assert.equal(noteOf(bull, "Read", "2024-01-01"), "a, b, c");
  const last = read("habit,date,note,done\nRead,2024-01-01,flu,1,what\n");
  assert.equal(noteOf(last, "Read", "2024-01-01"), "flu");
  tells(last, "Read||line 2|what|fields");
  tells(read("Date,Read,Run\n2024-01-01,x,1,surplus\n"), "||line 2, column 4|surplus|columnNoName");
  tells(read("Date,Read,,Notes\n2024-01-01,x,lost,a, b\n"), "||line 2, column 3|lost|columnNoName");
  // A quoted note is whole, and so is one before a column without a name.
  const quoted = read('habit,date,note\nRead,2024-01-01,"a, b",9:05\n');
  assert.equal(noteOf(quoted, "Read", "2024-01-01"), "a, b");
  tells(quoted, "Read||line 2|9:05|fields");
  const nameless = read("habit,date,note,\nRead,2024-01-01,a,b\nRead,2024-01-02,a, b,\nRead,2024-01-03,,b\n");
  assert.deepEqual(["2024-01-01", "2024-01-02", "2024-01-03"].map((day) => noteOf(nameless, "Read", day)), ["a", "a, b", ""]);
  tells(nameless, "Read||line 2|b|fields", "Read||line 4|b|fields");
  // A comma at the end of each row is no field.
  assert.equal(told(read("habit,date,done\nRead,2024-01-01,1,\n")), "");
});

// MARK: JSON

test("line feeds and control characters in JSON's texts, and half characters, do not refuse the file", () => {
  const raw = read('{"habits": [{"id": "a", "name": "Read", "orderIndex": 0}], "completions": [{"habitId": "a", "date": "2024-01-01", "note": "two\nlines\t\\"x\\" \\d"}]}');
  assert.equal(noteOf(raw, "Read", "2024-01-01"), 'two\nlines\t"x" \\d');
  tells(raw, "|3|jsonSigns");
  const control = read('{"habits": [{"name": "Tea", "records": [{"day": "2024-01-01", "done": true, "text": "a\u0001b \\u12"}]}]}');
  assert.equal(noteOf(control, "Tea", "2024-01-01"), "a b \\u12");
  const half = read('{"habits": [{"id": "a", "name": "Read \\ud83d", "orderIndex": 0}], "completions": [{"habitId": "a", "date": "2024-01-01", "note": "\\ud83d\\ude00 \\\\ud83d"}]}');
  assert.deepEqual(daysOf(half), { "Read \ufffd": "2024-01-01" });
  assert.equal(noteOf(half, "Read \ufffd", "2024-01-01"), "😀 \\ud83d");
  tells(half, "|1|halfSigns");
  const bytes = new TextEncoder().encode('{"habits": [{"id": "a", "name": "Grüße é", "orderIndex": 0}], "completions": [{"habitId": "a", "date": "2024-01-01", "note": "#"}]}');
  bytes[bytes.indexOf(0x23)] = 0xff;
  tells(read(bytes), "badBytes");
  refuses('{"habits": [{"id": "a"', "import.notJSON");
});

test("one bad record of a JSON file does not stop the rest", () => {
  const kit = read(JSON.stringify({ habits: [null, { id: "a", name: 7, orderIndex: 0 }, "x"], completions: [null, 3, { habitId: "a", date: null }, { habitId: "a", date: "2024-01-01", note: {} }], intervals: [null] }));
  assert.equal(daysOf(kit)["7"], "2024-01-01");
  const own = read(JSON.stringify({ schemaVersion: 2, habits: [null, { id: "a", name: "Read", color: "x" }], ledger: [null, { cell: { habitId: "a", day: "x" } }, { date: "2026-11-20", cell: { habitId: "a", day: 20777, done: true, note: 3 } }] }));
  assert.equal(daysOf(own).Read, "2026-11-20");
  const beaver = read(JSON.stringify({ habits: [null, { name: "Tea", records: [null, { day: "2024-01-01", done: true }, { day: 5, done: true }] }] }));
  assert.equal(daysOf(beaver).Tea, "2024-01-01");
  const habitica = read(JSON.stringify({ tasks: [null, { type: "daily", text: "Water", history: [null, { date: "2024-01-01T10:00:00Z", completed: true }] }] }));
  assert.equal(daysOf(habitica).Water, "2024-01-01");
});

test("HabitKit: goals that change, habits to keep away from, rhythms, what belongs to no habit, order, colours", () => {
  const kit = {
    habits: [{ id: "w", name: "Water", color: "#0F0", orderIndex: 1, description: null }, { id: "s", name: "Smoke", color: "red", orderIndex: 0, isInverse: true }, { id: "g", name: "Gym", orderIndex: 2 }],
    completions: [
      { date: "2026-05-10T00:00:00.000Z", habitId: "w", timezoneOffsetInMinutes: 60, amountOfCompletions: 1 },
      { date: "2026-05-16T22:30:00.000Z", habitId: "w", timezoneOffsetInMinutes: 120, amountOfCompletions: 1, note: "n" },
      { date: "2026-05-18T10:00:00.000Z", habitId: "w", timezoneOffsetInMinutes: 60, amountOfCompletions: 3 },
      { date: "2026-05-19T10:00:00.000Z", habitId: "s", timezoneOffsetInMinutes: 60, amountOfCompletions: 1 },
      { date: "x", habitId: "w", amountOfCompletions: 1 }, { date: "2026-05-20T10:00:00.000Z", habitId: "zzz" }, { date: "2026-05-21T10:00:00.000Z", habitId: "g" },
    ],
    intervals: [
      { habitId: "w", startDate: "2026-01-01T00:00:00.000Z", endDate: "2026-05-15T00:00:00.000Z", requiredNumberOfCompletionsPerDay: 1 },
      { habitId: "w", startDate: "2026-05-15T00:00:00.000Z", endDate: null, type: "day", requiredNumberOfCompletionsPerDay: 2 },
      { habitId: "g", startDate: "2026-01-01T00:00:00.000Z", type: "week", requiredNumberOfCompletions: 3 },
    ],
    reminders: [{ habitId: "g" }], categories: [{ name: "Health" }],
  };
  const history = read(JSON.stringify(kit));
  assert.deepEqual(daysOf(history), { Smoke: "", Water: "2026-05-10 2026-05-18", Gym: "2026-05-21" });
  assert.deepEqual(history.habits.map(({ color }) => color), [0xef4444, 0x00ff00, 0]);
  assert.equal(noteOf(history, "Water", "2026-05-18"), "3 times");
  tells(history, "Water|2026-05-17|completions, entry 2|1 / 2 times, n|belowGoal", "Smoke|2026-05-19|completions, entry 4|1|slip", "Water||completions, entry 5|x|notDate",
    "||completions, entry 6|2026-05-20T10:00:00.000Z|orphan", "Gym||||rhythm", "Gym||||reminder", "|Health|categories");
  assert.deepEqual(history.remarks.find(({ key }) => key === "rhythm").values, { count: 3, days: 7 });
});

test("Habitica: all places of the tasks; zone, day start, rhythms, habits up and down", () => {
  const daily = { type: "daily", text: "Water", history: [{ date: 1704067200000, value: 1, completed: true }, { date: "2024-01-02T10:00:00.000Z", value: 0, completed: false }, { date: 1704240000000, value: 0.5 }, { date: "x" }] };
  const { type, ...untyped } = daily;
  assert.equal(type, "daily");
  for (const root of [{ tasks: [daily] }, { data: { tasks: [daily] } }, { success: true, data: [daily] }, [daily], { tasks: { dailys: [untyped], habits: [], todos: [{ text: "x" }] } }]) {
    const history = read(JSON.stringify(root));
    assert.deepEqual([history.kind, daysOf(history)], ["Habitica, JSON", { Water: "2024-01-01 2024-01-03" }]);
    tells(history, "Water||history of Water, entry 4|x|notDate");
  }
  const history = read(JSON.stringify({ preferences: { timezoneOffset: -120, dayStart: 4 }, tasks: [
    { type: "habit", text: "Push-ups", up: true, down: true, history: [{ date: 1704067200000, value: 1, scoredUp: 3, scoredDown: 0 }, { date: 1704196800000, value: 0, scoredUp: 0, scoredDown: 1 }] },
    { type: "habit", text: "Sweets", up: false, down: true, history: [{ date: 1704196800000, value: -1, scoredUp: 0, scoredDown: 2 }] },
    { type: "daily", text: "Gym", frequency: "weekly", everyX: 1, repeat: { m: true, t: false }, history: [] }, { type: "todo", text: "Taxes" },
  ] }));
  // Midnight in UTC is 2 o'clock in this zone, before the day begins at 4.
  assert.equal(noteOf(history, "Push-ups", "2023-12-31"), "3 times");
  assert.deepEqual(daysOf(history), { "Push-ups": "2023-12-31", Sweets: "", Gym: "" });
  tells(history, "Push-ups|2024-01-02|", "Sweets|2024-01-02|", "slip", "Gym||||weekdays", "|||1|tasks");
});

test("HabitKit: a date whose numbers have an open order is decided with the file's others", () => {
  const history = read(JSON.stringify({ habits: [{ id: "a", name: "A" }], completions: [{ habitId: "a", date: "31/01/2024" }, { habitId: "a", date: "01/02/2024" }] }));
  assert.deepEqual(daysOf(history), { A: "2024-01-31 2024-02-01" });
});

test("Habitica: downs beside ups are kept in the note, and one down does not undo the day's ups", () => {
  const history = read(JSON.stringify({ tasks: [
    { type: "habit", text: "A", up: true, down: true, history: [
      { date: 1704110400000, value: 1, scoredUp: 3, scoredDown: 2 }, { date: 1704196800000, value: 2, scoredUp: 1, scoredDown: 0 },
      { date: 1704200400000, value: 1, scoredUp: 0, scoredDown: 1 }, { date: 1704283200000, value: 0, scoredUp: 0, scoredDown: 4 }] },
    { type: "habit", text: "B", up: false, down: true, history: [{ date: 1704110400000, value: -1, scoredUp: 0, scoredDown: 2 }] },
  ] }));
  assert.equal(noteOf(history, "A", "2024-01-01"), "scored down 2 times (3 times)");
  assert.equal(noteOf(history, "A", "2024-01-02"), "scored down 1 times (1 times)");
  tells(history, "A|2024-01-03|history of A, entry 4|scored down 4 times|noteOfUndone", "B|2024-01-01|history of B, entry 1|2 times|slip");
});

test("Habitica's history.csv: a day on which the score rose", () => {
  const history = read("Task Name,Task ID,Task Type,Date,Value\nRead,1,daily,2016-06-02 13:26:05,1\nRead,1,daily,2016-06-03 05:06:55,0.5\nRead,1,daily,2016-06-04 05:06:55,1.4\nRead,1\n");
  assert.deepEqual(daysOf(history), { Read: "2016-06-02 2016-06-04" });
  assert.equal(noteOf(history, "Read", "2016-06-02"), "13:26");
  tells(history, "Read||line 5||cut", "scores");
});

test("Beaver Habits: states, notes and rhythms", () => {
  const history = read(JSON.stringify({ habits: [{ name: "Tea", status: "archive", period: { target_count: 2, period_count: 1, period_type: "W" }, records: [{ day: "2024-01-01", done: true, text: "green" }, { day: "2024-01-02", done: false, text: "none" }] }] }));
  assert.deepEqual([daysOf(history), history.habits[0].archived, noteOf(history, "Tea", "2024-01-01")], [{ Tea: "2024-01-01" }, true, "green"]);
  tells(history, "Tea|2024-01-02|records of Tea, entry 2|none|noteOfUndone", "Tea||||rhythm");
});

test("this service's own export: deleted habits, undone days, and days without a habit are listed", () => {
  const history = read(`\ufeff${JSON.stringify({
    exportedAt: "2026-11-24T00:00:00Z", habits: [{ id: "AAAA", name: "Read", description: "d", color: 255, archived: true }, { id: "BBBB", name: "Old", deleted: true }],
    ledger: [
      { date: "2026-11-20", cell: { habitId: "AAAA", day: 20777, done: true, note: "n", trust: "CELL_TRUST_COUNTED" } }, { date: "2026-11-21", cell: { habitId: "AAAA", day: 20778, note: "undone" } },
      { date: "2026-11-21", cell: { habitId: "BBBB", day: 20778, done: true } }, { date: "2026-11-21", cell: { habitId: "CCCC", day: 20778, done: true } },
    ],
    notices: [{}], schemaVersion: 2, userId: "AAAA",
  })}`);
  assert.deepEqual([history.kind, daysOf(history), history.habits[0].color, history.habits[0].archived], ["own", { Read: "2026-11-20" }, 255, true]);
  tells(history, "Read|2026-11-21|ledger, entry 2|undone|noteOfUndone", "Old|||1|deleted", "||ledger, entry 4|2026-11-21|orphan", "|notices|others");
});

test("this device's own document is read back whole", async () => {
  const device = makeDevice({ clock });
  const id = await device.client.addHabit({ name: 'A "b", c', color: 5 });
  await device.client.tap(id, true, { note: "two\nlines" });
  const { text } = localDocument(await device.view());
  const { kind, habits } = read(text);
  assert.equal(kind, "own");
  assert.deepEqual([habits[0].name, habits[0].color, [...habits[0].days.values()]], ['A "b", c', 5, ["two\nlines"]]);
  await assert.rejects(check(new TextEncoder().encode(text), { documentBytes: "1" }), { name: "DocumentError" });
});

// MARK: tables

test("HabitBull: both formats of dates, values above 0, cut rows, repeated days", () => {
  const history = read(`\ufeff${[
    "HabitName,HabitDescription,HabitCategory,CalendarDate,Value,CommentText", '"Tea, ""green""","a,b",C,2024-02-29,1,"two\nlines"', "Run,,C,2/9/2020,1,", "Run,,C,2/10/2020,0,", "Run,,C,2/30/2020,1,",
    "Run,,C,2/11/2020,-2150000000,", "Run,,C,2/12/2020,3", "Skip,,C", "Run,,C,2/9/2020,1,", "Run,,C,2/13/2020,,", ",,C,2/13/2020,1,", "Run,,C,2/14/2020,-2.15E+09,",
  ].join("\r\n")}`);
  assert.equal(history.kind, "HabitBull, CSV");
  assert.deepEqual(daysOf(history), { 'Tea, "green"': "2024-02-29", Run: "2020-02-09 2020-02-12" });
  assert.equal(history.habits[0].description, "a,b");
  assert.equal(noteOf(history, 'Tea, "green"', "2024-02-29"), "two\nlines");
  tells(history, "Run||line 6|2/30/2020|noDay", "Skip||line 9||cut", "Run|2020-02-09|line 10||same", "Run||line 11||noValue", "||line 12|2/13/2020|noHabit", "Run||||amounts", "Run|||C|category");
});

test("decimals of any locale, judged by the whole file", () => {
  const bull = (delimiter, ...amounts) => read(lines(["HabitName", "HabitDescription", "HabitCategory", "CalendarDate", "Value"].join(delimiter), ...amounts.map((amount, index) => ["Run", "", "", `2024-01-0${index + 1}`, amount].join(delimiter))));
  for (const [amount, delimiter, note] of [["1.5", ",", "1.5"], ["1,5", ";", "1.5"], ['"1,5"', ",", "1.5"], ['"1,250.5"', ",", "1250.5"], ["1.250,5", ";", "1250.5"], ["30", ",", "30"], ["7,5 km", ";", "7.5"], ["1e2", ",", "100"]]) {
    assert.equal(noteOf(bull(delimiter, amount), "Run", "2024-01-01"), note, amount);
  }
  const notes = (history) => [...history.habits[0].days.values()];
  assert.deepEqual(notes(bull(",", '"1,234"', "2.5")), ["1234", "2.5"]);
  assert.deepEqual(notes(bull(",", '"1,234"', '"2,5"')), ["1.234", "2.5"]);
  assert.deepEqual(notes(bull(";", "1,234")), ["1.234"]);
  assert.deepEqual(notes(bull(";", "1.234")), ["1234"]);
  assert.deepEqual(notes(bull("\t", "1,234")), ["1234"]);
  // A number with another sign than most is read by its own, and listed.
  for (const [delimiter, amount, others, note] of [[",", '"1,5"', ["1.5", "2.5"], "1.5"], [";", "1.5", ["1,5", "2,5"], "1.5"], [",", '"1.234,5"', ["1.5", "2.5"], "1234.5"], [",", "1.234.567", ["1.5", "2.5"], "1234567"]]) {
    const mixed = bull(delimiter, amount, ...others);
    assert.deepEqual(notes(mixed), [note, "1.5", "2.5"]);
    assert.deepEqual(told(mixed).split("\n").filter((line) => line.includes("decimalSign")), [`Run||line 2|${amount.replaceAll('"', "")} = ${note}|decimalSign`]);
  }
  assert.ok(!told(bull(",", '"1,234"', "2.5")).includes("decimalSign"));
});

test("lists of other programs: words, notes, times, several records of a day, columns that are not kept", () => {
  const history = read(lines("Date,Habit,Status,Notes,Time,Mood", "2024-01-01,Read,Done,good,08:30,3", "2024-01-01,Read,done,better,21:00,4", "2024-01-02,Read,maybe,,,", "2024-01-03,Read,skipped,ill,,", "2024-01-04,Read,no,tired,,", "2024-01-05,Read,✓,,,", "2024-01-06").trimEnd());
  assert.deepEqual([history.kind, daysOf(history)], ["list", { Read: "2024-01-01 2024-01-05" }]);
  assert.equal(noteOf(history, "Read", "2024-01-01"), "good\nbetter (2 times: 08:30, 21:00)");
  tells(history, "Read||line 4|maybe|word", "Read|2024-01-03|line 5|ill|skipped", "Read|2024-01-04|line 6|tired|noteOfUndone", "|||Mood|column", "||line 8|2024-01-06|noHabit");
  const both = read("habit,date,done,amount\nRun,2024-01-01,yes,5\nRun,2024-01-02,no,5\n");
  assert.deepEqual([daysOf(both), noteOf(both, "Run", "2024-01-01")], [{ Run: "2024-01-01" }, "5"]);
});

test("a list with both a value and an amount loses neither", () => {
  const history = read(lines("habit,date,done,amount", "A,2024-01-01,yes,5", "A,2024-01-02,1,6", "A,2024-01-03,no,7", "A,2024-01-04,,8", "A,2024-01-05,yes,much", "A,2024-01-06,yes,0", "A,2024-01-07,skip,9", "A,2024-01-08,yes,", "A,2024-01-09,maybe,3"));
  assert.equal(daysOf(history).A, "2024-01-01 2024-01-02 2024-01-04 2024-01-05 2024-01-06 2024-01-08");
  assert.deepEqual(["01", "02", "04", "08"].map((day) => noteOf(history, "A", `2024-01-${day}`)), ["5", "6", "8", ""]);
  tells(history, "A||line 4|7|amountUndone", "A||line 6|much|amountWord", "A||line 7|0|amountZero", "A||line 8|9|amountUndone", "A||line 10|3|amountLost", "A||line 10|maybe|word");
});

test("a time that cannot be read is listed, and so is a column without a name", () => {
  const history = read("habit,,date,time\nA,lost,2024-01-01,morning\nA,,2024-01-02,08:30\nA,,2024-01-03,00:00\n");
  assert.equal(noteOf(history, "A", "2024-01-02"), "08:30");
  tells(history, "A||line 2|morning|time", "||line 2, column 2|lost|columnNoName");
  assert.ok(!told(history).includes("line 4"));
});

test("two different records of a day: amounts, times and contradictions are kept or listed", () => {
  const history = read(lines("HabitName,HabitDescription,HabitCategory,CalendarDate,Value,CommentText", "A,,,2024-01-01 08:30,3,", "A,,,2024-01-01 20:00,5,", "A,,,2024-01-02,1,", "A,,,2024-01-02,0,", "A,,,2024-01-03 08:00,1,", "A,,,2024-01-03 09:00,1,"));
  assert.equal(noteOf(history, "A", "2024-01-01"), "8 in 2 entries: 08:30, 20:00");
  assert.equal(daysOf(history).A, "2024-01-01 2024-01-02 2024-01-03");
  tells(history, "A|2024-01-02|line 4, line 5||contradiction", "A|2024-01-03|line 7|09:00|same");
  for (const [done, undone] of [["1", "0"], ["yes", "no"], ["x", "0"]]) {
    const list = read(lines("habit,date,value", `A,2024-01-01,${done}`, `A,2024-01-01,${undone}`, `A,2024-01-02,${done}`));
    assert.equal(daysOf(list).A, "2024-01-01 2024-01-02");
    assert.equal(told(list), "A|2024-01-01|line 2, line 3||contradiction");
  }
});

test("several ticks with times on one day keep their times and their number", () => {
  const history = read("habit,date\nWater,2024-01-31 20:05\nWater,2024-01-31 08:30\nWater,2024-02-01 07:00\nWalk,2024-02-01\nWalk,2024-02-01\n");
  assert.deepEqual([noteOf(history, "Water", "2024-01-31"), noteOf(history, "Water", "2024-02-01"), noteOf(history, "Walk", "2024-02-01")], ["2 times: 08:30, 20:05", "07:00", "2 times"]);
  tells(read("Date,Water\n2024-01-31 08:30,x\n2024-01-31 20:05,x\n"), "Water|2024-01-31|line 3|20:05|same");
});

test("a table with habits in rows, columns of text, columns without a name, and cut rows", () => {
  assert.deepEqual(daysOf(read("Habit,2024-01-01,2024-01-02\nRead,x,\nRun,,1\n")), { Read: "2024-01-01", Run: "2024-01-02" });
  const mixed = read("Date,Read,Run,Diary,\n2024-01-01,x,1,rain today,5\n2024-01-02,x\n");
  assert.deepEqual(daysOf(mixed), { Read: "2024-01-01 2024-01-02", Run: "2024-01-01" });
  tells(mixed, "||line 2|Diary: rain today|columnText", "|5|columnNoName", "||line 3||cutTable");
  tells(read("Habit,2024-01-01,2024-01-02\nRead,x,\n,,1\n"), "||line 3|1|noHabit");
  tells(read("Habit,2024-01-01,,2024-01-02\nRead,x,y,\n"), "Read||line 2, column 3|y|columnNoDate");
  tells(read("Date,Read\n,x\n2024-01-01,x\n2024-01-02,x\n"), "Read||line 2||noDate");
  assert.equal(noteOf(read("Date,Read,Notes\n2024-01-01,x,rain\n"), "Read", "2024-01-01"), "rain");
});

test("a table of one habit whose column names no habit: its name is asked for", () => {
  for (const text of ["Date,Done\n2024-01-01,yes\n2024-01-02,no\n", "Date,Value,Notes\n2024-01-01,yes,rain\n2024-01-02,no,\n", "Datum;Anzahl\n2024-01-01;2,5\n2024-01-02;0\n", "Date,Done,Amount\n2024-01-01,yes,3\n2024-01-02,no,3\n"]) {
    assert.throws(() => read(text), { key: "import.noName", question: "habitName" }, text);
    assert.deepEqual(daysOf(read(text, { habitName: "Walk" })), { Walk: "2024-01-01" }, text);
  }
  assert.equal(noteOf(read("Date,Value,Notes\n2024-01-01,yes,rain\n", { habitName: "Walk" }), "Walk", "2024-01-01"), "rain");
});

// MARK: dates

const orders = ["dayFirst", "monthFirst", "yearFirst"];
/** The days of a list with these dates, or the question about them. */
const datesOf = (...dates) => {
  try {
    const { habits } = read(lines("habit;date", ...dates.map((date) => `Read;${date}`)));
    return [...habits[0].days.keys()].map(isoDay).join(" ");
  } catch (error) {
    if (error.question !== "dateOrder") throw error;
    return "asked";
  }
};

test("dates that mean one day, of any locale", () => {
  for (const text of [
    "2024-01-31", "2024/1/31", "2024.01.31", "2024. 1. 31.", "20240131", "31.1.2024", "31.01.24", "2024年1月31日", "31 January 2024", "January 31, 2024", "31-Jan-24", "Wed, 31 Jan 2024",
    "mié 31 ene 2024", "31. Januar 2024", "31 janv. 2024", "31 января 2024 г.", "31 Ocak 2024", "mar 31 gennaio 2024", "٢٠٢٤-٠١-٣١", "2024-01-31 08:05", "2024-01-31T08:05:30.123", "31.1.2024 8.05",
    "Jan 31, 2024 8:05 PM", "2024-01-31T23:30:00+02:00", "\u200e2024-01-31\u200e", "mercoledì 31 gennaio 2024", "miércoles, 31 de enero de 2024", "31 Ocak 2024 Pazar", "31 tammikuuta 2024", "31. siječnja 2024.",
    "31 stycznia 2024 r.", "31. ledna 2024", "2024. január 31.", "31 ianuarie 2024", "31 Ιανουαρίου 2024", "31 січня 2024",
  ]) assert.equal(datesOf(text), "2024-01-31", text);
});

test("texts that are no dates", () => {
  for (const text of ["", "x", "yesterday", "12", "1.5", "2024", "January", "1/2", "1,2,3,4", "123-45-6789", "01/13/2025x"]) assert.equal(readDate(text), undefined, text);
});

test("times beside dates", () => {
  for (const [text, time] of [["2024-01-31 00:00:00", ""], ["31/01/2024 08:05", "08:05"], ["1/31/2024 12:00:00 AM", ""], ["1/31/2024 8:05 p.m.", "20:05"], ["08:05 31.01.2024", "08:05"], ["2024-01-31T08:05:00Z", "08:05"]]) assert.equal(readDate(text).time, time, text);
});

test("a time with a full stop or an h is kept; an invalid one is listed", () => {
  for (const [text, note] of [["5.1.2025 8.30", "08:30"], ["2025-01-05 08.30", "08:30"], ["2025-01-05 8h30", "08:30"], ["5/1/2025 8.30 PM", "20:30"], ["2025-01-05 00.00", ""], ["2025.01.05. 23.59", "23:59"]]) {
    const history = read(lines("habit;date", `Read;${text}`, "Read;13.1.2025"));
    assert.deepEqual([noteOf(history, "Read", "2025-01-05"), told(history)], [note, ""], text);
  }
  for (const text of ["5.1.2025 24.30", "2025-01-05 08.60", "2025-01-05 8-30", "2025-01-05 24:00", "5.1.2025 8.3"]) {
    const history = read(lines("habit;date", `Read;${text}`, "Read;13.1.2025"));
    assert.equal(daysOf(history).Read, "2025-01-05 2025-01-13");
    assert.equal(told(history), `Read||line 2|${text}|time`);
  }
  assert.equal(noteOf(read("habit,date,time\nRead,2025-01-05,8.30\n"), "Read", "2025-01-05"), "08:30");
  // The days of a range are no time.
  for (const text of ["5.1.25-6.10.25", "5.1.2025-6.10.2025"]) assert.equal(readDate(text), undefined, text);
});

test("names of months that begin alike, and weekdays that begin like months", () => {
  const names = {
    Finnish: "tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta lokakuuta marraskuuta joulukuuta",
    Croatian: "siječnja veljače ožujka travnja svibnja lipnja srpnja kolovoza rujna listopada studenoga prosinca",
    Polish: "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
    Czech: "ledna února března dubna května června července srpna září října listopadu prosince",
    Turkish: "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık",
    Hungarian: "január február március április május június július augusztus szeptember október november december",
    Romanian: "ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie",
    Dutch: "januari februari maart april mei juni juli augustus september oktober november december",
    French: "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    Spanish: "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    Italian: "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    Portuguese: "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    German: "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    English: "January February March April May June July August September October November December",
    Norwegian: "januar februar mars april mai juni juli august september oktober november desember",
    Ukrainian: "січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня",
    Russian: "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    Greek: "Ιανουαρίου Φεβρουαρίου Μαρτίου Απριλίου Μαΐου Ιουνίου Ιουλίου Αυγούστου Σεπτεμβρίου Οκτωβρίου Νοεμβρίου Δεκεμβρίου",
    Lithuanian: "sausio vasario kovo balandžio gegužės birželio liepos rugpjūčio rugsėjo spalio lapkričio gruodžio",
    Estonian: "jaanuar veebruar märts aprill mai juuni juuli august september oktoober november detsember",
  };
  for (const [language, months] of Object.entries(names)) {
    const wanted = months.split(" ").map((_, index) => `2024-${String(index + 1).padStart(2, "0")}-07`).join(" ");
    assert.equal(datesOf(...months.split(" ").map((month) => `7 ${month} 2024`)), wanted, language);
    for (const [index, month] of months.split(" ").entries()) {
      if (!/^listopada?$/.test(month)) assert.equal(datesOf(`7 ${month} 2024`), `2024-${String(index + 1).padStart(2, "0")}-07`, month);
    }
  }
  for (const text of ["7 Ocak 2024 Pazar", "Pazar, 7 Ocak 2024", "martes 7 de enero de 2024", "mardi 7 janvier 2024", "martedì 7 gennaio 2024", "maandag 7 januari 2024", "maanantai 7. tammikuuta 2024", "2024. január 7., vasárnap", "7 Ocak 2024 Paz", "7 janvier 2024 mar.", "mar. 7 janv. 2024", "7 enero 2024 martes", "martes, enero 7, 2024", "2024 Ocak 7 Pazar", "subota 7 siječnja 2024", "24年1月7日"]) assert.equal(datesOf(text), "2024-01-07", text);
});

test("a name that is one month in Croatian and another in Polish and Czech is decided by the file's other names", () => {
  const days = (...dates) => read(lines("habit;date", ...dates.map((date) => `Read;${date}`)));
  for (const [dates, wanted] of [
    [["7. lipnja 2024.", "7. listopada 2024."], "2024-06-07 2024-10-07"], [["7 listopada 2024", "7 stycznia 2024"], "2024-01-07 2024-11-07"], [["7 lip 2024", "7 cze 2024"], "2024-06-07 2024-07-07"],
    [["7 lip 2024", "7 svi 2024"], "2024-05-07 2024-06-07"], [["7 listopada 2024", "31 listopada 2024"], "2024-10-07 2024-10-31"], [["27 listopada 2026"], "2026-10-27"], [["7 listopadu 2024"], "2024-11-07"],
  ]) assert.deepEqual([daysOf(days(...dates)).Read, told(days(...dates))], [wanted, ""], dates.join());
  const open = days("7 listopada 2024", "8 Jan 2024");
  assert.equal(daysOf(open).Read, "2024-01-08");
  tells(open, "Read||line 2|7 listopada 2024|sharedMonth");
});

test("the whole file decides the order of day, month and year", () => {
  assert.equal(datesOf("31/12/2024", "01/02/2025"), "2024-12-31 2025-02-01");
  assert.equal(datesOf("01/02/2025", "12/31/2024"), "2024-12-31 2025-01-02");
  assert.equal(datesOf("2/9/2020", "2/30/2020"), "2020-02-09", "30 is no month, though there is no such day");
  assert.equal(datesOf("01/12/2026", "01/11/2026"), "2026-01-11 2026-01-12", "1 December is in the future");
  assert.equal(datesOf("1-31-24", "2-1-24"), "2024-01-31 2024-02-01");
  assert.equal(datesOf("1/1/2024", "2/2/2024"), "2024-01-01 2024-02-02", "each order gives the same days");
  assert.equal(datesOf("2024-01-02", "31.12.2024"), "2024-01-02 2024-12-31");
});

test("years of two digits may come first: such a date decides nothing while two orders give past days", () => {
  assert.equal(datesOf("24/01/31", "24/01/05"), "2024-01-05 2024-01-31");
  assert.equal(datesOf("24-01-31"), "2024-01-31");
  assert.equal(datesOf("24/01/05", "24/01/06"), "asked");
  assert.equal(datesOf("31/12/24", "05/01/25"), "2024-12-31 2025-01-05");
  assert.equal(datesOf("05/01/24", "31/01/24"), "2024-01-05 2024-01-31");
  assert.equal(datesOf("05/01/24", "01/31/24"), "2024-01-31 2024-05-01");
  assert.equal(datesOf("24/01/05", "05/01/2024"), "2005-01-24 2024-01-05");
  assert.equal(datesOf("24/01/05", "05/13/24"), "asked");
  assert.equal(datesOf("24/1/5", "25/1/6"), "2024-01-05 2025-01-06", "a year has two digits");
  assert.equal(datesOf("5/13/24", "5/1/24"), "2024-05-01 2024-05-13");
  assert.equal(datesOf("24/01/05", "01/24/05"), "asked", "no order makes both a day");
  assert.equal(datesOf("24/10/05", "05/10/24"), "asked");
  // The first is possible day or year first, the second month or year first: one order fits both.
  assert.equal(datesOf("24/01/05", "03/12/26"), "2003-12-26 2024-01-05");
});

test("a day that does not exist is no vote for another order, and beside a named month the year may be first too", () => {
  assert.equal(datesOf("01.02.24", "02.02.24", "30.02.24"), "2024-02-01 2024-02-02");
  assert.equal(datesOf("24/01/31", "24/02/30"), "2024-01-31");
  assert.equal(datesOf("24-Jan-05", "24-Jan-31"), "2024-01-05 2024-01-31");
  assert.equal(datesOf("05-Jan-24", "31-Jan-24"), "2024-01-05 2024-01-31");
  const open = (dateOrder) => read("habit,date\nRead,24-Jan-05\n", { dateOrder });
  assert.deepEqual([undefined, "dayFirst", "monthFirst", "yearFirst"].map((order) => daysOf(open(order)).Read), ["2005-01-24", "2005-01-24", "2005-01-24", "2024-01-05"]);
  tells(open(), "|24-Jan-05|dayFirst");
});

test("dates with full stops are decided by the whole file as well, and are day first where nothing decides", () => {
  assert.equal(datesOf("01.02.2024"), "2024-02-01");
  assert.equal(datesOf("01.02.2024", "12.31.2024"), "2024-01-02 2024-12-31");
  assert.equal(datesOf("24. 01. 05.", "24. 01. 31."), "2024-01-05 2024-01-31");
  assert.equal(datesOf("01.02.24"), "2024-02-01");
  assert.equal(datesOf("31.1.2024", "31.01.24", "31.1.2024 8.05"), "2024-01-31");
  tells(read("habit,date\nA,01.02.2024\n"), "|01.02.2024|dayFirst");
  assert.equal(told(read("habit,date\nA,01.02.2024\nA,31.01.2024\n")), "");
  assert.equal(datesOf("24. 01. 05."), "asked", "a full stop at the end is a sign of a year that comes first");
});

test("if no date decides, the person is asked with an example, and a few wrong dates do not outvote the others", () => {
  assert.equal(datesOf("01/02/2025", "03/04/2025"), "asked");
  assert.equal(datesOf("31/12/2024", "12/31/2024", "01/02/2025"), "asked");
  assert.equal(datesOf("31/12/2024", "30/12/2024", "29/12/2024", "28/12/2024", "12/31/2024"), "2024-12-28 2024-12-29 2024-12-30 2024-12-31");
  const text = "habit,date\nRead,01/02/2025\nRead,03/04/2025\n";
  assert.throws(() => read(text), (error) => {
    assert.deepEqual([error.key, error.question, error.example], ["import.dateOrder", "dateOrder", { text: "01/02/2025", days: { dayFirst: dayFromIso("2025-02-01"), monthFirst: dayFromIso("2025-01-02") } }]);
    return true;
  });
  assert.throws(() => read("habit,date\nRead,24/01/05\n"), (error) => {
    assert.deepEqual(Object.keys(error.example.days), ["dayFirst", "yearFirst"]);
    return true;
  });
  const days = orders.map((dateOrder) => daysOf(read("habit,date\nRead,01/02/03\n", { dateOrder })).Read);
  assert.deepEqual(days, ["2003-02-01", "2003-01-02", "2001-02-03"]);
});

test("a bad date is listed with its line, and the other rows are taken", () => {
  const history = read("habit,date\nA,13/01/2025\nA,01/13/2025x\nA,\nA,30/02/2025\nA,14/01/2025\n");
  assert.deepEqual(daysOf(history), { A: "2025-01-13 2025-01-14" });
  tells(history, "A||line 3|01/13/2025x|notDate", "A||line 4||noDate", "A||line 5|30/02/2025|noDay");
});

test("a moment in UTC becomes a day of the person's zone; midnight in UTC is a date alone", () => {
  const history = read(lines("habit,date", "A,2024-01-30T23:30:00Z", "B,2024-01-31T00:00:00Z", "C,2024-01-31T23:30:00-05:00", "D,1706655600000"), { clock: clockAt(Date.UTC(2026, 10, 24, 12), 7200) });
  assert.deepEqual(daysOf(history), { A: "2024-01-31", B: "2024-01-31", C: "2024-01-31", D: "2024-01-31" });
});

// MARK: limits

test("texts at their limits stay whole; with one byte more they are cut at a character and listed", () => {
  const text = (bytes) => `é${"x".repeat(bytes - 4)}é`;
  const kit = (name, description, note) => read(JSON.stringify({ habits: [{ id: "a", name, description, orderIndex: 0 }], completions: [{ habitId: "a", date: "2024-01-01", note }] }));
  const whole = kit(text(256), text(2048), text(4096));
  assert.equal(told(whole), "");
  assert.deepEqual([whole.habits[0].name, whole.habits[0].description, [...whole.habits[0].days.values()]], [text(256), text(2048), [text(4096)]]);
  const longer = kit(text(257), text(2049), text(4097));
  const [habit] = longer.habits;
  assert.deepEqual([habit.name, habit.description, ...habit.days.values()].map((each) => new TextEncoder().encode(each).length), [255, 2047, 4095]);
  tells(longer, "nameCut", "descriptionCut", "|é|noteCut");
});

test("a habit without a name gets one, and control characters are removed", () => {
  const history = read('{"habits": [{"id": "a", "name": " "}, {"id": "b", "name": "x\\u0000\\ty"}, {"id": "c"}], "completions": []}');
  assert.deepEqual(history.habits.map(({ name }) => name), ["Habit 1", "x  y", "Habit 3"]);
  tells(history, "Habit 1||habits, entry 1||nameMissing", "x  y||habits, entry 2||nameCleaned");
});

test("any bytes are either read or refused by every reader", async () => {
  const replacements = ["9223372036854775807", "-9223372036854775808", "1e308", '"', "", "\n", ",", ";", "\0", "null", "{}", "[]"].map((text) => [...new TextEncoder().encode(text)]);
  replacements.push([0xff]);
  for (const name of ["habitbull-uk.csv", "habitica-user.json", "habitkit.json", "loop-2.0.3-Checkmarks.csv", "loop-comma-Checkmarks.csv", "loop-per-habit-Checkmarks-2.3.csv", "semicolon.csv"]) {
    const original = [...(await readFile(samples + name))];
    const random = seeded(7);
    const below = (bound) => Math.floor(random() * bound);
    for (let step = 0; step < 500; step += 1) {
      const bytes = [...original];
      for (let change = 0; change < 3; change += 1) bytes.splice(below(bytes.length), below(12), ...replacements[below(replacements.length)]);
      try {
        told(read(Uint8Array.from(bytes), { name, dateOrder: "dayFirst", habitName: "x" }));
      } catch (error) {
        assert.equal(error.name, "ImportError", error.stack);
        assert.ok(error.key in more, error.key);
      }
    }
  }
});

test("every remark and refusal has its sentence, and each sentence is used", async () => {
  const folder = fileURLToPath(new URL("../../Sources/StreakWeb/Page/import/", import.meta.url));
  const readers = (await Promise.all((await readdir(folder)).map((name) => readFile(folder + name, "utf8")))).join("\n");
  const sources = readers + (await readFile(`${folder}../ui/data.js`, "utf8"));
  const all = Object.keys(more);
  for (const [, key] of readers.matchAll(/\bkey: "(\w+)"/g)) assert.ok(all.includes(`remark.${key}`), key);
  for (const [, key] of sources.matchAll(/"(import\.\w+)"/g)) assert.ok(all.includes(key), key);
  for (const key of all.filter((each) => /^(remark|import)\.\w+$/.test(each))) assert.ok(sources.includes(`"${key.replace("remark.", "")}"`), key);
});

// MARK: recording

test("an import of a table is a dry run first, and adds nothing when it is repeated", async () => {
  const device = makeDevice({ clock: clockAt(Date.UTC(2026, 10, 29, 12)) });
  const text = "Date,Read,Walk\r\n2026-11-28,x,\r\n2026-11-27,yes,no\r\n27.11.2026,,3\r\n2026-02-30,x,x\r\n";
  const history = read(text, { clock: device.clock });
  assert.deepEqual(history.habits.map(({ name, days }) => [name, days.size]), [["Read", 2], ["Walk", 1]]);
  assert.equal(history.remarks.filter(({ key }) => key === "noDay").length, 2);
  const planned = await previewImport(device.store, device.clock, history);
  assert.equal((await device.view()).habits.length, 0, "a dry run changes nothing");
  const done = await importHistory(device.store, device.clock, history);
  assert.deepEqual(done, planned);
  assert.deepEqual([done.habits, done.days, done.counting], [2, 3, 3]);
  const again = await importHistory(device.store, device.clock, history);
  assert.deepEqual([again.habits, again.days, again.known], [0, 0, 3]);
});

test("a day before 2000 is refused with its reason, and the others are kept", async () => {
  const device = makeDevice({ clock });
  const report = await importHistory(device.store, clock, read("Date,Read,Run\n1999-12-31,x,\n2026-11-24,x,\n"));
  assert.deepEqual([report.days, report.refused, report.remarks], [1, 1, [{ key: "tooEarly", habit: "Read", day: dayFromIso("1999-12-31"), detail: "" }]]);
});

test("in an account the number of counting days is that of the days which are then shown as counted", async () => {
  for (const offline of [0, 1, 5, 29]) {
    const now = clock.now();
    const store = new MemoryStore();
    await store.change((state) => {
      const account = new Account("AAAAAAAAAAAAAAAAAAAAAA==", "AQAAAAAAAAAAAAAAAAAAAA==", "a@example.com");
      account.caughtUpAt = now - offline * 86_400_000;
      state.addAccount(account);
      state.setSettings({ current: account.userId });
    });
    const today = Math.floor(now / 86_400_000);
    const days = new Map(Array.from({ length: 40 }, (_, ago) => [today - ago, ""]));
    const history = { kind: "table", remarks: [], habits: [{ name: "Read", description: "", color: 0, archived: false, days }, { name: "Run", description: "", color: 0, archived: false, days }] };
    const planned = await previewImport(store, clock, history);
    const done = await importHistory(store, clock, history);
    const { habits } = await store.read((state) => viewOf(state, clock, now));
    const shown = habits.flatMap(({ cells }) => [...cells.values()]).filter((cell) => cell.done && !cell.quarantine).length;
    assert.deepEqual([planned.counting, done.counting], [shown, shown], `${offline} days offline`);
    assert.equal(done.days, 80);
  }
});

// MARK: the page

/** The page of imports, as `ui/dom.js` would draw it. */
const openPage = async () => {
  await loadMore();
  const device = makeDevice({ clock });
  const app = { clock, store: device.store, client: device.client, local: {}, view: await device.view(), wake: () => {}, draw: () => app.drawn?.() };
  const all = (element) => (typeof element === "object" ? [element, ...element.children.flatMap(all)] : []);
  const find = (name) => page(app).filter(Boolean).flatMap(all).find(({ props }) => props["data-test"] === name);
  const textOf = (element) => (typeof element === "object" ? element.children.map(textOf).join("") : element);
  /** Does something, and waits until the page is drawn. */
  const drawn = (body) => new Promise((resolve) => {
    app.drawn = resolve;
    body();
  });
  const choose = (content) => {
    const bytes = new TextEncoder().encode(content);
    return drawn(() => find("file").props.onchange({ target: { files: [{ name: "f.csv", size: bytes.length, arrayBuffer: async () => bytes.buffer }] } }));
  };
  return { app, find, textOf, drawn, choose };
};

test("the page lists the first remarks, and every other one when the person opens them", async () => {
  const { find, textOf, drawn, choose } = await openPage();
  await choose(lines("habit,date", ...Array.from({ length: 60 }, (_, index) => `Read,no date ${index}`), "Read,2026-11-24"));
  const shown = () => textOf(find("remarks"));
  assert.match(shown(), /line 51: this is no date \(no date 49\)/);
  assert.doesNotMatch(shown(), /no date 50/);
  await drawn(() => find("more-remarks").props.ontoggle({ target: { open: true } }));
  assert.match(shown(), /line 61: this is no date \(no date 59\)/);
  assert.equal(shown().match(/this is no date/g).length, 60);
});

test("the page asks for the order of dates and for a habit's name, and keeps both answers", async () => {
  const { app, find, textOf, drawn, choose } = await openPage();
  await choose("Date,Value\n01/02/2026,yes\n03/04/2026,yes\n");
  assert.match(textOf(find("habit-name")), /say the name/);
  await drawn(() => find("habit-name").props.onsubmit({ preventDefault() {}, target: { elements: { habitName: { value: " Walk " } } } }));
  assert.equal(find("habit-name"), undefined);
  assert.match(textOf(find("dayFirst")), /01\/02\/2026 is then February 1, 2026/);
  await drawn(() => find("monthFirst").props.onclick());
  assert.ok(find("carry-out"));
  assert.deepEqual(daysOf(app.local.plan.history), { Walk: "2026-01-02 2026-03-04" });
  // Another file has answers of its own.
  await choose("Date,Value\n2026-11-24,yes\n");
  assert.ok(find("habit-name"));
  await choose("SQLite format 3\0");
  assert.match(textOf(find("failure")), /streak import/);
});

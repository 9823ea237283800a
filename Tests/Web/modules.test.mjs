// What the page's modules promise without a server.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, readdir } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { timeOfDay } from "../../Sources/StreakWeb/Page/modules/clock.js";
import { addHabit, record, viewOf } from "../../Sources/StreakWeb/Page/modules/client.js";
import { Account } from "../../Sources/StreakWeb/Page/modules/account.js";
import { Days, cellKey } from "../../Sources/StreakWeb/Page/modules/days.js";
import { dayFrom, dayFromIso, isoDay, weekday } from "../../Sources/StreakWeb/Page/modules/day.js";
import { make } from "../../Sources/StreakWeb/Page/modules/queue.js";
import { prepare, showsLoss, take } from "../../Sources/StreakWeb/Page/modules/replica.js";
import { BackfillAllowance } from "../../Sources/StreakWeb/Page/modules/backfill.js";
import * as rules from "../../Sources/StreakWeb/Page/modules/rules.js";
import { intervalMilliseconds, SyncSchedule } from "../../Sources/StreakWeb/Page/modules/schedule.js";
import { Standby } from "../../Sources/StreakWeb/Page/modules/standby.js";
import { State } from "../../Sources/StreakWeb/Page/modules/state.js";
import { shownCell } from "../../Sources/StreakWeb/Page/modules/shown.js";
import { streakOf } from "../../Sources/StreakWeb/Page/modules/streak.js";
import { continueAsNewDevice, submission } from "../../Sources/StreakWeb/Page/modules/submission.js";
import { Sync } from "../../Sources/StreakWeb/Page/modules/sync.js";
import { CallError, EnvelopeReader, errorOf } from "../../Sources/StreakWeb/Page/modules/transport.js";
import { en } from "../../Sources/StreakWeb/Page/i18n/en.js";
import { more } from "../../Sources/StreakWeb/Page/i18n/en-more.js";
import { Calls } from "../../Sources/StreakWeb/Page/modules/calls.js";
import { capture, claim as claimOf } from "../../Sources/StreakWeb/Page/modules/capture.js";
import { moveIntoSession, moveSession, takeStashBack } from "../../Sources/StreakWeb/Page/modules/moving.js";
import { MemoryStore, clockAt, makeDevice, seeded } from "./support.mjs";

const page = fileURLToPath(new URL("../../Sources/StreakWeb/Page/", import.meta.url));

// MARK: days

test("a day is a number that its date gives and takes", () => {
  assert.equal(dayFromIso("1970-01-01"), 0);
  assert.equal(dayFromIso("2000-01-01"), 10957);
  assert.equal(dayFromIso("9999-12-31"), 2932896);
  assert.equal(isoDay(10957), "2000-01-01");
  assert.equal(dayFrom(2026, 2, 29), undefined);
  assert.equal(dayFrom(2028, 2, 29), dayFromIso("2028-02-29"));
  assert.equal(dayFromIso("26-01-01"), undefined);
  assert.equal(weekday(0), 4, "1970-01-01 was a Thursday");
});

test("a day that is entered afterwards has the offset of its own middle", () => {
  // given: a zone whose clocks go back one hour in the night to 2026-10-25
  const change = Date.UTC(2026, 9, 25, 1);
  const clock = { ...clockAt(Date.UTC(2026, 9, 26, 12)), zone: (at) => ({ name: "Europe/Berlin", seconds: at < change ? 7200 : 3600 }) };
  for (const [day, offset] of [[dayFromIso("2026-10-24"), 7200], [dayFromIso("2026-10-25"), 3600]]) {
    const clientTime = timeOfDay(clock, day, 0);
    assert.equal(clientTime.utcOffsetSeconds, offset);
    assert.equal(Date.parse(clientTime.occurredAt) + offset * 1000, (day + 0.5) * 86_400_000);
  }
});

test("today is the earliest date of the zones used in 48 hours", () => {
  const now = Date.UTC(2026, 10, 29, 11);
  const clientTime = (at, utcOffsetSeconds) => ({ occurredAt: new Date(at).toISOString(), utcOffsetSeconds, dayStartMinutes: 0, zone: "Z" });
  const today = dayFromIso("2026-11-29");
  assert.equal(rules.todayOfZones([], now), today);
  let zones = rules.noteZone([], clientTime(now - 3_600_000, 14 * 3600), now);
  assert.equal(rules.todayOfZones(zones, now), today + 1, "in Kiritimati it is tomorrow");
  zones = rules.noteZone(zones, clientTime(now, -12 * 3600), now);
  assert.equal(rules.todayOfZones(zones, now), today - 1, "the earlier zone counts");
  assert.equal(rules.todayOfZones(zones, now + 49 * 3_600_000), dayFromIso("2026-12-01"), "then the zone of the latest use alone");
});

test("zones are taken from an answer that is complete, and from no other", async () => {
  const uses = { zoneUses: [{ utcOffsetSeconds: -28_800, lastUsedAt: new Date(5_000).toISOString() }, { dayStartMinutes: 60, lastUsedAt: new Date(3_000).toISOString() }] };
  assert.deepEqual((await prepare(uses)).zones, [{ offset: -28_800, dayStart: 0, at: 5_000 }, { offset: 0, dayStart: 60, at: 3_000 }]);
  assert.deepEqual((await prepare({})).zones, []);
  assert.equal((await prepare({ hasMore: true })).zones, undefined);
});

test("the device's own zone counts as long as nothing was recorded in any", () => {
  const clock = clockAt(Date.UTC(2026, 10, 29, 20), 9 * 3600);
  const now = clock.now();
  const state = new State();
  assert.equal(viewOf(state, clock, now).today, dayFromIso("2026-11-30"));
  // when: something is recorded, and the person travels
  const id = addHabit(state, { name: "Read" }, now);
  record(state, { habitId: id, day: dayFromIso("2026-11-30"), done: true, clientTime: timeOfDay(clock, undefined, 0) }, now);
  clock.offsetSeconds = -8 * 3600;
  assert.equal(viewOf(state, clock, now).today, dayFromIso("2026-11-30"));
  assert.equal(viewOf(state, clock, now).here, dayFromIso("2026-11-29"));
});

test("a device that was away claims at most the days that have passed, and two", () => {
  const now = Date.UTC(2026, 10, 29, 12);
  const today = dayFromIso("2026-11-29");
  const clientTime = { occurredAt: new Date(now).toISOString(), zone: "Z", utcOffsetSeconds: 0, dayStartMinutes: 0 };
  const allowance = new BackfillAllowance(now - 3_600_000);
  assert.equal(allowance.claim(today - 31, clientTime, now), "TOO_OLD");
  assert.equal(allowance.claim(today - 3, clientTime, now), "BACKFILL");
  assert.equal(allowance.claim(today - 2, clientTime, now), "", "a fresh day counts and costs nothing");
  assert.equal(allowance.claim(today - 1, clientTime, now), "");
  assert.equal(allowance.claim(today, clientTime, now), "");
  assert.equal(allowance.claim(today + 1, clientTime, now), "ZONE_HOP");
  assert.equal(allowance.claim(today, clientTime, now), "", "the same day costs nothing");
});

test("a streak is the run that holds today, or ended yesterday", () => {
  assert.deepEqual([streakOf([], 10).state, streakOf([], 10).current], ["NONE", 0]);
  assert.deepEqual([streakOf([8, 9, 10], 10).state, streakOf([8, 9, 10], 10).current], ["DONE_TODAY", 3]);
  assert.deepEqual([streakOf([7, 8, 9], 10).state, streakOf([7, 8, 9], 10).current], ["AT_RISK", 3]);
  assert.deepEqual([streakOf([7, 8], 10).state, streakOf([7, 8], 10).longest], ["BROKEN", 2]);
  assert.equal(streakOf([9, 11], 10).current, 1, "the gap of today can still be closed");
  assert.equal(streakOf([9], 10, true).state, "ARCHIVED");
});

test("days know their habits, and what did not change is not made anew", () => {
  const random = seeded(3);
  const days = new Days();
  const plain = new Map();
  for (let step = 0; step < 2000; step += 1) {
    const [habitId, day] = [`h${Math.floor(random() * 4)}`, Math.floor(random() * 30)];
    const key = `${habitId}:${day}`;
    const what = random();
    for (const map of [days, plain]) {
      if (what < 0.6) map.set(key, { habitId, day, done: what < 0.3 });
      else if (what < 0.999) map.delete(key);
      else map.clear();
    }
    if (step % 50) continue;
    assert.deepEqual([...days], [...plain]);
    for (const id of ["h0", "h1", "h2", "h3"]) {
      const wanted = [...plain.values()].filter((cell) => cell.habitId === id);
      const found = [...days.ofHabit(id)].sort(([left], [right]) => left - right);
      assert.deepEqual(found, wanted.map((cell) => [cell.day, { ...cell, quarantine: "" }]).sort(([left], [right]) => left - right));
      assert.equal(days.ofHabit(id), days.ofHabit(id));
    }
  }
});

test("a tap draws the days of its habit anew, and no others", () => {
  const state = new State();
  const [user, device] = ["AAAAAAAAAAAAAAAAAAAAAA==", "AQAAAAAAAAAAAAAAAAAAAA=="];
  const clock = clockAt(Date.UTC(2026, 10, 29, 12));
  const now = clock.now();
  const account = new Account(user, device);
  state.addAccount(account);
  state.setSettings({ current: user });
  const read = addHabit(state, { name: "Read" }, now);
  const walk = addHabit(state, { name: "Walk" }, now);
  for (const habitId of [read, walk]) {
    for (let day = 20_000; day < 20_400; day += 1) account.cells.set(cellKey(habitId, day), { habitId, day, done: true, note: "", quarantine: "" });
  }
  const before = viewOf(state, clock, now).habits;
  record(state, { habitId: read, day: before[0].streak.lastDay + 1, done: true, clientTime: timeOfDay(clock, before[0].streak.lastDay + 1, 0) }, now);
  const after = viewOf(state, clock, now).habits;
  assert.deepEqual([after[0].cells.size, before[0].cells.size], [401, 400], "an earlier view stays as it was");
  assert.equal(after[1].cells, before[1].cells);
  assert.equal(after[1].streak, before[1].streak);
  assert.equal(viewOf(state, clock, now + 86_400_000 * 2).habits[1].streak.state, "BROKEN");
});

// MARK: the queue

test("numbers have no gaps and times grow, also when the clock is set back", () => {
  const account = new Account("AAAAAAAAAAAAAAAAAAAAAA==", "AQAAAAAAAAAAAAAAAAAAAA==");
  const times = [1000, 5000, 3000, 3000].map((now) => BigInt(make(account, { setDayStart: { dayStartMinutes: 1 } }, now).hybridTime));
  assert.deepEqual(account.queue.map((op) => op.seq), ["1", "2", "3", "4"]);
  times.slice(1).forEach((time, index) => assert.ok(time > times[index]));
  assert.equal(times[1] >> 16n, 5000n);
});

test("a queue that is numbered anew names its own completions by their new numbers", () => {
  const [user, old, fresh, habit] = ["AAAAAAAAAAAAAAAAAAAAAA==", "AQAAAAAAAAAAAAAAAAAAAA==", "AgAAAAAAAAAAAAAAAAAAAA==", "AwAAAAAAAAAAAAAAAAAAAA=="];
  const account = new Account(user, old);
  const clientTime = { occurredAt: new Date(0).toISOString(), zone: "Z", utcOffsetSeconds: 0, dayStartMinutes: 0 };
  make(account, { setDayStart: { dayStartMinutes: 1 } }, 1);
  account.kept.push({ op: account.queue.shift(), decidedAt: 1 });
  make(account, { setCompletion: { habitId: habit, day: 20000, done: true, clientTime } }, 2);
  make(account, { setCompletion: { habitId: habit, day: 20000, done: false, clientTime } }, 3);
  continueAsNewDevice(account, fresh);
  assert.deepEqual(account.queue.map((op) => op.seq), ["1", "2"]);
  assert.deepEqual(account.queue[1].setCompletion.undone, [{ sourceId: old, seq: "2" }, { sourceId: fresh, seq: "1" }], "the former name too");
  assert.deepEqual(account.queue[0].seen, [{ sourceId: old, seq: "1" }], "what the copy had sent is known");
  assert.equal(submission(account, "").oldestKeptSeq, "1");
});

test("a pull from the start in the same epoch shows a loss: the habits that the server lacks are restated", () => {
  const [user, device, kept, lost] = ["AAAAAAAAAAAAAAAAAAAAAA==", "AQAAAAAAAAAAAAAAAAAAAA==", "AwAAAAAAAAAAAAAAAAAAAA==", "BAAAAAAAAAAAAAAAAAAAAA=="];
  const account = new Account(user, device);
  const fields = { name: "Read", description: "", color: 0, position: 0, archived: false };
  for (const id of [kept, lost]) account.habits.set(id, { fields, digest: [0n, 0n] });
  account.cursor = { epoch: "1", changeNumber: "9" };
  make(account, { setDayStart: { dayStartMinutes: 0 } }, 1);
  assert.equal(submission(account, "").acknowledgedSeq, "0");
  account.kept.push({ op: account.queue.shift(), decidedAt: 1 });
  const sent = submission(account, "");
  assert.equal(sent.acknowledgedSeq, "1");
  const changes = {
    outcomes: [], isReset: true, habits: [{ id: kept, fields, digest: [0n, 0n] }], deletedHabitIds: [], aliases: [], cells: [],
    notices: [], cursor: { epoch: "1", changeNumber: "2" }, lastSeq: 1, latestTime: 0n, deletionAt: 0,
  };
  assert.ok(showsLoss(account, { changes }, sent));
  assert.ok(!showsLoss(account, { changes: { ...changes, isReset: false } }, sent));
  assert.equal(take(account, { changes }, sent, device, 5), "more");
  assert.deepEqual(submission(account, "").restatedHabits.map(({ id }) => id), [lost]);
});

test("a choice in a conflict is a resolution with the chosen value, sent again as it was", () => {
  const [user, device, fresh, habit, noticeId] = ["AAAAAAAAAAAAAAAAAAAAAA==", "AQAAAAAAAAAAAAAAAAAAAA==", "AgAAAAAAAAAAAAAAAAAAAA==", "AwAAAAAAAAAAAAAAAAAAAA==", "BAAAAAAAAAAAAAAAAAAAAA=="];
  const clientTime = { occurredAt: new Date(0).toISOString(), zone: "Z", utcOffsetSeconds: 0, dayStartMinutes: 0 };
  const statement = { setNote: { habitId: habit, day: 20000, note: "mine", clientTime } };
  const changes = { isReset: false, habits: [], deletedHabitIds: [], aliases: [], cells: [], notices: [], cursor: {}, lastSeq: 1, latestTime: 0n, deletionAt: 0 };
  const choice = { resolveConflict: { noticeId, takeLosing: true, ...statement } };
  const decided = (outcome) => {
    const account = new Account(user, device);
    make(account, choice, 1);
    assert.equal(shownCell(account, habit, 20000).note, "mine", "the choice is seen before it is sent");
    take(account, { changes: { ...changes, outcomes: [{ seq: "1", ...outcome }] } }, submission(account, ""), device, 5);
    return account;
  };
  const applied = decided({});
  assert.deepEqual([applied.queue, applied.rejected], [[], []]);
  assert.deepEqual(applied.kept.map(({ op }) => op.resolveConflict), [choice.resolveConflict]);
  const rejected = decided({ reason: "HABIT_NOT_FOUND" });
  assert.deepEqual(rejected.rejected.map(({ op }) => op.resolveConflict.setNote.note), ["mine"]);
  // when: the choice is that a day is not done
  const account = new Account(user, device);
  make(account, { setCompletion: { habitId: habit, day: 20000, done: true, clientTime } }, 2);
  make(account, { resolveConflict: { noticeId, takeLosing: true, setCompletion: { habitId: habit, day: 20000, done: false, clientTime } } }, 3);
  assert.deepEqual(account.queue[1].resolveConflict.setCompletion.undone, [{ sourceId: device, seq: "1" }]);
  continueAsNewDevice(account, fresh);
  assert.deepEqual(account.queue[1].resolveConflict.setCompletion.undone, [{ sourceId: device, seq: "1" }, { sourceId: fresh, seq: "1" }]);
  assert.equal(account.queue[1].resolveConflict.noticeId, noticeId);
});

test("what an account that the server has lost holds goes into the session: notes of conflicts too, and refusals into the next account", async () => {
  const [lost, user, device, habit, noticeId] = ["AAAAAAAAAAAAAAAAAAAAAA==", "AAEAAAAAAAAAAAAAAAAAAA==", "AQAAAAAAAAAAAAAAAAAAAA==", "AwAAAAAAAAAAAAAAAAAAAA==", "BAAAAAAAAAAAAAAAAAAAAA=="];
  const now = Date.UTC(2026, 10, 29, 11);
  const clock = clockAt(now);
  const day = dayFromIso("2026-11-29");
  const state = new State(Account);
  const account = new Account(lost, device);
  state.addAccount(account);
  state.setSettings({ current: lost });
  account.habits.set(habit, { fields: { name: "Read", description: "", color: 0, position: 0, archived: false } });
  account.cells.set(cellKey(habit, day), { habitId: habit, day, done: true, note: "kept", quarantine: "", completions: [] });
  const notice = { noticeId, kind: "NOTICE_KIND_NOTE_CONFLICT", habitId: habit, day, winningValue: "kept", losingValue: "other" };
  account.notices.set(noticeId, notice);
  account.notices.set("resolved", { ...notice, losingValue: "chosen against", resolved: true });
  const refused = { op: { seq: "1", hybridTime: "7", setNote: { habitId: habit, day, note: "x" } }, reason: "FUTURE_DAY" };
  account.rejected.push(refused);
  assert.ok(moveIntoSession(state, lost, clock, now));
  // A later change of the day keeps the other note.
  record(state, { habitId: habit, day, done: false, clientTime: timeOfDay(clock, day, 0) }, now);
  const stashed = await claimOf(state.session, timeOfDay(clock, day, 0));
  assert.deepEqual(stashed.captured.entries.map(({ done, note }) => [done, note]), [[false, "other"], [false, "kept"]]);
  // when: the browser forgets it, and takes its stash back
  const other = new State(Account);
  takeStashBack(other, { ...stashed, captured: stashed.captured }, now);
  assert.deepEqual((await claimOf(other.session, timeOfDay(clock, day, 0))).captured, stashed.captured);
  // when: the session becomes part of another account
  const fresh = new Account(user, device);
  state.addAccount(fresh);
  moveSession(state, stashed, { userId: user, now });
  assert.deepEqual([state.session, state.accounts.has(lost), fresh.queue, fresh.rejected], [null, false, [], [refused]]);
});

test("a document that was imported as it is goes to a server that has lost it, before anything else", async () => {
  const [user, device, habit] = ["AAEAAAAAAAAAAAAAAAAAAA==", "AQAAAAAAAAAAAAAAAAAAAA==", "AwAAAAAAAAAAAAAAAAAAAA=="];
  const called = [];
  const answers = [];
  const refusals = [];
  const transport = {
    call: async (method) => {
      called.push(method);
      return method === "SyncService/Sync" ? (answers.length > 1 ? answers.shift() : answers[0]) : {};
    },
    async *stream(method, messages) {
      called.push(`${method} ${messages[0].begin.importId}`);
      const refusal = refusals.shift();
      if (refusal) throw refusal;
      yield { cellCount: 1 };
    },
  };
  const store = new MemoryStore();
  const clock = clockAt(Date.UTC(2026, 10, 29, 11));
  await store.change((state) => {
    const account = new Account(user, device);
    account.credentials = { accessToken: "a", refreshToken: "r", accessExpiresAt: Number.MAX_SAFE_INTEGER };
    state.addAccount(account);
    state.setSettings({ current: user });
  });
  const sync = new Sync({ store, transport, clock, emit: () => {} });
  // given: an import whose answer is lost, and a sync that sends it again
  refusals.push(new CallError("unreachable", { message: "the answer is lost" }));
  const bytes = new TextEncoder().encode("{}");
  await assert.rejects(sync.importDocument(user, bytes), { message: "the answer is lost" });
  const read = { id: habit, name: "Read" };
  answers.push({ habits: [read], cursor: { epoch: "1", changeNumber: "5", tag: "AA==" } });
  await sync.sync(user);
  const [first, again] = called;
  assert.equal(first, again, "under the same id");
  assert.deepEqual(called.slice(2), ["SyncService/Sync"]);
  // when: the server has lost everything
  called.length = 0;
  answers.splice(0, 1, { reset: true, cursor: { epoch: "2", changeNumber: "0" } }, { habits: [read], cursor: { epoch: "2", changeNumber: "5", tag: "AA==" } });
  await sync.sync(user);
  assert.deepEqual(called.slice(0, 3), ["SyncService/Sync", first, "SyncService/Sync"]);
  // and: a refused import is not sent again
  called.length = 0;
  refusals.push(new CallError("refused", { reason: "ACCOUNT_NOT_EMPTY", isFinal: true }));
  await assert.rejects(sync.importDocument(user, bytes), { reason: "ACCOUNT_NOT_EMPTY" });
  await sync.sync(user);
  assert.equal(called.filter((each) => each.startsWith("ExportService")).length, 1);
});

test("a lost document that cannot be sent again brings back nothing that this device has taken back since", async () => {
  const [user, device, read, gone] = ["AAEAAAAAAAAAAAAAAAAAAA==", "AQAAAAAAAAAAAAAAAAAAAA==", "AgAAAAAAAAAAAAAAAAAAAA==", "AwAAAAAAAAAAAAAAAAAAAA=="];
  const clock = clockAt(Date.UTC(2026, 10, 29, 11));
  const today = Math.floor(clock.now() / 86_400_000);
  const sent = [];
  const transport = {
    async call(method, { operations = [] }) {
      if (method !== "SyncService/Sync") return {};
      const outcomes = operations.map(({ seq }) => ({ seq, status: "OPERATION_STATUS_APPLIED" }));
      sent.push(...operations);
      return { outcomes, cursor: { epoch: "2", changeNumber: "1", tag: "AA==" }, lastSeq: String(sent.length) };
    },
    async *stream() {
      throw new CallError("refused", { reason: "ACCOUNT_NOT_EMPTY", isFinal: true });
    },
  };
  const ledger = [0, 1, 2].map((ago) => ({ cell: { habitId: read, day: today - ago, done: true, note: `n${ago}` } }));
  const bytes = new TextEncoder().encode(JSON.stringify({
    schemaVersion: 1, habits: [{ id: read, name: "Read" }, { id: gone, name: "Gone" }], ledger: [...ledger, { cell: { habitId: gone, day: today, done: true } }],
  }));
  const store = new MemoryStore();
  await store.change((state) => {
    // given: an account after a reset, whose operations are in the queue again
    const account = new Account(user, device);
    account.credentials = { accessToken: "a", refreshToken: "r", accessExpiresAt: Number.MAX_SAFE_INTEGER };
    account.imports.set("BAAAAAAAAAAAAAAAAAAAAA==", { bytes, importedAt: clock.now(), isTaken: true, isLost: true });
    account.formerHabits.set(read, { name: "Read more", description: "", color: 0, position: 0, archived: false });
    account.changed.add("imports BAAAAAAAAAAAAAAAAAAAAA==").add(`formerHabits ${read}`);
    const clientTime = { occurredAt: new Date(clock.now()).toISOString(), zone: "UTC" };
    const undone = [{ sourceId: "BAAAAAAAAAAAAAAAAAAAAA==", seq: "-1" }];
    make(account, { setCompletion: { habitId: read, day: today, done: false, clientTime, undone } }, clock.now());
    make(account, { setNote: { habitId: read, day: today - 1, note: "", clientTime } }, clock.now());
    make(account, { deleteHabit: { habitId: gone } }, clock.now());
    state.addAccount(account);
    state.touchAccount(user);
    state.setSettings({ current: user });
  });
  // when: the server does not take the document as it is
  await new Sync({ store, transport, clock, emit: () => {} }).sync(user);
  const made = sent.slice(3).map(({ setCompletion, ...others }) => setCompletion ? [setCompletion.habitId, setCompletion.day - today, setCompletion.done, setCompletion.note] : Object.keys(others));
  assert.deepEqual(made.sort(([, left], [, right]) => right - left), [[read, -1, true, undefined], [read, -2, true, "n2"]]);
});

test("an operation whose outcome this version does not know stays in the queue", async () => {
  const [user, device] = ["AAEAAAAAAAAAAAAAAAAAAA==", "AQAAAAAAAAAAAAAAAAAAAA=="];
  let status;
  const answer = () => ({ outcomes: [{ seq: "1", ...(status === undefined ? {} : { status }) }], cursor: { epoch: "1", changeNumber: "1", tag: "AA==" }, lastSeq: "1" });
  const transport = { call: async (method) => (method === "SyncService/Sync" ? answer() : {}) };
  const store = new MemoryStore();
  await store.change((state) => {
    const account = new Account(user, device);
    account.credentials = { accessToken: "a", refreshToken: "r", accessExpiresAt: Number.MAX_SAFE_INTEGER };
    make(account, { setDayStart: { dayStartMinutes: 1 } }, 1);
    state.addAccount(account);
    state.touchAccount(user);
    state.setSettings({ current: user });
  });
  const sync = new Sync({ store, transport, clock: clockAt(Date.UTC(2026, 10, 29, 11)), emit: () => {} });
  const waiting = () => store.read((state) => state.accounts.get(user).queue.length);
  for (status of [undefined, "OPERATION_STATUS_UNSPECIFIED", "OPERATION_STATUS_DEFERRED", 4]) {
    await assert.rejects(sync.sync(user), { kind: "failing" }, String(status));
    assert.equal(await waiting(), 1, String(status));
  }
  status = "OPERATION_STATUS_APPLIED";
  await sync.sync(user);
  assert.equal(await waiting(), 0);
});

test("the schedule waits 4 to 6 minutes, longer after failures, and never runs twice", () => {
  const random = seeded(7);
  const schedule = new SyncSchedule(0, random);
  assert.ok(schedule.nextAt >= 0 && schedule.nextAt <= intervalMilliseconds);
  schedule.wake(10);
  assert.ok(schedule.begin(10));
  assert.ok(!schedule.begin(1e9), "one is running");
  schedule.finish(true, 100);
  assert.ok(schedule.nextAt - 100 >= 240_000 && schedule.nextAt - 100 <= 360_000);
  schedule.wake(200);
  let now = 200;
  let last = 0;
  for (let failure = 0; failure < 12; failure += 1) {
    assert.ok(schedule.begin(now));
    schedule.finish(false, now);
    const pause = schedule.nextAt - now;
    const longest = Math.min(2000 * 2 ** failure, 300_000);
    assert.ok(pause >= longest / 2 && pause <= longest, `pause ${pause} after failure ${failure}`);
    schedule.wake(now);
    assert.equal(schedule.nextAt - now, pause, "a tap does not hurry a server that is down");
    last = pause;
    now = schedule.nextAt;
  }
  schedule.networkReturned(now - last + 1);
  assert.equal(schedule.nextAt, now - last + 1);
  assert.ok(schedule.begin(now));
  schedule.finish(false, now, 400_000);
  assert.ok(schedule.nextAt - now >= 400_000, "the server's own delay is obeyed");
});

// MARK: the transport

test("a stream's messages are read wherever the network has cut them", () => {
  const messages = [{ a: 1 }, { text: "ä✓" }, { end: true }];
  const bytes = Buffer.concat(messages.map((message, index) => {
    const body = Buffer.from(JSON.stringify(message));
    const head = Buffer.from([index === 2 ? 2 : 0, 0, 0, 0, 0]);
    head.writeUInt32BE(body.length, 1);
    return Buffer.concat([head, body]);
  }));
  for (let cut = 1; cut < bytes.length; cut += 1) {
    const reader = new EnvelopeReader();
    const found = [...reader.add(new Uint8Array(bytes.subarray(0, cut))), ...reader.add(new Uint8Array(bytes.subarray(cut)))];
    assert.deepEqual(found.map(({ message }) => message), messages);
    assert.deepEqual(found.map(({ isEnd }) => isEnd), [false, false, true]);
  }
});

test("a failure says what is known about it", () => {
  const detail = (type, debug) => ({ type: `google.rpc.${type}`, value: "", debug });
  const refusal = errorOf({ code: "resource_exhausted", message: "m", details: [detail("ErrorInfo", { reason: "TOO_MANY_REQUESTS" }), detail("RetryInfo", { retryDelay: "12.5s" })] });
  assert.deepEqual([refusal.kind, refusal.reason, refusal.retryMilliseconds, refusal.isFinal], ["refused", "TOO_MANY_REQUESTS", 12_500, false]);
  assert.equal(errorOf({ code: "unauthenticated", details: [detail("ErrorInfo", { reason: "CREDENTIALS_INVALID" })] }).kind, "signInNeeded");
  assert.equal(errorOf({ code: "unauthenticated", details: [detail("ErrorInfo", { reason: "CREDENTIALS_INVALID", metadata: { new_device: "true" } })] }).kind, "copied");
  assert.equal(errorOf({ code: "unauthenticated", details: [detail("ErrorInfo", { reason: "ACCOUNT_UNKNOWN" })] }).kind, "accountUnknown");
  assert.equal(errorOf(undefined, 502).kind, "failing", "a proxy's page");
  assert.equal(errorOf({ code: "aborted", details: [detail("ErrorInfo", { reason: "PLAN_CHANGED" })] }).isFinal, true);
});

test("a stream that ends with its access token signs nobody out", async () => {
  const store = new MemoryStore();
  const [user, device] = ["AAAAAAAAAAAAAAAAAAAAAA==", "AQAAAAAAAAAAAAAAAAAAAA=="];
  await store.change((state) => {
    const account = new Account(user, device);
    account.credentials = { accessToken: "old", accessExpiresAt: 0, refreshToken: "r1" };
    state.addAccount(account);
  });
  const bearers = [];
  const transport = {
    async *stream(_method, _messages, { bearer }) {
      bearers.push(bearer);
      yield { n: bearers.length };
      throw new CallError("signInNeeded", { reason: "CREDENTIALS_INVALID" });
    },
    call: async (method, { refreshToken }) => ({ tokens: { accessToken: `after ${refreshToken}`, refreshToken: "r2" } }),
  };
  const calls = new Calls({ store, transport, clock: clockAt(0), emit: () => assert.fail("nothing is to be told") });
  const read = async () => {
    for await (const message of calls.stream("SyncService/Watch", [{}], user)) assert.ok(message.n > 0);
  };
  await assert.rejects(read(), { kind: "unreachable" });
  await assert.rejects(read(), { kind: "unreachable" });
  assert.deepEqual(bearers, ["old", "after r1"]);
  assert.equal(await store.read((state) => state.accounts.get(user).standing), "signedIn");
});

test("a session that comes back from its stash is joined with what was recorded meanwhile", async () => {
  const clock = clockAt(Date.UTC(2026, 10, 29, 12));
  // given: a session with two days, as it was stashed
  const before = makeDevice({ clock });
  const id = await before.client.addHabit({ name: "Read", color: 3 });
  const { here } = await before.view();
  await before.client.tap(id, true, { day: here - 1, note: "kept" });
  await before.client.tap(id, true);
  const session = await before.store.read((state) => structuredClone(state.session));
  const captured = await capture(session, timeOfDay(clock, undefined, 120));
  const stash = { sessionId: session.sessionId, sessionSecret: session.secret, captureNumber: "7", captured, anchor: new Date(clock.now() - 86_400_000).toISOString() };
  // when: a browser without it asks, after the person has begun anew, and is offline at first
  const after = makeDevice({ clock });
  clock.time += 1000;
  const other = await after.client.addHabit({ name: " read " });
  await after.client.tap(other, false, { day: here - 1 }).catch(() => {});
  await after.client.addHabit({ name: "Swim" });
  let isOnline = false;
  const methods = [];
  after.anonymous.transport = {
    call: async (method) => {
      methods.push(method);
      if (!isOnline) throw new CallError("unreachable");
      return method.endsWith("TakeStash") ? stash : {};
    },
  };
  await assert.rejects(after.anonymous.turn(), { kind: "unreachable" });
  assert.deepEqual(methods, ["SessionService/TakeStash"], "nothing replaces the cookie before");
  isOnline = true;
  await after.anonymous.turn();
  const view = await after.view();
  assert.deepEqual(view.habits.map(({ name, streak }) => [name, streak.current]), [["Read", 2], ["Swim", 0]]);
  assert.equal(view.habits[0].cells.get(here - 1).note, "kept");
  assert.ok(view.session.isAnchored && view.session.isStashed);
  assert.equal(await after.store.read((state) => state.session.sessionId), session.sessionId);
  assert.ok(methods.includes("SessionService/StashSession") && !methods.includes("SessionService/StartSession"));
  methods.length = 0;
  await after.anonymous.turn();
  assert.deepEqual(methods, [], "it asks once");
});

// MARK: without an account

test("a session keeps what was recorded, and forgets what was undone twice", async () => {
  const device = makeDevice({ clock: clockAt(Date.UTC(2026, 10, 29, 12)) });
  const id = await device.client.addHabit({ name: "Read" });
  await device.client.tap(id, true, { note: "p. 3" });
  await device.client.tap(id, true);
  let view = await device.view();
  assert.deepEqual([view.habits[0].streak.current, view.habits[0].cells.get(view.here).note], [1, "p. 3"]);
  await device.client.tap(id, false);
  view = await device.view();
  assert.deepEqual([view.habits[0].streak.current, view.habits[0].cells.get(view.here).note], [0, "p. 3"], "an undo keeps the note");
  await assert.rejects(device.client.tap(id, true, { day: view.here + 3 }), { reason: "FUTURE_DAY" });
  await assert.rejects(device.client.addHabit({ name: " \u200b " }), { reason: "INVALID_NAME" });
  await assert.rejects(device.client.setNote(id, view.here, "x".repeat(4097)), { reason: "INVALID_NOTE" });
  await device.client.setNote(id, view.here, "x".repeat(4096));
});

// MARK: what is loaded once there is something to send

/** A standby, with what it loads and says; the server answers as `answer` does. */
const standbyWith = async (t, answer, { load } = {}) => {
  const server = createServer((request, response) => answer(response, request)).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const store = new MemoryStore();
  const told = [];
  const calls = [];
  class Background {
    constructor() {
      for (const name of ["run", "wake", "comeBack", "accountChanged", "syncOnce"]) this[name] = () => calls.push(name);
    }
  }
  const standby = new Standby({
    store, clock: clockAt(0), emit: (event) => told.push(event), origin: `http://127.0.0.1:${server.address().port}`, load: load ?? (async () => ({ Background })),
  });
  return { standby, store, told, calls, Background, server };
};

const until = async (condition) => {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve));
};

const addReading = (store) => store.change((state) => addHabit(state, { name: "Read" }, 0));

test("a first visit asks one question and loads nothing that syncs, until there is something to send", async (t) => {
  const asked = [];
  const { standby, store, calls, told } = await standbyWith(t, (response, request) => {
    asked.push(request.url);
    response.end("{}");
  });
  standby.run();
  await until(() => store.read(({ settings }) => settings.isStashAsked));
  standby.wake();
  standby.comeBack();
  assert.deepEqual([asked, calls, told], [["/streak.v1.SessionService/TakeStash"], [], []]);
  // when: there is a session
  await addReading(store);
  standby.wake();
  await until(() => calls.length > 0);
  standby.wake();
  standby.comeBack();
  // then: it runs, and has what follows at once
  assert.deepEqual(calls, ["run", "wake", "comeBack"]);
  assert.equal(asked.length, 1);
});

test("that there was an account is kept from the one answer that says so", async (t) => {
  const { standby, store, calls } = await standbyWith(t, (response) => {
    response.statusCode = 400;
    response.end(JSON.stringify({ code: "failed_precondition", details: [{ type: "google.rpc.ErrorInfo", debug: { reason: "SESSION_MIGRATED" } }] }));
  });
  standby.run();
  await until(() => store.read(({ settings }) => settings.isStashAsked));
  assert.equal((await store.read(({ settings }) => settings.hadAccount)), true);
  assert.deepEqual(calls, []);
});

for (const [name, answer] of [
  ["a stash", (response) => response.end(JSON.stringify({ sessionId: "AAAAAAAAAAAAAAAAAAAAAA==", captured: {} }))],
  ["a failure", (response) => Object.assign(response, { statusCode: 503 }).end("{}")],
  ["the page of a network that asks for a sign-in", (response) => response.end("<html>")],
  ["no answer", (response) => response.destroy()],
]) {
  test(`${name} is for the background work, which asks again`, async (t) => {
    const { standby, store, calls } = await standbyWith(t, answer);
    standby.run();
    await until(() => calls.length > 0);
    assert.deepEqual(calls, ["run"]);
    assert.equal(await store.read(({ settings }) => settings.isStashAsked), false);
  });
}

test("what cannot be loaded is a failure that is told, and is loaded the next time", async (t) => {
  let isCut = true;
  const { standby, store, calls, told, Background } = await standbyWith(t, (response) => response.end("{}"), { load: async () => {
    if (isCut) throw new TypeError("the network is cut");
    return { Background };
  } });
  await addReading(store);
  standby.run();
  await until(() => told.length > 0);
  assert.deepEqual([told[0].type, told[0].failure.kind, calls], ["failed", "unreachable", []]);
  await assert.rejects(standby.background(), { name: "CallError", kind: "unreachable" });
  isCut = false;
  standby.comeBack();
  await until(() => calls.length > 0);
  assert.deepEqual(calls, ["run"]);
});

test("a tab that does not lead syncs once if it is asked to, and runs nothing", async (t) => {
  const { standby, store, calls } = await standbyWith(t, (response) => response.end("{}"));
  await addReading(store);
  standby.syncOnce();
  await until(() => calls.length > 0);
  assert.deepEqual(calls, ["syncOnce"]);
  // when: the tab becomes the leader
  standby.run();
  assert.deepEqual(calls, ["syncOnce", "run"]);
});

// MARK: the files

const filesBelow = async (folder) => (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath ?? entry.path, entry.name));

/** The modules that a module loads with it. */
const staticImports = async (file, found = new Set()) => {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, name] of (await readFile(file, "utf8")).matchAll(/^(?:import|export)\s[^;]*?from\s"(\.[^"]+)"/gm)) await staticImports(path.resolve(path.dirname(file), name), found);
  return found;
};

/**
 * Bytes of the compressed files that a first visit loads by itself: every module that is executed,
 * and what the browser loads for the page, without the icons.
 */
const firstLoadBytesMax = 40_000;
/** The same with the icon and the fields of each answer, as browsers count them. */
const firstVisitBytesMax = 60_000;
const fieldBytes = 300;

const sizeOf = async (files) => (await Promise.all([...files].map(async (file) => gzipSync(await readFile(file), { level: 9 }).length))).reduce((sum, each) => sum + each, 0);

/** That a first visit imports nothing dynamically is what test_page_first_load.py finds in a browser. */
const firstLoad = async () => {
  const files = await staticImports(`${page}ui/main.js`);
  for (const name of ["index.html", "app.css", "manifest.webmanifest", "service-worker.js"]) files.add(page + name);
  return files;
};

test("the first load is within its limit", async () => {
  const files = await firstLoad();
  assert.ok((await sizeOf(files)) <= firstLoadBytesMax, `${await sizeOf(files)} bytes`);
  files.add(`${page}icon.svg`);
  const bytes = (await sizeOf(files)) + files.size * fieldBytes;
  assert.ok(bytes < firstVisitBytesMax, `${bytes} bytes`);
});

test("the texts of the first load come with it", async () => {
  for (const file of await firstLoad()) {
    // Sentences about errors load the others first.
    if (!file.includes("/ui/") || file.endsWith("/sentences.js")) continue;
    for (const [, key] of (await readFile(file, "utf8")).matchAll(/\bt\("([\w.]+)"/g)) assert.ok(key in en, `${key} of ${path.basename(file)}`);
  }
  for (const kind of ["here", "sending", "everywhere", "offline", "signIn"]) assert.ok(`status.${kind}` in en && `status.explain.${kind}` in en, kind);
});

test("the page's rules of days have the service's numbers", async () => {
  const domain = new URL("../../Sources/StreakDomain/", import.meta.url);
  const sources = await Promise.all(["DayRules.swift", "Migration/MigrationPlan.swift"].map((name) => readFile(new URL(name, domain), "utf8")));
  for (const name of ["lateDaysMax", "backfillDaysMax", "noteBytesMax", "windowDays", "anchorSpareDays"]) {
    const [, number] = sources.join("").match(new RegExp(`static let ${name} = ([\\d_]+)`));
    assert.equal(rules[name], Number(number.replaceAll("_", "")), name);
  }
});

test("nothing of the page needs more than the policy allows", async () => {
  for (const file of (await filesBelow(page)).filter((name) => /\.(js|html)$/.test(name))) {
    const text = await readFile(file, "utf8");
    assert.doesNotMatch(text, /\beval\(|new Function|innerHTML|insertAdjacentHTML|document\.write|javascript:/, file);
    // Methods of 2023: Safari before 16 and Debian 12's Node do not have them.
    assert.doesNotMatch(text, /\.(toSorted|toReversed|toSpliced|groupBy|withResolvers)\(/, file);
    assert.doesNotMatch(text, /\sstyle=|<script(?![^>]*src=)|\son\w+="/, file);
    assert.doesNotMatch(text.replaceAll("https://connectrpc.com/docs/protocol", "").replaceAll("http://www.w3.org/2000/svg", ""), /["'`(]https?:\/\/[a-z]/, `${file} names another origin`);
  }
});

test("the style names no side of the page, so that it is right from right to left, too", async () => {
  const styles = await Promise.all(["app.css", "more.css"].map((name) => readFile(page + name, "utf8")));
  const style = styles.join("").replace(/\/\*[^]*?\*\//g, "").replaceAll("safe-area-inset-left", "");
  assert.doesNotMatch(style, /left|right/);
});

test("every text that the page asks for is there, in each language with the same values", async () => {
  const { de } = await import("../../Sources/StreakWeb/Page/i18n/de.js");
  const all = { ...en, ...more };
  assert.deepEqual(Object.keys(de).sort(), Object.keys(all).sort());
  const valuesOf = (text) => [...new Set(Object.values(typeof text === "string" ? { text } : text).join(" ").match(/\{\w+\}/g) ?? [])].sort();
  for (const [key, text] of Object.entries(all)) assert.deepEqual(valuesOf(de[key]), valuesOf(text), key);
  for (const file of (await filesBelow(`${page}ui`))) {
    for (const [, key] of (await readFile(file, "utf8")).matchAll(/\bt\("([\w.]+)"/g)) assert.ok(key in all, `${key} of ${path.basename(file)}`);
  }
});

// Devices made of the page's modules, against a real streakd: what the server answers is the judge.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { capture, captureBytes } from "../../Sources/StreakWeb/Page/modules/capture.js";
import { emptyDigest, plus, writeDigest } from "../../Sources/StreakWeb/Page/modules/digest.js";
import { exportEverything } from "../../Sources/StreakWeb/Page/modules/export.js";
import { base64 } from "../../Sources/StreakWeb/Page/modules/bytes.js";
import { sha256 } from "../../Sources/StreakWeb/Page/modules/canonical.js";
import { ownDigest, prepare } from "../../Sources/StreakWeb/Page/modules/replica.js";
import { CallError } from "../../Sources/StreakWeb/Page/modules/transport.js";
import { explain, statisticsOf } from "../../Sources/StreakWeb/Page/modules/explain.js";
import { MemoryStore, clockAt, makeDevice, newEmail, password, sameState, seeded, serverURL, vectorsPath } from "./support.mjs";

const withServer = { skip: serverURL ? false : "needs STREAKD_WEB_SERVER" };
const dayMilliseconds = 86_400_000;

/** An account with its first device. */
const signedUp = async (options) => {
  const email = newEmail();
  const device = makeDevice(options);
  await device.accounts.signUp(email, password);
  return { email, device };
};

const another = async (email, options) => {
  const device = makeDevice(options);
  await device.accounts.signIn(email, password);
  await device.sync();
  return device;
};

const accountOf = (device) => device.store.read((state) => state.account);

test("digests and captures of other clients are this page's", { skip: vectorsPath ? false : "needs STREAKD_WEB_VECTORS" }, async () => {
  const vectors = JSON.parse(await readFile(vectorsPath, "utf8"));
  for (const { response, digest } of vectors.syncs) {
    const prepared = await prepare(response);
    const items = [...prepared.habits, ...prepared.cells].map((item) => item.digest);
    const sum = items.reduce(plus, prepared.dayStartDigest ?? emptyDigest);
    assert.equal(writeDigest(sum), digest);
    assert.equal(writeDigest(sum), response.digest?.sum ?? writeDigest(emptyDigest), "as the server itself says");
  }
  for (const { habits, entries, sha256: hash } of vectors.captures) assert.equal(base64(await sha256(captureBytes(habits, entries))), hash);
  assert.ok(vectors.syncs.length > 0 && vectors.captures.length > 0);
});

test("what is told before a sign-up is what comes", withServer, async () => {
  for (const daysAgo of [[0, 1, 2], [0, 29, 30, 31], [40], []]) {
    // given: days that were entered without an account, some of them beyond the window
    const device = makeDevice();
    const id = await device.client.addHabit({ name: "Läufe 🏃" });
    const { here } = await device.view();
    for (const ago of daysAgo) await device.client.tap(id, true, { day: here - ago, note: `vor ${ago}` });
    const { session } = await device.view();
    // when: they are signed up
    const { migration: result } = await device.accounts.signUp(newEmail(), password);
    assert.equal((await device.view()).habits[0].cells.size, daysAgo.length, "nothing is out of sight until the first pull");
    await device.sync();
    // then: as many count as were told, all are kept, and the claimed number was right
    const [habit] = (await device.view()).habits;
    const counted = [...habit.cells.values()].filter((cell) => !cell.quarantine).length;
    assert.equal(counted, session.preview.counted);
    assert.equal(habit.cells.size, daysAgo.length);
    assert.equal(result.rejected?.length ?? 0, 0);
    assert.equal((await device.view()).session, undefined, "the copy of the session is gone");
  }
});

test("an introduced session counts what the server has seen begin", withServer, async () => {
  const device = makeDevice();
  const id = await device.client.addHabit({ name: "Read" });
  await device.anonymous.keep();
  assert.ok((await device.view()).session.isAnchored);
  const { here } = await device.view();
  for (const ago of [0, 1, 2, 3]) await device.client.tap(id, true, { day: here - ago });
  const { preview } = (await device.view()).session;
  assert.deepEqual([preview.counted, preview.notCounted], [2, 2]);
  await device.accounts.signUp(newEmail(), password);
  await device.sync();
  const [habit] = (await device.view()).habits;
  assert.deepEqual([...habit.cells.values()].map(({ day, quarantine }) => [here - day, quarantine]).sort(), [[0, ""], [1, ""], [2, "ANCHOR"], [3, "ANCHOR"]]);
});

test("a lost answer to a sign-up, and a closed tab, leave one account with everything", withServer, async () => {
  const store = new MemoryStore();
  const device = makeDevice({ store });
  const id = await device.client.addHabit({ name: "Read" });
  await device.client.tap(id, true);
  const email = newEmail();
  const { call } = device.transport;
  device.transport.call = async function lost(method, ...parts) {
    const answer = await call.call(this, method, ...parts);
    if (method !== "AccountService/SignUp") return answer;
    assert.ok(answer.account.userId);
    throw new CallError("unreachable", { message: "the answer is lost" });
  };
  await assert.rejects(device.accounts.signUp(email, password), { message: "the answer is lost" });
  // when: another tab goes on, with what is stored, and the person has tapped again meanwhile
  const next = makeDevice({ store });
  const { here } = await next.view();
  await next.client.addHabit({ name: "Swim" });
  await next.client.tap(id, false);
  await next.client.tap(id, true, { day: here - 1, note: "later" });
  await next.accounts.signUp(email, password);
  await next.sync();
  const fresh = await another(email);
  for (const each of [next, fresh]) {
    const { habits } = await each.view();
    assert.deepEqual(habits.map(({ name }) => name).sort(), ["Read", "Swim"]);
    const { cells } = habits.find(({ name }) => name === "Read");
    assert.deepEqual([cells.get(here).done, cells.get(here - 1).done, cells.get(here - 1).note], [false, true, "later"]);
  }
});

test("a network that is cut at any request of a sign-up and of a sync loses and doubles nothing", withServer, async () => {
  let requests = Infinity;
  for (let cut = 1; cut <= requests; cut += 1) {
    for (const isAnswerLost of [false, true]) {
      const device = makeDevice();
      const { call } = device.transport;
      let count = 0;
      device.transport.call = async function cutAt(...parts) {
        count += 1;
        if (count !== cut) return call.apply(this, parts);
        if (isAnswerLost) await call.apply(this, parts);
        throw new CallError("unreachable", { message: "cut" });
      };
      // What is cut is tried again, as the page and the person do.
      const again = async (body) => {
        try {
          return await body();
        } catch (error) {
          if (error.message !== "cut") throw error;
          return body();
        }
      };
      const email = newEmail();
      const id = await device.client.addHabit({ name: "Read" });
      await device.client.tap(id, true, { note: "one" });
      await again(() => device.anonymous.keep());
      await again(() => device.accounts.signUp(email, password));
      await device.client.tap(id, true, { day: (await device.view()).here - 1, note: "two" });
      await again(() => device.sync());
      await device.client.tap(id, false);
      await again(() => device.sync());
      requests = count;
      const { habits, account, session, here } = await (await another(email)).view();
      const { cells } = habits[0];
      assert.deepEqual([habits.length, cells.size, cells.get(here).done, cells.get(here).note, cells.get(here - 1).note], [1, 2, false, "one", "two"], `cut at ${cut}`);
      assert.deepEqual([account.notices.length, session], [0, undefined]);
      const own = await accountOf(device);
      assert.deepEqual([own.queue.length, own.kept.length], [0, own.lastSeq]);
    }
  }
  assert.ok(requests >= 5);
});

/** What a device shows of a habit's streak at this instant, and what the server says. */
const streakShown = async (device, habitId) => {
  const { habits, today } = await device.view();
  const { current, longest, total, state } = habits.find(({ id }) => id === habitId).streak;
  return { today, current, longest, total, state: `STREAK_STATE_${state}` };
};

const streakOfServer = async (device, habitId) => {
  const { userId } = await accountOf(device);
  const { streak } = await device.calls.call("StreakService/GetStreak", { habitId }, userId);
  return { today: streak.today, current: streak.current ?? 0, longest: streak.longest ?? 0, total: streak.total ?? 0, state: streak.state };
};

test("every device shows the server's streak, also when the next day has begun where one of them is", withServer, async () => {
  // given: two zones, eight hours apart, of which the eastern one has the next date now
  const now = Date.now();
  const dayAt = (offset) => Math.floor((now + offset * 3_600_000) / dayMilliseconds);
  const west = Array.from({ length: 19 }, (_, index) => index - 12).find((offset) => dayAt(offset) !== dayAt(offset + 8));
  const yesterday = dayAt(west) - 1;
  // and a completion of yesterday in the western one, some 26 hours ago
  const clock = clockAt(now - 26 * 3_600_000, west * 3_600);
  const { email, device: western } = await signedUp({ clock, name: "west" });
  const id = await western.client.addHabit({ name: "Read" });
  await western.client.tap(id, true, { day: yesterday });
  clock.time = now;
  await western.sync();
  // when: a device in the east signs in, where yesterday is two days ago
  const eastern = await another(email, { clock: clockAt(now, (west + 8) * 3_600), name: "east" });
  // then: the run holds on both, as the server says
  const said = await streakOfServer(western, id);
  assert.deepEqual([said.today, said.current, said.state], [yesterday + 1, 1, "STREAK_STATE_AT_RISK"]);
  assert.deepEqual(await streakShown(western, id), said);
  assert.deepEqual(await streakShown(eastern, id), said);
  // when: the eastern one records its own date, and the western one hears of it
  await eastern.client.tap(id, true);
  const before = await streakShown(eastern, id);
  await eastern.sync();
  await western.sync();
  // then: what was shown before the sync was right, and all agree
  const after = await streakOfServer(eastern, id);
  assert.deepEqual(before, after);
  assert.deepEqual(await streakShown(eastern, id), after);
  assert.deepEqual(await streakShown(western, id), after);
});

test("a zone of a completion that the server does not have counts on its device only until it is decided", withServer, async () => {
  const clock = clockAt(Date.now());
  const { device } = await signedUp({ clock });
  const id = await device.client.addHabit({ name: "Read" });
  await device.client.tap(id, true);
  await device.sync();
  const zones = async () => (await accountOf(device)).zones.map(({ offset }) => offset);
  assert.deepEqual(await zones(), [0]);
  // given: a completion in another zone, by a clock that is two days ahead
  clock.offsetSeconds = -43_200;
  clock.time += 2 * dayMilliseconds;
  await device.client.tap(id, true);
  assert.deepEqual(await zones(), [-43_200, 0]);
  clock.time -= 2 * dayMilliseconds;
  // when: a sync rejects it
  await device.sync();
  // then: the server's zones are this device's
  assert.equal((await device.view()).account.rejected.length, 1);
  assert.deepEqual(await zones(), [0]);
});

test("two devices with lost requests and answers end equal, and nothing is lost or doubled", withServer, async () => {
  for (const seed of [1, 2, 3]) {
    const random = seeded(seed);
    const clock = clockAt(Date.now());
    const { email, device: first } = await signedUp({ clock, name: "first" });
    const devices = [first, await another(email, { clock, name: "second" }), await another(email, { clock, name: "third" })];
    const pick = (list) => list[Math.floor(random() * list.length)];
    let taps = 0;
    for (const device of devices) Object.assign(device.transport, { random });
    for (let step = 0; step < 120; step += 1) {
      clock.time += Math.floor(random() * 5000);
      const device = pick(devices);
      const { habits, here } = await device.view();
      const habit = pick(habits);
      const what = random();
      const day = here - Math.floor(random() * 4);
      if (!habit || what < 0.1) await device.client.addHabit({ name: `h${step}` });
      else if (what < 0.55) await device.client.tap(habit.id, !habit.cells.get(day)?.done, { day }).then(() => { taps += 1; }, (error) => assert.equal(error.reason, "CELL_NOT_FOUND"));
      else if (what < 0.65) await device.client.setNote(habit.id, day, `note ${step}`);
      else if (what < 0.7) await device.client.editHabit(habit.id, { name: `renamed ${step}`, archived: random() < 0.3 });
      else if (what < 0.73) await device.client.deleteHabit(habit.id);
      else if (what < 0.75) await device.client.setDayStart(Math.floor(random() * 300));
      else {
        device.transport.chance = 0.3;
        await device.sync().catch((error) => assert.equal(error.kind, "unreachable"));
        device.transport.chance = 0;
      }
    }
    for (let round = 0; round < 3; round += 1) for (const device of devices) await device.sync();
    const [one, ...others] = await Promise.all(devices.map(async (device) => {
      const view = await device.view();
      return { state: sameState(view), digest: ownDigest(await accountOf(device)), dayStart: view.dayStart };
    }));
    for (const other of others) assert.deepEqual(other, one, `seed ${seed}`);
    assert.ok(taps > 10);
    for (const device of devices) {
      const account = await accountOf(device);
      assert.equal(account.queue.length, 0);
      assert.equal(account.kept.length, account.lastSeq, "every operation was decided, and is kept");
    }
    // The server's own numbers are the page's.
    const view = await first.view();
    for (const habit of view.habits) {
      const { userId } = view.account;
      for (const device of devices) assert.deepEqual(await streakShown(device, habit.id), await streakOfServer(device, habit.id));
      const server = await first.calls.call("StreakService/ExplainStreak", { habitId: habit.id }, userId);
      const own = explain([...habit.cells.values()], server.streak.today, habit.archived);
      assert.equal(own.streak.current, server.streak.current ?? 0);
      assert.equal(own.streak.longest, server.streak.longest ?? 0);
      assert.equal(`STREAK_STATE_${own.streak.state}`, server.streak.state);
      assert.deepEqual(own.leftOut.map(({ day, omission }) => [day, `STREAK_OMISSION_${omission}`]), (server.leftOut ?? []).map(({ day, omission }) => [day, omission]));
      const { statistics } = await first.calls.call("StreakService/GetStatistics", { habitId: habit.id }, userId);
      const sums = statisticsOf([...habit.cells.values()]);
      assert.deepEqual([sums.counted, sums.undone, sums.longestRun, sums.byWeekday], [statistics.counted ?? 0, statistics.undone ?? 0, statistics.longestRun ?? 0, statistics.countedByWeekday ?? [0, 0, 0, 0, 0, 0, 0]]);
    }
  }
});

test("what a device expects to count is what the server decides", withServer, async () => {
  // given: a device that was just caught up
  const { device } = await signedUp({ clock: clockAt(Date.now()) });
  const id = await device.client.addHabit({ name: "Read" });
  await device.sync();
  const { here } = await device.view();
  for (const ago of [0, 1, 2, 3, 4, 29, 30, 31]) await device.client.tap(id, true, { day: here - ago });
  const expected = sameState(await device.view())[0].cells;
  await device.sync();
  assert.deepEqual(sameState(await device.view())[0].cells, expected);
});

test("a conflict is told on both devices, and the choice of one ends it", withServer, async () => {
  const { email, device: one } = await signedUp();
  const id = await one.client.addHabit({ name: "Read" });
  await one.client.tap(id, true);
  await one.sync();
  const two = await another(email);
  const { here } = await one.view();
  // when: both state a note, and one undoes what the other states anew
  await one.client.setNote(id, here, "in the train");
  await two.client.setNote(id, here, "in bed");
  for (const device of [one, two, one]) await device.sync();
  const notice = (await one.view()).account.notices.find(({ kind }) => kind === "NOTICE_KIND_NOTE_CONFLICT");
  assert.deepEqual([notice.winningValue, notice.losingValue].sort(), ["in bed", "in the train"]);
  assert.equal((await two.view()).account.notices.length, 1);
  await one.client.resolve(notice.noticeId, true);
  assert.equal((await one.view()).habits[0].cells.get(here).note, notice.losingValue, "it is seen before it is sent");
  const [{ resolveConflict }] = (await accountOf(one)).queue;
  assert.deepEqual([resolveConflict.noticeId, resolveConflict.takeLosing, resolveConflict.setNote.note], [notice.noticeId, true, notice.losingValue]);
  for (const device of [one, two, one]) await device.sync();
  for (const device of [one, two]) assert.equal((await device.view()).habits[0].cells.get(here).note, notice.losingValue);
  assert.deepEqual((await one.view()).account.notices, []);
});

test("every kind of conflict is resolved either way, and both devices agree", withServer, async () => {
  for (const takesLosing of [false, true]) {
    const { email, device: one } = await signedUp();
    const ids = {};
    for (const name of ["Note", "Done", "Field", "Deletion"]) ids[name] = await one.client.addHabit({ name });
    await one.client.tap(ids.Done, true);
    await one.client.tap(ids.Deletion, true);
    await one.sync();
    const two = await another(email);
    const { here } = await one.view();
    // given: what one device states, the other states otherwise
    for (const [device, text] of [[one, "first"], [two, "second"]]) {
      await device.client.setNote(ids.Note, here, text);
      await device.client.editHabit(ids.Field, { name: text });
    }
    await one.client.tap(ids.Done, false);
    await two.client.tap(ids.Done, false);
    await two.client.tap(ids.Done, true);
    await one.client.deleteHabit(ids.Deletion);
    await two.client.tap(ids.Deletion, true, { day: here - 1 });
    for (const device of [one, two, one]) await device.sync();
    const { notices } = (await one.view()).account;
    const kinds = notices.map(({ kind }) => kind.replace("NOTICE_KIND_", "").replace("_CONFLICT", "")).sort();
    assert.deepEqual(kinds, ["DELETION", "DONE", "FIELD", "NOTE"]);
    // when: one device resolves all of them
    for (const { noticeId } of notices) await one.client.resolve(noticeId, takesLosing);
    const chosen = sameState(await one.view());
    for (const device of [one, two, one]) await device.sync();
    // then: what it showed is what comes, everywhere, and nothing is left to choose
    assert.deepEqual(sameState(await one.view()), chosen);
    assert.deepEqual(sameState(await two.view()), chosen);
    for (const device of [one, two]) {
      const { account } = await device.view();
      assert.deepEqual([account.rejected, account.notices.filter(({ resolved }) => !resolved)], [[], []]);
    }
    const shown = new Map(chosen.map((habit) => [habit.id, habit]));
    for (const { kind, winningValue, losingValue } of notices) {
      const value = takesLosing ? losingValue : winningValue;
      if (kind === "NOTICE_KIND_NOTE_CONFLICT") assert.equal(shown.get(ids.Note).cells[0].note, value);
      if (kind === "NOTICE_KIND_FIELD_CONFLICT") assert.equal(shown.get(ids.Field).name, value);
      if (kind === "NOTICE_KIND_DONE_CONFLICT") assert.equal(shown.get(ids.Done).cells[0].done, !takesLosing);
      if (kind === "NOTICE_KIND_DELETION_CONFLICT") assert.equal(shown.get(ids.Deletion)?.archived, takesLosing ? undefined : true);
    }
  }
});

test("a rejected operation is listed with its reason, and blocks nothing", withServer, async () => {
  const clock = clockAt(Date.now());
  const { device } = await signedUp({ clock });
  const id = await device.client.addHabit({ name: "Read" });
  await device.sync();
  // given: a clock that is two days ahead
  clock.time += 2 * dayMilliseconds;
  await device.client.tap(id, true);
  clock.time -= 2 * dayMilliseconds;
  await device.sync();
  // The clock was set right: what follows is not ordered after the rejected time.
  await device.client.setNote(id, (await device.view()).here, "after it");
  await device.sync();
  const { account, habits, here } = await device.view();
  assert.equal(account.waiting, 0);
  assert.equal(account.rejected.length, 1);
  assert.ok(["CLOCK_SKEW", "FUTURE_DAY"].includes(account.rejected[0].reason), account.rejected[0].reason);
  assert.equal(habits[0].cells.get(here).note, "after it");
  await device.client.acknowledgeRejected(account.rejected[0].op.hybridTime);
  assert.equal((await device.view()).account.rejected.length, 0);
});

test("a session goes into an account with a plan, and the plan is what comes", withServer, async () => {
  const { email, device: one } = await signedUp();
  const read = await one.client.addHabit({ name: "Read" });
  await one.client.tap(read, true, { note: "here" });
  await one.sync();
  const two = makeDevice();
  const own = await two.client.addHabit({ name: " READ " });
  const walk = await two.client.addHabit({ name: "Walk" });
  const { here } = await two.view();
  await two.client.tap(own, true, { note: "there" });
  await two.client.tap(walk, true, { day: here - 1 });
  await two.accounts.signIn(email, password);
  await two.sync();
  const { preview, session } = await two.accounts.previewMigration();
  assert.deepEqual(preview.habits.map(({ match }) => match), ["HABIT_MATCH_NAME", "HABIT_MATCH_NEW"]);
  assert.equal(preview.habits[0].daysConflicting.length, 1);
  // when: the account has changed since the plan was made
  await one.client.tap(read, true, { day: here - 1 });
  await one.sync();
  await assert.rejects(two.accounts.migrate({ planHash: preview.planHash, session }), { reason: "PLAN_CHANGED" });
  const again = await two.accounts.previewMigration();
  const result = await two.accounts.migrate({ planHash: again.preview.planHash, session: again.session });
  await two.sync();
  await one.sync();
  assert.equal(result.habits.length, 2);
  assert.deepEqual(sameState(await two.view()), sameState(await one.view()));
  const habits = (await two.view()).habits;
  assert.deepEqual(habits.map(({ streak }) => streak.current).sort(), [1, 2]);
  assert.equal((await two.view()).account.notices.length, 1, "both notes are kept");
});

test("a copy of a browser's storage becomes a device of its own, and sends what is left", withServer, async () => {
  const { email, device } = await signedUp();
  const id = await device.client.addHabit({ name: "Read" });
  await device.sync();
  const copied = new MemoryStore();
  copied.records = structuredClone(device.store.records);
  const copy = makeDevice({ store: copied, name: "copy" });
  // given: both go on with the same numbers
  await device.client.tap(id, true);
  await device.sync();
  const { here } = await device.view();
  await copy.client.tap(id, true, { day: here - 1 });
  await assert.rejects(copy.sync());
  assert.equal((await copy.view()).account.standing, "mustRegister");
  await copy.accounts.signIn(email, password);
  await copy.sync();
  await device.accounts.signIn(email, password);
  await device.sync();
  assert.deepEqual(sameState(await copy.view()), sameState(await device.view()));
  assert.equal((await copy.view()).habits[0].streak.current, 2);
  assert.equal((await copy.accounts.devices()).length, 2);
});

test("an export is complete and checked, one changed byte is found, and an import brings all back", withServer, async () => {
  const { device } = await signedUp();
  const id = await device.client.addHabit({ name: "Röad \"x\"\n".trim(), color: 7 });
  for (let ago = 0; ago < 3; ago += 1) await device.client.tap(id, true, { day: (await device.view()).here - ago, note: `n${ago} ✓` });
  await device.sync();
  const { userId } = (await device.view()).account;
  const { bytes, count } = await exportEverything(device.calls, userId);
  assert.ok(count > 4);
  const { check } = await import("../../Sources/StreakWeb/Page/modules/document.js");
  const text = new TextDecoder().decode(bytes);
  const { manifest } = JSON.parse(text);
  const damaged = new TextEncoder().encode(text.replace("n1 ✓", "n9 ✓"));
  await assert.rejects(check(damaged, { ...manifest, documentBytes: String(damaged.length) }), { name: "DocumentError" });
  // when: an empty account imports it
  const { device: other } = await signedUp();
  const answer = await other.engine.importDocument((await other.view()).account.userId, bytes);
  assert.equal(answer.cellCount, 3);
  assert.equal(answer.sealed, true);
  await other.sync();
  assert.deepEqual(sameState(await other.view()), sameState(await device.view()));
});

test("sign-out keeps what is unsent, and deletion leaves nothing", withServer, async () => {
  const { email, device } = await signedUp();
  const id = await device.client.addHabit({ name: "Read" });
  await device.accounts.signOut();
  assert.deepEqual((await device.view()).others.map(({ waiting }) => waiting), [1]);
  await device.accounts.signIn(email, password);
  await device.sync();
  assert.equal((await device.view()).account.waiting, 0);
  const second = await another(email);
  assert.equal((await second.view()).habits[0].id, id);
  await device.accounts.deleteAccount(email, { password });
  assert.equal((await device.view()).account, undefined);
  await assert.rejects(second.sync(), { kind: "accountErased" });
  assert.deepEqual([(await second.view()).account, second.store.records.size > 1], [undefined, false], "only the settings stay");
});

test("a deletion is announced on every device, and any of them takes it back", withServer, async () => {
  const { email, device: one } = await signedUp();
  const two = await another(email);
  const deletionOf = async (device) => (await device.view()).account.deletionAt;
  /** Syncs until the device knows it: a server process may know credentials for some seconds. */
  const untilKnown = async (device, wanted) => {
    for (let look = 0; look < 100 && (await deletionOf(device)) !== wanted; look += 1) await device.sync();
    assert.equal(await deletionOf(device), wanted);
  };
  assert.deepEqual([await deletionOf(one), await deletionOf(two)], [0, 0]);
  await assert.rejects(one.accounts.announceDeletion(email, { password: "not the password" }), { reason: "SIGN_IN_REFUSED" });
  const date = await one.accounts.announceDeletion(email, { password });
  assert.ok(Math.abs(date - Date.now() - 7 * dayMilliseconds) < 60_000);
  assert.equal(await deletionOf(one), date, "it is shown at once");
  await untilKnown(two, date);
  assert.equal(await deletionOf(await another(email)), date, "a device that signs in is told, too");
  // Everything goes on meanwhile.
  const id = await two.client.addHabit({ name: "Read" });
  await two.client.tap(id, true);
  await two.sync();
  await two.accounts.cancelDeletion();
  assert.equal(await deletionOf(two), 0);
  await untilKnown(one, 0);
  await two.accounts.status();
  assert.equal((await one.view()).habits[0].streak.current, 1);
});

test("a recovery code signs in without the password, once, also if its answer is lost", withServer, async () => {
  const email = newEmail();
  const one = makeDevice();
  const { recoveryCodes } = await one.accounts.signUp(email, password);
  assert.equal(new Set(recoveryCodes).size, 8);
  for (const code of recoveryCodes) assert.match(code, /^[0-9A-Z]{5}-[0-9A-Z]{5}$/);
  const id = await one.client.addHabit({ name: "Read" });
  await one.sync();
  assert.deepEqual(await one.accounts.status(), { isVerified: false, codesLeft: 8 });
  // given: a device with an unsent day that is signed out
  const two = await another(email);
  await two.client.tap(id, true);
  const { deviceId } = (await two.view()).account;
  await two.accounts.signOut();
  const [code, other, third] = recoveryCodes;
  await assert.rejects(two.accounts.recover(email, "00000-00000", "a new 43 password"), { reason: "SIGN_IN_REFUSED" });
  // when: the answer is lost, and the person tries again
  const { call } = two.transport;
  two.transport.call = async function lost(...parts) {
    await call.apply(this, parts);
    throw new CallError("unreachable", { message: "the answer is lost" });
  };
  await assert.rejects(two.accounts.recover(email, code, "a new 43 password"), { message: "the answer is lost" });
  two.transport.call = call;
  assert.equal(await two.accounts.recover(email, ` ${code.toLowerCase()} `.trim(), "a new 43 password").catch((error) => error.reason), "SIGN_IN_REFUSED", "another request with a used code");
  assert.equal(await two.accounts.recover(email, code, "a new 43 password"), 7);
  assert.equal((await two.view()).account.codesLeft, 7);
  assert.equal((await two.view()).account.deviceId, deviceId);
  // then: it goes on with its queue, and the other one is signed out
  await two.sync();
  assert.equal((await two.view()).habits[0].streak.current, 1);
  await assert.rejects(one.sync(), { kind: "signInNeeded" });
  // New codes end the former ones; a code is a proof, too.
  const fresh = await two.accounts.createRecoveryCodes({ recoveryCode: other });
  assert.equal(fresh.length, 8);
  assert.equal((await two.view()).account.codesLeft, 8);
  await assert.rejects(makeDevice().accounts.recover(email, third, "a new 44 password"), { reason: "SIGN_IN_REFUSED" });
  await assert.rejects(two.accounts.createRecoveryCodes({ password }), { reason: "SIGN_IN_REFUSED" });
  assert.equal((await two.accounts.createRecoveryCodes({ password: "a new 43 password" })).length, 8);
});

test("a signed-in device approves another one, which shows the same digits", withServer, async () => {
  const { email, device: one } = await signedUp();
  const id = await one.client.addHabit({ name: "Read" });
  await one.sync();
  const two = makeDevice({ name: "tablet" });
  const asked = await two.accounts.requestApproval(email);
  assert.match(asked.digits, /^\d{6}$/);
  assert.equal(await two.accounts.checkApproval(asked), "pending");
  const [request] = await one.accounts.approvals();
  assert.deepEqual([request.digits, request.device.name], [asked.digits, "tablet"]);
  await assert.rejects(one.accounts.approve({ ...request, digits: "000000" === asked.digits ? "000001" : "000000" }), { reason: "SIGN_IN_APPROVAL_NOT_FOUND" });
  await one.accounts.approve(request);
  assert.equal(await two.accounts.checkApproval(asked), "signedIn");
  assert.equal(await two.accounts.checkApproval(asked), "signedIn", "its answer may be lost");
  await two.sync();
  assert.deepEqual((await two.view()).habits.map((habit) => habit.id), [id]);
  // A denied device, and an address without an account, are not told.
  const denied = await makeDevice().accounts.requestApproval(email);
  await one.accounts.deny((await one.accounts.approvals())[0]);
  assert.deepEqual(await one.accounts.approvals(), []);
  const unknown = await makeDevice().accounts.requestApproval(newEmail());
  for (const each of [denied, unknown]) assert.equal(await makeDevice().accounts.checkApproval(each), "pending");
});

test("a capture that the page makes is the one that the server hashes", withServer, async () => {
  const device = makeDevice();
  await device.client.setDayStart(215);
  const id = await device.client.addHabit({ name: "Naïve ✓", description: "多", color: 0xffffff });
  const { here } = await device.view();
  for (let ago = 0; ago < 40; ago += 1) await device.client.tap(id, true, { day: here - ago, note: ago % 3 ? "" : `ä${ago}` });
  await device.client.tap(id, false, { day: here - 5 });
  const session = await device.store.read((state) => structuredClone(state.session));
  const captured = await capture(session, { occurredAt: new Date().toISOString(), zone: "Z", utcOffsetSeconds: 0, dayStartMinutes: 0 });
  assert.equal(captured.manifest.entryCount, 40);
  // A wrong hash would be CAPTURE_CORRUPT.
  const { migration: result } = await device.accounts.signUp(newEmail(), password);
  assert.equal(result.habits[0].daysUndone, 1);
  assert.equal((await device.view()).dayStart, 215, "the account takes over the start of the day");
});

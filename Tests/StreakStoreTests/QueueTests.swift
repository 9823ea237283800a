import EventLoop
import Postgres
import SplitMix
import StreakDomain
@testable import StreakStore
import TestSupport
import Testing

@Suite(.serialized) struct QueueTests {
  @Test("C75, C76: a repeated batch changes nothing and gets its first outcomes, also after new operations")
  func replay() async throws {
    try await TestStore.run { test async throws in
      let person = try await TestPerson.signUp(test)
      let changes: [Operation.Change] = [
        .day(person.habitID, Instant.sampleDay), .day(.random(), Instant.sampleDay),
        .day(person.habitID, Instant.sampleDay - 1, note: "n"),
      ]
      let first = try await person.queue(changes, from: 1).get()
      #expect(first.outcomes.map(\.status) == [.applied, .rejected, .applied])
      let head = try await test.store.head(of: person.userID)
      let again = try await person.queue(changes, from: 1).get()
      #expect(again.outcomes == first.outcomes)
      #expect(try await test.store.head(of: person.userID) == head)
      let more = try await person.queue(changes + [.day(person.habitID, Instant.sampleDay - 2)], from: 1).get()
      #expect(Array(more.outcomes.prefix(3)) == first.outcomes && more.outcomes[3].status == .applied)
      #expect(try await test.count("operations") == 4)
      let inbox = try await test.store.rejectedOperations(of: person.userID, after: .start, countMax: 10)
      #expect(
        inbox.map(\.seq) == [2] && inbox[0].reason == .habitNotFound && inbox[0].operation?.count == 20)
    }
  }

  @Test("C77: another payload under the same number is refused, and so is a gap; nothing is applied")
  func refusals() async throws {
    try await TestStore.run { test async throws in
      let person = try await TestPerson.signUp(test)
      let change = Operation.Change.day(person.habitID, Instant.sampleDay)
      _ = try await person.queue([change], from: 1).get()
      let head = try await test.store.head(of: person.userID)
      let reused = try await person.queue([change, .day(person.habitID, 20_000)], from: 1, salt: "other")
      guard case .failure(.operationReused) = reused else {
        Issue.record("\(reused)")
        return
      }
      let gap = try await person.queue([change], from: 3)
      guard case .failure(.gap(expectedSeq: 2)) = gap else {
        Issue.record("\(gap)")
        return
      }
      #expect(try await test.store.head(of: person.userID) == head)
      #expect(try await test.count("operations") == 1)
    }
  }

  @Test("a device that was dropped as a source of statements continues its queue once it has signed in again")
  func droppedSource() async throws {
    try await TestStore.run { test async throws in
      let person = try await TestPerson.signUp(test)
      let change = Operation.Change.day(person.habitID, Instant.sampleDay)
      let first = try await person.queue([change], from: 1).get()
      for _ in 0..<Sources.countMax { _ = try await person.onAnotherDevice() }
      #expect(try await test.store.head(of: person.userID).sources[person.deviceID] == nil)
      try await test.store.signIn(.sample(person.deviceID), of: person.userID, .sample(2), at: .sample)
      #expect(try await test.store.head(of: person.userID).sources[person.deviceID]?.lastSeq == 1)
      let again = try await person.queue([change, .day(person.habitID, Instant.sampleDay - 1)], from: 1).get()
      #expect(again.outcomes[0] == first.outcomes[0] && again.outcomes[1].status == .applied)
      #expect(try await test.count("operations") == 2)
    }
  }

  @Test("C79: of 100 operations with one invalid one 99 are applied, the invalid one is in the inbox")
  func oneBad() async throws {
    try await TestStore.run { test async throws in
      let person = try await TestPerson.signUp(test)
      var changes = (0..<100).map {
        Operation.Change.day(person.habitID, Instant.sampleDay - Int32($0 % 3), note: "\($0)")
      }
      changes[42] = .malformed
      let answer = try await person.queue(changes, from: 1).get()
      #expect(answer.outcomes.filter { $0.status == .applied }.count == 99)
      #expect(answer.outcomes[42].rejection == .invalidField)
      #expect(try await test.count("rejected_operations") == 1)
      #expect(try await person.queue([.day(person.habitID, Instant.sampleDay)], from: 101).get().outcomes.count == 1)
    }
  }

  @Test("an operation whose data the database refuses is rejected, and those around it are applied")
  func refusedByDatabase() async throws {
    try await TestStore.run { test async throws in
      let person = try await TestPerson.signUp(test)
      _ = try await test.database.run(
        Statement(.write, "ALTER TABLE cells ADD CONSTRAINT storable CHECK (note <> 'unstorable')"))
      var changes = (0..<20).map {
        Operation.Change.day(person.habitID, Instant.sampleDay - Int32($0), note: "\($0)")
      }
      let bad = [0, 7, 8, 19]
      for place in bad { changes[place] = .day(person.habitID, Instant.sampleDay - Int32(place), note: "unstorable") }
      let answer = try await person.queue(changes, from: 1).get()
      #expect(answer.outcomes.map(\.seq) == Array(1...20))
      for (place, outcome) in answer.outcomes.enumerated() {
        #expect(outcome.rejection == (bad.contains(place) ? .invalidField : nil), "\(place)")
      }
      let inbox = try await test.store.rejectedOperations(of: person.userID, after: .start, countMax: 10)
      #expect(inbox.map(\.seq).sorted() == [1, 8, 9, 20])
      #expect(inbox.allSatisfy { $0.reason == .invalidField && $0.operation?.count == 20 })
      #expect(try await test.count("cells") == 16)
      // The queue goes on.
      #expect(try await person.queue(changes, from: 1).get().outcomes == answer.outcomes)
      let next = try await person.queue([.day(person.habitID, Instant.sampleDay)], from: 21).get()
      #expect(next.outcomes[0].status == .applied)
    }
  }

  @Test("a restated habit whose data the database refuses stays away, and the others and the operations are stored")
  func restatedRefusedByDatabase() async throws {
    try await TestStore.run { test async throws in
      let person = try await TestPerson.signUp(test)
      _ = try await test.database.run(
        Statement(.write, "ALTER TABLE habits ADD CONSTRAINT storable CHECK (name <> 'unstorable')"))
      let ids = (0..<9).map { _ in Identifier.random() }
      let restated = ids.enumerated().map { place, id in
        SyncChanges.Habit(id: id, fields: HabitFields(name: [2, 5].contains(place) ? "unstorable" : "\(place)"))
      }
      // Alone, and with operations on two of them.
      let none = try await person.queue([], from: 1, restatedHabits: Array(restated.prefix(4))).get()
      #expect(none.outcomes.isEmpty)
      #expect(try await test.count("habits") == 4)
      let changes: [Operation.Change] = [.day(ids[4], Instant.sampleDay), .day(ids[5], Instant.sampleDay)]
      let answer = try await person.queue(changes, from: 1, restatedHabits: restated).get()
      #expect(answer.outcomes.map(\.status) == [.applied, .rejected])
      #expect(answer.outcomes[1].rejection == .habitNotFound)
      #expect(try await test.count("habits") == 8)
      #expect(try await test.count("rejected_operations") == 1)
      #expect(try await person.queue(changes, from: 1, restatedHabits: restated).get().outcomes == answer.outcomes)
    }
  }

  @Test("an error that is not about an operation's data rejects no operation")
  func brokenDatabase() async throws {
    try await TestStore.run { test async throws in
      let person = try await TestPerson.signUp(test)
      _ = try await test.database.run(Statement(.write, "ALTER TABLE cells RENAME TO other_cells"))
      let changes = (0..<3).map { Operation.Change.day(person.habitID, Instant.sampleDay - Int32($0)) }
      await #expect(throws: StoreError.self) { try await person.queue(changes, from: 1) }
      _ = try await test.database.run(Statement(.write, "ALTER TABLE other_cells RENAME TO cells"))
      #expect(try await test.count("operations") == 0)
      let answer = try await person.queue(changes, from: 1).get()
      #expect(answer.outcomes.allSatisfy { $0.status == .applied })
    }
  }

  @Test("an operation that names a restated alias is one of the habit that the alias means, which the server has")
  func restatedAlias() async throws {
    try await TestStore.run { test async throws in
      let person = try await TestPerson.signUp(test)
      let tablet = try await person.onAnotherDevice()
      _ = try await tablet.queue([.day(person.habitID, Instant.sampleDay)], from: 1).get()
      let alias = Identifier.random()
      let fields = HabitFields(name: "as it was")
      let restated = SyncChanges.Habit(id: alias, fields: fields, aliasOf: person.habitID)
      let changes: [Operation.Change] = [
        .day(alias, Instant.sampleDay, note: "n"), .day(alias, Instant.sampleDay - 1),
      ]
      let answer = try await person.queue(changes, from: 1, restatedHabits: [restated]).get()
      #expect(answer.outcomes.map(\.status) == [.applied, .applied])
      #expect(try await test.count("cells") == 2)
      // Also where the meant habit is restated with it.
      let (other, former) = (Identifier.random(), Identifier.random())
      let both = [
        SyncChanges.Habit(id: former, fields: fields, aliasOf: other), SyncChanges.Habit(id: other, fields: fields),
      ]
      let next = try await person.queue([.day(former, Instant.sampleDay)], from: 3, restatedHabits: both).get()
      #expect(next.outcomes.map(\.status) == [.applied])
    }
  }

  @Test("an edit of some fields of a lost habit waits until the habit is restated")
  func editOfLostHabit() async throws {
    try await TestStore.run { test async throws in
      let person = try await TestPerson.signUp(test)
      let lost = Identifier.random()
      let rename = Operation.HabitEdit(habitID: lost, fields: HabitFields(name: "run", color: 1), changed: [.name])
      let notice = Operation.Resolution(noticeID: .random(), takesLosing: true, statement: .editHabit(rename))
      for change in [Operation.Change.editHabit(rename), .resolveConflict(notice)] {
        #expect(try await person.queue([change], from: 1, waitsForHabits: true).get().outcomes == [])
      }
      let restated = SyncChanges.Habit(id: lost, fields: HabitFields(name: "read", color: 7))
      let answer = try await person.queue([.editHabit(rename)], from: 1, restatedHabits: [restated]).get()
      #expect(answer.outcomes.map(\.status) == [.applied])
      #expect(answer.ledger.habits[lost]?.fields == HabitFields(name: "run", color: 7))
    }
  }

  @Test("a device is not caught up if the database has lost changes or operations that it knows")
  func queueDrainedAfterALoss() async throws {
    try await TestStore.run { test async throws in
      let person = try await TestPerson.signUp(test)
      let later = Instant.sample.advanced(bySeconds: 3_600)
      func drain(
        _ operations: [QueuedOperation] = [], acknowledgedSeq: Int64 = 0, receivedNumber: Int64 = 0
      ) async throws -> Result<ChangeResult, QueueRefusal> {
        try await test.store.change(
          ChangeRequest(
            userID: person.userID, deviceID: person.deviceID, work: .queue(operations), queueDrained: true, now: later,
            acknowledgedSeq: acknowledgedSeq, receivedNumber: receivedNumber))
      }
      func caughtUpAt() async throws -> Instant? {
        try await test.store.head(of: person.userID).sources[person.deviceID]?.backfill.caughtUpAt
      }
      let last = try await test.store.head(of: person.userID).changeNumber
      let registered = try await caughtUpAt()
      guard case .failure(.cursorAhead) = try await drain(receivedNumber: last + 1) else {
        Issue.record("a cursor ahead of the data")
        return
      }
      _ = try await drain(acknowledgedSeq: 1, receivedNumber: last).get()
      #expect(try await caughtUpAt() == registered)
      // Operations of the same request count.
      let operation = QueuedOperation(
        operation: Operation(
          seq: 1, time: HybridTime(later), seen: .nothing, change: .day(person.habitID, Instant.sampleDay)),
        payload: [1], payloadHash: [1])
      _ = try await drain([operation], acknowledgedSeq: 1, receivedNumber: last).get()
      #expect(try await caughtUpAt() == later)
    }
  }

  @Test("a cached state that is out of date makes no cursor one that is ahead")
  func staleCacheIsNotBehind() async throws {
    try await TestStore.run { test async throws in
      let person = try await TestPerson.signUp(test)
      _ = try await person.change(.day(person.habitID, Instant.sampleDay))
      let other = try await test.anotherStore()
      let changed = try await other.change(person.request(.direct(.day(person.habitID, Instant.sampleDay - 1)))).get()
      await other.close()
      let request = ChangeRequest(
        userID: person.userID, deviceID: person.deviceID, work: .queue([]), queueDrained: true, now: .sample,
        receivedNumber: changed.ledger.changeNumber)
      #expect(try await test.store.change(request).get().ledger.changeNumber == changed.ledger.changeNumber)
    }
  }

  @Test("the same queue sent on two loops at once is applied once, and both get the same outcomes", arguments: seeds(4))
  func raced(seed: UInt64) async throws {
    try await TestStore.run(loopCount: 2) { test async throws in
      let person = try await TestPerson.signUp(test)
      let changes = (0..<20).map { Operation.Change.day(person.habitID, Instant.sampleDay - Int32($0)) }
      let outcomes = try await withThrowingTaskGroup(of: [OperationOutcome].self) { group in
        for index in 0..<8 {
          group.addTask(executorPreference: test.loops[index % 2]) {
            try await person.queue(changes, from: 1).get().outcomes
          }
        }
        return try await group.reduce(into: [[OperationOutcome]]()) { $0.append($1) }
      }
      #expect(Set(outcomes).count == 1)
      #expect(try await test.count("operations") == 20)
      #expect(try await test.count("cells") == 20)
    }
  }

  @Test("two devices' conflict is pulled by both, until each has acknowledged it")
  func notices() async throws {
    try await TestStore.run { test async throws in
      let phone = try await TestPerson.signUp(test)
      let tablet = try await phone.onAnotherDevice()
      _ = try await phone.queue([.day(phone.habitID, Instant.sampleDay, note: "rain")], from: 1).get()
      let second = try await tablet.queue([.day(phone.habitID, Instant.sampleDay, note: "sun")], from: 1).get()
      let id = try #require(second.outcomes[0].noticeID)
      func pulled(_ person: TestPerson) async throws -> [Identifier] {
        try await test.store.pull(of: person.userID, for: person.deviceID, since: 0, at: nil, cellsMax: 10).notices.map(
          \.id)
      }
      #expect(try await pulled(phone) == [id])
      try await test.store.acknowledge([id, .random()], of: phone.userID, by: phone.deviceID, at: .sample)
      try await test.store.acknowledge([id], of: phone.userID, by: phone.deviceID, at: .sample)
      #expect(try await pulled(phone) == [])
      #expect(try await pulled(tablet) == [id])
      let all = try await test.store.notices(
        of: phone.userID, for: phone.deviceID, includingAcknowledged: true, after: .start, countMax: 10)
      #expect(all.map(\.id) == [id] && all[0].notice.kind == .noteConflict)
      let pick = Operation.Change.resolveConflict(Operation.Resolution(noticeID: id, takesLosing: true))
      #expect(try await phone.change(pick).outcomes[0].status == .applied)
      let cells = try await test.store.pull(of: phone.userID, for: phone.deviceID, since: 0, at: nil, cellsMax: 10)
        .cells
      #expect(cells.map(\.cell.cell.note) == [all[0].notice.losingValue?.text])
    }
  }

  @Test("a pull in pages gives every cell once, also under concurrent changes", arguments: seeds(4))
  func pages(seed: UInt64) async throws {
    try await TestStore.run { test async throws in
      var randomness = SplitMix64(seed: seed)
      let person = try await TestPerson.signUp(test)
      _ = try await person.queue((0..<30).map { .day(person.habitID, Instant.sampleDay - Int32($0)) }, from: 1).get()
      var held: [CellKey: CellContent] = [:]
      var place: PullPlace?
      var digest: StateDigest?
      while true {
        let page = try await test.store.pull(of: person.userID, for: person.deviceID, since: 0, at: place, cellsMax: 7)
        for (key, cell) in page.cells { held[key] = cell.cell }
        place = page.next.flatMap { PullPlace(bytes: $0.bytes) }
        digest = page.head.digest
        guard place != nil else { break }
        if Int.random(in: 0..<2, using: &randomness) > 0 {
          let day = Instant.sampleDay - Int32.random(in: 0..<30, using: &randomness)
          _ = try await person.change(.day(person.habitID, day, note: "\(held.count)"))
        }
      }
      var own = HabitState.itemDigest(habitID: person.habitID, HabitFields(name: "read"))
      for (key, cell) in held { own += CellState.itemDigest(key, cell) }
      #expect(held.count == 30 && own == digest, "seed \(seed)")
    }
  }

  @Test(
    "a pull after a change gives that change alone; a deleted habit is sent once, and a restored one with everything")
  func incremental() async throws {
    try await TestStore.run { test async throws in
      let phone = try await TestPerson.signUp(test)
      let tablet = try await phone.onAnotherDevice()
      _ = try await phone.queue((0..<5).map { .day(phone.habitID, Instant.sampleDay - Int32($0)) }, from: 1).get()
      let store = test.store
      func pull(_ since: Int64) async throws -> PullPage {
        try await store.pull(of: tablet.userID, for: tablet.deviceID, since: since, at: nil, cellsMax: 100)
      }
      let all = try await pull(0)
      #expect(all.cells.count == 5 && all.habits.count == 1)
      _ = try await phone.change(.day(phone.habitID, Instant.sampleDay, note: "n"))
      let one = try await pull(all.head.changeNumber)
      #expect(one.cells.map(\.cell.cell.note) == ["n"] && one.habits.isEmpty)
      _ = try await phone.change(.deleteHabit(phone.habitID))
      let deleted = try await pull(one.head.changeNumber)
      #expect(deleted.habits.map(\.habit.isDeleted) == [true] && deleted.cells.isEmpty && deleted.head.digest == .empty)
      #expect(try await pull(0).habits.isEmpty)
      let late = try await tablet.queue([.day(phone.habitID, Instant.sampleDay - 2, note: "late")], from: 1).get()
      #expect(late.outcomes[0].status == .applied)
      let back = try await pull(deleted.head.changeNumber)
      #expect(back.isReset && back.cells.count == 5 && back.habits.first?.habit.fields.archived == true)
    }
  }

  @Test("a hint reaches every loop when a user with another device changes something, and only then")
  func hints() async throws {
    try await TestStore.run(loopCount: 2) { test async throws in
      let alone = try await TestPerson.signUp(test, "alone@example.org")
      let phone = try await TestPerson.signUp(test)
      let tablet = try await phone.onAnotherDevice()
      let store = test.store
      var events = try await test.listen(about: [alone.userID, phone.userID])
      // Nothing watches yet: nothing is sent.
      _ = try await tablet.change(.day(phone.habitID, Instant.sampleDay - 1))
      #expect(await store.beginWatch())
      _ = try await alone.change(.day(alone.habitID, Instant.sampleDay))
      let answer = try await tablet.change(.day(phone.habitID, Instant.sampleDay))
      guard case .change(let hint) = await events.next() else {
        Issue.record("no hint")
        return
      }
      #expect(
        hint
          == ChangeHint(
            userID: phone.userID, changeNumber: answer.ledger.changeNumber, deviceID: tablet.deviceID))
      store.endWatch()
      await events.close()
    }
  }

  @Test("a notification's hints reach other processes only, and unreadable ones are left out")
  func senders() {
    let (sender, receiver) = (Identifier.random(), Identifier.random())
    let hint = ChangeHint(userID: .random(), changeNumber: 7, deviceID: nil)
    let payload = "\(sender)/\(ChangeHint.payloads([hint])[0])"
    #expect(HintRelay.hints(in: payload, receiver: receiver) == [hint])
    #expect(HintRelay.hints(in: payload, receiver: sender).isEmpty)
    for unreadable in ["", "/", "x", "\(sender)", "\(sender)/"] {
      #expect(HintRelay.hints(in: unreadable, receiver: receiver).isEmpty)
    }
  }

  @Test("two hints of one user become one: of the last change, and of a device only if it made both")
  func mergedHints() {
    let (userID, device) = (Identifier.random(), Identifier.random())
    let first = ChangeHint(userID: userID, changeNumber: 1, deviceID: device)
    let second = ChangeHint(userID: userID, changeNumber: 2, deviceID: device)
    #expect(second.merged(with: first) == second)
    let other = ChangeHint(userID: userID, changeNumber: 3, deviceID: .random())
    #expect(first.merged(with: other) == ChangeHint(userID: userID, changeNumber: 3, deviceID: nil))
  }

  @Test("an outcome is stored as long as a device may repeat its operation, and no longer")
  func forgotten() async throws {
    try await TestStore.run { test async throws in
      let person = try await TestPerson.signUp(test)
      let change = Operation.Change.day(person.habitID, Instant.sampleDay)
      _ = try await person.queue([change], from: 1).get()
      let session = SessionRecord(
        sessionID: .random(), secretHash: [UInt8](repeating: 1, count: 32), anchor: .sample, sealedStart: nil)
      #expect(try await test.store.startSession(session, at: .sample))
      func days(_ count: Int64) -> Instant { Instant.sample.advanced(bySeconds: count * 86_400) }
      #expect(try await test.store.forgetOld(at: days(StreakStore.outcomesKeptDays)) == 0)
      #expect(try await person.queue([change], from: 1).get().outcomes[0].status == .applied)
      #expect(try await test.store.forgetOld(at: days(StreakStore.outcomesKeptDays).advanced(bySeconds: 1)) == 1)
      guard case .failure(.operationReused) = try await person.queue([change], from: 1) else {
        Issue.record("taken again")
        return
      }
      #expect(try await person.queue([change], from: 2).get().outcomes[0].status == .applied)
      #expect(try await test.store.session(session.sessionID) != nil)
      #expect(try await test.store.forgetOld(at: days(StreakStore.sessionsKeptDays + 1)) == 2)
      #expect(try await test.store.session(session.sessionID) == nil)
    }
  }

  @Test("expired rows of one kind that cannot be removed keep those of no other kind")
  func forgottenApart() async throws {
    try await TestStore.run { test async throws in
      let session = SessionRecord(
        sessionID: .random(), secretHash: [UInt8](repeating: 1, count: 32), anchor: .sample, sealedStart: nil)
      #expect(try await test.store.startSession(session, at: .sample))
      _ = try await test.database.run(Statement(.write, "ALTER TABLE operations RENAME TO other_operations"))
      let late = Instant.sample.advanced(bySeconds: (StreakStore.sessionsKeptDays + 1) * 86_400)
      await #expect(throws: StoreError.self) { try await test.store.forgetOld(at: late) }
      #expect(try await test.store.session(session.sessionID) == nil)
    }
  }

  @Test("hints of many users fit into notifications, and can be parsed")
  func payloads() {
    let hints = (0..<300).map { index in
      ChangeHint(userID: .random(), changeNumber: Int64(index), deviceID: index % 2 == 0 ? nil : .random())
    }
    let payloads = ChangeHint.payloads(hints)
    #expect(payloads.allSatisfy { $0.utf8.count <= ChangeHint.payloadBytesMax } && payloads.count > 1)
    #expect(payloads.flatMap { ChangeHint.hints(inPayload: $0) } == hints)
    #expect(ChangeHint.hints(inPayload: "x,:,1:2:3,") == [])
  }
}

import StreakClient
import StreakDomain
import Testing

/// A person's choice in a conflict, on the device where it is made.
@Suite("Choices in conflicts")
struct ResolutionTests {
  private let noon = TestClock.noon
  private let habit = Identifier(high: 3, low: 1)
  private let noticeID = Identifier(high: 4, low: 1)
  private let day = Day(20_000)
  private let fresh = DeviceReplica(userID: Identifier(high: 1, low: 1), deviceID: Identifier(high: 2, low: 1))

  private var key: CellKey { CellKey(habitID: habit, day: day) }
  private var clientTime: ClientTime { ClientTime(occurredAt: noon, zone: "Z", utcOffsetSeconds: 0) }

  private func note(_ text: String) -> Operation.Change {
    .setNote(Operation.Note(habitID: habit, day: day, text: text, clientTime: clientTime))
  }

  private func completion(done: Bool) -> Operation.Change {
    .setCompletion(Operation.Completion(habitID: habit, day: day, done: done, clientTime: clientTime))
  }

  /// The server decides everything that waits.
  private func decide(_ replica: inout DeviceReplica, rejection: Reason? = nil, cells: [SyncChanges.Cell] = []) {
    let submission = replica.submission
    var changes = SyncChanges(cursor: .start)
    changes.cells = cells
    changes.lastSeq = submission.operations.last?.seq ?? 0
    changes.outcomes = submission.operations.map { operation in
      OperationOutcome(seq: operation.seq, status: rejection == nil ? .applied : .rejected, rejection: rejection)
    }
    _ = replica.take(.changes(changes), to: submission, sentAs: replica.deviceID, at: noon)
  }

  private func choice(_ statement: Operation.Change, takesLosing: Bool = true) -> Operation.Change {
    .resolveConflict(.init(noticeID: noticeID, takesLosing: takesLosing, statement: statement))
  }

  @Test("the choice is sent as a resolution with the chosen value, and is seen before it is sent")
  func shown() {
    var replica = fresh
    replica.make(choice(note("mine")), at: noon)
    #expect(replica.submission.operations.map(\.change) == [choice(note("mine"))])
    #expect(replica.shownCell(key)?.note == "mine" && replica.shownCells[key]?.note == "mine")
    let other = Identifier(high: 3, low: 2)
    replica.make(choice(.editHabit(.init(habitID: other, fields: HabitFields(name: "run")))), at: noon)
    #expect(replica.shownHabits[other]?.name == "run")
  }

  @Test("a server that has lost a decided choice gets the same choice again")
  func lost() {
    var replica = fresh
    replica.make(choice(note("mine")), at: noon)
    let sent = replica.queue
    decide(&replica)
    #expect(replica.queue.isEmpty)
    #expect(replica.expected(1) == .sendAgain)
    #expect(replica.queue == sent)
  }

  @Test("of a rejected choice the person is shown what was chosen")
  func rejected() {
    var replica = fresh
    let made = choice(note("mine"))
    replica.make(made, at: noon)
    decide(&replica, rejection: .habitNotFound)
    #expect(replica.rejected.map(\.operation.change) == [made])
  }

  @Test("\"done after all\" is a completion that a later undo takes back; another choice is none")
  func undo() {
    var replica = fresh
    replica.make(choice(completion(done: true), takesLosing: false), at: noon)
    replica.make(choice(note("mine")), at: noon)
    let undo = replica.make(completion(done: false), at: noon)
    guard case .setCompletion(let wanted) = undo.change else {
      Issue.record("\(undo)")
      return
    }
    #expect(wanted.undone == [StatementID(source: replica.deviceID, seq: 1)])
  }

  @Test("the choice that a day is not done names the completions that this device knows, by their new names as well")
  func undone() {
    var replica = fresh
    let theirs = StatementID(source: Identifier(high: 9, low: 9), seq: 5)
    let cell = CellContent(done: true, note: "", trust: .counted)
    decide(&replica, cells: [.init(key: key, cell: cell, version: 1, completions: [theirs])])
    replica.make(completion(done: true), at: noon)
    replica.make(choice(completion(done: false)), at: noon)
    #expect(replica.shownCell(key)?.done == false)
    func names() -> Set<StatementID> {
      guard case .setCompletion(let wanted)? = replica.queue.last?.change.stated, !wanted.done else { return [] }
      return Set(wanted.undone ?? [])
    }
    #expect(names() == [theirs, StatementID(source: replica.deviceID, seq: 1)])
    let (former, other) = (StatementID(source: replica.deviceID, seq: 1), Identifier(high: 2, low: 2))
    replica.continueAsNewDevice(other)
    // The former name stays: the server may have received it.
    #expect(names() == [theirs, StatementID(source: other, seq: 1), former])
  }
}

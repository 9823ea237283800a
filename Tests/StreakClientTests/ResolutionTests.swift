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
  private var takesLosing: Operation.Resolution { Operation.Resolution(noticeID: noticeID, takesLosing: true) }

  private func note(_ text: String) -> Operation.Change {
    .setNote(Operation.Note(habitID: habit, day: day, text: text, clientTime: clientTime))
  }

  private func completion(done: Bool) -> Operation.Change {
    .setCompletion(Operation.Completion(habitID: habit, day: day, done: done, clientTime: clientTime))
  }

  /// The server decides everything that waits, and refuses resolutions: it does not have the
  /// conflict.
  private func decide(_ replica: inout DeviceReplica, at now: Instant, cells: [SyncChanges.Cell] = []) {
    let submission = replica.submission
    var changes = SyncChanges(cursor: .start)
    changes.cells = cells
    changes.lastSeq = submission.operations.last?.seq ?? 0
    changes.outcomes = submission.operations.map { operation in
      if case .resolveConflict = operation.change {
        OperationOutcome(seq: operation.seq, status: .rejected, rejection: .conflictNotFound)
      } else {
        OperationOutcome(seq: operation.seq, status: .applied)
      }
    }
    _ = replica.take(.changes(changes), to: submission, sentAs: replica.deviceID, at: now)
  }

  @Test("the choice is sent as a resolution, and is seen before it is sent")
  func shown() {
    var replica = fresh
    replica.resolve(takesLosing, as: note("mine"), at: noon)
    #expect(replica.submission.operations.map(\.change) == [.resolveConflict(takesLosing)])
    #expect(replica.shownCell(key)?.note == "mine" && replica.shownCells[key]?.note == "mine")
    let other = Identifier(high: 3, low: 2)
    replica.resolve(takesLosing, as: .editHabit(.init(habitID: other, fields: HabitFields(name: "run"))), at: noon)
    #expect(replica.shownHabits[other]?.name == "run")
  }

  @Test("a server that does not have the conflict gets the chosen value as a statement, once")
  func notFound() {
    var replica = fresh
    replica.resolve(takesLosing, as: note("mine"), at: noon)
    decide(&replica, at: noon)
    #expect(replica.queue.map(\.change) == [note("mine")] && replica.queue.map(\.seq) == [2])
    #expect(replica.rejected.isEmpty)
    decide(&replica, at: noon)
    #expect(replica.queue.isEmpty && replica.rejected.isEmpty)
  }

  @Test("not if the person has stated something later about the same day")
  func later() {
    var replica = fresh
    replica.resolve(takesLosing, as: note("mine"), at: noon)
    replica.make(note("later"), at: noon)
    let statement = note("mine")
    decide(&replica, at: noon)
    #expect(replica.queue.isEmpty)
    #expect(replica.rejected.map(\.reason) == [.conflictNotFound])
    #expect(replica.rejected.map(\.operation.change) == [statement], "the person is shown what was chosen")
  }

  @Test("not if the resolution was decided before the server lost it: other devices bring the conflict again")
  func decidedBefore() {
    var replica = fresh
    replica.resolve(takesLosing, as: note("mine"), at: noon)
    let submission = replica.submission
    var changes = SyncChanges(cursor: Cursor(epoch: Epoch(number: 1, bits: 1), changeNumber: 1, tag: []))
    changes.outcomes = [OperationOutcome(seq: 1, status: .applied)]
    changes.lastSeq = 1
    _ = replica.take(.changes(changes), to: submission, sentAs: replica.deviceID, at: noon)
    #expect(replica.queue.isEmpty)
    // When: the server has lost it.
    _ = replica.expected(1)
    #expect(replica.queue.count == 1)
    decide(&replica, at: noon)
    #expect(replica.queue.isEmpty && replica.rejected.map(\.reason) == [.conflictNotFound])
  }

  @Test("\"done after all\" is a completion that a later undo takes back; another choice is none")
  func undo() {
    var replica = fresh
    replica.resolve(.init(noticeID: noticeID, takesLosing: false), as: completion(done: true), at: noon)
    replica.resolve(takesLosing, as: note("mine"), at: noon)
    let undo = replica.make(completion(done: false), at: noon)
    guard case .setCompletion(let wanted) = undo.change else {
      Issue.record("\(undo)")
      return
    }
    #expect(wanted.undone == [StatementID(source: replica.deviceID, seq: 1)])
  }

  @Test("an undo that is sent in place of a resolution names the completions that this device knows")
  func undoneInstead() {
    var replica = fresh
    let theirs = StatementID(source: Identifier(high: 9, low: 9), seq: 5)
    replica.make(completion(done: true), at: noon)
    let cell = CellContent(done: true, note: "", trust: .counted)
    decide(&replica, at: noon, cells: [.init(key: key, cell: cell, version: 1, completions: [theirs])])
    replica.resolve(takesLosing, as: completion(done: false), at: noon)
    #expect(replica.shownCell(key)?.done == false)
    decide(&replica, at: noon)
    guard case .setCompletion(let wanted)? = replica.queue.first?.change else {
      Issue.record("\(replica.queue)")
      return
    }
    #expect(!wanted.done && Set(wanted.undone ?? []) == [theirs, StatementID(source: replica.deviceID, seq: 1)])
  }

  @Test("a new device id keeps what waiting choices mean, and what is decided is forgotten with its operation")
  func forgotten() {
    var replica = fresh
    replica.resolve(takesLosing, as: note("first"), at: noon)
    decide(&replica, at: noon)
    decide(&replica, at: noon)
    replica.resolve(takesLosing, as: note("mine"), at: noon)
    #expect(replica.resolutions.count == 2)
    replica.continueAsNewDevice(Identifier(high: 2, low: 2))
    #expect(replica.resolutions.count == 1 && replica.shownCell(key)?.note == "mine")
    decide(&replica, at: noon)
    let kept = DeviceReplica.keptMilliseconds
    decide(&replica, at: noon.advanced(byMilliseconds: kept))
    #expect(replica.resolutions.count == 1, "kept as long as its operation")
    replica.make(note("x"), at: noon)
    decide(&replica, at: noon.advanced(byMilliseconds: kept + 1))
    #expect(replica.resolutions.isEmpty)
  }
}

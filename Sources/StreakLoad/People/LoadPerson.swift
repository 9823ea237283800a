internal import Schema
/// A person of the population: its credentials, and the writes that the service has acknowledged.
/// Only one journey at a time uses it. Loop-confined.
///
/// Every write has a note of its own, `RUN-N` with the person's N-th number. So an audit can find
/// out whether each write took effect, and whether one did so twice.
final class LoadPerson {
  /// After this many writes of unknown outcome the person takes no more journeys, because the
  /// record of them is bounded.
  static let uncertainMax = 64

  let userID: [UInt8]
  let deviceID: [UInt8]
  /// `Bearer` and the access token.
  let authorization: [UInt8]
  /// Of the second device; empty without one.
  var secondAuthorization: [UInt8] = []
  var habits: [LoadHabit]

  /// The person's change number before the first write of this client.
  var changeBase: Int64
  /// Acknowledged changes since then.
  var acknowledgedChanges: Int64 = 0
  /// Writes of unknown outcome.
  var uncertainChanges: Int64 = 0
  /// The number of the last write.
  var lastWrite: UInt32 = 0
  /// Numbers of writes that were certainly refused.
  var refusedWrites: [UInt32] = []
  /// Numbers of writes of unknown outcome.
  var uncertainWrites: [UInt32] = []

  /// The device's cursor in `Sync`.
  var cursor: Cursor?
  var changeNumber: Int64
  var lastSeq: Int64 = 0
  /// The clock of its operations, as `Operation.hybrid_time`.
  var hybridTime: UInt64 = 0
  /// An encoded `SyncRequest` without an answer: it is repeated unchanged before any other request.
  var pendingSync: PendingSync?

  struct PendingSync {
    var request: [UInt8]
    /// It was sent, and its outcome is unknown.
    var wasTried = false
    var writes: [(number: UInt32, habit: Int, day: Int32)]
  }

  init(
    userID: [UInt8], deviceID: [UInt8], accessToken: String, habits: [LoadHabit], changeNumber: Int64
  ) {
    self.userID = userID
    self.deviceID = deviceID
    authorization = Array("Bearer \(accessToken)".utf8)
    self.habits = habits
    self.changeNumber = changeNumber
    changeBase = changeNumber
  }

  /// Starts counting at the service's cursor, before the first write.
  func startCounting(from cursor: Cursor) {
    self.cursor = cursor
    changeNumber = cursor.changeNumber
    changeBase = cursor.changeNumber
  }

  /// A request is unanswered, or too many writes are uncertain.
  var hasUnanswered: Bool { pendingSync != nil || uncertainWrites.count >= Self.uncertainMax }

  /// Whether there are writes to audit.
  var hasWrites: Bool { lastWrite > 0 }

  /// A number for the next write.
  func nextWrite() -> UInt32 {
    lastWrite += 1
    return lastWrite
  }

  /// Records that a write took effect, while no other request of this person is running.
  func acknowledge(_ number: UInt32, habit: Int, day: Int32) {
    let place = habits[habit].place(ofDay: day)
    habits[habit].written[place].acknowledged = number
    acknowledgedChanges += 1
  }

  /// Records that a write's outcome is unknown.
  func recordUnknownOutcome(_ number: UInt32, habit: Int, day: Int32) {
    let place = habits[habit].place(ofDay: day)
    habits[habit].written[place].uncertain.append(number)
    uncertainWrites.append(number)
    uncertainChanges += 1
  }

  /// Stops waiting for the answer to a sync.
  func abandonPending() {
    guard let pending = pendingSync else { return }
    pendingSync = nil
    for write in pending.writes { recordUnknownOutcome(write.number, habit: write.habit, day: write.day) }
  }

  /// The number of stored days, at least and at most.
  var heldCells: ClosedRange<Int64> {
    var least: Int64 = 0
    var most: Int64 = 0
    for habit in habits {
      let counted = habit.counted
      least += Int64(habit.heldBefore + counted.lowerBound - habit.countedBefore)
      most += Int64(habit.heldBefore + counted.upperBound - habit.countedBefore)
    }
    return least...most
  }

  /// The number of replaced states of days, at least and at most: each write except the last of its
  /// day leaves one.
  var earlierCells: ClosedRange<Int64> {
    let days = habits.reduce(0) { $0 + $1.written.count(where: { $0.acknowledged > 0 }) }
    let least = acknowledgedChanges - Int64(days)
    return least...least + uncertainChanges
  }
}

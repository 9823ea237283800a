internal import Schema
/// Somebody of the population: credentials, and what the service has acknowledged to them. One
/// journey at a time has them. Loop-confined.
///
/// Every write carries a note of its own, `RUN-N` with the person's N-th number: so it can be told
/// afterwards whether each took effect, and whether one did so twice.
final class LoadPerson {
  /// Writes of unknown outcome after which a person goes on no more journeys: what is remembered of
  /// each is bounded.
  static let uncertainMax = 64

  let userID: [UInt8]
  let deviceID: [UInt8]
  /// `Bearer` and the access token.
  let authorization: [UInt8]
  /// Of a second device; empty without one.
  var secondAuthorization: [UInt8] = []
  var habits: [LoadHabit]

  /// The person's change number before this client wrote anything.
  var changeBase: Int64
  /// Acknowledged changes since.
  var acknowledgedChanges: Int64 = 0
  /// Writes of unknown outcome.
  var uncertainChanges: Int64 = 0
  /// The number of the last write.
  var lastWrite: UInt32 = 0
  /// Numbers of writes that were refused for certain.
  var refusedWrites: [UInt32] = []
  /// Numbers of writes of unknown outcome.
  var uncertainWrites: [UInt32] = []

  /// The device's place in `Sync`.
  var cursor: Cursor?
  var changeNumber: Int64
  var lastSeq: Int64 = 0
  /// The clock of its operations, as `Operation.hybrid_time`.
  var hybridTime: UInt64 = 0
  /// An encoded `SyncRequest` that was not answered: it is sent again, as it is, before anything
  /// else.
  var pendingSync: PendingSync?

  struct PendingSync {
    var request: [UInt8]
    /// It was sent, and nobody knows what became of it.
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

  /// Nothing has been written yet, and this is where the service stands.
  func startCounting(from cursor: Cursor) {
    self.cursor = cursor
    changeNumber = cursor.changeNumber
    changeBase = cursor.changeNumber
  }

  /// Something was not answered, or too much is uncertain.
  var isUnsettled: Bool { pendingSync != nil || uncertainWrites.count >= Self.uncertainMax }

  /// Has something to be audited.
  var wasTouched: Bool { lastWrite > 0 }

  /// A number for the next write.
  func nextWrite() -> UInt32 {
    lastWrite += 1
    return lastWrite
  }

  /// A write took effect, and nothing that this person has asked for is under way.
  func acknowledge(_ number: UInt32, habit: Int, day: Int32) {
    let place = habits[habit].place(ofDay: day)
    habits[habit].written[place].acknowledged = number
    acknowledgedChanges += 1
  }

  /// Nobody knows whether a write took effect.
  func doubt(_ number: UInt32, habit: Int, day: Int32) {
    let place = habits[habit].place(ofDay: day)
    habits[habit].written[place].uncertain.append(number)
    uncertainWrites.append(number)
    uncertainChanges += 1
  }

  /// Nobody waits any longer for the answer to a sync.
  func giveUpPending() {
    guard let pending = pendingSync else { return }
    pendingSync = nil
    for write in pending.writes { doubt(write.number, habit: write.habit, day: write.day) }
  }

  /// Days that are held, at least and at most.
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

  /// States of days that a later write has replaced, at least and at most: each write but the last
  /// of its day leaves one.
  var earlierCells: ClosedRange<Int64> {
    let days = habits.reduce(0) { $0 + $1.written.count(where: { $0.acknowledged > 0 }) }
    let least = acknowledgedChanges - Int64(days)
    return least...least + uncertainChanges
  }
}

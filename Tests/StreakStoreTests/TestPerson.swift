import StreakDomain
import StreakStore
import Testing

/// A user with an account, one device and one habit called "read".
struct TestPerson: Sendable {
  let test: TestStore
  var userID: Identifier
  var deviceID: Identifier
  var habitID: Identifier

  static func signUp(_ test: TestStore, _ email: String = "a@example.org") async throws -> TestPerson {
    let account = NewAccount.sample(email)
    #expect(try await test.store.signUp(account) == .signedUp)
    let person = TestPerson(
      test: test, userID: account.userID, deviceID: account.device.deviceID, habitID: .random())
    let clientTime = try await person.change(
      .editHabit(Operation.HabitEdit(habitID: person.habitID, fields: HabitFields(name: "read"))))
    #expect(clientTime.outcomes[0].status == .applied)
    return person
  }

  /// The same person on another device.
  func onAnotherDevice() async throws -> TestPerson {
    var other = self
    let device = DeviceRecord.sample()
    try await test.store.signIn(device, of: userID, .sample(.random(in: 3...90)), at: .sample)
    other.deviceID = device.deviceID
    return other
  }

  func request(
    _ work: ChangeRequest.Work, queueDrained: Bool = false, waitsForHabits: Bool = false,
    restatedHabits: [SyncChanges.Habit] = []
  ) -> ChangeRequest {
    ChangeRequest(
      userID: userID, deviceID: deviceID, work: work, queueDrained: queueDrained, now: .sample,
      waitsForHabits: waitsForHabits, restatedHabits: restatedHabits)
  }

  /// The knowledge of a device that has received everything.
  func seen() async throws -> SeenStatements {
    try await test.store.head(of: userID).sources.seen(by: deviceID)
  }

  /// One change of a connected device.
  func change(_ change: Operation.Change) async throws -> ChangeResult {
    try await test.store.change(request(.direct(change))).get()
  }

  /// Operations of the device's queue, numbered from `first`; each is its own payload.
  func queue(
    _ changes: [Operation.Change], from first: Int64, seen: SeenStatements = .nothing, salt: String = "",
    waitsForHabits: Bool = false, restatedHabits: [SyncChanges.Habit] = []
  ) async throws -> Result<ChangeResult, QueueRefusal> {
    let operations = changes.enumerated().map { index, change in
      let seq = first + Int64(index)
      let hash = Array("\(salt)\(seq)\(change)".utf8)
      return QueuedOperation(
        operation: Operation(
          seq: seq, time: HybridTime(.sample, counter: UInt16(clamping: seq)),
          seen: seen, change: change), payload: [UInt8](repeating: 7, count: 20), payloadHash: hash)
    }
    return try await test.store.change(
      request(.queue(operations), waitsForHabits: waitsForHabits, restatedHabits: restatedHabits))
  }
}

extension Operation.Change {
  static func day(_ habitID: Identifier, _ day: Int32, done: Bool = true, note: String = "") -> Operation.Change {
    .setCompletion(
      Operation.Completion(
        habitID: habitID, day: Day(day), done: done, note: note,
        clientTime: .sample(day: done ? day : Instant.sampleDay)))
  }
}

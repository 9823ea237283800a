import Testing

@testable import StreakLoad

/// A person with writes, and a service with exactly the expected data.
private struct World {
  let person: LoadPerson
  var state = PulledState()
  var stored = StoredWrites()
  let judge = AuditJudge(runName: "run")
  static let today: Int32 = 20_781

  /// Two habits with three days of history; writes 1 to 5, of which 3 was refused and 5 is
  /// uncertain.
  init() {
    let ids = [[UInt8](repeating: 1, count: 16), [UInt8](repeating: 2, count: 16)]
    person = LoadPerson(
      userID: [UInt8](repeating: 9, count: 16), deviceID: [UInt8](repeating: 8, count: 16), accessToken: "token",
      habits: ids.map { LoadHabit(id: $0, counted: 3, held: 3, lastDay: Self.today - 1) }, changeNumber: 8)
    person.lastWrite = 5
    person.acknowledge(1, habit: 0, day: Self.today)
    person.acknowledge(2, habit: 1, day: Self.today)
    person.refusedWrites = [3]
    person.acknowledge(4, habit: 0, day: Self.today)
    person.recordUnknownOutcome(5, habit: 1, day: Self.today)
    state.habitIDs = Set(ids)
    for id in ids {
      for ago: Int32 in 1...3 {
        state.cells.append(.init(habitID: id, day: Self.today - ago, isDone: true, counts: true, note: ""))
      }
    }
    state.cells.append(.init(habitID: ids[0], day: Self.today, isDone: true, counts: true, note: "run-4"))
    state.cells.append(.init(habitID: ids[1], day: Self.today, isDone: true, counts: true, note: "run-2"))
    state.changeNumber = 11
    stored.counts = [1: 1, 2: 1, 4: 1]
  }

  var kinds: [AuditFinding.Kind] { judge.findings(person, state).map(\.kind) }
  var storedKinds: [AuditFinding.Kind] { judge.findings(person, stored).map(\.kind) }
}

@Suite("Audit")
struct AuditTests {
  @Test("acknowledged writes that are stored give no finding, whether or not the uncertain write took effect")
  func clean() {
    var world = World()
    #expect(world.kinds == [] && world.storedKinds == [])
    world.state.cells[7].note = "run-5"
    world.state.changeNumber += 1
    world.stored.counts[5] = 1
    #expect(world.kinds == [] && world.storedKinds == [])
  }

  @Test("a lost write is found if an earlier one is there")
  func lostWrite() {
    var world = World()
    world.state.cells[6].note = "run-1"
    world.state.changeNumber -= 1
    world.stored.counts[4] = nil
    #expect(world.kinds == [.lost, .lost] && world.storedKinds == [.lost])
  }

  @Test("a lost day and a lost habit are found")
  func lostDay() {
    var world = World()
    world.state.cells.remove(at: 6)
    #expect(world.kinds.allSatisfy { $0 == .lost } && !world.kinds.isEmpty)
    world = World()
    world.state.habitIDs.remove([UInt8](repeating: 2, count: 16))
    #expect(world.kinds == [.lost])
  }

  @Test("a doubled write is found by the number of changes, and by the database")
  func doubledWrite() {
    var world = World()
    world.state.changeNumber += 2  // one may be the uncertain write
    #expect(world.kinds == [.doubled])
    world.stored.counts[1] = 2
    #expect(world.storedKinds == [.doubled])
  }

  @Test(
    "a stored write that was refused or never sent, another's note and a wrong digest are found")
  func wrong() {
    var world = World()
    world.stored.counts[3] = 1
    #expect(world.storedKinds == [.wrong])
    world.stored.counts[3] = nil
    world.stored.counts[6] = 1
    #expect(world.storedKinds == [.wrong])
    world.state.cells[6].note = "other-4"
    #expect(world.kinds == [.wrong])
    world = World()
    world.state.cells[6].isDone = false
    #expect(world.kinds.contains(.wrong))
    world = World()
    world.state.digestAgrees = false
    #expect(world.kinds == [.wrong])
    world = World()
    world.state.cells.append(
      .init(habitID: [UInt8](repeating: 1, count: 16), day: 1, isDone: true, counts: false, note: ""))
    #expect(world.kinds == [.wrong])
  }

  @Test("acknowledgements from a file are judged alike")
  func file() throws {
    let world = World()
    let text = AcknowledgementFile.text([AcknowledgementFile.text(world.person)], runName: "run")
    let read = try #require(AcknowledgementFile.read(text))
    #expect(read.runName == "run" && read.people.count == 1)
    #expect(AcknowledgementFile.text(read.people[0]) == AcknowledgementFile.text(world.person))
    var state = world.state
    #expect(world.judge.findings(read.people[0], state) == [])
    state.changeNumber -= 1
    #expect(world.judge.findings(read.people[0], state).map(\.kind) == [.lost])
    #expect(AcknowledgementFile.read("{}") == nil && AcknowledgementFile.read(String(text.dropLast(5))) == nil)
  }

  @Test("a sync that was never answered stays uncertain, and may have taken effect or not")
  func pending() {
    var world = World()
    world.person.pendingSync = .init(request: [], writes: [(6, 0, World.today), (7, 1, World.today)])
    world.person.lastWrite = 7
    world.person.abandonPending()
    #expect(world.kinds == [])
    world.state.cells[6].note = "run-6"
    world.state.cells[7].note = "run-7"
    world.state.changeNumber += 2
    #expect(world.kinds == [])
  }

  @Test("findings are kept up to their limit, and counted beyond")
  func limit() {
    var report = AuditReport()
    let finding = AuditFinding(kind: .lost, person: "", text: "")
    report.add(Array(repeating: finding, count: AuditReport.findingsMax))
    report.add([finding])
    #expect(report.findings.count == AuditReport.findingsMax && report.findingCount == AuditReport.findingsMax + 1)
    #expect(!report.isClean)
  }
}

internal import EventLoop
internal import ProtobufCodec
internal import Schema
internal import SplitMix

extension LoadWorker {
  /// The note of a write.
  func note(_ number: UInt32) -> String { "\(runName)-\(number)" }

  /// Records today for one of the habits, with a new note.
  func record(_ person: LoadPerson) async throws(CallFailure) {
    let place = randomness.index(below: person.habits.count)
    let now = WallClock.nowMilliseconds
    let (day, number, id) = (Captures.day(atMilliseconds: now), person.nextWrite(), person.habits[place].id)
    let written = note(number)
    let reply: RecordCompletionResponse
    do throws(CallFailure) {
      reply = try await call(
        methods.recordCompletion, person.authorization,
        RecordCompletionRequest(
          habitId: id, day: day, note: written, clientTime: Captures.clientTimeNow(now), queueDrained: true))
    } catch {
      if error.mayHaveTakenEffect {
        person.recordUnknownOutcome(number, habit: place, day: day)
      } else {
        person.refusedWrites.append(number)
      }
      throw error
    }
    person.acknowledge(number, habit: place, day: day)
    guard let cell = reply.cell, cell.habitId == id, cell.day == day, cell.done, cell.note == written else {
      throw .wrong("RecordCompletion: another day or note than the one recorded")
    }
    guard cell.trust == .counted else {
      throw .wrong("RecordCompletion: today does not count (\(cell.quarantineReason))")
    }
    try advance(person, to: cell.version, changes: 1, "RecordCompletion")
    guard let streak = reply.streak, person.habits[place].counted.contains(streak.total) else {
      throw .wrong(
        "RecordCompletion: \(reply.streak?.total ?? 0) days, where \(person.habits[place].counted) were acknowledged")
    }
  }

  /// Each write is one change: fewer changes mean a lost write, more a doubled one.
  private func advance(_ person: LoadPerson, to version: Int64, changes: Int64, _ label: String) throws(CallFailure) {
    let before = person.changeNumber
    person.changeNumber = max(before, version)
    let isRight = person.uncertainChanges == 0 ? version == before + changes : version >= before + changes
    guard isRight else { throw .wrong("\(label): change \(version) after \(before) and \(changes) writes") }
  }

  /// Syncs a few operations, each for another habit.
  func sync(_ person: LoadPerson) async throws(CallFailure) {
    let now = WallClock.nowMilliseconds
    let day = Captures.day(atMilliseconds: now)
    let wanted = 1 + randomness.index(below: min(settings.operationsMax, person.habits.count))
    let first = randomness.index(below: person.habits.count)
    var request = SyncRequest(userId: person.userID, cursor: person.cursor, queueDrained: true)
    var writes: [(number: UInt32, habit: Int, day: Int32)] = []
    for offset in 0..<wanted {
      let place = (first + offset) % person.habits.count
      let number = person.nextWrite()
      person.hybridTime = max(person.hybridTime + 1, UInt64(now) << 16)
      writes.append((number, place, day))
      request.operations.append(
        Operation(
          seq: person.lastSeq + Int64(offset) + 1, hybridTime: person.hybridTime,
          change: .setCompletion(
            SetCompletion(
              habitId: person.habits[place].id, day: day, done: true, note: note(number),
              clientTime: Captures.clientTimeNow(now))))
      )
    }
    person.lastSeq += Int64(wanted)
    person.pendingSync = .init(request: request.protobufBytes(), writes: writes)
    try await sendPending(person)
  }

  /// Repeats an unanswered request unchanged before any other request, as a device does.
  func resendUnanswered(_ person: LoadPerson) async throws(CallFailure) {
    guard person.pendingSync != nil else {
      guard person.uncertainWrites.count < LoadPerson.uncertainMax else {
        throw CallFailure(status: "TOO_MUCH_UNCERTAIN", mayHaveTakenEffect: false)
      }
      return
    }
    try await sendPending(person)
  }

  private func sendPending(_ person: LoadPerson) async throws(CallFailure) {
    guard let pending = person.pendingSync else { return }
    let reply: SyncResponse
    do throws(CallFailure) {
      reply = try await call(methods.sync, person.authorization, encoded: { $0.append(contentsOf: pending.request) })
    } catch {
      // A refusal does not decide the outcome of an earlier attempt.
      if !error.mayHaveTakenEffect, !pending.wasTried {
        person.pendingSync = nil
        person.lastSeq -= Int64(pending.writes.count)
        person.refusedWrites += pending.writes.map(\.number)
      } else if error.mayHaveTakenEffect {
        person.pendingSync?.wasTried = true
      }
      throw error
    }
    person.pendingSync = nil
    for write in pending.writes { person.acknowledge(write.number, habit: write.habit, day: write.day) }
    try judge(reply, person, pending.writes)
  }

  private func judge(
    _ reply: SyncResponse, _ person: LoadPerson, _ writes: [(number: UInt32, habit: Int, day: Int32)]
  ) throws(CallFailure) {
    let firstSeq = person.lastSeq - Int64(writes.count) + 1
    guard reply.outcomes.map(\.seq) == Array(firstSeq...person.lastSeq) else {
      throw .wrong("Sync: outcomes of other operations than those sent")
    }
    if let bad = reply.outcomes.first(where: { $0.status != .applied || $0.trust != .counted }) {
      throw .wrong("Sync: an operation is \(bad.status), \(bad.reason), \(bad.trust)")
    }
    guard let cursor = reply.cursor else { throw .wrong("Sync: no cursor") }
    if !reply.hasMore {
      for write in writes {
        let habitID = person.habits[write.habit].id
        guard
          reply.cells.contains(where: { $0.habitId == habitID && $0.day == write.day && $0.note == note(write.number) })
        else { throw .wrong("Sync: a change of its own does not come back") }
      }
    }
    person.cursor = cursor
    try advance(person, to: cursor.changeNumber, changes: Int64(writes.count), "Sync")
  }

  /// Watches with one device while another one records.
  func watch(_ person: LoadPerson) async throws(CallFailure) {
    guard
      let stream = channel.stream(
        methods.watch, authorization: person.secondAuthorization, { WatchRequest().append(to: &$0) })
    else { throw .notConnected }
    defer { stream.cancel() }
    _ = try await hint(stream)
    let begun = MonotonicClock.nowNanoseconds
    try await record(person)
    while try await hint(stream) < person.changeNumber {}
    recorder.calls[methods.watch.index].latency.record(Int64(clamping: MonotonicClock.nowNanoseconds &- begun))
  }

  private func hint(_ stream: LoadStream) async throws(CallFailure) -> Int64 {
    guard let bytes = await stream.call.next() else {
      guard case .failed(let failure)? = stream.call.outcome else { throw .wrong("Watch: it ended by itself") }
      count(methods.watch, failure)
      throw failure
    }
    guard let cursor = (try? WatchResponse(protobufBytes: bytes))?.cursor else { throw .wrong("Watch: no cursor") }
    return cursor.changeNumber
  }
}

internal import EventLoop
internal import GRPCSchema
internal import ProtobufCodec
internal import Schema
internal import SplitMix

extension LoadWorker {
  func check() async throws(CallFailure) {
    let reply: GRPCHealthV1HealthCheckResponse = try await call(methods.check, [], GRPCHealthV1HealthCheckRequest())
    guard reply.status == .serving else { throw .wrong("Health/Check: \(reply.status)") }
  }

  func read(_ person: LoadPerson) async throws(CallFailure) {
    let place = randomness.index(below: person.habits.count)
    let expected = person.habits[place].counted
    let id = person.habits[place].id
    let reply: GetStreakResponse = try await call(
      methods.getStreak, person.authorization, GetStreakRequest(habitId: id))
    guard let streak = reply.streak, streak.habitId == id else {
      throw .wrong("GetStreak: another habit's streak")
    }
    guard expected.contains(streak.total) else {
      throw .wrong("GetStreak: \(streak.total) days, where \(expected) were acknowledged")
    }
  }

  /// Most attempts of an export that is refused because too many exports run, and the longest wait
  /// before one.
  private static let exportAttemptsMax = 20
  private static let exportWaitMillisecondsMax: UInt64 = 2_000

  /// Exports, and repeats a refused call after the server's delay. Refusals count as calls; the
  /// delays are part of the journey.
  func export(_ person: LoadPerson) async throws(CallFailure) {
    for _ in 1..<Self.exportAttemptsMax {
      do throws(CallFailure) { return try await exportOnce(person) } catch {
        guard error.status == "RESOURCE_EXHAUSTED", let wait = error.retryMilliseconds,
          wait <= Self.exportWaitMillisecondsMax
        else { throw error }
        await loop.sleep(milliseconds: wait)
      }
    }
    try await exportOnce(person)
  }

  /// Reads the whole export, and compares its counts with the acknowledgements.
  private func exportOnce(_ person: LoadPerson) async throws(CallFailure) {
    let begun = MonotonicClock.nowNanoseconds
    guard
      let stream = channel.stream(
        methods.export, authorization: person.authorization,
        { ExportRequest(format: .binary).append(to: &$0) })
    else { throw .notConnected }
    var manifest: ExportManifest?
    var byteCount: Int64 = 0
    while let bytes = await stream.call.next() {
      guard let response = try? ExportResponse(protobufBytes: bytes) else {
        stream.cancel()
        throw .wrong("Export: a response cannot be decoded")
      }
      byteCount += Int64(response.chunk.count)
      if let last = response.manifest { manifest = last }
    }
    if case .failed(let failure)? = stream.call.outcome {
      count(methods.export, failure)
      throw failure
    }
    recorder.calls[methods.export.index].latency.record(Int64(clamping: MonotonicClock.nowNanoseconds &- begun))
    guard let manifest else { throw .wrong("Export: no manifest") }
    guard manifest.documentBytes == byteCount else {
      throw .wrong("Export: \(byteCount) bytes, where its manifest says \(manifest.documentBytes)")
    }
    let counts = Dictionary(manifest.sections.map { ($0.name, $0.count) }, uniquingKeysWith: { first, _ in first })
    let held = person.heldCells
    let earlier = person.earlierCells
    guard counts["habits"] == Int64(person.habits.count), let ledger = counts["ledger"], held.contains(ledger),
      let history = counts["history"], earlier.contains(history)
    else {
      throw .wrong(
        "Export: \(counts), where \(person.habits.count) habits, \(held) days and \(earlier) earlier states were acknowledged"
      )
    }
  }
}

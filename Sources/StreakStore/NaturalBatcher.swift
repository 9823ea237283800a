internal import EventLoop

/// Collects calls while earlier ones are running, and executes the collected ones as one.
///
/// An idle batcher executes a single call within the turn in which it arrived: batching adds no
/// delay. A busy one executes few large batches. Loop-confined.
final class NaturalBatcher<Request: Sendable, Response: Sendable>: EndOfTurnWork {
  /// Executes a batch and answers each request in order, or fails them all.
  typealias Execute = ([Request]) async -> Result<[Response], StoreError>

  private let loop: EventLoop
  private let flightsMax: Int
  private let batchCountMax: Int
  private let execute: Execute
  private var flights = 0
  private var isTakeOffDue = false
  // Invariant: between turns of the loop empty unless `flights` equals `flightsMax`. Its length is
  // limited by the calls that the server admits at once.
  private var waiting: [(request: Request, continuation: CheckedContinuation<Result<Response, StoreError>, Never>)] = []

  /// - Parameters:
  ///   - flightsMax: Most running batches, 1 or more.
  ///   - batchCountMax: Most requests in one batch, 1 or more.
  init(loop: EventLoop, flightsMax: Int, batchCountMax: Int, execute: @escaping Execute) {
    precondition(flightsMax >= 1 && batchCountMax >= 1)
    self.loop = loop
    self.flightsMax = flightsMax
    self.batchCountMax = batchCountMax
    self.execute = execute
  }

  /// Answers one request, together with others that arrive while earlier batches are running. Loop
  /// thread only.
  func response(to request: Request) async throws(StoreError) -> Response {
    loop.preconditionIsCurrent()
    return try await withCheckedContinuation { continuation in
      waiting.append((request, continuation))
      takeOffSoon()
    }.get()
  }

  /// At the end of the loop's turn: calls that arrived in the same turn are included.
  private func takeOffSoon() {
    guard !isTakeOffDue, flights < flightsMax else { return }
    isTakeOffDue = true
    loop.atEndOfTurn(self)
  }

  func endOfTurn() {
    isTakeOffDue = false
    while flights < flightsMax, !waiting.isEmpty {
      flights += 1
      let batch = Array(waiting.prefix(batchCountMax))
      waiting.removeFirst(batch.count)
      let bound = LoopBound(self, loop: loop)
      Task(executorPreference: loop) { await bound.value.fly(batch) }
    }
  }

  private func fly(
    _ batch: [(request: Request, continuation: CheckedContinuation<Result<Response, StoreError>, Never>)]
  ) async {
    let outcome = await execute(batch.map(\.request))
    flights -= 1
    if !waiting.isEmpty { takeOffSoon() }
    switch outcome {
    case .success(let responses):
      precondition(responses.count == batch.count, "a batch answers each of its requests")
      for (call, response) in zip(batch, responses) { call.continuation.resume(returning: .success(response)) }
    case .failure(let error):
      for call in batch { call.continuation.resume(returning: .failure(error)) }
    }
  }
}

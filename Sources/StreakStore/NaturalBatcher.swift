internal import EventLoop
internal import struct StreakDomain.Identifier

/// Collects calls while earlier ones are running, and executes the collected ones as one.
///
/// An idle batcher executes a single call within the turn in which it arrived: batching adds no
/// delay. A busy one executes few large batches. A batch that fails for its data is divided, so
/// that only the requests that cannot be answered fail. Loop-confined.
final class NaturalBatcher<Request: Sendable, Response: Sendable>: EndOfTurnWork {
  /// Executes a batch and answers each request in order, or fails them all. May be called again
  /// with a part of the batch.
  typealias Execute = ([Request]) async -> Result<[Response], StoreError>

  private typealias Waiting = (request: Request, continuation: CheckedContinuation<Result<Response, StoreError>, Never>)

  private let loop: EventLoop
  private let batchesMax: Int
  private let batchCountMax: Int
  private let account: (Request) -> Identifier
  private let execute: Execute
  private var inFlight = 0
  private var isScheduled = false
  // Invariant: between turns of the loop empty unless `inFlight` equals `batchesMax`. Its length is
  // limited by the calls that the server admits at once.
  private var waiting: [Waiting] = []

  /// - Parameters:
  ///   - batchesMax: Most running batches, 1 or more.
  ///   - batchCountMax: Most requests in one batch, 1 or more.
  ///   - account: The account that a request is about: a fault of its data names it.
  init(
    loop: EventLoop, batchesMax: Int, batchCountMax: Int, account: @escaping (Request) -> Identifier,
    execute: @escaping Execute
  ) {
    precondition(batchesMax >= 1 && batchCountMax >= 1)
    self.loop = loop
    self.batchesMax = batchesMax
    self.batchCountMax = batchCountMax
    self.account = account
    self.execute = execute
  }

  /// Answers one request, together with others that arrive while earlier batches are running. Loop
  /// thread only.
  func response(to request: Request) async throws(StoreError) -> Response {
    loop.preconditionIsCurrent()
    return try await withCheckedContinuation { continuation in
      waiting.append((request, continuation))
      schedule()
    }.get()
  }

  /// At the end of the loop's turn: calls that arrived in the same turn are included.
  private func schedule() {
    guard !isScheduled, inFlight < batchesMax else { return }
    isScheduled = true
    loop.atEndOfTurn(self)
  }

  func endOfTurn() {
    isScheduled = false
    while inFlight < batchesMax, !waiting.isEmpty {
      inFlight += 1
      let batch = Array(waiting.prefix(batchCountMax))
      waiting.removeFirst(batch.count)
      let bound = LoopBound(self, loop: loop)
      Task(executorPreference: loop) { await bound.value.run(batch) }
    }
  }

  private func run(_ batch: [Waiting]) async {
    await answer(batch[...])
    inFlight -= 1
    if !waiting.isEmpty { schedule() }
  }

  private func answer(_ calls: ArraySlice<Waiting>) async {
    switch await execute(calls.map(\.request)) {
    case .success(let responses):
      precondition(responses.count == calls.count, "a batch answers each of its requests")
      for (call, response) in zip(calls, responses) { call.continuation.resume(returning: .success(response)) }
    case .failure(let error) where error.isOfStatement && calls.count > 1:
      let middle = calls.startIndex + calls.count / 2
      await answer(calls[..<middle])
      await answer(calls[middle...])
    case .failure(.fault(let reason, isLogged: false)) where calls.count == 1:
      for call in calls {
        let named = StoreError.fault(reason: "\(reason), for the account \(account(call.request))")
        call.continuation.resume(returning: .failure(named))
      }
    case .failure(let error):
      for call in calls { call.continuation.resume(returning: .failure(error)) }
    }
  }
}

import DequeModule

/// The answers that the server still owes on one connection in pipeline mode: results in, decisions
/// out. No I/O.
///
/// A segment is the work between two syncs; PostgreSQL runs it as one implicit transaction unless a
/// transaction is open. Nothing in a segment is final before its sync is answered: only then has it
/// committed. An error anywhere in the segment, even at the commit, rolls back all of it.
struct Pipeline<Work: AnyObject> {
  /// One item sent, in the order of sending.
  enum Expectation {
    case prepare(Statement)
    /// One statement of `Work`.
    case step(Work)
    case sync
  }

  /// An event that libpq reports.
  enum Event {
    /// Rows, or a command's completion.
    case success
    case failure(DatabaseError)
    /// Skipped by the server, because of an earlier error in the segment.
    case skipped
    /// The end of one statement's results.
    case end
    case synced
    /// A kind of result that no statement of ours produces, such as of COPY.
    case unsupported
  }

  /// The action that an event requires.
  enum Action {
    case nothing
    /// Deliver the result to this work.
    case deliver(Work)
    case prepared(Statement)
    case prepareFailed(Statement, DatabaseError)
    /// A segment that holds work is complete.
    case finished(Segment)
    /// The answer contradicts what was sent; the connection must be closed.
    case violation
  }

  /// A completed segment.
  struct Segment {
    /// In the order of sending.
    let works: [Work]
    /// The work that failed (nil: the commit) and why; nil when everything took effect.
    let failure: Failure?
  }

  struct Failure {
    let work: Work?
    let error: DatabaseError
  }

  /// Items sent and not fully answered, in order. The server answers the head next.
  private var expectations: Deque<Expectation> = []
  /// The head has its result; only the end of its results is missing.
  private var headIsAnswered = false
  /// The works of the segment that is being answered.
  private var works: [Work] = []
  private var failure: Failure?
  /// Steps sent whose segment is not complete.
  private(set) var stepCount = 0
  /// Answered steps of the current segment.
  private var stepsAnswered = 0

  var isEmpty: Bool { expectations.isEmpty }

  /// Records an item that was sent.
  mutating func sent(_ expectation: Expectation) {
    if case .step = expectation { stepCount += 1 }
    expectations.append(expectation)
  }

  /// Takes one event of the server's answers.
  mutating func receive(_ event: Event) -> Action {
    guard let head = expectations.first else { return .violation }
    if headIsAnswered {
      guard case .end = event else { return .violation }
      headIsAnswered = false
      // The answer to the sync, whose commit failed, still follows.
      if case .sync = head { return .nothing }
      expectations.removeFirst()
      return .nothing
    }
    switch head {
    case .prepare(let statement): return receivePrepare(event, statement)
    case .step(let work): return receiveStep(event, work)
    case .sync: return receiveSync(event)
    }
  }

  /// A work that was incomplete when the connection broke.
  struct BrokenWork {
    let work: Work
    /// Steps without an answer.
    var unansweredSteps: Int
  }

  /// Ends the pipeline after the connection broke.
  /// - Returns: Every work that is not complete, in the order of sending, each once.
  mutating func breakLink() -> [BrokenWork] {
    var broken = works.map { BrokenWork(work: $0, unansweredSteps: 0) }
    for (index, expectation) in expectations.enumerated() {
      guard case .step(let work) = expectation else { continue }
      if broken.last?.work !== work { broken.append(BrokenWork(work: work, unansweredSteps: 0)) }
      if index > 0 || !headIsAnswered { broken[broken.count - 1].unansweredSteps += 1 }
    }
    self = Pipeline()
    return broken
  }

  private mutating func receivePrepare(_ event: Event, _ statement: Statement) -> Action {
    switch event {
    case .success:
      headIsAnswered = true
      return .prepared(statement)
    case .failure(let error):
      headIsAnswered = true
      return .prepareFailed(statement, error)
    default: return .violation
    }
  }

  private mutating func receiveStep(_ event: Event, _ work: Work) -> Action {
    switch event {
    case .success, .failure, .skipped: break
    default: return .violation
    }
    headIsAnswered = true
    stepsAnswered += 1
    if works.last !== work { works.append(work) }
    switch event {
    case .success: return .deliver(work)
    case .failure(let error):
      if failure == nil { failure = Failure(work: work, error: error) }
      return .nothing
    default: return .nothing
    }
  }

  private mutating func receiveSync(_ event: Event) -> Action {
    switch event {
    case .synced:
      expectations.removeFirst()
      stepCount -= stepsAnswered
      stepsAnswered = 0
      guard !works.isEmpty else { return .nothing }
      defer {
        works.removeAll(keepingCapacity: true)
        failure = nil
      }
      return .finished(Segment(works: works, failure: failure))
    case .failure(let error):
      headIsAnswered = true
      if failure == nil { failure = Failure(work: nil, error: error) }
      return .nothing
    default: return .violation
    }
  }
}

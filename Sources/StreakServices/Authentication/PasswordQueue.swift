package import Cryptography
internal import EventLoop
internal import RPC
internal import enum StreakDomain.Reason
internal import Synchronization

/// What hashing passwords may take of the machine, over all loops of the process together.
package struct PasswordLimits: Sendable {
  /// The cost of one hash.
  package var cost = PasswordHashCost.standard
  /// Hashes computed at the same time. Each takes the cost's memory and one thread of the pool.
  package var runningMax = 2
  /// The most calls of unknown parties that wait for their turn, and apart from them of calls by
  /// known parties; one more is refused.
  package var waitingMax = 64

  package init() {}

  /// - Parameter memoryMebibytes: Memory of one hash, in MiB, 1 or more.
  package init(memoryMebibytes: Int) {
    cost = .memory(mebibytes: memoryMebibytes)
  }
}

/// Hashes and verifies passwords in the thread pool, a bounded number at a time, so that a storm of
/// sign-ins takes neither the loops nor all of the memory. One for the process.
final class PasswordQueue: Sendable {
  private struct Turns {
    var running = 0
    var nextTicket: UInt64 = 0
    var queue: FairQueue
    /// The queued calls, by ticket.
    var waiting: [UInt64: CheckedContinuation<Bool, Never>] = [:]
  }

  private let limits: PasswordLimits
  private let turns: Mutex<Turns>
  /// A hash of a random password at the present cost: verified for unknown emails, so that they
  /// take as long as known ones.
  private let decoy: PasswordHash

  /// - Throws: `PasswordHashOutOfMemory` if not even one hash can be computed.
  init(limits: PasswordLimits) throws(PasswordHashOutOfMemory) {
    precondition(limits.runningMax >= 1 && limits.waitingMax >= 0)
    self.limits = limits
    turns = Mutex(Turns(queue: FairQueue(waitingMax: limits.waitingMax)))
    decoy = try PasswordHash(of: Secret(randomBytes(count: 32)), cost: limits.cost)
  }

  /// Hashes a new password.
  ///
  /// - Throws: `TOO_MANY_REQUESTS` when the queue is full or memory is short, `.cancelled` when the
  ///   call was cancelled while it waited.
  func hash(
    _ password: Secret, of party: FairQueue.Party, on loop: EventLoop
  ) async throws(RPCStatus) -> PasswordHash {
    let cost = limits.cost
    let hash = try await inTurn(of: party, on: loop) { try? PasswordHash(of: password, cost: cost) }
    guard let hash else { throw Reason.tooManyRequests.status }
    return hash
  }

  /// Whether a password matches a stored hash. Without a stored hash the answer is no, after the
  /// same time.
  ///
  /// - Throws: As `hash(_:of:on:)`.
  func verify(
    _ password: Secret, against stored: PasswordHash?, of party: FairQueue.Party, on loop: EventLoop
  ) async throws(RPCStatus) -> Bool {
    let hash = stored ?? decoy
    let matches = try await inTurn(of: party, on: loop) { hash.matches(password) }
    return matches && stored != nil
  }

  /// A new hash of a password that matched a hash of another cost; nil if none is needed, or the
  /// queue has no room for it now. Consequence of raising the cost: until the owners of older
  /// hashes sign in, wrong guesses at those hashes are answered sooner than guesses at unknown
  /// emails.
  func renewal(
    of stored: PasswordHash, _ password: Secret, of party: FairQueue.Party, on loop: EventLoop
  ) async -> PasswordHash? {
    stored.costs(limits.cost) ? nil : try? await hash(password, of: party, on: loop)
  }

  private func inTurn<Result: Sendable>(
    of party: FairQueue.Party, on loop: EventLoop, _ work: @escaping @Sendable () -> Result
  ) async throws(RPCStatus) -> Result {
    try await takeTurn(party)
    let result = await loop.offload(work)
    passTurn()
    return result
  }

  private func takeTurn(_ party: FairQueue.Party) async throws(RPCStatus) {
    let ticket: UInt64? = turns.withLock { turns in
      guard turns.running >= limits.runningMax else {
        turns.running += 1
        return nil
      }
      turns.nextTicket += 1
      return turns.nextTicket
    }
    guard let ticket else { return }
    let outcome = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in enqueue(ticket, party, continuation) }
    } onCancel: {
      giveUp(ticket)
    }
    guard outcome else {
      throw Task.isCancelled ? RPCStatus(.cancelled, "The caller gave up.") : Reason.tooManyRequests.status
    }
  }

  /// Waits in the queue; resumed with true when it is this ticket's turn, with false when the queue
  /// has no room for it or the call was cancelled.
  private func enqueue(
    _ ticket: UInt64, _ party: FairQueue.Party, _ continuation: CheckedContinuation<Bool, Never>
  ) {
    let (answer, displaced) = turns.withLock { turns -> (Bool?, CheckedContinuation<Bool, Never>?) in
      if turns.running < limits.runningMax {
        turns.running += 1
        return (true, nil)
      }
      guard !Task.isCancelled else { return (false, nil) }
      switch turns.queue.append(ticket, party) {
      case .refused: return (false, nil)
      case .waits:
        turns.waiting[ticket] = continuation
        return (nil, nil)
      case .waitsInsteadOf(let other):
        turns.waiting[ticket] = continuation
        return (nil, turns.waiting.removeValue(forKey: other))
      }
    }
    displaced?.resume(returning: false)
    if let answer { continuation.resume(returning: answer) }
  }

  private func giveUp(_ ticket: UInt64) {
    let waiter = turns.withLock { turns in
      turns.queue.remove(ticket)
      return turns.waiting.removeValue(forKey: ticket)
    }
    waiter?.resume(returning: false)
  }

  private func passTurn() {
    let next = turns.withLock { turns -> CheckedContinuation<Bool, Never>? in
      if let ticket = turns.queue.removeFirst(), let next = turns.waiting.removeValue(forKey: ticket) { return next }
      turns.running -= 1
      return nil
    }
    next?.resume(returning: true)
  }
}

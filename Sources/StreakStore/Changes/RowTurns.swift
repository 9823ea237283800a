internal import StreakDomain
internal import Synchronization

/// A row that a transaction locks for longer than one statement takes.
enum LockedRow: Hashable, Sendable {
  /// A person's head: the lock of all their data.
  case person(Identifier)
  case session(Identifier)
  /// An address that an account is being made for.
  case email(String)
}

/// The order of transactions that lock the same row for long: one at a time in a process. One that
/// waits here holds no connection of the database, and batches of changes leave the person out
/// meanwhile. Otherwise a few calls that name one row could hold all connections of a loop for as
/// long as a large migration takes.
///
/// Rows that other processes lock are waited for in the database. Any thread.
final class RowTurns: Sendable {
  /// Transactions that wait for one row; one more is refused.
  static let waitingMax = 64

  private struct Turn {
    /// In order of arrival.
    var waiting: [CheckedContinuation<Void, Never>] = []
    /// Called when the last turn of the row has ended.
    var onEnd: [@Sendable () -> Void] = []
  }

  private let turns = Mutex<[LockedRow: Turn]>([:])
  private let takenCount = Atomic(0)

  /// No row is locked for long: the usual case, found out without the lock.
  var isIdle: Bool { takenCount.load(ordering: .acquiring) == 0 }

  /// Waits for the row's turn; `end(_:)` must follow.
  /// - Throws: `.overloaded` if too many wait.
  func take(_ row: LockedRow) async throws(StoreError) {
    var isFull = false
    await withCheckedContinuation { continuation in
      let resumesNow = turns.withLock { turns in
        guard turns[row] != nil else {
          turns[row] = Turn()
          takenCount.add(1, ordering: .acquiringAndReleasing)
          return true
        }
        guard (turns[row]?.waiting.count ?? 0) < Self.waitingMax else {
          isFull = true
          return true
        }
        turns[row]?.waiting.append(continuation)
        return false
      }
      if resumesNow { continuation.resume() }
    }
    if isFull { throw .overloaded }
  }

  /// Gives the turn to the next one that waits.
  func end(_ row: LockedRow) {
    let (next, onEnd) = turns.withLock { turns -> (CheckedContinuation<Void, Never>?, [@Sendable () -> Void]) in
      guard var turn = turns.removeValue(forKey: row) else { return (nil, []) }
      guard turn.waiting.isEmpty else {
        let next = turn.waiting.removeFirst()
        turns[row] = turn
        return (next, [])
      }
      takenCount.subtract(1, ordering: .acquiringAndReleasing)
      return (nil, turn.onEnd)
    }
    next?.resume()
    for action in onEnd { action() }
  }

  /// Whether the row is locked for long now.
  /// - Parameter onEnd: If so, called once nothing locks it any more, on any thread.
  func isTaken(_ row: LockedRow, onEnd: @escaping @Sendable () -> Void) -> Bool {
    guard !isIdle else { return false }
    return turns.withLock { turns in
      turns[row]?.onEnd.append(onEnd)
      return turns[row] != nil
    }
  }
}

extension StreakStore {
  /// Runs a transaction that locks these rows for long, once nothing else in this process does.
  ///
  /// - Parameter rows: Each once, people before sessions before addresses, so that no two callers
  ///   wait for each other.
  func inTurn<Value>(
    of rows: [LockedRow], _ body: () async throws(StoreError) -> Value
  ) async throws(StoreError) -> Value {
    var taken: [LockedRow] = []
    defer { for row in taken.reversed() { turns.end(row) } }
    for row in rows {
      try await turns.take(row)
      taken.append(row)
      // A batch that was under way before the turn began has the row's lock before the transaction.
      if case .person(let userID) = row { await waitForBatches(of: userID) }
    }
    return try await body()
  }

  /// Waits, with no connection, while a transaction of this process locks the row for long: before
  /// a short statement that needs it.
  func whileFree(_ row: LockedRow) async {
    while !turns.isIdle {
      let isFree = await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
        if !turns.isTaken(row, onEnd: { continuation.resume(returning: false) }) {
          continuation.resume(returning: true)
        }
      }
      if isFree { return }
    }
  }
}

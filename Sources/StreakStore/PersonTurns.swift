internal import struct StreakDomain.Identifier

/// Lets the changes of one person's data on this loop go one after another, so that they do not undo each other's decisions and have to
/// be decided again. People do not wait for each other. Loop-confined.
///
/// Changes on other loops and in other processes are not held up: those that collide are told by the change number.
final class PersonTurns {
  // An entry is there while somebody has the turn; it holds those who wait, in order of arrival.
  private var waiting: [Identifier: [CheckedContinuation<Void, Never>]] = [:]

  /// People whose data is being changed.
  var peopleCount: Int { waiting.count }

  /// Executes `body` when it is this call's turn.
  func turn<Result>(
    of userID: Identifier, _ body: () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    if waiting[userID] == nil {
      waiting[userID] = []
    } else {
      await withCheckedContinuation { waiting[userID]?.append($0) }
    }
    defer { pass(userID) }
    return try await body()
  }

  private func pass(_ userID: Identifier) {
    guard waiting[userID]?.isEmpty == false else {
      waiting[userID] = nil
      return
    }
    waiting[userID]?.removeFirst().resume()
  }
}

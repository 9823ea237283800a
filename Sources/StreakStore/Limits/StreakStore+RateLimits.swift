internal import Cryptography
internal import Postgres

/// A limit: a number of calls within a window of time.
public struct RateCount: Sendable, Equatable {
  /// A name that identifies the counted thing, as bytes. Only its hash under the
  /// server key is stored.
  public var name: [UInt8]
  /// Most calls, 1 or more.
  public var callsMax: Int32
  /// The window's length, in seconds.
  public var windowSeconds: Int32
  /// As how many calls this one counts, 1 or more. One that would count as more than `callsMax`
  /// counts as `callsMax`.
  public var weight: Int32

  public init(name: [UInt8], callsMax: Int32, windowSeconds: Int32, weight: Int32 = 1) {
    self.name = name
    self.callsMax = callsMax
    self.windowSeconds = windowSeconds
    self.weight = weight
  }
}

extension StreakStore {
  private static let countCall = Statement(.write, "SELECT count_call($1, $2, $3, $4, $5)")

  /// Counts a call under each name, or under none if one of them has reached its limit. The
  /// database's clock decides, so that server processes agree.
  ///
  /// - Returns: In the order of the counts, the microseconds for which each still refuses; all zero
  ///   if the call was counted.
  public func countCall(_ counts: [RateCount]) async throws(StoreError) -> [Int64] {
    try await countCall(counts, isAlone: true, by: database)
  }

  /// - Parameter isAlone: The runner is not a transaction with other work.
  func countCall(
    _ counts: [RateCount], isAlone: Bool, by runner: some StatementRunner
  ) async throws(StoreError) -> [Int64] {
    guard !counts.isEmpty else { return [] }
    let key = serverKey
    let waits = try await runner.row(
      Self.countCall, .bytesArray(counts.map { key.countedName($0.name) }), .int32Array(counts.map(\.callsMax)),
      .int32Array(counts.map(\.windowSeconds)), .int32Array(counts.map(\.weight)), .bool(isAlone)
    ) { row throws(DatabaseError) in try row.int64Array(0) }
    return waits?.map { $0 ?? 0 } ?? []
  }
}

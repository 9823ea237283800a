internal import Postgres

/// Something that may happen a number of times within a window of time.
public struct RateCount: Sendable, Equatable {
  /// What is counted, as bytes that nothing else has. Stored as a keyed hash only.
  public var name: [UInt8]
  /// How often, 1 or more.
  public var callsMax: Int32
  /// The window's length, in seconds.
  public var windowSeconds: Int32

  public init(name: [UInt8], callsMax: Int32, windowSeconds: Int32) {
    self.name = name
    self.callsMax = callsMax
    self.windowSeconds = windowSeconds
  }
}

extension StreakStore {
  private static let countCall = Statement(.write, "SELECT count_call($1, $2, $3, $4)")

  /// Counts a call under each name, or under none if one of them has had as many as it may. The
  /// database's clock decides, so that server processes agree.
  ///
  /// - Returns: In the order of the counts, for how many more microseconds each refuses; all zero
  ///   if the call was counted.
  public func countCall(_ counts: [RateCount]) async throws(StoreError) -> [Int64] {
    try await Self.countCall(counts, isAlone: true, by: database)
  }

  /// - Parameter isAlone: The runner is no transaction that does other things too.
  static func countCall(
    _ counts: [RateCount], isAlone: Bool, by runner: some StatementRunner
  ) async throws(StoreError) -> [Int64] {
    guard !counts.isEmpty else { return [] }
    let waits = try await runner.row(
      countCall, .bytesArray(counts.map(\.name)), .int32Array(counts.map(\.callsMax)),
      .int32Array(counts.map(\.windowSeconds)), .bool(isAlone)
    ) { row throws(DatabaseError) in try row.int64Array(0) }
    return waits?.map { $0 ?? 0 } ?? []
  }
}

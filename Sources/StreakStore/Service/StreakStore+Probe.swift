internal import Postgres
internal import Synchronization

extension StreakStore {
  /// Disk space that a thorough probe needs, in bytes.
  static let probePaddingBytes = 65_536

  private static let probe = Statement(
    .write,
    """
    WITH ended AS (DELETE FROM server_probes WHERE probed_at < now() - interval '1 day' AND server <> $1),
      probed AS (\(WatchPresence.noteProbe(of: "$1", watches: "$2")))
    SELECT \(WatchPresence.isWatchedElsewhere("$1"))
    """)
  private static let probeRoom = Statement(
    .write, "INSERT INTO server_probes (\(ServerProbeColumn.room.list())) VALUES (gen_random_uuid(), now(), $1)")

  /// Tests what serving needs: writes a row of its own. After a statement was refused because the
  /// disk is full, it also takes new disk space until that succeeds: rewriting a row needs none.
  public func probe() async throws(StoreError) {
    let watches = watching.isWatchedHere
    let isWatched = try await database.row(Self.probe, .identifier(serverID), .bool(watches)) {
      row throws(DatabaseError) in try row.bool(0)
    }
    watching.noteProbe(watches: watches, isWatchedElsewhere: isWatched ?? false)
    guard lacksSpace.isSet else { return }
    try await transaction { transaction throws(StoreError) in
      var generator = SystemRandomNumberGenerator()
      // Not compressible.
      let padding = (0..<Self.probePaddingBytes).map { _ in UInt8.random(in: 0...255, using: &generator) }
      try await transaction.execute(Self.probeRoom, .bytes(padding))
      return .rollBack(())
    }
    lacksSpace.isSet = false
  }

  /// Servers of the connection string that lead to another database and are not used, with the
  /// reasons; for operators.
  public var unusedServers: [String] { configuration.knownDatabase.refusals }
}

/// Whether a statement was refused because the disk is full, and none has taken new space since.
/// Any thread.
final class SpaceFlag: Sendable {
  private let flag = Atomic(false)

  var isSet: Bool {
    get { flag.load(ordering: .relaxed) }
    set { flag.store(newValue, ordering: .relaxed) }
  }
}

internal import Postgres
internal import Synchronization

/// Where devices watch: hints of changes are sent to these processes only. Any thread.
final class WatchPresence: Sendable {
  /// The channel of NOTIFY on which a process announces that devices begin to watch through it.
  static let channel = "streakd_watches"

  private let countHere = Atomic(0)
  private let elsewhere = Atomic(false)
  /// Whether this process's row says that devices watch.
  private let announced = Atomic(false)

  /// Streams of this process that watch.
  var isWatchedHere: Bool { countHere.load(ordering: .relaxed) > 0 }

  var isWatchedElsewhere: Bool { elsewhere.load(ordering: .relaxed) }

  var isAnnounced: Bool { announced.load(ordering: .relaxed) }

  func begin() { countHere.add(1, ordering: .relaxed) }

  func end() { countHere.subtract(1, ordering: .relaxed) }

  func noteAnnounced() { announced.store(true, ordering: .relaxed) }

  func note(isWatchedElsewhere: Bool) { elsewhere.store(isWatchedElsewhere, ordering: .relaxed) }

  /// - Parameter watches: The value in this process's row.
  func noteProbe(watches: Bool, isWatchedElsewhere: Bool) {
    announced.store(watches, ordering: .relaxed)
    note(isWatchedElsewhere: isWatchedElsewhere)
  }

  /// SQL that notes when a server was probed last, and whether devices watch through it.
  static func noteProbe(of server: String, watches: String) -> String {
    """
    INSERT INTO server_probes (\(ServerProbeColumn.probe.list())) VALUES (\(server), now(), \(watches))
    ON CONFLICT (server) DO UPDATE SET \(ServerProbeColumn.probe.dropFirst().assignments(from: "excluded"))
    """
  }

  /// SQL: whether devices watch through a server other than the parameter's. A server that died
  /// counts for five minutes; the longest time between two probes of a live one is a minute.
  static func isWatchedElsewhere(_ parameter: String) -> String {
    """
    EXISTS (SELECT FROM server_probes WHERE server <> \(parameter) AND watches AND probed_at > now() - interval '5 minutes')
    """
  }
}

extension StreakStore {
  /// A device begins to watch through this process: hints of changes by other processes are sent
  /// here from now on. To be paired with `endWatch()`.
  ///
  /// - Returns: Whether the other processes may learn of it only after this call has returned: a
  ///   change that they store until then may not be notified.
  public func beginWatch() async -> Bool {
    watching.begin()
    guard !watching.isAnnounced else { return false }
    do throws(StoreError) {
      _ = try await database.execute(Self.announce, .identifier(serverID), .string(WatchPresence.channel))
      watching.noteAnnounced()
    } catch {
      // The next probe of readiness says it.
    }
    return true
  }

  public func endWatch() { watching.end() }

  private static let announce = Statement(
    .write,
    """
    WITH noted AS (\(WatchPresence.noteProbe(of: "$1", watches: "true")) RETURNING server)
    SELECT pg_notify($2, server::text) FROM noted
    """)
  private static let readPresence = Statement(.read, "SELECT \(WatchPresence.isWatchedElsewhere("$1"))")

  /// Another process has announced that devices watch through it, or such an announcement may have
  /// been missed.
  func readWatchPresence() async {
    do throws(StoreError) {
      let isWatched = try await database.row(Self.readPresence, .identifier(serverID)) { row throws(DatabaseError) in
        try row.bool(0)
      }
      watching.note(isWatchedElsewhere: isWatched ?? false)
    } catch {
      // The next probe of readiness reads it.
    }
  }
}

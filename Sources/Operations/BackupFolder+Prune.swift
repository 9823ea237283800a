internal import GRPCSchema
internal import Schema
package import struct StreakDomain.Instant
internal import StreakStore

/// The result of a clean-up.
package struct PruneOutcome: Sendable, Equatable {
  /// Removed, oldest first.
  package var removed: [String] = []
  /// Backups that the clean-up found damaged.
  package var damaged: [String] = []
  /// Nothing was removed, because no backup is known to be good.
  package var hasNoGoodBackup = false
}

extension BackupFolder {
  /// Removes backups older than the retention. The last good backup always stays. Before anything
  /// is removed, the newest backup that passed its trial restore is compared with its hash again.
  package func prune(retentionDays: Int, at now: Instant = .now()) throws(OperationsError) -> PruneOutcome {
    let lock = try lock()
    defer { lock.close() }
    return try pruneLocked(retentionDays: retentionDays, at: now)
  }

  private func pruneLocked(retentionDays: Int, at now: Instant) throws(OperationsError) -> PruneOutcome {
    try removeUnfinished()
    var outcome = PruneOutcome()
    let all = try backups()
    let border = now.advanced(bySeconds: -Int64(retentionDays) * 86_400)
    let expired = Self.expired(all, before: border)
    guard !expired.isEmpty else { return outcome }
    var lastGood: String?
    for backup in all.reversed() where backup.isGood {
      let check = try verify(backup.name, at: now)
      if check.failure.isEmpty {
        lastGood = backup.name
        break
      }
      outcome.damaged.append(backup.name)
    }
    guard let lastGood else {
      outcome.hasNoGoodBackup = true
      return outcome
    }
    for name in expired where name != lastGood {
      try remove(name)
      outcome.removed.append(name)
    }
    return outcome
  }

  /// The backups that began before a moment, without those whose begin is unknown.
  static func expired(_ backups: [Backup], before border: Instant) -> [String] {
    backups.filter { backup in
      guard let began = backup.beganAt else { return false }
      return began.seconds < border.seconds
    }.map(\.name)
  }
}

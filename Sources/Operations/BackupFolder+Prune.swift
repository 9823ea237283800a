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
  ///
  /// - Parameters:
  ///   - signers: The manifests of others are not believed: their backups are never good, and as
  ///     old as their names say.
  ///   - progress: Ends the comparison when the run is cancelled.
  package func prune(
    retentionDays: Int, signers: BackupSigners, progress: Progress = Progress(), at now: Instant = .now()
  ) throws(OperationsError) -> PruneOutcome {
    guard signers.canCheck else { throw .refused(signers.failure(of: nil, manifest: []) ?? "no signer is known") }
    let lock = try lock()
    defer { lock.close() }
    try removeUnfinished()
    var outcome = PruneOutcome()
    let all = try entries(signedBy: signers)
    let border = now.advanced(bySeconds: -Int64(retentionDays) * 86_400)
    let expired = all.filter { $0.began.map { $0.seconds < border.seconds } ?? false }.map(\.backup.name)
    guard !expired.isEmpty else { return outcome }
    var lastGood: String?
    for entry in all.reversed() where entry.isGood(at: now) {
      let check = try verify(entry.backup.name, signers: signers, progress: progress, at: now)
      if check.failure.isEmpty {
        lastGood = entry.backup.name
        break
      }
      outcome.damaged.append(entry.backup.name)
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
}

internal import Postgres
internal import PrivateCluster
internal import Schema

/// A trial restore, into a temporary PostgreSQL.
final class TrialRestore: ByteSink {
  /// Why the trial restore failed.
  struct Failure {
    let text: String
    /// True if the data is damaged; false if the test could not be made.
    let isDamage: Bool
  }

  private var cluster: ScratchCluster?
  private var session: PsqlSession?
  private var problem: String?

  /// Makes the cluster. If that fails, `failure(comparedWith:)` says why.
  init(
    in scratchFolder: String, majorVersion: Int, _ programs: PostgresPrograms, _ progress: Progress? = nil
  ) {
    do {
      let cluster = try ScratchCluster(in: scratchFolder, majorVersion: majorVersion)
      self.cluster = cluster
      let settings = try BackupSettings(
        configuration: .init(connectionString: cluster.connectionString), folder: "", recipients: [])
      let user = try ServerUser.chosen()
      let role = try RestoringRole(programs, environment: try settings.environment(), user: user)
      let session = try role.session(programs, user: user, progress: progress)
      self.session = session
      try session.run("BEGIN;")
    } catch {
      problem = "no trial restore: \(error)"
    }
  }

  deinit { end() }

  /// Takes a part of the dump.
  ///
  /// - Returns: Whether it takes more.
  func write(_ bytes: ArraySlice<UInt8>) throws(OperationsError) -> Bool {
    guard problem == nil, let session else { return false }
    return try session.write(bytes)
  }

  /// Prepares for pg_dump's own output.
  ///
  /// - Returns: The descriptor to write to; nil if there is no trial restore.
  func beginDump() -> Descriptor? {
    guard problem == nil, let session else { return nil }
    do throws(OperationsError) { try session.discardAnswers(true) } catch { problem = "no trial restore: \(error)" }
    return problem == nil ? session.input : nil
  }

  /// The whole of pg_dump's own output has been written.
  func endDump() { try? session?.discardAnswers(false) }

  /// Runs an untrusted dump; does nothing without a trial restore.
  func runRestricted(_ feed: () throws(OperationsError) -> Void) throws(OperationsError) {
    guard problem == nil, let session else { return }
    try session.runRestricted(feed)
  }

  /// Compares the restored data with the manifest. Call it after the whole dump.
  func failure(comparedWith backup: Backup) -> Failure? {
    if let problem { return Failure(text: problem, isDamage: false) }
    guard let session else { return Failure(text: "no trial restore", isDamage: false) }
    do throws(OperationsError) {
      let difference = try TableFingerprint.difference(in: session, from: backup)
      return difference.map { Failure(text: $0, isDamage: true) }
    } catch {
      // psql also stops when its disk is full, which does not prove damage. The backup is kept, but
      // does not count as good.
      return Failure(text: "the trial restore failed: \(error)", isDamage: false)
    }
  }

  func end() {
    session?.end()
    session = nil
    cluster?.remove()
    cluster = nil
  }
}

internal import Postgres
internal import PrivateCluster
internal import Schema

/// A restore on trial, into a PostgreSQL of its own that is gone afterwards.
final class Trial: ByteSink {
  /// Why the restored data was not found equal.
  struct Failure {
    let text: String
    /// The data is not what it should be, as opposed to: it could not be tried.
    let isDamage: Bool
  }

  private var cluster: ScratchCluster?
  private var session: PsqlSession?
  private var problem: String?

  /// Makes the cluster. If that fails, `failure(comparedWith:)` says why.
  init(in scratchFolder: String, majorVersion: Int, _ programs: PostgresPrograms) {
    do {
      let cluster = try ScratchCluster(in: scratchFolder, majorVersion: majorVersion)
      self.cluster = cluster
      let settings = try BackupSettings(
        configuration: .init(connectionString: cluster.connectionString), folder: "", recipients: [])
      let session = try PsqlSession(programs, environment: try settings.environment())
      self.session = session
      try session.run("BEGIN;")
      try session.discardAnswers(true)
    } catch {
      problem = "no trial restore: \(error)"
    }
  }

  deinit { end() }

  /// Takes a part of the dump.
  ///
  /// - Returns: Whether more makes sense.
  func write(_ bytes: ArraySlice<UInt8>) throws(OperationsError) -> Bool {
    guard problem == nil, let session else { return false }
    return try session.write(bytes)
  }

  /// Where the dump goes in; nil: there is no trial.
  var input: Descriptor? { problem == nil ? session?.input : nil }

  /// After the whole dump: compares what it restored to.
  func failure(comparedWith backup: Backup) -> Failure? {
    if let problem { return Failure(text: problem, isDamage: false) }
    guard let session else { return Failure(text: "no trial restore", isDamage: false) }
    do throws(OperationsError) {
      try session.discardAnswers(false)
      let difference = try TableFingerprint.difference(in: session, from: backup)
      return difference.map { Failure(text: $0, isDamage: true) }
    } catch {
      // psql refuses a damaged dump, and stops when its disk is full: the backup is kept, not as a good one.
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

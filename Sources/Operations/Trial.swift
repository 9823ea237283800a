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
  /// - Returns: Whether more makes sense.
  func write(_ bytes: ArraySlice<UInt8>) throws(OperationsError) -> Bool {
    guard problem == nil, let session else { return false }
    return try session.write(bytes)
  }

  /// Gets ready for pg_dump's own output.
  ///
  /// - Returns: Where it goes in; nil: there is no trial.
  func beginDump() -> Descriptor? {
    guard problem == nil, let session else { return nil }
    do throws(OperationsError) { try session.discardAnswers(true) } catch { problem = "no trial restore: \(error)" }
    return problem == nil ? session.input : nil
  }

  /// The whole of pg_dump's own output has gone in.
  func endDump() { try? session?.discardAnswers(false) }

  /// Runs a dump that is not trusted; without a trial, nothing.
  func runRestricted(_ feed: () throws(OperationsError) -> Void) throws(OperationsError) {
    guard problem == nil, let session else { return }
    try session.runRestricted(feed)
  }

  /// After the whole dump: compares what it restored to.
  func failure(comparedWith backup: Backup) -> Failure? {
    if let problem { return Failure(text: problem, isDamage: false) }
    guard let session else { return Failure(text: "no trial restore", isDamage: false) }
    do throws(OperationsError) {
      let difference = try TableFingerprint.difference(in: session, from: backup)
      return difference.map { Failure(text: $0, isDamage: true) }
    } catch {
      // psql refuses a damaged dump, and stops when its disk is full: the backup is kept, not as a
      // good one.
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

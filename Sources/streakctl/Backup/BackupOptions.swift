import ArgumentParser
import Glibc
import Operations
import Postgres
import PrivateCluster
import ProgramSupport

/// The backup folder.
struct FolderOption: ParsableArguments {
  @Option(help: "The folder of the backups. (environment: STREAKD_BACKUP_FOLDER)")
  var folder: String?

  func path() throws -> String {
    guard let path = folder ?? environment("STREAKD_BACKUP_FOLDER") else {
      throw ValidationError("--folder, or STREAKD_BACKUP_FOLDER, must name the folder of the backups.")
    }
    return path
  }
}

/// The folder of trial restores.
struct ScratchOption: ParsableArguments {
  @Option(
    help:
      "Where the trial restore's PostgreSQL runs; needs room for the whole database. (environment: STREAKD_BACKUP_SCRATCH_FOLDER; default: /var/tmp)"
  )
  var scratchFolder: String?

  var path: String {
    scratchFolder ?? environment("STREAKD_BACKUP_SCRATCH_FOLDER") ?? BackupSettings.scratchFolderDefault
  }
}

/// The signers of trusted backups.
struct SignerOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Whose signature a backup, and the erasure ledger, must carry: what streakctl backup signer prints on the server, or a file with such; may be repeated. "
        + "(environment: STREAKD_BACKUP_SIGNER; default: a comment with it in the file of --identity, else this machine's own)"
    ))
  var signer: [String] = []

  @Flag(
    help:
      "Accept a backup, and an erasure ledger, without a valid signature: any program that can write the folder can forge them."
  )
  var allowUnsigned = false

  func signers(identity: String?) throws(OperationsError) -> BackupSigners {
    guard !allowUnsigned else { return .unchecked }
    let named = signer.isEmpty ? [environment(BackupSigners.variable)].compactMap { $0 } : signer
    return try BackupSigners(named: named, identity: identity)
  }
}

/// The database.
struct DatabaseOptions: ParsableArguments {
  @Option(
    help:
      "A libpq URL or conninfo. With a password, use the environment: arguments are visible. (environment: STREAKD_DATABASE)"
  )
  var database: String?

  @Option(
    help:
      "Without --database: the data folder of a running streakd. (environment: STREAKD_DATA_FOLDER; default: .streakd)")
  var dataFolder: String?

  func configuration() throws -> PostgresConfiguration {
    let text: String
    if let database = database ?? environment("STREAKD_DATABASE") {
      text = database
    } else {
      do {
        text = try PrivateCluster.connectionString(
          runningIn: dataFolder ?? environment("STREAKD_DATA_FOLDER") ?? ".streakd")
      } catch {
        throw ValidationError("\(error)")
      }
    }
    do {
      return try PostgresConfiguration(connectionString: text)
    } catch {
      throw ValidationError("\(error)")
    }
  }
}

/// Runs blocking work on a thread of its own, shows its progress on a terminal, and turns errors
/// into messages and exit codes.
func operate<Value: Sendable>(
  _ progress: Progress = Progress(), isQuiet: Bool = false,
  _ body: @escaping @Sendable () throws(OperationsError) -> Value
) async throws -> Value {
  let display = isQuiet ? nil : ProgressDisplay(progress)
  let result = await onOwnThread { () -> Result<Value, OperationsError> in
    do throws(OperationsError) { return .success(try body()) } catch { return .failure(error) }
  }
  display?.end()
  for warning in progress.warnings { printError("Warning: \(warning)") }
  switch result {
  case .success(let value): return value
  case .failure(let error):
    printError("\(error)")
    if case .underWay = error { throw ExitCode(EX_TEMPFAIL) }
    throw ExitCode(1)
  }
}

import ArgumentParser
import Operations
import ProgramSupport

struct PruneBackupsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune",
    abstract: "Removes backups older than the retention, but never the last good one.")

  @OptionGroup var place: FolderOption
  @OptionGroup var trust: SignerOptions

  @Option(help: "How many days backups are kept.")
  var retentionDays = 30

  func run() async throws {
    guard (1...36_500).contains(retentionDays) else {
      throw ValidationError("--retention-days must be from 1 to 36500.")
    }
    let path = try place.path()
    let (days, trust) = (retentionDays, trust)
    let outcome = try await operate(isQuiet: true) { () throws(OperationsError) in
      try BackupFolder(path).prune(retentionDays: days, signers: try trust.signers(identity: nil))
    }
    for name in outcome.removed { print("removed \(name)") }
    for name in outcome.damaged { print("damaged \(name)") }
    if outcome.hasNoGoodBackup { printError("Nothing was removed: no backup is known to be good.") }
    if outcome.hasNoGoodBackup || !outcome.damaged.isEmpty { throw ExitCode(1) }
  }
}

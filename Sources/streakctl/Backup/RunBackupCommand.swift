import ArgumentParser
import Glibc
import Operations
import ProgramSupport
import Schema

struct RunBackupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Makes a backup now and restores it on trial; prints its name.")

  @OptionGroup var place: FolderOption
  @OptionGroup var database: DatabaseOptions

  @Option(
    help:
      "Whom to encrypt to: a public key (age1...), or a file with such; may be repeated. (environment: STREAKD_BACKUP_RECIPIENT)"
  )
  var recipient: [String] = []

  @Option(
    help:
      "The file with the key that signs the backup; made if there is none. (environment: STREAKD_BACKUP_SIGNING_KEY)")
  var signingKey: String?

  @OptionGroup var scratch: ScratchOption

  func run() async throws {
    let recipients = recipient.isEmpty ? [environment("STREAKD_BACKUP_RECIPIENT")].compactMap { $0 } : recipient
    guard !recipients.isEmpty else {
      throw ValidationError("--recipient, or STREAKD_BACKUP_RECIPIENT, must say whom to encrypt to.")
    }
    var settings = BackupSettings(
      configuration: try database.configuration(), folder: try place.path(), recipients: recipients)
    settings.scratchFolder = scratch.path
    settings.signingKeyFile = signingKey
    let progress = Progress()
    let ready = settings
    let made = try await operate(progress) { () throws(OperationsError) in
      try BackupMaker(ready, progress: progress).run()
    }
    guard let backup = made else { return }
    print(backup.name)
    if let failure = backup.trial?.failure, !failure.isEmpty {
      printError("The backup was made, but it is not verified: \(failure)")
      throw ExitCode(1)
    }
  }
}

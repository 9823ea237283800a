import ArgumentParser
import Operations
import Postgres
import ProgramSupport
import Schema

struct RestoreBackupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore",
    abstract: "Restores a backup into a new data folder or an empty database.",
    discussion: """
      Removes all users erased since, and raises the epoch, so that devices send again what the backup does not have. \
      All or nothing: an interrupted restore leaves nothing behind.
      """)

  @OptionGroup var place: FolderOption
  @OptionGroup var trust: SignerOptions

  @Argument(help: "The backup's name; without it the newest good one.")
  var name: String?

  @Option(help: "The file with the private key.")
  var identity: String

  @Option(help: "The data folder to make, for streakd --data-folder.")
  var into: String?

  @Option(
    help: "Or an empty database: a libpq URL or conninfo; with a password, use STREAKD_RESTORE_DATABASE instead.")
  var database: String?

  @Option(help: "The erasure ledger, if it is not the one in the backup folder.")
  var ledger: String?

  @Flag(help: "Restore without an erasure ledger: people who were erased after the backup come back.")
  var withoutLedger = false

  func run() async throws {
    let target: RestoreTarget
    switch (into, database ?? environment("STREAKD_RESTORE_DATABASE")) {
    case (let folder?, nil): target = .dataFolder(folder)
    case (nil, let address?):
      do {
        target = .database(
          BackupSettings(configuration: try .init(connectionString: address), folder: "", recipients: []))
      } catch {
        throw ValidationError("\(error)")
      }
    default: throw ValidationError("Name either a data folder (--into) or an empty database (--database).")
    }
    let path = try place.path()
    let (name, identity, ledger, withoutLedger, trust) = (name, identity, ledger, withoutLedger, trust)
    let progress = Progress()
    let outcome = try await operate(progress) { () throws(OperationsError) in
      let folder = try BackupFolder(path)
      let signers = try trust.signers(identity: identity)
      // Without a known signer the restore says what is needed.
      let newest = try folder.good(signedBy: signers.canCheck ? signers : .unchecked).last
      guard let chosen = name ?? newest?.name else {
        throw OperationsError.noSuchBackup("there is no good backup in \(path); name one")
      }
      let erased = withoutLedger ? nil : ledger.map { ErasureLedger(named: $0) } ?? folder.ledger
      if let erased, !erased.exists {
        throw OperationsError.refused(
          "the erasure ledger \(erased.path) is missing: people who were erased would come back; "
            + "name one with --ledger, or say --without-ledger")
      }
      return try Restore(
        from: folder, identity: identity, signers: signers, ledger: erased,
        progress: progress
      ).run(
        chosen, into: target)
    }
    print("restored \(outcome.backup.name), epoch \(outcome.epoch), \(outcome.erasedCount) erased people removed")
  }
}

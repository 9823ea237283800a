import ArgumentParser
import Operations

/// Signs the erasure ledger as it is.
struct SignLedgerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sign-ledger",
    abstract: "Signs the erasure ledger of a backup folder as it is: for one without a signature, or of a lost signer.",
    discussion: """
      Look at the file erasures first: everyone whom it lists is erased from the database at the next start.
      """)

  @OptionGroup var place: FolderOption

  @Option(
    help: "The file with the signing key; made if there is none. (environment: STREAKD_BACKUP_SIGNING_KEY)")
  var signingKey: String?

  func run() async throws {
    let (path, file) = (try place.path(), signingKey)
    let count = try await operate(isQuiet: true) { () throws(OperationsError) in
      try BackupFolder(path).ledger.sign(try BackupSigningKey(file: file))
    }
    print("signed the erasures of \(count) people")
  }
}

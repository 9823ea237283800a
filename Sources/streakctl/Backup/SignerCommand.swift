import ArgumentParser
import Operations

/// Prints the public key of this machine's backups.
struct SignerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "signer",
    abstract:
      "Prints the public part of the key that signs this machine's backups; restores on other machines need it.",
    discussion: "Keep it beside the private key, for example as a comment in that file: # streakd-signer-...")

  @Option(
    help: "The file with the signing key; made if there is none. (environment: STREAKD_BACKUP_SIGNING_KEY)")
  var signingKey: String?

  func run() async throws {
    let file = signingKey
    print(try await operate(isQuiet: true) { () throws(OperationsError) in try BackupSigningKey(file: file).signer })
  }
}

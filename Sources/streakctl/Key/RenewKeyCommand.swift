import ArgumentParser
import Cryptography
import Operations
import ProgramSupport
import StreakStore

struct RenewKeyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "renew",
    abstract: "Replaces the secrets themselves, where a copy of the file and of the database is in other hands.",
    discussion: """
      Stop every server of the database first. Passwords are sealed under the new secrets and stay valid; signed-in devices stay signed in. \
      Recovery codes, links of mails and counts of calls end. The former key stays in the file as the previous one: streakctl key retire \
      removes it. Exit codes: 0 done; 1 refused; 69 the database cannot be used.
      """)

  @Argument(help: "The file of --server-key-file.")
  var file: String

  @OptionGroup var database: KeyDatabaseOption

  func run() async throws {
    // A file that fits before and after: no crash in between leaves a database without its key.
    let keys = try await database.rotate(file)
    guard let renewal = try await database.renew(keys.present) else {
      try ServerKeyFile.replace(file, with: keys.former)
      printError("A server of the database is running; nothing was changed. Stop every one first.")
      throw ExitCode(1)
    }
    print("\(file): new secrets are in use, and \(renewal.passwordCount) passwords are sealed under them.")
    if renewal.lostPasswordCount > 0 {
      print("\(renewal.lostPasswordCount) passwords were sealed under a key that is lost: those people need a reset.")
    }
    print("Copy the file to every server of the database, and beside the backups' private key.")
  }
}

import ArgumentParser
import Cryptography
import Operations
import ProgramSupport

struct RotateKeyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rotate", abstract: "Makes a new key the current one, and encrypts the database's secrets under it.",
    discussion: """
      The former key stays in the file as the previous one, so that the file fits before and after. Everything that was issued stays \
      valid. If the command fails midway, the next start of a server completes it.
      """)

  @Argument(help: "The file of --server-key-file.")
  var file: String

  @OptionGroup var database: KeyDatabaseOption

  func run() async throws {
    try await database.open(database.rotate(file).present)
    print(
      "\(file): the new key is in use. Copy the file to every server of the database, and beside the backups' private key."
    )
  }
}

struct RetireKeyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retire", abstract: "Removes the previous key from the file, if the database does not need it.",
    discussion:
      "Backups of the time before the rotation need it: keep the copy that is beside the backups' private key.")

  @Argument(help: "The file of --server-key-file.")
  var file: String

  @OptionGroup var database: KeyDatabaseOption

  func run() async throws {
    guard let keys = try ServerKeyFile.read(file) else { throw ValidationError("\(file) is missing.") }
    guard keys.hasPrevious else { throw ValidationError("\(file) holds one key only.") }
    // Encrypts under the current key, if nothing has done so yet.
    try await database.open(keys)
    try await database.open(keys.withoutPrevious)
    try ServerKeyFile.replace(file, with: keys.withoutPrevious)
    print("\(file): the previous key is removed.")
  }
}

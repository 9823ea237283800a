import ArgumentParser
import Operations
import ProgramSupport

struct MakeKeyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "make", abstract: "Makes the file for a new database; its user must be the server's or root.")

  @Argument(help: "The file; there must be none.")
  var file: String

  func run() async throws {
    guard try ServerKeyFile.read(file) == nil else { throw ValidationError("\(file) has a key already.") }
    _ = try ServerKeyFile.make(file)
    print("\(file): keep a copy apart from the backups.")
  }
}

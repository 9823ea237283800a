import ArgumentParser
import Glibc
import ProgramSupport

/// Makes load on a streakd.
@main
struct StreakLoadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "streak-load",
    abstract: "Makes people's journeys on a running server at a given rate, and checks every answer.",
    discussion: """
      It makes accounts of its own and leaves them there: not for a server with real people. All its calls come from one address: the server needs \
      --rate-limit-factor 0 --calls-per-person-max 0 --calls-per-address-max 0. \
      Exit codes: 0 all is well; 1 something failed, or the audit found something; 64 wrong usage; 69 the server cannot be reached.
      """,
    version: ProgramVersion.text(of: "streak-load"),
    subcommands: [RunCommand.self, SearchCommand.self, AuditCommand.self, CompareCommand.self],
    defaultSubcommand: RunCommand.self)
}

/// Small files.
enum Files {
  /// Most bytes that are read of a file.
  static let bytesMax = 1_024 * 1_024 * 1_024

  static func read(_ path: String) throws -> String {
    guard let file = fopen(path, "r") else { throw ValidationError("\(path) cannot be read.") }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while bytes.count < bytesMax {
      let count = fread(&chunk, 1, chunk.count, file)
      guard count > 0 else { break }
      bytes += chunk[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// - Parameter isSecret: Whether only the owner may read the file.
  static func write(_ text: String, to path: String, isSecret: Bool = false) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, isSecret ? 0o600 : 0o666)
    guard descriptor >= 0, let file = fdopen(descriptor, "w") else {
      throw ValidationError("\(path) cannot be written.")
    }
    defer { fclose(file) }
    if isSecret { fchmod(descriptor, 0o600) }
    let bytes = Array(text.utf8)
    guard fwrite(bytes, 1, bytes.count, file) == bytes.count, fflush(file) == 0 else {
      throw ValidationError("\(path) cannot be written.")
    }
  }
}

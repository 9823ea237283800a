import ArgumentParser
import StreakClient

struct ExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Writes your data into a JSON file.",
    discussion: """
      With an account: everything that the server holds about you; what waits here is sent first. Without one, or with --local: what is on this \
      device. streak import reads both. The file appears whole or not at all; after an interruption the same command continues there.
      """)

  @Option(help: "The file.", completion: .file())
  var out: String

  @Flag(help: "Only what is on this device; no server is asked.")
  var local = false

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run { client, hasServer in
      let hasAccount = try await client.accounts().contains(where: \.isCurrent)
      guard hasAccount, !local else {
        return say("\(out)  \(try await client.exportLocally(to: out)) bytes, of this device")
      }
      guard hasServer else {
        throw ValidationError("No server is known: say --server HOST:PORT, or --local for what is on this device.")
      }
      say("\(out)  \(try await client.export(to: out)) bytes")
    }
  }
}

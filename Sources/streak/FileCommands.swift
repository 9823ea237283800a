import ArgumentParser
import StreakClient

struct ExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Writes everything the server holds about you into a JSON file.",
    discussion:
      "What waits here is sent first. The file appears whole or not at all; after a cut the same command goes on where it was."
  )

  @Option(help: "The file.")
  var out: String

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      say("\(out)  \(try await client.export(to: out)) bytes")
    }
  }
}

import ArgumentParser
import StreakClient

struct RequestRecoveryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "request", abstract: "Asks for what the account held at a moment.")

  @Argument(help: "The first word of a line of streak recover list.")
  var point: String

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      say(try await client.requestRecovery(of: point).line)
    }
  }
}

import ArgumentParser
import StreakClient

struct ShowRecoveryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Shows what a recovery would bring back now. Changes nothing.")

  @Argument(help: "The recovery's ID in streak recover list, or its beginning.")
  var recovery: String

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      let recovery = try await client.recovery(meant: recovery)
      for line in try await client.previewRecovery(recovery.id).lines { say(line) }
    }
  }
}

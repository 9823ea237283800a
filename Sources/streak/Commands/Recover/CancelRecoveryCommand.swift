import ArgumentParser
import StreakClient

struct CancelRecoveryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "cancel", abstract: "Gives a recovery up.")

  @Argument(help: "The recovery's ID in streak recover list, or its beginning.")
  var recovery: String

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      try await client.cancelRecovery(try await client.recovery(meant: recovery).id)
      say("Given up.")
    }
  }
}

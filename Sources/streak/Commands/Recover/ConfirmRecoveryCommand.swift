import ArgumentParser
import StreakClient

struct ConfirmRecoveryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "confirm", abstract: "Merges a recovery into the account.",
    discussion: "Shows what comes back first, and does it with --yes.")

  @Argument(help: "The recovery's ID in streak recover list, or its beginning.")
  var recovery: String

  @Flag(help: "Do it.")
  var yes = false

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      let recovery = try await client.recovery(meant: recovery)
      let plan = try await client.previewRecovery(recovery.id)
      for line in plan.lines { say(line) }
      guard yes else { throw CommandFailure("Nothing is merged yet: say --yes.") }
      guard case .merged = try await client.confirmRecovery(recovery.id, plan: plan) else {
        throw CommandFailure("The account changed meanwhile; nothing was merged. Look again, and confirm then.")
      }
      try await client.sync()
      say("Merged.")
    }
  }
}

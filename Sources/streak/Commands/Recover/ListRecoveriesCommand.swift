import ArgumentParser
import StreakClient

struct ListRecoveriesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists the moments to go back to, and what was asked for.")

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      for point in try await client.recoveryPoints() {
        say("\(point.name.plain)  as it was on \(moment(point.moment))")
      }
      for recovery in try await client.recoveries() { say(recovery.line) }
    }
  }
}

import ArgumentParser
import StreakClient

struct ShowAccountCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Shows the account as the server has it.")

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      let status = try await client.accountStatus()
      say("\(status.email.plain): since \(moment(status.createdAt)).")
      let codes = status.recoveryCodesLeft
      say(codes == 0 ? "No recovery codes: streak account codes makes some." : "\(codes) recovery codes are left.")
      if let date = status.deletionAt { say("Will be deleted \(moment(date)). To keep it: streak account keep") }
    }
  }
}

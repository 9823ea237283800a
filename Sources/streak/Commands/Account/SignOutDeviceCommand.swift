import ArgumentParser
import StreakClient

struct SignOutDeviceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sign-out", abstract: "Signs another device of the account out.",
    discussion: "What that device has not sent waits there for its next login.")

  @Argument(help: "The device's ID in streak account devices, or its beginning.")
  var device: String

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      let found = try await client.devices().filter { $0.id.description.hasPrefix(device.lowercased()) }
      guard found.count == 1 else { throw CommandFailure("\(found.count) devices begin with \(device).") }
      guard !found[0].isThisDevice else { throw CommandFailure("That is this device: streak logout signs it out.") }
      let wasSignedIn = try await client.signOutDevice(found[0].id)
      say("\(found[0].name.plain): \(wasSignedIn ? "signed out" : "was signed out already").")
    }
  }
}

import ArgumentParser
import ProtobufCodec
import StreakClient

struct DevicesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devices", abstract: "Lists the devices of the account, one a line.",
    discussion: "The first word of a line is the ID for streak account sign-out.")

  @Flag(help: "Write them as JSON.")
  var json = false

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      let devices = try await client.devices()
      if json { return say(JSONValue.array(devices.map(\.json)).asciiText) }
      for device in devices { say(device.line) }
    }
  }
}

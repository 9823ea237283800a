import ArgumentParser
import StreakClient

struct ApproveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "approve", abstract: "Lists devices that ask to be signed in, or signs one in by its six digits.",
    discussion: """
      On the other device: streak login EMAIL --ask-other-device. It shows six digits. Approve only a device that is before you.
      """)

  @Argument(help: "The six digits that the other device shows.")
  var digits: String?

  @Flag(help: "Refuse it instead.")
  var deny = false

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      let requests = try await client.signInRequests()
      guard let digits else {
        if requests.isEmpty { say("No device asks to be signed in.") }
        for request in requests {
          say(
            "\(request.digits)  \(request.deviceName.plain) (\(request.platform.plain)) from \(request.address.plain), \(moment(request.requestedAt))"
          )
        }
        return
      }
      guard let request = requests.first(where: { $0.digits == digits }) else {
        throw CommandFailure("No device that asks shows \(digits.plain).")
      }
      if deny {
        try await client.denySignIn(request)
        say("\(request.deviceName.plain): refused.")
      } else {
        try await client.approveSignIn(request)
        say("\(request.deviceName.plain): approved.")
      }
    }
  }
}

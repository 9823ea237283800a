import ArgumentParser
import StreakClient

struct SyncCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sync", abstract: "Sends waiting changes and fetches new ones.",
    discussion: "With --watch it keeps running, and this device up to date, until it is ended.")

  @Flag(help: "Stay, and sync whenever another device changes something.")
  var watch = false

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      guard try await client.accounts().contains(where: \.isCurrent) else {
        throw CommandFailure("There is no account to sync with: streak signup, or streak login.")
      }
      guard watch else {
        let report = try await client.sync()
        return say("\(report.sent) sent, \(report.received) received.")
      }
      let events = try await client.events()
      let running = Task { await client.run() }
      defer { running.cancel() }
      say("Watching; end with Ctrl-C.")
      for await event in events {
        switch event {
        case .changed: say("Changed by another device.")
        case .notice(let id, let notice):
          say(NoticeText(try await client.habits(includingArchived: true)).text(id, notice))
        case .rejected(let operation, let reason):
          say(NoticeText(try await client.habits(includingArchived: true)).text(operation, reason))
        case .signInNeeded: throw ClientError.signInNeeded
        case .accountErased: throw ClientError.accountErased
        case .accountUnknown: throw ClientError.accountUnknown
        }
      }
    }
  }
}

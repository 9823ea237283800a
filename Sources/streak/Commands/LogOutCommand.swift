import ArgumentParser
import StreakClient

struct LogOutCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logout", abstract: "Signs this device out.",
    discussion: """
      What was recorded for the account stays on this device, and is shown again after the next login to it; so does what waits to be sent. \
      --forget removes it.
      """)

  @Flag(help: "Also remove the account's data from this device, once everything is sent.")
  var forget = false

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(timeoutMilliseconds: Streak.soonMilliseconds) { client, hasServer in
      let account = try await client.accounts().first(where: \.isCurrent)
      if forget {
        try await Streak.sendSoon(client, hasServer, false)
        if let waiting = try await client.accounts().first(where: \.isCurrent)?.waiting, waiting > 0 {
          throw CommandFailure("\(waiting) changes have not reached the server; nothing was removed.")
        }
      }
      try await client.signOut()
      if forget, let account { try await client.forget(account.userID) }
      say(
        account.map { account in
          let email = account.email.plain
          return forget
            ? "Signed out; nothing of \(email) is left on this device. Everything is on the server."
            : "Signed out. What was recorded for \(email) stays on this device: streak login \(email) shows it again."
        } ?? "Signed out.")
    }
  }
}

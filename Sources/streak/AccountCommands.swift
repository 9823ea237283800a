import ArgumentParser
import Glibc
import StreakClient
import StreakDomain

struct SignUpCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "signup", abstract: "Makes an account of what was recorded here.",
    discussion: """
      The password is asked for, or read from standard input. Of the days recorded without an account those of the last 30 days count; earlier \
      ones are kept and shown. If the answer is lost, the same command again gives the same account.
      """)

  @Argument(help: "Your email.")
  var email: String

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      let password = try Terminal.password("Password (8 bytes at least): ")
      if isatty(STDIN_FILENO) == 1, try Terminal.password("Again: ") != password {
        throw Complaint("The two passwords differ.")
      }
      let report = try await client.signUp(email: email, password: password)
      try options.remember()
      say("\(email): signed up. \(report.map(\.summary) ?? "")")
      try await client.sync()
    }
  }
}

struct LogInCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "login", abstract: "Signs this device in to an account.",
    discussion: """
      The password is asked for, or read from standard input. What was recorded here without an account stays apart unless --migrate brings it \
      into this one; it can be brought later by the same command.
      """)

  @Argument(help: "Your email.")
  var email: String

  @Flag(help: "Bring what was recorded here without an account into this one.")
  var migrate = false

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      try await client.signIn(email: email, password: try Terminal.password("Password: "))
      try options.remember()
      say("\(email): signed in.")
      if migrate, try await client.hasSession() {
        say(try await client.migrateSession().summary)
      } else if try await client.hasSession() {
        say(
          "What was recorded here without an account stays apart; bring it along with: streak login \(email) --migrate")
      }
      try await client.sync()
    }
  }
}

struct LogOutCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logout", abstract: "Signs this device out.",
    discussion: "What waits to be sent stays here and is sent after the next login to the same account.")

  @Flag(help: "Also remove the account's data from this device, once everything is sent.")
  var forget = false

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(timeoutMilliseconds: Streak.soonMilliseconds) { client, hasServer in
      let account = try await client.accounts().first(where: \.isCurrent)
      if forget {
        try await Streak.sendSoon(client, hasServer, false)
        if let waiting = try await client.accounts().first(where: \.isCurrent)?.waiting, waiting > 0 {
          throw Complaint("\(waiting) changes have not reached the server; nothing was removed.")
        }
      }
      try await client.signOut()
      if forget, let account { try await client.forget(account.userID) }
      say(
        account.map { account in
          forget
            ? "Signed out; nothing of \(account.email) is left on this device."
            : "Signed out. What was recorded for \(account.email) stays on this device: streak login \(account.email) shows it again."
        } ?? "Signed out.")
    }
  }
}

extension MigrationReport {
  var summary: String {
    var parts = [daysCounted == 1 ? "1 day counts" : "\(daysCounted) days count"]
    if daysQuarantined > 0 { parts.append("\(daysQuarantined) are kept without counting") }
    if entriesRejected > 0 { parts.append("\(entriesRejected) were not accepted (see the export)") }
    return "Brought along: " + parts.joined(separator: ", ") + "."
  }
}

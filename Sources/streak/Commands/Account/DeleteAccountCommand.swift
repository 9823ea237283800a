import ArgumentParser
import StreakClient

struct DeleteAccountCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Deletes the account with everything in it, on the server and on all devices.",
    discussion: """
      It cannot be taken back: streak export first. The email must be given, and the words "\(StreakClient.deletionPhrase)" typed, or read from \
      standard input.
      """)

  @Argument(help: "The account's email.")
  var email: String

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      guard let account = try await client.accounts().first(where: \.isCurrent) else {
        throw ClientError.notPossible("No account is in use on this device: log in first.")
      }
      guard account.email.lowercased() == email.lowercased() else {
        throw CommandFailure("The account in use here is \(account.email.plain); nothing was deleted.")
      }
      Terminal.prompt("Type \"\(StreakClient.deletionPhrase)\" to delete it for ever: ")
      guard let typed = readLine(), typed == StreakClient.deletionPhrase else {
        throw CommandFailure("Nothing was deleted.")
      }
      try await client.deleteAccount(email: email, confirmation: typed)
      say("\(email): deleted, with everything in it.")
    }
  }
}

import ArgumentParser
import StreakClient

struct DeleteAccountCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Deletes the account with everything in it, on the server and on all devices.",
    discussion: """
      The deletion is announced, seven days ahead unless the server says otherwise; until then streak account keep takes it back. With --immediately \
      it cannot be taken back: streak export first. The email must be given, and the words "\(StreakClient.deletionPhrase)" typed, or read from \
      standard input; with --immediately also the password, or an empty line and a recovery code.
      """)

  @Argument(help: "The account's email.")
  var email: String

  @Flag(help: "Delete now.")
  var immediately = false

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      guard let account = try await client.accounts().first(where: \.isCurrent) else {
        throw ClientError.notPossible("No account is in use on this device: log in first.")
      }
      guard account.email.lowercased() == email.lowercased() else {
        throw CommandFailure("The account in use here is \(account.email.plain); nothing was deleted.")
      }
      Terminal.prompt("Type \"\(StreakClient.deletionPhrase)\" to delete it\(immediately ? " for ever" : ""): ")
      guard let typed = readLine(), typed == StreakClient.deletionPhrase else {
        throw CommandFailure("Nothing was deleted.")
      }
      if immediately {
        try await client.deleteAccount(email: email, confirmation: typed, proof: try askForProof())
        return say("\(email): deleted, with everything in it.")
      }
      let date = try await withProof(client) { () async throws(ClientError) in
        try await client.announceDeletion(email: email, confirmation: typed)
      }
      say("\(email): will be deleted \(moment(date)), with everything in it. To keep it: streak account keep")
    }
  }
}

struct KeepAccountCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keep", abstract: "Takes back the announced deletion of the account.")

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      say(try await client.cancelDeletion() ? "The account is kept." : "No deletion was announced.")
    }
  }
}

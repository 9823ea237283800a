import ArgumentParser
import StreakClient

struct RecoveryCodesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "codes", abstract: "Makes eight recovery codes, one a line; the former ones end.",
    discussion: """
      Each signs you in once if you forget the password: streak login EMAIL --forgot-password. They are shown here only: print them. \
      The password, or in its place an empty line and then a recovery code, is asked for, or read from standard input, unless you have just logged in.
      """)

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      let codes = try await withProof(client) { () async throws(ClientError) in
        try await client.createRecoveryCodes()
      }
      for code in codes { say(code) }
    }
  }
}

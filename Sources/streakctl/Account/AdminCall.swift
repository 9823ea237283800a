import ArgumentParser
import EventLoop
import ProgramSupport
import ProtobufCodec
import RPC
import Schema
import StreakDomain

/// The account that a command is about, and the server that knows it.
struct AccountChoice: ParsableArguments {
  @Argument(help: "The account's email, or its id's 32 hexadecimal digits.")
  var account: String

  @OptionGroup var server: ServerOptions

  private var id: Identifier? { Identifier(hexadecimal: account.filter { $0 != "-" }) }

  /// Finds the account, and makes a call about it.
  func run(
    _ body: (RPCChannel, _ found: FindAccountResponse, CallOptions) async throws(RPCStatus) -> Void
  ) async throws {
    let thread = EventLoopThread()
    defer { thread.stopAndJoin() }
    let channel = try server.channel(on: thread.loop)
    defer { channel.close() }
    let options = CallOptions(metadata: ServerOptions.credentials())
    do throws(RPCStatus) {
      let request = FindAccountRequest(by: id.map { .userId($0.bytes) } ?? .email(account))
      let found: UnaryReply<FindAccountResponse> = try await channel.unary(
        AccountAdminServiceMethods.findAccount, request, options: options)
      try await body(channel, found.message, options)
    } catch {
      printError(error.explanation)
      throw error.exitCode
    }
  }
}

extension FindAccountResponse {
  var userID: [UInt8] { account?.userId ?? [] }
  var email: String { account?.email ?? "" }
}

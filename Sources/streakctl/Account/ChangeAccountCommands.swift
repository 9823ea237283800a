import ArgumentParser
import Glibc
import ProgramSupport
import RPC
import Schema

struct LockAccountCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lock", abstract: "Signs an account out everywhere, and refuses its sign-ins until it is unlocked.",
    discussion: "The operator's rights: find, lock.")

  @OptionGroup var choice: AccountChoice

  func run() async throws {
    try await choice.run { channel, found, options throws(RPCStatus) in
      let reply: UnaryReply<LockAccountResponse> = try await channel.unary(
        AccountAdminServiceMethods.lockAccount, LockAccountRequest(userId: found.userID), options: options)
      print("\(found.email): locked; \(reply.message.devicesSignedOut) devices were signed out")
    }
  }
}

struct UnlockAccountCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unlock", abstract: "Lets a locked account sign in again.",
    discussion: "The operator's rights: find, lock.")

  @OptionGroup var choice: AccountChoice

  func run() async throws {
    try await choice.run { channel, found, options throws(RPCStatus) in
      let reply: UnaryReply<UnlockAccountResponse> = try await channel.unary(
        AccountAdminServiceMethods.unlockAccount, UnlockAccountRequest(userId: found.userID), options: options)
      print("\(found.email): \(reply.message.wasLocked ? "unlocked" : "was not locked")")
    }
  }
}

struct SignOutAccountCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sign-out", abstract: "Signs an account out on every device.",
    discussion: "The operator's rights: find, lock.")

  @OptionGroup var choice: AccountChoice

  func run() async throws {
    try await choice.run { channel, found, options throws(RPCStatus) in
      let reply: UnaryReply<SignOutAccountResponse> = try await channel.unary(
        AccountAdminServiceMethods.signOutAccount, SignOutAccountRequest(userId: found.userID), options: options)
      print("\(found.email): \(reply.message.devicesSignedOut) devices were signed out")
    }
  }
}

struct ResetAccountCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reset", abstract: "Mails the person a link to a new password, if the account's email is confirmed.",
    discussion: "The link goes to that email only. The operator's rights: find, reset.")

  @OptionGroup var choice: AccountChoice

  func run() async throws {
    try await choice.run { channel, found, options throws(RPCStatus) in
      let _: UnaryReply<StartPasswordResetResponse> = try await channel.unary(
        AccountAdminServiceMethods.startPasswordReset, StartPasswordResetRequest(userId: found.userID),
        options: options)
      print("\(found.email): a link is on its way")
    }
  }
}

struct EraseAccountCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "erase", abstract: "Erases an account at once, with everything in it.",
    discussion: """
      On the person's request only: it cannot be taken back. The account's email must be given by --email as well. \
      The operator's rights: find, erase.
      """)

  @OptionGroup var choice: AccountChoice

  @Option(help: "The account's email.")
  var email: String

  func run() async throws {
    try await choice.run { channel, found, options throws(RPCStatus) in
      let _: UnaryReply<EraseAccountResponse> = try await channel.unary(
        AccountAdminServiceMethods.eraseAccount, EraseAccountRequest(userId: found.userID, email: email),
        options: options)
      print("\(found.email): erased")
    }
  }
}

struct ExportAccountCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Writes everything the server holds about a person to standard output, as JSON.",
    discussion: "On the person's request only. The operator's rights: find, export.")

  @OptionGroup var choice: AccountChoice

  func run() async throws {
    try await choice.run { channel, found, options throws(RPCStatus) in
      let stream: ClientStream<ExportAccountRequest, ExportResponse> = channel.serverStreaming(
        AccountAdminServiceMethods.exportAccount, ExportAccountRequest(userId: found.userID, format: .json),
        options: options)
      var isComplete = false
      while let response = try await stream.next() {
        var start = 0
        while start < response.chunk.count {
          let count = response.chunk[start...].withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
          if count < 0, errno == EINTR { continue }
          guard count > 0 else { throw RPCStatus(.cancelled, "Standard output is closed.") }
          start += count
        }
        isComplete = response.manifest != nil
      }
      guard isComplete else { throw RPCStatus(.unavailable, "The document ended early.") }
    }
  }
}

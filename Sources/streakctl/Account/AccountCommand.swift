import ArgumentParser
import EventLoop
import Glibc
import Operations
import ProgramSupport
import RPC
import Schema
import StreakDomain

/// Tasks for single accounts, for operators and the holder of the backups' private key.
struct AccountCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "account", abstract: "Finds, locks, exports and erases single accounts, and fulfils their recoveries.",
    discussion: """
      The operator's token is taken from the environment (STREAKCTL_TOKEN). Each command leaves an event with the operator's name in the \
      person's own audit trail.
      """,
    subcommands: [
      FindAccountCommand.self, LockAccountCommand.self, UnlockAccountCommand.self, SignOutAccountCommand.self,
      ResetAccountCommand.self, ExportAccountCommand.self, EraseAccountCommand.self, Recover.self,
    ])

  struct Recover: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Takes the requested data out of backups; the person then previews and confirms it.",
      discussion: """
        For the holder of the private key, with a copy of the backup folder: nothing is restored, and the key goes nowhere. The operator's \
        token is taken from the environment (STREAKCTL_TOKEN). Without --recovery every waiting request is fulfilled. \
        Exit codes: 0 done; 1 one of them could not be; 69 the server cannot be reached.
        """)

    @OptionGroup var server: ServerOptions

    @OptionGroup var place: FolderOption

    @OptionGroup var trust: SignerOptions

    @Option(help: "The file with the private key.")
    var identity: String

    @Option(help: "Only this recovery: its id's 32 hexadecimal digits.")
    var recovery: String?

    @Option(help: "Stay, and look for requests again every so many seconds.")
    var everySeconds: Int?

    /// Most records in one message, and most bytes of them.
    private static let recordsPerMessage = 1_000
    private static let failureBytesMax = 200

    func run() async throws {
      let only = try recovery.map { text in
        guard let id = Identifier(hexadecimal: text.filter { $0 != "-" }) else {
          throw ValidationError("--recovery must be 32 hexadecimal digits.")
        }
        return id.bytes
      }
      if let everySeconds, !(1...86_400).contains(everySeconds) {
        throw ValidationError("--every-seconds must be from 1 to 86400.")
      }
      let path = try place.path()
      let thread = EventLoopThread()
      defer { thread.stopAndJoin() }
      let channel = try server.channel(on: thread.loop)
      defer { channel.close() }
      while true {
        let isGood: Bool
        do throws(RPCStatus) {
          isGood = try await fulfil(only, path, channel)
        } catch {
          printError(error.explanation)
          guard everySeconds != nil else { throw error.exitCode }
          isGood = true
        }
        guard let everySeconds else {
          if !isGood { throw ExitCode(1) }
          return
        }
        try? await Task.sleep(nanoseconds: UInt64(everySeconds) * 1_000_000_000)
      }
    }

    /// - Returns: Whether each request was fulfilled.
    private func fulfil(_ only: [UInt8]?, _ path: String, _ channel: RPCChannel) async throws(RPCStatus) -> Bool {
      let waiting: UnaryReply<ListRecoveryRequestsResponse> = try await channel.unary(
        AdminServiceMethods.listRecoveryRequests, ListRecoveryRequestsRequest(), options: options)
      let requests = waiting.message.requests.filter { only == nil || $0.recoveryId == only }
      if let only, requests.isEmpty {
        printError("the recovery \(Identifier(only)?.description ?? "") does not wait for anything")
        return false
      }
      var isGood = true
      for request in requests where try await !fulfil(request, path, channel) { isGood = false }
      return isGood
    }

    private func fulfil(
      _ request: RecoveryRequest, _ path: String, _ channel: RPCChannel
    ) async throws(RPCStatus) -> Bool {
      guard let userID = Identifier(request.userId), let id = Identifier(request.recoveryId) else { return false }
      let progress = Progress()
      let display = ProgressDisplay(progress)
      let (identity, trust) = (identity, trust)
      let extracted = await onOwnThread { () -> Result<[ExportRecord], OperationsError> in
        do throws(OperationsError) {
          let extraction = AccountExtraction(
            from: try BackupFolder(path), identity: identity, signers: try trust.signers(identity: identity),
            progress: progress)
          return .success(try extraction.run(request.backup, of: userID))
        } catch {
          return .failure(error)
        }
      }
      display.end()
      let records: [ExportRecord]
      var failure = ""
      switch extracted {
      case .success(let found):
        records = found
        if found.isEmpty { failure = "the backup holds nothing of this account" }
      case .failure(.refused(let text)):
        (records, failure) = ([], text)
      case .failure(let error):
        // The request stays: the operator has to repair the cause.
        printError("\(id): \(error)")
        return false
      }
      let stream: ClientStream<FulfilRecoveryRequest, FulfilRecoveryResponse> = channel.streaming(
        AdminServiceMethods.fulfilRecovery, options: options)
      let begin = FulfilRecoveryBegin(
        recoveryId: request.recoveryId, userId: request.userId, failure: String(failure.prefix(Self.failureBytesMax)))
      do throws(RPCStatus) {
        try await stream.send(FulfilRecoveryRequest(begin: begin))
        for start in stride(from: 0, to: records.count, by: Self.recordsPerMessage) {
          let end = min(start + Self.recordsPerMessage, records.count)
          try await stream.send(FulfilRecoveryRequest(records: Array(records[start..<end])))
        }
        await stream.finishSending()
        let reply = try await stream.onlyReply().message
        print("\(id)  \(failure.isEmpty ? "\(reply.habitCount) habits, \(reply.cellCount) days" : failure)")
        // Flushed at once, so that the lines appear in a log as well.
        fflush(nil)
        return failure.isEmpty
      } catch {
        if error.code == .unavailable { throw error }
        printError("\(id): \(error.explanation)")
        return false
      }
    }

    private var options: CallOptions { CallOptions(metadata: ServerOptions.credentials()) }
  }
}

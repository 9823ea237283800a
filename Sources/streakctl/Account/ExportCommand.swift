import ArgumentParser
import EventLoop
import ResumableDownload
import Glibc
import Operations
import ProgramSupport
import ProtobufCodec
import RPC
import Schema
import enum StreakDomain.Reason

struct ExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Writes everything the server holds about a person into one file.",
    discussion: """
      The access token is taken from the environment (STREAKCTL_TOKEN). The file appears whole or not at all; after a cut, here or of the \
      program itself, the same command goes on where it was, as long as the data has not changed, and else begins anew. \
      Exit codes: 0 the file is there; 1 refused; 69 the server cannot be reached; 73 the file cannot be written.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case json, binary
  }

  @OptionGroup var server: ServerOptions

  @Option(help: "The file.")
  var out: String

  @Option(help: "How it is written.")
  var format = Format.json

  /// Most broken connections in a row without progress.
  private static let cutsMax = 5
  /// Most restarts of an export because the data has changed.
  private static let beginningsMax = 5

  func run() async throws {
    let thread = EventLoopThread()
    defer { thread.stopAndJoin() }
    let channel = try server.channel(on: thread.loop)
    defer { channel.close() }
    let progress = Progress()
    progress.begin("exporting")
    let display = ProgressDisplay(progress)
    defer { display.end() }
    do {
      let file = try PartialFile(out, format: format.rawValue)
      progress.addDump(Int(clamping: file.byteCount))
      var (cuts, beginnings) = (0, 0)
      while true {
        let before = file.byteCount
        guard let status = try await download(to: file, channel, progress) else { break }
        if status.reason == Reason.exportChanged.name, beginnings < Self.beginningsMax {
          beginnings += 1
          try file.begin(snapshot: [])
          continue
        }
        cuts = file.byteCount > before ? 0 : cuts + 1
        // The status of a broken connection; any other status is the server's answer.
        guard [.unavailable, .internal, .unknown, .cancelled].contains(status.code), status.reason.isEmpty,
          cuts < Self.cutsMax
        else {
          display.end()
          printError(status.explanation)
          throw status.exitCode
        }
        try? await Task.sleep(nanoseconds: UInt64(cuts) * 1_000_000_000)
      }
      try file.finish()
      display.end()
      print("\(out)  \(file.byteCount) bytes")
    } catch let failure as PartialFile.Failure {
      display.end()
      printError("\(failure)")
      throw ExitCode(EX_CANTCREAT)
    }
  }

  /// Downloads the rest of the document.
  ///
  /// - Returns: The status that ended the download early; nil: the file is complete.
  private func download(
    to file: PartialFile, _ channel: RPCChannel, _ progress: Progress
  ) async throws(PartialFile.Failure) -> RPCStatus? {
    let resume =
      file.snapshot.isEmpty
      ? nil : ExportResume(snapshot: file.snapshot, documentBytes: file.byteCount, sha256: file.sha256)
    let request = ExportRequest(format: format == .json ? .json : .binary, resume: resume)
    let stream: ClientStream<ExportRequest, ExportResponse> = channel.serverStreaming(
      ExportServiceMethods.export, request, options: CallOptions(metadata: ServerOptions.credentials()))
    var manifest: ExportManifest?
    while true {
      let response: ExportResponse?
      do throws(RPCStatus) { response = try await stream.next() } catch { return error }
      guard let response else { break }
      if !response.snapshot.isEmpty, response.snapshot != file.snapshot { try file.begin(snapshot: response.snapshot) }
      try file.append(response.chunk)
      progress.addDump(response.chunk.count)
      manifest = response.manifest ?? manifest
    }
    guard let manifest else { return RPCStatus(.unavailable, "The document ended early.") }
    guard manifest.documentBytes == file.byteCount else {
      throw .unusable("the document has \(file.byteCount) bytes instead of \(manifest.documentBytes)")
    }
    return nil
  }
}

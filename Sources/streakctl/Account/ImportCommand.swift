import ArgumentParser
import Cryptography
import EventLoop
import Glibc
import Operations
import ProgramSupport
import ProtobufCodec
import RPC
import Schema

struct ImportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Brings an exported file into an account that is empty.",
    discussion: """
      The access token is taken from the environment (STREAKCTL_TOKEN). All of it or nothing. Prints what came in, as JSON. \
      Exit codes: 0 it is there; 1 refused; 66 the file cannot be read; 69 the server cannot be reached.
      """)

  @OptionGroup var server: ServerOptions

  @Argument(help: "The file.")
  var file: String

  /// Bytes per message.
  private static let chunkBytes = 65_536
  /// Most attempts while the server cannot be reached.
  private static let attemptsMax = 3

  func run() async throws {
    let thread = EventLoopThread()
    defer { thread.stopAndJoin() }
    let channel = try server.channel(on: thread.loop)
    defer { channel.close() }
    let progress = Progress()
    progress.begin("importing")
    let display = ProgressDisplay(progress)
    defer { display.end() }
    // The same id in every attempt, so that the server imports the document once.
    let importID = randomBytes(count: 16)
    for attempt in 1... {
      do throws(RPCStatus) {
        let reply = try await upload(importID, channel, progress)
        display.end()
        print((try? reply.json(indented: true)) ?? "")
        return
      } catch {
        guard error.code == .unavailable, error.reason.isEmpty, attempt < Self.attemptsMax else {
          display.end()
          printError(error.explanation)
          throw error.code == .dataLoss ? ExitCode(EX_NOINPUT) : error.exitCode
        }
        try? await Task.sleep(nanoseconds: UInt64(attempt) * 1_000_000_000)
      }
    }
  }

  /// The format of a document with these first bytes. An editor may have put a byte order mark or
  /// white space before the object, or have written it in UTF-16. Such a document is sent as JSON
  /// too, and the server reports what is wrong with it.
  private static func format(of bytes: ArraySlice<UInt8>) -> ExportFormat {
    let marks: [[UInt8]] = [[0xEF, 0xBB, 0xBF], [0xFF, 0xFE], [0xFE, 0xFF]]
    let mark = marks.first { bytes.starts(with: $0) }?.count ?? 0
    // Half of UTF-16's bytes are zero.
    let first = bytes.dropFirst(mark).first { ![0, 0x20, 0x09, 0x0A, 0x0D].contains($0) }
    return first == UInt8(ascii: "{") ? .json : .binary
  }

  private func upload(
    _ importID: [UInt8], _ channel: RPCChannel, _ progress: Progress
  ) async throws(RPCStatus) -> ImportResponse {
    let descriptor = open(file, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw RPCStatus(.dataLoss, "cannot read \(file): \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    let stream: ClientStream<ImportRequest, ImportResponse> = channel.streaming(
      ExportServiceMethods.`import`, options: CallOptions(metadata: ServerOptions.credentials()))
    var chunk = [UInt8](repeating: 0, count: Self.chunkBytes)
    var isBegun = false
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      guard count >= 0 else {
        throw RPCStatus(.dataLoss, "cannot read \(file): \(String(cString: strerror(errno)))")
      }
      do throws(RPCStatus) {
        if !isBegun {
          let begin = ImportBegin(importId: importID, format: Self.format(of: chunk[..<count]))
          try await stream.send(ImportRequest(begin: begin))
          isBegun = true
        }
        guard count > 0 else { break }
        try await stream.send(ImportRequest(chunk: Array(chunk[..<count])))
      } catch {
        // The server has answered before the end of the document.
        if error.code == .ok { break }
        throw error
      }
      progress.addDump(count)
    }
    await stream.finishSending()
    return try await stream.onlyReply().message
  }
}

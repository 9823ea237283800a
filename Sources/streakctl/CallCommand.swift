import ArgumentParser
import EventLoop
import Glibc
import ProgramSupport
import ProtobufCodec
import RPC
import Schema

struct CallCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "call",
    abstract: "Makes one call with a JSON request and prints the JSON responses.",
    discussion: """
      The access token, where a method needs one, is taken from the environment (STREAKCTL_TOKEN), so that it does not show \
      among the processes. Give - as the request to read it from standard input, for the same reason with passwords.

      Example: streakctl call streak.v1.StreakService/ListHabits '{}'
      """)

  @Argument(help: "SERVICE/METHOD, such as streak.v1.AccountService/SignIn; the package streak.v1 may be left out.")
  var method: String

  @Argument(help: "The request as proto3 JSON; - reads standard input.")
  var request: String = "{}"

  @OptionGroup var server: ServerOptions

  @Option(help: "Seconds to wait for the end of the call.")
  var timeoutSeconds: Int = 30

  /// Most bytes of a request on standard input.
  static let inputBytesMax = 16 * 1_024 * 1_024

  func run() async throws {
    guard
      let descriptor = SchemaCatalog.methods.first(where: {
        $0.path == "/\(method)" || $0.path == "/streak.v1.\(method)"
      })
    else { throw ValidationError("There is no method \(method): see streakctl methods.") }
    guard descriptor.kind == .unary || descriptor.kind == .serverStreaming else {
      throw ValidationError("\(method) takes a stream of requests; call makes calls with one.")
    }
    guard (1...86_400).contains(timeoutSeconds) else {
      throw ValidationError("--timeout-seconds must be from 1 to 86400.")
    }
    let bytes: [UInt8]
    do throws(JSONError) {
      bytes = try descriptor.request.protobuf(fromJSON: request == "-" ? Self.standardInput() : request)
    } catch {
      printError("The request does not fit \(descriptor.request.fullName): \(error)")
      throw ExitCode(EX_DATAERR)
    }
    let thread = EventLoopThread()
    defer { thread.stopAndJoin() }
    let channel = try server.channel(on: thread.loop)
    defer { channel.close() }
    do throws(RPCStatus) {
      let call = channel.start(
        descriptor, request: bytes,
        options: CallOptions(
          metadata: ServerOptions.credentials(), timeoutMilliseconds: UInt64(timeoutSeconds) * 1_000))
      while let response = try await call.next() {
        do throws(DecodeError) {
          print(try descriptor.response.json(fromProtobuf: response, indented: true))
        } catch {
          printError("A response cannot be decoded: \(error)")
        }
      }
    } catch {
      printError(error.explanation)
      throw error.exitCode
    }
  }

  private static func standardInput() -> String {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while bytes.count < inputBytesMax {
      let count = read(0, &chunk, chunk.count)
      guard count > 0 else { break }
      bytes += chunk[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

// A server of the Connect conformance suite on our runtime, started as the suite starts servers:
// one `ServerCompatRequest` comes on standard input, one `ServerCompatResponse` goes to standard
// output once the server listens. It serves until SIGTERM or SIGINT, or until nothing reads
// standard output any more: the suite's runner closes standard input as soon as it has written its
// request, so the end of standard input says nothing, and standard output when it ends.
import EventLoop
import Glibc
import RPC
import TLS
import TestSchema

@main
struct ConformanceServer {
  /// Milliseconds for open calls after the signal.
  static let graceMilliseconds: UInt64 = 500

  static func main() async throws {
    // The suite's runner may end before this program has answered.
    signal(SIGPIPE, SIG_IGN)
    let wanted = try DelimitedMessage.read(ServerCompatRequest.self, from: STDIN_FILENO)
    let certificate = wanted.useTls ? wanted.serverCreds : nil
    if wanted.useTls, certificate == nil { throw ConformanceServerError("The request holds no certificate.") }
    guard let address = SocketAddress(parsing: "127.0.0.1:0") else { return }

    let thread = EventLoopThread()
    let stop = await StopSignal(thread.loop)
    let server = try await RPCServer.start(
      address: address, loops: [thread.loop], limits: limits(wanted),
      tls: certificate.map { try TemporaryCertificate.context($0, clientAuthority: wanted.clientTlsCert) }
    ) { _ in ConformanceService().methods.filter { $0.descriptor.name != "Unimplemented" } }
    try DelimitedMessage.write(
      ServerCompatResponse(
        host: server.address.host, port: UInt32(server.address.port), pemCert: certificate?.cert ?? []),
      to: STDOUT_FILENO)
    await stop.wait()
    await server.shutdown(graceMilliseconds: graceMilliseconds)
  }

  private static func limits(_ wanted: ServerCompatRequest) -> RPCLimits {
    var limits = RPCLimits()
    if wanted.messageReceiveLimit > 0 { limits.messageBytesMax = Int(wanted.messageReceiveLimit) }
    return limits
  }
}

/// SIGTERM and SIGINT, and the end of the runner, watched for from the moment that it is made.
private struct StopSignal {
  private let signals: AsyncStream<Void>
  private let watchers: [LoopBound<SignalWatcher>]
  /// Sees that nothing reads standard output any more. Nil: it is no pipe.
  private let runner: LoopBound<DescriptorWatcher>?
  private let loop: EventLoop

  init(_ loop: EventLoop) async {
    let (signals, signalled) = AsyncStream.makeStream(of: Void.self)
    self.signals = signals
    self.loop = loop
    watchers = await Task(executorPreference: loop) {
      [SIGTERM, SIGINT].map { number in
        LoopBound(SignalWatcher(loop: loop, number: number) { signalled.yield() }, loop: loop)
      }
    }.value
    runner = await Task(executorPreference: loop) {
      let watcher = DescriptorWatcher(loop: loop, descriptor: STDOUT_FILENO) { _ in signalled.yield() }
      // A pipe's end for writing is never readable: what is reported is that the other end is gone.
      watcher?.wait(for: .readable)
      return watcher.map { LoopBound($0, loop: loop) }
    }.value
  }

  /// Suspends until a signal has come, or the runner has ended.
  func wait() async {
    for await _ in signals { break }
    await Task(executorPreference: loop) {
      for watcher in watchers { watcher.value.close() }
      runner?.value.close()
    }.value
  }
}

/// Why the server cannot start.
struct ConformanceServerError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

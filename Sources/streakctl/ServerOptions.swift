import ArgumentParser
import EventLoop
import GRPCSchema
import Glibc
import RPC
import TLS

/// Which server, and how to reach it.
struct ServerOptions: ParsableArguments {
  @Option(help: "The server's name or address, or several, separated by commas, tried in this order.")
  var address: String = "127.0.0.1:50051"

  @Flag(help: "Connect with TLS, trusting the system's authorities.")
  var tls = false

  @Option(name: .customLong("tls-ca"), help: "Connect with TLS, trusting the authorities in this PEM file only.")
  var tlsCA: String?

  @Option(help: "Whom the server's certificate must be for, if not the address.")
  var serverName: String?

  /// A channel that connects with the first call.
  func channel(on loop: EventLoop) throws -> RPCChannel {
    guard let target = ChannelTarget(parsing: address) else {
      throw ValidationError("--address must be HOST:PORT, several of them separated by commas, or unix:PATH.")
    }
    let context: TLSContext?
    do throws(TLSError) {
      context = try tls || tlsCA != nil ? TLSContext(clientTrusting: tlsCA) : nil
    } catch {
      throw ValidationError("\(error)")
    }
    var options = ChannelOptions()
    options.serverName = serverName
    return RPCChannel(to: target, loop: loop, tls: context, options: options)
  }

  /// What says who calls: from the environment, so that it does not show among the processes.
  static func credentials() -> [(name: String, value: String)] {
    environment("STREAKCTL_TOKEN").map { [("authorization", "Bearer \($0)")] } ?? []
  }
}

extension RPCStatus {
  /// The status with its details, one a line.
  var explanation: String {
    var lines = ["\(code.name): \(message)"]
    if let info = detail(GoogleRPCErrorInfo.self) { lines.append("  reason: \(info.reason)") }
    for violation in detail(GoogleRPCBadRequest.self)?.fieldViolations ?? [] {
      lines.append("  \(violation.field): \(violation.description)")
    }
    if let delay = detail(GoogleRPCRetryInfo.self)?.retryDelay { lines.append("  retry after: \(delay.seconds) s") }
    return lines.joined(separator: "\n")
  }

  /// The service's name for the reason; empty if it gave none.
  var reason: String { detail(GoogleRPCErrorInfo.self)?.reason ?? "" }

  /// What the program ends with.
  var exitCode: ExitCode { ExitCode(code == .unavailable ? EX_UNAVAILABLE : 1) }
}

import ArgumentParser
import EventLoop
import GRPCSchema
import Glibc
import ProgramSupport
import RPC

/// The server's address, and how to reach it.
struct ServerOptions: ParsableArguments {
  @Option(help: "The server's name or address, or several, separated by commas, tried in this order.")
  var address: String = "127.0.0.1:50051"

  @OptionGroup var security: SecurityOptions

  /// A channel that connects with the first call.
  func channel(on loop: EventLoop) throws -> RPCChannel { try security.channel(to: address, on: loop) }

  /// The caller's credentials, from the environment: arguments are visible in the list of
  /// processes.
  static func credentials() -> [(name: String, value: String)] {
    environment("STREAKCTL_TOKEN").map { [("authorization", "Bearer \($0)")] } ?? []
  }
}

extension RPCStatus {
  /// The status with its details, one per line.
  var explanation: String {
    var lines = ["\(code.name): \(message)\(ConnectionSecurity.advice(on: message))"]
    if let info = detail(GoogleRPCErrorInfo.self) { lines.append("  reason: \(info.reason)") }
    for violation in detail(GoogleRPCBadRequest.self)?.fieldViolations ?? [] {
      lines.append("  \(violation.field): \(violation.description)")
    }
    if let delay = detail(GoogleRPCRetryInfo.self)?.retryDelay { lines.append("  retry after: \(delay.seconds) s") }
    return lines.joined(separator: "\n")
  }

  /// The service's name for the reason; empty if it gave none.
  var reason: String { detail(GoogleRPCErrorInfo.self)?.reason ?? "" }

  /// The program's exit code.
  var exitCode: ExitCode { ExitCode(code == .unavailable ? EX_UNAVAILABLE : 1) }
}

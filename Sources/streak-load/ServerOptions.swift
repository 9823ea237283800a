import ArgumentParser
import EventLoop
import Glibc
import ProgramSupport
import StreakLoad

/// The options for the server, and for reading its use of resources.
struct ServerOptions: ParsableArguments {
  @Option(help: "The server's address, HOST:PORT or unix:PATH. A name is looked up once.")
  var address: String = "127.0.0.1:50051"

  @OptionGroup var security: SecurityOptions

  @Option(help: "Seconds after which a call is given up, 1 to 3600.")
  var callSeconds: Int = 10

  @Option(
    help:
      "A file with a libpq URL or conninfo of the server's database, which the audit then reads as well; else the environment's STREAK_LOAD_DATABASE."
  )
  var databaseFile: String?

  func server() async throws -> LoadServer {
    let context = try security.context(for: address)
    guard security.usesHTTP2 else { throw ValidationError("streak-load makes its calls over HTTP/2.") }
    guard (1...3_600).contains(callSeconds) else { throw ValidationError("--call-seconds must be from 1 to 3600.") }
    let host = String(address.prefix { $0 != ":" })
    var found = SocketAddress(parsing: address)
    if found == nil, let colon = address.lastIndex(of: ":"), let port = UInt16(address[address.index(after: colon)...])
    {
      let thread = EventLoopThread()
      let loop = thread.loop
      found = await loop.run { try? await loop.addresses(ofHost: host, port: port) }?.first
      thread.stopAndJoin()
    }
    guard let found else {
      printError("\(address) is no address, and no name that leads to one.")
      throw ExitCode(address.contains(":") ? EX_UNAVAILABLE : EX_USAGE)
    }
    var server = LoadServer(address: found, host: security.serverName ?? found.host, tls: context)
    server.rpcProtocol = security.rpcProtocol
    if security.serverName == nil, SocketAddress(parsing: address) == nil { server.host = host }
    server.callMilliseconds = UInt64(callSeconds) * 1_000
    return server
  }

  /// A connection string, which may hold a password: from a file or the environment, because
  /// arguments are visible in the list of processes.
  func database() throws -> String? {
    guard let databaseFile else { return environment("STREAK_LOAD_DATABASE") }
    return try Files.read(databaseFile).split(whereSeparator: \.isNewline).first.map(String.init)
  }
}

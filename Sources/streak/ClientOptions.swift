import ArgumentParser
import EventLoop
import Glibc
import RPC
import StreakClient
import TLS

/// Where the data is, and where the server.
struct ClientOptions: ParsableArguments {
  @Option(help: "The folder of the data, instead of $STREAK_DATA or $XDG_DATA_HOME/streak.")
  var data: String?

  @Option(
    help: "The server: HOST:PORT, several of them separated by commas, or unix:PATH. Remembered by signup and login.")
  var server: String?

  @Flag(help: "Connect with TLS, trusting the system's authorities.")
  var tls = false

  @Option(name: .customLong("tls-ca"), help: "Connect with TLS, trusting the authorities in this PEM file only.")
  var tlsCA: String?

  @Option(help: "Whom the server's certificate must be for, if not the address.")
  var serverName: String?

  /// The folder, made if need be; nobody else may look into it.
  func folder() throws -> String {
    let folder: String
    if let data = data ?? environment("STREAK_DATA") {
      folder = data
    } else if let base = environment("XDG_DATA_HOME") ?? environment("HOME").map({ $0 + "/.local/share" }) {
      folder = base + "/streak"
    } else {
      throw ValidationError("There is no HOME: say --data FOLDER.")
    }
    var path = ""
    for part in folder.split(separator: "/", omittingEmptySubsequences: false) {
      path += part + "/"
      guard mkdir(path, 0o700) == 0 || errno == EEXIST || errno == EROFS || errno == EACCES || part.isEmpty else {
        throw Complaint("\(path): \(String(cString: strerror(errno)))", EX_IOERR)
      }
    }
    return folder
  }

  /// What options, environment, settings file and the last sign-in say, in this order.
  struct Server {
    var address: String
    var tls = false
    var tlsCA: String?
    var serverName: String?
  }

  func findServer(folder: String) -> Server? {
    let config = environment("XDG_CONFIG_HOME") ?? environment("HOME").map { $0 + "/.config" }
    let settings = config.flatMap { Settings(path: $0 + "/streak/config") }
    let remembered = Settings(path: folder + "/server")
    let source =
      server == nil && environment("STREAK_SERVER") == nil
      ? (settings?["server"] != nil ? settings : remembered) : settings
    guard let address = server ?? environment("STREAK_SERVER") ?? source?["server"] else { return nil }
    return Server(
      address: address, tls: tls || source?["tls"] == "true", tlsCA: tlsCA ?? source?["tls-ca"],
      serverName: serverName ?? source?["server-name"])
  }

  /// Runs a command on the client: with a network if a server is known.
  ///
  /// - Parameters:
  ///   - needsServer: The command is of no use without one.
  ///   - timeoutMilliseconds: How long a call may take.
  func run(
    needsServer: Bool = false, timeoutMilliseconds: UInt64 = ChannelNetwork.timeoutMilliseconds,
    _ body: (StreakClient, _ hasServer: Bool) async throws -> Void
  ) async throws {
    do {
      let folder = try folder()
      let storage = try FileStorage(path: folder + "/streak.db")
      let device = StreakClient.DeviceDescription(name: hostName(), platform: "terminal", appVersion: "1")
      guard let server = findServer(folder: folder) else {
        guard !needsServer else { throw ValidationError("No server is known: say --server HOST:PORT.") }
        return try await body(StreakClient(storage: storage, device: device), false)
      }
      let thread = EventLoopThread()
      defer { thread.stopAndJoin() }
      let channel = try channel(to: server, on: thread.loop, timeoutMilliseconds: timeoutMilliseconds)
      defer { channel.close() }
      let network = ChannelNetwork(channel, timeoutMilliseconds: timeoutMilliseconds)
      try await body(StreakClient(storage: storage, network: network, device: device), true)
    } catch let error as ClientError {
      throw Complaint(error.description, error.exitCode)
    } catch let error as StorageError {
      throw Complaint(error.message, EX_IOERR)
    }
  }

  /// Keeps the server for the commands to come.
  func remember() throws {
    let folder = try folder()
    guard let server = findServer(folder: folder) else { return }
    var lines = ["server = \(server.address)"]
    if server.tls { lines.append("tls = true") }
    if let tlsCA = server.tlsCA { lines.append("tls-ca = \(tlsCA)") }
    if let serverName = server.serverName { lines.append("server-name = \(serverName)") }
    try? Settings.write(lines, to: folder + "/server")
  }

  private func channel(to server: Server, on loop: EventLoop, timeoutMilliseconds: UInt64) throws -> RPCChannel {
    guard let target = ChannelTarget(parsing: server.address) else {
      throw ValidationError("The server must be HOST:PORT, several of them separated by commas, or unix:PATH.")
    }
    let context: TLSContext?
    do throws(TLSError) {
      context = try server.tls || server.tlsCA != nil ? TLSContext(clientTrusting: server.tlsCA) : nil
    } catch {
      throw ValidationError("\(error)")
    }
    var options = ChannelOptions()
    options.serverName = server.serverName
    options.connectMilliseconds = min(options.connectMilliseconds, timeoutMilliseconds)
    return RPCChannel(to: target, loop: loop, tls: context, options: options)
  }
}

/// What a command ends with when it did not do its work.
struct Complaint: Error, CustomStringConvertible {
  var description: String
  var exitCode: Int32

  init(_ description: String, _ exitCode: Int32 = 1) {
    self.description = description
    self.exitCode = exitCode
  }
}

extension ClientError {
  var exitCode: Int32 {
    switch self {
    case .storage: EX_IOERR
    case .file: EX_CANTCREAT
    case .unreachable, .failing: EX_UNAVAILABLE
    case .signInNeeded, .copied: EX_NOPERM
    case .refusedHere, .invalid, .notPossible, .accountErased, .accountUnknown, .refused: 1
    }
  }
}

import ArgumentParser
import EventLoop
import Glibc
import ProgramSupport
import RPC
import StreakClient

/// The options for the data folder and the server.
struct ClientOptions: ParsableArguments {
  @Option(help: "The folder of the data, instead of $STREAK_DATA or $XDG_DATA_HOME/streak.")
  var data: String?

  @Option(
    help: "The server: HOST:PORT, several of them separated by commas, or unix:PATH. Remembered by signup and login.")
  var server: String?

  @OptionGroup var security: SecurityOptions

  /// The folder, made if it does not exist, accessible to its owner only.
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
        throw CommandFailure("\(path): \(String(cString: strerror(errno)))", EX_IOERR)
      }
    }
    return folder
  }

  /// The server, and the path of the file that stores it.
  func findServer(folder: String) throws -> ServerChoice? {
    let config = environment("XDG_CONFIG_HOME") ?? environment("HOME").map { $0 + "/.config" }
    let settings = try config.flatMap { try ClientSettings.read($0 + "/streak/config") }
    let remembered = try ClientSettings.read(folder + "/server")
    let named = server ?? environment("STREAK_SERVER")
    var choice = try ClientSettings.server(in: settings)
    if let named {
      // The file's connection settings apply to the server that an option names as well.
      choice = ServerChoice(
        address: named, serverName: settings?["server-name"],
        security: try settings.map { try ClientSettings.security(in: $0) } ?? ConnectionSecurity())
    } else if choice == nil {
      choice = try ClientSettings.server(in: remembered)
    }
    guard var choice else { return nil }
    let given = try security.security()
    if given.usesTLS == true { choice.security.usesTLS = true }
    if let authorities = given.authorities {
      choice.security.authorities = authorities
      choice.security.usesTLS = true
    }
    if let certificate = given.certificate {
      choice.security.certificate = certificate
      choice.security.usesTLS = true
    }
    if given.allowsCleartext { choice.security.allowsCleartext = true }
    choice.serverName = security.serverName ?? choice.serverName
    return choice
  }

  /// Runs a command with the client; the client has a network if a server is known.
  ///
  /// - Parameters:
  ///   - needsServer: The command fails without a server.
  ///   - timeoutMilliseconds: Time limit of a call.
  func run(
    needsServer: Bool = false, timeoutMilliseconds: UInt64 = ChannelNetwork.timeoutMilliseconds,
    _ body: (StreakClient, _ hasServer: Bool) async throws -> Void
  ) async throws {
    do {
      let folder = try folder()
      let storage = try FileStorage(path: folder + "/streak.db")
      let device = StreakClient.DeviceDescription(
        name: hostName(), platform: "terminal", appVersion: "1", language: localeLanguage())
      guard let server = try findServer(folder: folder) else {
        guard !needsServer else { throw ValidationError("No server is known: say --server HOST:PORT.") }
        return try await body(StreakClient(storage: storage, device: device), false)
      }
      let thread = EventLoopThread()
      defer { thread.stopAndJoin() }
      let channel: RPCChannel
      do {
        channel = try self.channel(to: server, on: thread.loop, timeoutMilliseconds: timeoutMilliseconds)
      } catch {
        // Commands that work without a server continue.
        guard !needsServer else { throw error }
        printError("\(error)")
        return try await body(StreakClient(storage: storage, device: device), false)
      }
      defer { channel.close() }
      let network = ChannelNetwork(channel, timeoutMilliseconds: timeoutMilliseconds)
      try await body(StreakClient(storage: storage, network: network, device: device), true)
    } catch let error as ClientError {
      throw CommandFailure(error.description + ConnectionSecurity.advice(on: error.description), error.exitCode)
    } catch let error as StorageError {
      throw CommandFailure(error.message, EX_IOERR)
    }
  }

  /// Stores the server for later commands.
  func remember() throws {
    let folder = try folder()
    guard let server = try findServer(folder: folder) else { return }
    try? ClientSettings.write(server, to: folder + "/server")
  }

  private func channel(
    to server: ServerChoice, on loop: EventLoop, timeoutMilliseconds: UInt64
  ) throws -> RPCChannel {
    guard let target = ChannelTarget(parsing: server.address) else {
      throw ValidationError("The server must be HOST:PORT, several of them separated by commas, or unix:PATH.")
    }
    do {
      if let warning = try server.security.check(server.address, isOnThisMachine: target.isOnThisMachine) {
        printError(warning)
      }
    } catch let refusal as CleartextRefused {
      throw ValidationError(refusal.description)
    }
    var options = ChannelOptions()
    options.serverName = server.serverName
    options.connectMilliseconds = min(options.connectMilliseconds, timeoutMilliseconds)
    return RPCChannel(to: target, loop: loop, tls: try server.security.context(), options: options)
  }
}

/// The error message of a command that failed.
struct CommandFailure: Error, CustomStringConvertible {
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
    case .unreachable, .noAnswer, .failing: EX_UNAVAILABLE
    case .signInNeeded, .copied: EX_NOPERM
    case .refusedHere, .invalid, .notPossible, .accountErased, .accountUnknown, .refused: 1
    }
  }
}

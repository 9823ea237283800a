import ArgumentParser
import Glibc
import ProgramSupport
import TLS

/// The server and how to reach it, from the options, the environment, the settings file or the last
/// sign-in, in this order.
struct ServerChoice: Equatable {
  var address: String
  var serverName: String?
  var security = ConnectionSecurity()
}

/// The app's settings files: one is written by the person, the other one stores the server of the
/// last sign-in.
enum ClientSettings {
  /// The names of the settings.
  static let names: Set = [
    "server", "tls", "tls-ca", "tls-certificate", "tls-key", "server-name", "allow-cleartext",
  ]

  /// Nil if there is no such file.
  static func read(_ path: String) throws -> SettingsFile? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else {
      guard errno == ENOENT || errno == ENOTDIR else {
        throw CommandFailure("\(path): \(String(cString: strerror(errno)))", EX_IOERR)
      }
      return nil
    }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: SettingsFile.bytesMax + 1)
    let count = Glibc.read(file, &bytes, bytes.count)
    guard count >= 0 else { throw CommandFailure("\(path): \(String(cString: strerror(errno)))", EX_IOERR) }
    guard count <= SettingsFile.bytesMax else {
      throw CommandFailure("\(path) is larger than \(SettingsFile.bytesMax) bytes.", EX_USAGE)
    }
    return try SettingsFile(String(decoding: bytes[..<count], as: UTF8.self), path: path, names: names)
  }

  /// The server in a file; nil: none.
  static func server(in file: SettingsFile?) throws -> ServerChoice? {
    guard let file, let address = file["server"] else { return nil }
    return ServerChoice(address: address, serverName: file["server-name"], security: try security(in: file))
  }

  /// The file's connection settings, which apply to any server.
  static func security(in file: SettingsFile) throws -> ConnectionSecurity {
    var security = ConnectionSecurity()
    security.usesTLS = try file.flag("tls")
    security.authorities = file["tls-ca"]
    security.certificate = try SecurityOptions.certificate(file["tls-certificate"], key: file["tls-key"])
    security.allowsCleartext = try file.flag("allow-cleartext") ?? false
    return security
  }

  /// Stores a server for later commands.
  static func write(_ choice: ServerChoice, to path: String) throws {
    var lines = ["server = \(choice.address)"]
    if let usesTLS = choice.security.usesTLS { lines.append("tls = \(usesTLS)") }
    if let authorities = choice.security.authorities { lines.append("tls-ca = \(quoted(authorities))") }
    if let certificate = choice.security.certificate {
      lines.append("tls-certificate = \(quoted(certificate.certificateChain))")
      lines.append("tls-key = \(quoted(certificate.privateKey))")
    }
    if let serverName = choice.serverName { lines.append("server-name = \(serverName)") }
    if choice.security.allowsCleartext { lines.append("allow-cleartext = true") }
    let file = open(path + ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw CommandFailure("\(path): \(String(cString: strerror(errno)))", EX_IOERR) }
    let bytes = Array((lines.joined(separator: "\n") + "\n").utf8)
    let count = Glibc.write(file, bytes, bytes.count)
    close(file)
    guard count == bytes.count, rename(path + ".new", path) == 0 else {
      throw CommandFailure("\(path) cannot be written.", EX_IOERR)
    }
  }

  /// A path may contain a `#`, or end with a space.
  private static func quoted(_ path: String) -> String { path.contains("\"") ? "'\(path)'" : "\"\(path)\"" }
}

import Foundation
import TLS

/// Certificates of a test authority, made with the openssl command for this run.
struct Certificates {
  let folder: String

  /// One set for all tests.
  static let shared = Result { try Certificates() }

  func path(_ name: String) -> String { folder + "/" + name }

  /// The files of a server: certificate and key called `name`.
  func server(_ name: String, clientAuthorities: String? = nil) -> TLSServerFiles {
    TLSServerFiles(
      certificateChain: path(name + ".pem"), privateKey: path(name + ".key"),
      clientAuthorities: clientAuthorities.map { path($0) })
  }

  private init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("streakd-tls-\(UUID())").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try openssl(
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj /CN=ca -days 2")
    try openssl(
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other-ca.key -out other-ca.pem -subj /CN=ca2 -days 2"
    )
    for (name, extensions, days) in [
      ("localhost", "subjectAltName=DNS:localhost,IP:127.0.0.1", 1), ("second", "subjectAltName=DNS:localhost", 1),
      ("elsewhere", "subjectAltName=DNS:elsewhere.example", 1), ("expired", "subjectAltName=DNS:localhost", -1),
    ] {
      try Data((extensions + "\n").utf8).write(to: URL(fileURLWithPath: path(name + ".ext")))
      try openssl(
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout \(name).key -out \(name).csr -subj /CN=\(name)")
      try openssl(
        "x509 -req -in \(name).csr -CA ca.pem -CAkey ca.key -CAcreateserial -out \(name).pem -days \(days) -extfile \(name).ext"
      )
    }
  }

  private func openssl(_ arguments: String) throws {
    struct Failed: Error { let arguments: String }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["openssl"] + arguments.split(separator: " ").map(String.init)
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failed(arguments: arguments) }
  }
}

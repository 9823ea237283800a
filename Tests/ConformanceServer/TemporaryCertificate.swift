import Glibc
import TLS
import TestSchema

/// Certificates from memory, for a TLS context, which reads files: they are in a folder of this
/// process's user only until the context has read them.
enum TemporaryCertificate {
  /// - Parameter clientAuthority: PEM of the authority of client certificates; empty: clients need
  ///   none.
  static func context(_ credentials: TLSCreds, clientAuthority: [UInt8]) throws -> TLSContext {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/connect-conformance-XXXXXX".utf8CString)
    let name = template.withUnsafeMutableBufferPointer { name in
      name.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
    }
    guard let folder = name else { throw ConformanceServerError("A folder cannot be made in \(parent).") }
    var files: [String] = []
    defer {
      for file in files { unlink(file) }
      rmdir(folder)
    }
    func store(_ bytes: [UInt8], as name: String) throws -> String {
      let path = "\(folder)/\(name)"
      let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      guard descriptor >= 0 else { throw ConformanceServerError("\(path) cannot be written.") }
      defer { close(descriptor) }
      files.append(path)
      guard bytes.withUnsafeBytes({ write(descriptor, $0.baseAddress, $0.count) }) == bytes.count else {
        throw ConformanceServerError("\(path) cannot be written.")
      }
      return path
    }
    return try TLSContext(
      server: TLSServerFiles(
        certificateChain: try store(credentials.cert, as: "certificate.pem"),
        privateKey: try store(credentials.key, as: "key.pem"),
        clientAuthorities: clientAuthority.isEmpty ? nil : try store(clientAuthority, as: "clients.pem")))
  }
}

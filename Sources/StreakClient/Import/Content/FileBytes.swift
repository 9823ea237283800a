internal import Glibc

enum FileBytes {
  /// The first bytes of a file.
  static func read(_ path: String, byteLimit: Int) throws(ImportedHistory.Failure) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw .init(message: "\(path): \(String(cString: strerror(errno)))") }
    defer { close(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while bytes.count < byteLimit {
      let count = Glibc.read(file, &chunk, min(chunk.count, byteLimit - bytes.count))
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .init(message: "\(path): \(String(cString: strerror(errno)))") }
      if count == 0 { break }
      bytes += chunk[..<count]
    }
    return bytes
  }
}

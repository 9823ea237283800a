internal import Cryptography
internal import Glibc

/// A resumable download: written to FILE.part, renamed to FILE when complete.
///
/// ```
/// FILE.part           the bytes received so far
/// FILE.part.snapshot  the id of the snapshot that they belong to, and their format
/// ```
package final class PartialFile {
  package enum Failure: Error, CustomStringConvertible {
    case unusable(String)

    package var description: String {
      switch self {
      case .unusable(let text): text
      }
    }
  }

  private let path: String
  private let descriptor: Int32
  /// The snapshot's id; empty if there is none for the stored bytes.
  package private(set) var snapshot: [UInt8] = []
  package private(set) var byteCount: Int64 = 0
  private var hash = SHA256()

  private var partPath: String { "\(path).part" }
  private var snapshotPath: String { "\(path).part.snapshot" }

  /// Opens the file, with the bytes that an earlier program received in the same format.
  package init(_ path: String, format: String) throws(Failure) {
    self.path = path
    self.format = format
    descriptor = open("\(path).part", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw Self.failure("cannot open \(path).part") }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw .unusable("another program writes \(path).part")
    }
    try takeOver()
  }

  deinit { close(descriptor) }

  private let format: String

  /// SHA-256 of the stored bytes.
  package var sha256: [UInt8] { hash.digest() }

  private func takeOver() throws(Failure) {
    guard let known = Self.read(snapshotPath, byteLimit: 256), known.starts(with: Array("\(format)\n".utf8)) else {
      return try begin(snapshot: [])
    }
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      guard count > 0 else { break }
      hash.update(chunk[..<count])
      byteCount += Int64(count)
    }
    snapshot = Array(known.dropFirst(format.utf8.count + 1))
  }

  /// Starts the download anew.
  package func begin(snapshot: [UInt8]) throws(Failure) {
    unlink(snapshotPath)
    guard ftruncate(descriptor, 0) == 0, lseek(descriptor, 0, SEEK_SET) == 0 else {
      throw Self.failure("cannot empty \(partPath)")
    }
    (self.snapshot, byteCount, hash) = (snapshot, 0, SHA256())
    guard !snapshot.isEmpty else { return }
    let file = open(snapshotPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw Self.failure("cannot write \(snapshotPath)") }
    defer { close(file) }
    try Self.write(Array("\(format)\n".utf8) + snapshot, to: file, snapshotPath)
  }

  package func append(_ bytes: [UInt8]) throws(Failure) {
    try Self.write(bytes, to: descriptor, partPath)
    hash.update(bytes)
    byteCount += Int64(bytes.count)
  }

  /// Renames the file, once all of it is on the disk.
  package func finish() throws(Failure) {
    guard fsync(descriptor) == 0, rename(partPath, path) == 0 else { throw Self.failure("cannot write \(path)") }
    unlink(snapshotPath)
    let folder = open(
      path.contains("/") ? String(path[...(path.lastIndex(of: "/") ?? path.startIndex)]) : ".", O_RDONLY)
    if folder >= 0 {
      fsync(folder)
      close(folder)
    }
  }

  // MARK: Helpers

  private static func failure(_ what: String) -> Failure { .unusable("\(what): \(String(cString: strerror(errno)))") }

  private static func write(_ bytes: [UInt8], to file: Int32, _ path: String) throws(Failure) {
    var start = 0
    while start < bytes.count {
      let count = bytes[start...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure("cannot write \(path)") }
      start += count
    }
  }

  private static func read(_ path: String, byteLimit: Int) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: byteLimit)
    let count = Glibc.read(file, &bytes, bytes.count)
    return count > 0 ? Array(bytes[..<count]) : nil
  }
}

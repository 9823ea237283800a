internal import Cryptography
internal import Glibc

/// Passwords that were published: a built-in list of the commonest, and a file of the operator's.
///
/// The file's lines are passwords, or SHA-1 hashes as 40 hexadecimal digits, with or without
/// `:COUNT` after them (the format in which such collections are published). The file is read once;
/// 8 bytes of each line are kept.
package struct BreachedPasswords: Sendable {
  /// The largest file, in bytes.
  package static let fileBytesMax = 1 << 30

  /// The first 8 bytes of each password's SHA-1, ascending. Another password with the same ones
  /// would be refused as well: one in 2^64 for each line.
  private let prefixes: [UInt64]

  /// The built-in list only.
  package init() { prefixes = [] }

  /// - Throws: `BreachedPasswordsError` if the file cannot be read.
  package init(file path: String) throws(BreachedPasswordsError) {
    guard let file = fopen(path, "re") else { throw .unreadable(path, reason: String(cString: strerror(errno))) }
    defer { fclose(file) }
    var prefixes: [UInt64] = []
    var line: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    var byteCount = 0
    while true {
      let count = fread(&chunk, 1, chunk.count, file)
      guard count > 0 else { break }
      byteCount += count
      guard byteCount <= Self.fileBytesMax else { throw .tooLarge(path) }
      for byte in chunk[..<count] {
        if byte == UInt8(ascii: "\n") {
          Self.take(&line, &prefixes)
        } else if line.count <= Self.lineBytesMax {
          line.append(byte)
        }
      }
    }
    guard ferror(file) == 0 else { throw .unreadable(path, reason: "a read failed") }
    Self.take(&line, &prefixes)
    prefixes.sort()
    self.prefixes = prefixes
  }

  /// The bytes of a line that are examined; longer lines are not passwords here.
  private static let lineBytesMax = 1_024

  private static func take(_ line: inout [UInt8], _ prefixes: inout [UInt64]) {
    defer { line.removeAll(keepingCapacity: true) }
    if line.last == UInt8(ascii: "\r") { line.removeLast() }
    guard !line.isEmpty, line.count <= lineBytesMax else { return }
    prefixes.append(hashPrefix(line) ?? prefix(SHA1.digest(of: line)))
  }

  /// The first 8 bytes of a line that is a hash.
  private static func hashPrefix(_ line: [UInt8]) -> UInt64? {
    let digits = 2 * SHA1.digestByteCount
    guard line.count == digits || (line.count > digits && line[digits] == UInt8(ascii: ":")) else { return nil }
    var prefix: UInt64 = 0
    for (index, character) in line.prefix(digits).enumerated() {
      guard let digit = Character(UnicodeScalar(character)).hexDigitValue else { return nil }
      if index < 16 { prefix = prefix << 4 | UInt64(digit) }
    }
    return prefix
  }

  private static func prefix(_ digest: [UInt8]) -> UInt64 { digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }

  /// The number of lines in the file.
  package var count: Int { prefixes.count }

  /// Whether a password is on one of the lists.
  func holds(_ password: String) -> Bool {
    if CommonPasswords.holds(password) { return true }
    guard !prefixes.isEmpty else { return false }
    let wanted = Self.prefix(SHA1.digest(of: Array(password.utf8)))
    var (low, high) = (0, prefixes.count)
    while low < high {
      let middle = (low + high) / 2
      if prefixes[middle] < wanted { low = middle + 1 } else { high = middle }
    }
    return low < prefixes.count && prefixes[low] == wanted
  }
}

/// Why a list of breached passwords cannot be used.
package enum BreachedPasswordsError: Error, CustomStringConvertible {
  case unreadable(String, reason: String)
  case tooLarge(String)

  package var description: String {
    switch self {
    case .unreadable(let path, let reason): "\(path): \(reason)"
    case .tooLarge(let path): "\(path) is larger than \(BreachedPasswords.fileBytesMax) bytes"
    }
  }
}

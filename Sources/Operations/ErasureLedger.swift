internal import Cryptography
internal import Glibc
internal import StreakDomain
package import StreakStore

/// The list of erased users, in a file beside the backups. Every restore applies it before the
/// database serves requests.
///
/// Lines are only appended. A line is a kind, its values and a checksum. A last line that a crash
/// cut short was never acknowledged, and the next append removes it. A damaged line at any other
/// place is an error, because it may hold a user's erasure.
package struct ErasureLedger: Sendable {
  package let path: String

  /// Most bytes of a ledger: about ten million users.
  static let fileBytesMax = 1_073_741_824

  private static let header = "streakd erasures 1\n"

  package init(path: String) {
    self.path = path
  }

  /// A ledger that the operator named, perhaps by a link.
  package init(named path: String) {
    self.init(path: Files.absolute(path))
  }

  package var exists: Bool { Files.exists(path) }

  private func folder() throws(OperationsError) -> OpenFolder { try OpenFolder(Files.parent(of: path)) }

  /// The content of the ledger.
  package struct Content: Sendable, Equatable {
    package var records = ErasureRecords()
    /// Describes an incomplete last line, left by a crash or a full disk: its number and its
    /// remaining text. Its erasure was not acknowledged.
    package var tornLine: String?
  }

  /// All records of the ledger.
  ///
  /// - Throws: `.damaged` if a line's checksum is wrong; `.fileUnusable` if there is no ledger.
  package func records() throws(OperationsError) -> ErasureRecords { try content().records }

  /// All records of the ledger, and whether its last line is complete.
  package func content() throws(OperationsError) -> Content {
    guard let bytes = try folder().read(Files.name(of: path), byteLimit: Self.fileBytesMax) else {
      throw .fileUnusable("there is no erasure ledger \(path)")
    }
    let (records, completeBytes) = try Self.parse(bytes, path)
    guard completeBytes < bytes.count else { return Content(records: records) }
    let number = bytes[..<completeBytes].count { $0 == UInt8(ascii: "\n") } + 1
    return Content(
      records: records,
      tornLine:
        "line \(number) of the erasure ledger \(path) was cut short after \(bytes.count - completeBytes) bytes and is left out: "
        + "an erasure may be missing")
  }

  /// Makes an empty ledger if there is none.
  package func create() throws(OperationsError) {
    try append(ErasureRecords())
  }

  /// Appends the records that are missing, and waits until they are on the disk. Programs that
  /// append at the same time wait for each other.
  package func append(_ records: ErasureRecords) throws(OperationsError) {
    let isNew = !exists
    guard let file = try folder().open(Files.name(of: path), O_RDWR | O_CREAT) else {
      throw .fileUnusable("cannot make \(path): \(lastError())")
    }
    guard flock(file.number, LOCK_EX) == 0 else { throw .fileUnusable("cannot lock \(path): \(lastError())") }
    let bytes = try file.readAll(path, byteLimit: Self.fileBytesMax)
    let (known, completeBytes) = try Self.parse(bytes, path)
    if completeBytes < bytes.count {
      guard ftruncate(file.number, completeBytes) == 0 else {
        throw .fileUnusable("cannot cut \(path): \(lastError())")
      }
    }
    lseek(file.number, completeBytes, Int32(SEEK_SET))
    var text = completeBytes == 0 ? Self.header : ""
    for person in records.people where !known.userIDs.contains(person.userID) {
      text += Self.line("person \(person.userID) \(person.erasedAt.seconds)")
    }
    let sessionIDs = Set(known.sessions.map(\.sessionID))
    for session in records.sessions where !sessionIDs.contains(session.sessionID) {
      text += Self.line("session \(session.sessionID) \(Self.hex(session.secretHash)) \(session.userID)")
    }
    guard !text.isEmpty else { return }
    _ = try file.write(Array(text.utf8)[...])
    try file.synchronize(path)
    if isNew { try Files.synchronizeFolder(Files.parent(of: path)) }
  }

  private static func line(_ content: String) -> String { "\(content) \(checksum(content))\n" }

  /// The first four bytes of its SHA-256, in hexadecimal digits.
  private static func checksum(_ content: String) -> String {
    hex(Array(SHA256.digest(of: Array(content.utf8)).prefix(4)))
  }

  static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  static func bytes(hex: Substring) -> [UInt8]? {
    let digits = hex.utf8.map { $0 }
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let byte = UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16) else { return nil }
      bytes.append(byte)
    }
    return bytes
  }

  /// - Returns: The records of the complete lines, and the bytes of these lines.
  private static func parse(
    _ bytes: [UInt8], _ path: String
  ) throws(OperationsError) -> (records: ErasureRecords, completeBytes: Int) {
    var records = ErasureRecords()
    var start = 0
    var number = 0
    while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
      let text = String(decoding: bytes[start..<end], as: UTF8.self)
      number += 1
      if number == 1 {
        guard "\(text)\n" == header else { throw .damaged("\(path) is not an erasure ledger of this program") }
      } else if !add(text, to: &records) {
        throw .damaged("the erasure ledger \(path) is damaged in line \(number)")
      }
      start = end + 1
    }
    return (records, start)
  }

  private static func add(_ text: String, to records: inout ErasureRecords) -> Bool {
    guard let space = text.lastIndex(of: " "), checksum(String(text[..<space])) == text[text.index(after: space)...]
    else { return false }
    let words = text[..<space].split(separator: " ", omittingEmptySubsequences: false)
    switch words.first {
    case "person":
      guard words.count == 3, let userID = Identifier(hexadecimal: String(words[1])), let seconds = Int64(words[2])
      else { return false }
      records.people.append(ErasureRecords.Person(userID: userID, erasedAt: Instant(seconds: seconds)))
    case "session":
      guard words.count == 4, let sessionID = Identifier(hexadecimal: String(words[1])),
        let hash = bytes(hex: words[2]),
        let userID = Identifier(hexadecimal: String(words[3]))
      else { return false }
      records.sessions.append(ErasureRecords.Session(sessionID: sessionID, secretHash: hash, userID: userID))
    default: return false
    }
    return true
  }
}

extension ErasureRecords {
  var userIDs: Set<Identifier> { Set(people.map(\.userID)) }
}

internal import Cryptography
internal import Glibc
internal import StreakDomain
package import StreakStore

/// The list of erased users, in a file beside the backups. Every restore applies it before the
/// database serves requests.
///
/// Lines are only appended. A line is a kind, its values and a checksum. The last line of each
/// append has the server's signature of everything before it: what can write the folder can add no
/// erasure. Lines that a crash left without a signature were never acknowledged; they are left out,
/// and the next append removes them. A damaged line at any other place is an error, because it may
/// hold a user's erasure; so is a signature of an unknown signer.
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

  /// All signed records of the ledger, and whether its last lines are whole.
  ///
  /// - Parameter signers: One of these must have signed it.
  /// - Throws: `.damaged` if a line's checksum is wrong; `.refused` if another signer, or none, has
  ///   signed it; `.fileUnusable` if there is no ledger.
  package func content(signedBy signers: BackupSigners) throws(OperationsError) -> Content {
    guard let bytes = try folder().read(Files.name(of: path), byteLimit: Self.fileBytesMax) else {
      throw .fileUnusable("there is no erasure ledger \(path)")
    }
    let parsed = try parse(bytes, signers)
    guard parsed.byteCount < bytes.count else { return Content(records: parsed.records) }
    let number = bytes[..<parsed.byteCount].count { $0 == UInt8(ascii: "\n") } + 1
    return Content(
      records: parsed.records,
      tornLine:
        "line \(number) of the erasure ledger \(path) was cut short, or has no signature; its last \(bytes.count - parsed.byteCount) bytes are left out: "
        + "an erasure may be missing")
  }

  /// Makes an empty ledger if there is none.
  package func create(_ key: BackupSigningKey) throws(OperationsError) {
    try append(ErasureRecords(), key)
  }

  /// Appends the records that are missing, and waits until they are on the disk. Programs that
  /// append at the same time wait for each other.
  ///
  /// - Parameters:
  ///   - key: Signs the ledger.
  ///   - signers: One of these must have signed what is there; nil: the key, and those of
  ///     `BackupSigners.variable`.
  package func append(
    _ records: ErasureRecords, _ key: BackupSigningKey, signers: BackupSigners? = nil
  ) throws(OperationsError) {
    let signers = if let signers { signers } else { try BackupSigners(of: key) }
    let isNew = !exists
    guard let file = try folder().open(Files.name(of: path), O_RDWR | O_CREAT) else {
      throw .fileUnusable("cannot make \(path): \(lastError())")
    }
    guard flock(file.number, LOCK_EX) == 0 else { throw .fileUnusable("cannot lock \(path): \(lastError())") }
    let bytes = try file.readAll(path, byteLimit: Self.fileBytesMax)
    let parsed = try parse(bytes, signers)
    let known = parsed.records
    func cut() throws(OperationsError) {
      guard ftruncate(file.number, parsed.byteCount) == 0 else {
        throw .fileUnusable("cannot cut \(path): \(lastError())")
      }
    }
    if parsed.byteCount < bytes.count { try cut() }
    lseek(file.number, parsed.byteCount, Int32(SEEK_SET))
    var text = parsed.byteCount == 0 ? Self.header : ""
    for person in records.people where !known.userIDs.contains(person.userID) {
      text += Self.line("person \(person.userID) \(person.erasedAt.seconds)")
    }
    let sessionIDs = Set(known.sessions.map(\.sessionID))
    for session in records.sessions where !sessionIDs.contains(session.sessionID) {
      text += Self.line("session \(session.sessionID) \(Self.hex(session.secretHash)) \(session.userID)")
    }
    guard !text.isEmpty || !parsed.isSigned else { return }
    let link = Self.link(parsed.link, bytes[parsed.signedBytes..<parsed.byteCount] + Array(text.utf8))
    text += Self.line("signed \(key.signer) \(Self.hex(key.sign(ledger: link)))")
    do throws(OperationsError) {
      _ = try file.write(Array(text.utf8)[...])
    } catch {
      try? cut()
      throw error
    }
    try file.synchronize(path)
    if isNew { try Files.synchronizeFolder(Files.parent(of: path)) }
  }

  /// Signs the ledger as it is, whatever has written it.
  ///
  /// - Returns: Number of the people in it.
  package func sign(_ key: BackupSigningKey) throws(OperationsError) -> Int {
    guard exists else { throw .fileUnusable("there is no erasure ledger \(path)") }
    try append(ErasureRecords(), key, signers: .unchecked)
    return try content(signedBy: BackupSigners(of: key)).records.people.count
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

  /// What a ledger holds.
  private struct Parsed {
    /// Those that count.
    var records = ErasureRecords()
    /// The bytes of the lines that count.
    var byteCount = 0
    /// The bytes up to and with the last signature among them, and its link.
    var signedBytes = 0
    var link = [UInt8](repeating: 0, count: 32)
    /// The last of these lines is a signature of one of the signers.
    var isSigned = false
  }

  /// A signature, and what is true if it is genuine.
  private struct Signature {
    let bytes: [UInt8]
    let link: [UInt8]
    let endsAt: Int
    let personCount: Int
    let sessionCount: Int
  }

  /// What a signature covers: the link of the signature before, and the bytes since.
  private static func link(_ before: [UInt8], _ bytes: some Collection<UInt8>) -> [UInt8] {
    SHA256.digest(of: before + Array(bytes))
  }

  private func parse(_ bytes: [UInt8], _ signers: BackupSigners) throws(OperationsError) -> Parsed {
    var parsed = Parsed()
    var signatures: [Signature] = []
    var number = 0
    while let end = bytes[parsed.byteCount...].firstIndex(of: UInt8(ascii: "\n")) {
      let text = String(decoding: bytes[parsed.byteCount..<end], as: UTF8.self)
      number += 1
      if number == 1 {
        guard "\(text)\n" == Self.header else { throw .damaged("\(path) is not an erasure ledger of this program") }
      } else if let signature = Self.signature(in: text) {
        parsed.link = Self.link(parsed.link, bytes[parsed.signedBytes..<parsed.byteCount])
        parsed.signedBytes = end + 1
        signatures.append(
          Signature(
            bytes: signature, link: parsed.link, endsAt: end + 1, personCount: parsed.records.people.count,
            sessionCount: parsed.records.sessions.count))
      } else if !Self.add(text, to: &parsed.records) {
        throw .damaged("the erasure ledger \(path) is damaged in line \(number)")
      }
      parsed.byteCount = end + 1
    }
    guard !signers.allowsUnsigned else { return parsed }
    guard let last = signatures.last else {
      guard parsed.records == ErasureRecords() else {
        throw .refused("the erasure ledger \(path) has no signature: \(Self.remedy)")
      }
      return parsed
    }
    // It covers everything before it, whatever has signed that: a signer looks before it signs.
    guard signers.haveSigned(ledger: last.link, last.bytes) else {
      throw .refused("the erasure ledger \(path) is not signed by a signer that this machine knows: \(Self.remedy)")
    }
    parsed.records.people.removeSubrange(last.personCount...)
    parsed.records.sessions.removeSubrange(last.sessionCount...)
    parsed.byteCount = last.endsAt
    parsed.isSigned = true
    return parsed
  }

  private static let remedy =
    "name the signer (--signer, or \(BackupSigners.variable)); or look at the file, and sign it by streakctl backup sign-ledger"

  /// A line's signature; nil if it is another line.
  private static func signature(in text: String) -> [UInt8]? {
    guard text.hasPrefix("signed ") else { return nil }
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 4, checksum(words[..<3].joined(separator: " ")) == words[3] else {
      return nil
    }
    return bytes(hex: words[2])
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

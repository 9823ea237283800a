import Glibc
@testable import Operations
import StreakDomain
import StreakStore
import Testing

@Suite struct ErasureLedgerTests {
  private let folder = TemporaryFolder()
  private let state = TemporaryFolder()
  private var ledger: ErasureLedger { ErasureLedger(path: "\(folder.path)/erasures") }

  private func key(_ name: String = "key") throws -> BackupSigningKey {
    try BackupSigningKey(file: "\(state.path)/\(name)")
  }

  private func append(_ records: ErasureRecords) throws { try ledger.append(records, key()) }

  private func content(of name: String = "key") throws -> ErasureLedger.Content {
    try ledger.content(signedBy: BackupSigners(of: key(name)))
  }

  private func records() throws -> ErasureRecords { try content().records }

  private static func records(_ numbers: ClosedRange<UInt8>) throws -> ErasureRecords {
    var records = ErasureRecords()
    for number in numbers {
      let userID = try #require(Identifier([UInt8](repeating: number, count: 16)))
      let sessionID = try #require(Identifier([UInt8](repeating: number &+ 100, count: 16)))
      records.people.append(.init(userID: userID, erasedAt: Instant(seconds: 1_780_000_000 + Int64(number))))
      records.sessions.append(
        .init(sessionID: sessionID, secretHash: [UInt8](repeating: number, count: 32), userID: userID))
    }
    return records
  }

  @Test("appended records are read again, and duplicates are dropped")
  func appending() throws {
    try ledger.create(key())
    #expect(try records() == ErasureRecords())
    try append(try Self.records(1...2))
    try append(try Self.records(1...3))
    let found = try records()
    #expect(Set(found.people.map(\.userID)) == Set(try Self.records(1...3).people.map(\.userID)))
    #expect(found.people.count == 3 && found.sessions.count == 3)
    #expect(found.sessions.last == (try Self.records(3...3)).sessions.first)
  }

  @Test("a missing ledger is an error, not an empty ledger")
  func missing() throws {
    #expect(throws: OperationsError.self) { try records() }
  }

  @Test("an append that a crash cut short at any byte does not affect earlier and later ones")
  func tornAppend() throws {
    try append(try Self.records(1...1))
    let before = try #require(try Files.read(ledger.path))
    try append(try Self.records(1...2))
    let whole = try #require(try Files.read(ledger.path))
    #expect(whole.starts(with: before))
    for cut in before.count..<whole.count {
      folder.write(Array(whole[..<cut]), "erasures")
      let found = try content()
      #expect(found.records == (try Self.records(1...1)), "cut at \(cut)")
      #expect((found.tornLine == nil) == (cut == before.count), "cut at \(cut)")
      try append(try Self.records(3...3))
      let repaired = try records()
      #expect(Set(repaired.people.map(\.userID)).count == 2 && repaired.sessions.count == 2, "cut at \(cut)")
    }
  }

  @Test("lines without a signature are never applied, and the next append removes them")
  func forgedLines() throws {
    try append(try Self.records(1...1))
    let genuine = try #require(try Files.read(ledger.path))
    try append(try Self.records(1...2))
    let longer = try #require(try Files.read(ledger.path))
    let signature = try #require(longer.dropLast().lastIndex(of: UInt8(ascii: "\n"))) + 1
    folder.write(Array(longer[..<signature]), "erasures")
    let found = try content()
    #expect(found.records == (try Self.records(1...1)) && found.tornLine != nil)
    try append(ErasureRecords())
    #expect(try Files.read(ledger.path) == genuine)
  }

  @Test("a ledger that another signer, or none, has signed last is refused, until an operator signs it")
  func unknownSigner() throws {
    try append(try Self.records(1...1))
    let genuine = try #require(try Files.read(ledger.path))
    try ledger.append(try Self.records(2...2), key("theirs"), signers: .unchecked)
    func isRefused(_ body: () throws -> Void) -> Bool {
      do {
        try body()
        return false
      } catch OperationsError.refused {
        return true
      } catch {
        return false
      }
    }
    #expect(isRefused { _ = try records() } && isRefused { try append(ErasureRecords()) })
    #expect(try content(of: "theirs").records.people.count == 2)
    // Without any signature.
    let lines = String(decoding: genuine, as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix("signed") }
    folder.write(Array((lines.joined(separator: "\n") + "\n").utf8), "erasures")
    #expect(isRefused { _ = try records() } && isRefused { try append(ErasureRecords()) })
    #expect(try ledger.sign(key()) == 1)
    #expect(try records() == (try Self.records(1...1)))
  }

  @Test("a signature holds for all lines before it, in their order")
  func changedBefore() throws {
    for number in UInt8(1)...3 { try append(try Self.records(number...number)) }
    let whole = try #require(try Files.read(ledger.path))
    let lines = String(decoding: whole, as: UTF8.self).split(separator: "\n").map(String.init)
    for place in 1..<lines.count - 1 {
      for kind in ["removed", "moved"] {
        var changed = lines
        let line = changed.remove(at: place)
        if kind == "moved" { changed.insert(line, at: place == 1 ? 2 : 1) }
        folder.write(Array((changed.joined(separator: "\n") + "\n").utf8), "erasures")
        #expect(throws: OperationsError.self, "line \(place) \(kind)") { try records() }
      }
    }
  }

  @Test("a flipped bit in any complete line is detected, and the error names the line")
  func flippedBit() throws {
    try append(try Self.records(1...2))
    let whole = try #require(try Files.read(ledger.path))
    for index in whole.indices where whole[index] != UInt8(ascii: "\n") {
      var damaged = whole
      damaged[index] ^= 1
      guard damaged[index] != UInt8(ascii: "\n") else { continue }
      folder.write(damaged, "erasures")
      #expect("byte \(index)") {
        try records()
      } throws: { error in
        if case OperationsError.damaged = error { true } else { false }
      }
    }
  }
}

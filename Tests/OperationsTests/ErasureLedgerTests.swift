import Glibc
@testable import Operations
import StreakDomain
import StreakStore
import Testing

@Suite struct ErasureLedgerTests {
  private let folder = TemporaryFolder()
  private var ledger: ErasureLedger { ErasureLedger(path: "\(folder.path)/erasures") }

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
    try ledger.create()
    #expect(try ledger.records() == ErasureRecords())
    try ledger.append(try Self.records(1...2))
    try ledger.append(try Self.records(1...3))
    let found = try ledger.records()
    #expect(Set(found.people.map(\.userID)) == Set(try Self.records(1...3).people.map(\.userID)))
    #expect(found.people.count == 3 && found.sessions.count == 3)
    #expect(found.sessions.last == (try Self.records(3...3)).sessions.first)
  }

  @Test("a missing ledger is an error, not an empty ledger")
  func missing() throws {
    #expect(throws: OperationsError.self) { try ledger.records() }
  }

  @Test("a line that a crash cut short at any byte does not affect earlier and later lines")
  func tornLine() throws {
    try ledger.append(try Self.records(1...2))
    let whole = try #require(try Files.read(ledger.path))
    let lastLine = try #require(whole.dropLast().lastIndex(of: UInt8(ascii: "\n"))) + 1
    for cut in lastLine..<whole.count {
      folder.write(Array(whole[..<cut]), "erasures")
      let found = try ledger.records()
      #expect(found.people.count == 2 && found.sessions.count == 1, "cut at \(cut)")
      try ledger.append(try Self.records(3...3))
      let repaired = try ledger.records()
      #expect(repaired.people.count == 3 && repaired.sessions.count == 2, "cut at \(cut)")
    }
  }

  @Test("a flipped bit in any complete line is detected, and the error names the line")
  func flippedBit() throws {
    try ledger.append(try Self.records(1...2))
    let whole = try #require(try Files.read(ledger.path))
    for index in whole.indices where whole[index] != UInt8(ascii: "\n") {
      var damaged = whole
      damaged[index] ^= 1
      guard damaged[index] != UInt8(ascii: "\n") else { continue }
      folder.write(damaged, "erasures")
      #expect("byte \(index)") {
        try ledger.records()
      } throws: { error in
        if case OperationsError.damaged = error { true } else { false }
      }
    }
  }
}

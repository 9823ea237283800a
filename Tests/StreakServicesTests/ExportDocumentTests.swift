import Cryptography
import ProtobufCodec
import Schema
import struct StreakDomain.Identifier
@testable import StreakServices
import struct StreakDomain.Instant
import StreakStore
import Testing

struct ExportDocumentTests {
  private static func write(isBinary: Bool, _ habits: [Habit]) throws -> ([UInt8], ExportManifest) {
    var document = try ExportDocument(
      isBinary: isBinary, userID: .random(), at: Instant(seconds: 1_780_315_200), secret: [1])
    for habit in habits { try document.add(habit, as: .habit(habit), to: .habits) }
    let manifest = try document.finish()
    return (document.takeBytes(), manifest)
  }

  @Test("the JSON document has every section, and each hash covers its records' lines", arguments: [0, 1, 3])
  func json(count: Int) throws {
    let habits = (0..<count).map { Habit(id: Identifier.random().bytes, name: "habit \($0), \"quoted\"") }
    let (bytes, manifest) = try Self.write(isBinary: false, habits)
    #expect(manifest.documentBytes == Int64(bytes.count))
    #expect(manifest.sections.map(\.name) == ExportDocument.Section.allCases.map(\.rawValue))
    let text = String(decoding: bytes, as: UTF8.self)
    let lines = text.split(separator: "\n").filter { $0.hasPrefix("{\"id\"") }
    let records = lines.map { ($0.hasSuffix(",") ? $0.dropLast() : $0) + "\n" }.joined()
    let section = try #require(manifest.sections.first { $0.name == "habits" })
    #expect(section.count == Int64(count))
    #expect(section.sha256 == SHA256.digest(of: Array(records.utf8)))
    #expect(text.hasPrefix("{\"schemaVersion\":2,") && text.hasSuffix("}\n"))
  }

  @Test("the binary document is a header and records, each after its length")
  func binary() throws {
    let habit = Habit(id: Identifier.random().bytes, name: String(repeating: "n", count: 200))
    let (bytes, manifest) = try Self.write(isBinary: true, [habit])
    var rest = bytes[...]
    var records: [ExportRecord] = []
    while !rest.isEmpty {
      var length = 0
      var shift = 0
      while let byte = rest.popFirst() {
        length |= Int(byte & 0x7F) << shift
        shift += 7
        if byte & 0x80 == 0 { break }
      }
      records.append(try ExportRecord(protobufBytes: Array(rest.prefix(length))))
      rest = rest.dropFirst(length)
    }
    #expect(records.count == 3)
    #expect(records[1].record == .habit(habit))
    var embedded = manifest
    embedded.documentBytes = 0
    #expect(records[2].record == .manifest(embedded))
    #expect(manifest.documentBytes == Int64(bytes.count))
  }
}

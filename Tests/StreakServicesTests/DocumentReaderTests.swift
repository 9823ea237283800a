import GRPCSchema
import RPC
import Schema
import struct StreakDomain.Identifier
@testable import StreakServices
import struct StreakDomain.Instant
import StreakStore
import Testing

struct DocumentReaderTests {
  private static func document(isBinary: Bool, seed: UInt64) throws -> [UInt8] {
    var document = try ExportDocument(
      isBinary: isBinary, userID: Identifier(high: 1, low: 2), at: Instant(seconds: 1_780_315_200), secret: [7])
    for index in 0..<Int(seed % 5) {
      let habit = Habit(
        id: [UInt8](repeating: UInt8(index), count: 16), name: "habit \(index) ]}\",\\ \u{1F600}\n",
        description: String(repeating: "{[", count: index * 100))
      try document.add(habit, as: .habit(habit), to: .habits)
    }
    if seed % 3 == 0 {
      let notice = Notice(
        noticeId: [1], winningValue: NoticeValue(value: .text("[\"")), losingValue: NoticeValue(value: .text("}")))
      try document.add(notice, as: .notice(notice), to: .notices)
    }
    _ = try document.finish()
    return document.takeBytes()
  }

  private static func read(
    _ bytes: [UInt8], isBinary: Bool, pieceBytes: Int
  ) throws -> (records: [ExportRecord.Record], manifest: ExportManifest) {
    var reader = DocumentReader(isBinary: isBinary)
    var records: [ExportRecord.Record] = []
    for start in stride(from: 0, to: bytes.count, by: pieceBytes) {
      records += try reader.take(Array(bytes[start..<min(start + pieceBytes, bytes.count)]))
    }
    return (records, try reader.finish().manifest)
  }

  @Test("a document can be read back, in pieces of any size", arguments: UInt64(0)..<16)
  func roundTrip(seed: UInt64) throws {
    for isBinary in [false, true] {
      let bytes = try Self.document(isBinary: isBinary, seed: seed)
      for pieceBytes in [1, 7, 64, bytes.count] {
        let (records, manifest) = try Self.read(bytes, isBinary: isBinary, pieceBytes: pieceBytes)
        #expect(records.count == Int(seed % 5) + (seed % 3 == 0 ? 1 : 0), "seed \(seed)")
        let userID = Identifier(high: 1, low: 2).bytes
        #expect(ExportSeal.matches(manifest, userID: userID, secret: [7]))
        #expect(!ExportSeal.matches(manifest, userID: userID, secret: [8]))
      }
    }
  }

  @Test("a document cut at any place is refused, and so is one followed by other bytes")
  func truncated() throws {
    for isBinary in [false, true] {
      let bytes = try Self.document(isBinary: isBinary, seed: 9)
      // The line feed after a JSON document is not part of it.
      for count in 0..<(isBinary ? bytes.count : bytes.count - 1) {
        #expect(throws: RPCStatus.self, "\(count) of \(bytes.count)") {
          try Self.read(Array(bytes[..<count]), isBinary: isBinary, pieceBytes: 100)
        }
      }
      #expect(throws: RPCStatus.self) { try Self.read(bytes + [65], isBinary: isBinary, pieceBytes: 100) }
    }
  }

  @Test("any bytes are either refused or read", arguments: UInt64(0)..<300)
  func mutated(seed: UInt64) throws {
    var generator = SystemRandomNumberGenerator()
    let isBinary = seed % 2 == 0
    var bytes = try Self.document(isBinary: isBinary, seed: 9)
    let places = (0..<3).map { _ in Int.random(in: 0..<bytes.count, using: &generator) }
    for place in places { bytes[place] = UInt8.random(in: 0...255, using: &generator) }
    _ = try? Self.read(bytes, isBinary: isBinary, pieceBytes: 13)
  }

  @Test("a record up to the limit is read, one byte more is refused before it is kept")
  func recordLimit() throws {
    var splitter = JSONDocumentSplitter(pieceBytesMax: 10)
    let longest = try splitter.take(Array(#"{"a":"12345678","#.utf8))
    #expect(longest == [.member(name: "a", Array("\"12345678\"".utf8))])
    #expect(throws: JSONDocumentSplitter.Problem.tooLarge) {
      var splitter = splitter
      _ = try splitter.take(Array(#""b":"123456789""#.utf8))
    }
    #expect(throws: RPCStatus.self) {
      var reader = DocumentReader(isBinary: true)
      _ = try reader.take([0x81, 0x80, 0x40])  // 1,048,577 as a varint
    }
  }

  @Test(
    "text that is not an object of values and arrays is detected at its place",
    arguments: [
      ("x", 0), (#"{"a""#, nil), ("{,", 1), (#"{"a":[1,]"#, 8), (#"{"a":]"#, 5), (#"{"a":1]"#, 6), (#"{"a":[1}"#, 7),
      (#"{"a":1}x"#, 7), ("{}", nil), (#" { "a" : [ ] , "b" : { "c" : [ 1 ] } } "#, nil),
    ])
  func places(text: String, offset: Int?) throws {
    var splitter = JSONDocumentSplitter(pieceBytesMax: 100)
    do {
      _ = try splitter.take(Array(text.utf8))
      #expect(offset == nil, "\(text)")
    } catch {
      #expect(offset.map { JSONDocumentSplitter.Problem.unexpected(offset: $0) } == error, "\(text)")
    }
  }

  // MARK: What editors and tools make of a document

  /// The JSON document with its header's members at its end, as sorted names may put them.
  private static func headerLast(_ bytes: [UInt8]) throws -> [UInt8] {
    let text = String(decoding: bytes, as: UTF8.self)
    let end = try #require(text.firstRange(of: ",\n\"account\""))
    let header = text[text.index(after: text.startIndex)..<end.lowerBound]
    return Array("{\"account\"\(text[end.upperBound...].dropLast(2)),\(header)}".utf8)
  }

  @Test("a byte order mark before the object, and members in another order, change nothing")
  func markAndOrder() throws {
    let bytes = try Self.document(isBinary: false, seed: 9)
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    for changed in [mark + bytes, try Self.headerLast(bytes), mark + (try Self.headerLast(bytes))] {
      for pieceBytes in [1, 64, changed.count] {
        #expect(try Self.read(changed, isBinary: false, pieceBytes: pieceBytes).records.count == 5)
      }
    }
  }

  private static func reason(_ bytes: [UInt8], isBinary: Bool = false) -> String {
    do throws(any Error) { _ = try read(bytes, isBinary: isBinary, pieceBytes: bytes.count) } catch {
      return (error as? RPCStatus)?.message ?? "\(error)"
    }
    return ""
  }

  @Test("an unreadable document is refused with the matching reason")
  func reasons() throws {
    let bytes = try Self.document(isBinary: false, seed: 9)
    let text = String(decoding: bytes, as: UTF8.self)
    var utf16: [UInt8] = [0xFF, 0xFE]
    for unit in text.utf16 { utf16 += [UInt8(truncatingIfNeeded: unit), UInt8(unit >> 8)] }
    #expect(Self.reason(utf16).contains("UTF-16"))
    #expect(Self.reason(Array(utf16.dropFirst(2))).contains("UTF-16"))
    #expect(Self.reason([0xEF, 0xBB, 0xBF] + bytes, isBinary: true).contains("neither a JSON nor a binary document"))
    #expect(Self.reason([0xEF, 0xBB] + bytes).contains("byte 2"))
    #expect(
      Self.reason(Array(text.replacing("\"schemaVersion\":2,", with: "", maxReplacements: 1).utf8))
        .contains("\"schemaVersion\" is missing"))
    #expect(Self.reason(Array(text.replacing("\"devices\":[]", with: "\"account\":[]").utf8)).contains("stands twice"))
    #expect(Self.reason(Array("{\"userId\":\"\",\(text.dropFirst())".utf8)).contains("\"userId\" stands twice"))
    #expect(Self.reason(Array(#"{"ledger":[{}],"habits":[]}"#.utf8)).contains("\"ledger\" stands before \"habits\""))
    #expect(Self.reason(Array("{}".utf8)).contains("is missing"))
  }
}

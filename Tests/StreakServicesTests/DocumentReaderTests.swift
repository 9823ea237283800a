import GRPCSchema
import RPC
import Schema
import struct StreakDomain.Identifier
@testable import StreakServices
import StreakStore
import Testing

struct DocumentReaderTests {
  private static func document(isBinary: Bool, seed: UInt64) -> [UInt8] {
    var document = ExportDocument(
      isBinary: isBinary, userID: Identifier(high: 1, low: 2), at: Moment(seconds: 1_780_315_200), secret: [7])
    for index in 0..<Int(seed % 5) {
      let habit = Habit(
        id: [UInt8](repeating: UInt8(index), count: 16), name: "habit \(index) ]}\",\\ \u{1F600}\n",
        description: String(repeating: "{[", count: index * 100))
      try? document.add(habit, as: .habit(habit), to: .habits)
    }
    if seed % 3 == 0 {
      let notice = Notice(noticeId: [1], kept: "[\"", other: "}")
      try? document.add(notice, as: .notice(notice), to: .notices)
    }
    _ = document.finish()
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

  @Test("what a document is written from is read from it again, in pieces of any size", arguments: UInt64(0)..<16)
  func roundTrip(seed: UInt64) throws {
    for isBinary in [false, true] {
      let bytes = Self.document(isBinary: isBinary, seed: seed)
      for pieceBytes in [1, 7, 64, bytes.count] {
        let (records, manifest) = try Self.read(bytes, isBinary: isBinary, pieceBytes: pieceBytes)
        #expect(records.count == Int(seed % 5) + (seed % 3 == 0 ? 1 : 0), "seed \(seed)")
        let userID = Identifier(high: 1, low: 2).bytes
        #expect(ExportSeal.matches(manifest, userID: userID, secret: [7]))
        #expect(!ExportSeal.matches(manifest, userID: userID, secret: [8]))
      }
    }
  }

  @Test("a document that ends anywhere before its end is refused, and so is one with more behind it")
  func truncated() {
    for isBinary in [false, true] {
      let bytes = Self.document(isBinary: isBinary, seed: 9)
      // The line feed behind a JSON document is no part of it.
      for count in 0..<(isBinary ? bytes.count : bytes.count - 1) {
        #expect(throws: RPCStatus.self, "\(count) of \(bytes.count)") {
          try Self.read(Array(bytes[..<count]), isBinary: isBinary, pieceBytes: 100)
        }
      }
      #expect(throws: RPCStatus.self) { try Self.read(bytes + [65], isBinary: isBinary, pieceBytes: 100) }
    }
  }

  @Test("no bytes make the reader do anything but refuse or read", arguments: UInt64(0)..<300)
  func mutated(seed: UInt64) {
    var generator = SystemRandomNumberGenerator()
    let isBinary = seed % 2 == 0
    var bytes = Self.document(isBinary: isBinary, seed: 9)
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
    "what is no object of values and arrays is noticed where it stands",
    arguments: [
      ("x", 0), (#"{"a""#, nil), ("{,", 1), (#"{"a":[1,]"#, 8), (#"{"a":]"#, 5), (#"{"a":1]"#, 6), (#"{"a":[1}"#, 7),
      (#"{"a":1}x"#, 7), ("{}", nil), (#" { "a" : [ ] , "b" : { "c" : [ 1 ] } } "#, nil),
    ])
  func places(text: String, offset: Int?) {
    var splitter = JSONDocumentSplitter(pieceBytesMax: 100)
    do {
      _ = try splitter.take(Array(text.utf8))
      #expect(offset == nil, "\(text)")
    } catch {
      #expect(offset.map { JSONDocumentSplitter.Problem.unexpected(offset: $0) } == error, "\(text)")
    }
  }
}

@testable import Operations
import Schema
import Testing

struct DumpFingerprintTests {
  /// Takes a text in pieces of the given size.
  private static func tables(_ text: [UInt8], pieces: Int = .max) -> [String: DumpFingerprint.Table] {
    var fingerprint = DumpFingerprint()
    var rest = text[...]
    while !rest.isEmpty {
      let piece = Array(rest.prefix(pieces))
      fingerprint.take(piece.span.bytes)
      rest = rest.dropFirst(pieces)
    }
    return fingerprint.tables
  }

  private static func rows(_ lines: [String], of table: String = "public.cells") -> [UInt8] {
    Array(("COPY \(table) (user_id, note) FROM stdin;\n" + (lines + ["\\."]).map { "\($0)\n" }.joined()).utf8)
  }

  private static func sum(_ lines: [String]) -> UInt128? { tables(rows(lines))["public.cells"]?.sum }

  @Test("every table has its rows, and other lines are not counted")
  func found() {
    let text = """
      -- COPY public.no (a) FROM stdin;
      SELECT 'COPY public.no (a) FROM stdin';
      COPY public.cells (user_id, "a b", note) FROM stdin;
      1\t2\tCOPY public.no (a) FROM stdin;
      1\t2\t\\\\.
      \\.x
      \\.

      COPY public."odd "" name" (a) FROM stdin;
      \\.

      COPY erasure.people (a) FROM stdin;

      \\.
      not a row

      """
    let tables = Self.tables(Array(text.utf8))
    #expect(
      tables.mapValues(\.rowCount) == ["public.cells": 3, "public.\"odd \"\" name\"": 0, "erasure.people": 1])
    #expect(tables["public.\"odd \"\" name\""]?.sum == 0)
  }

  @Test("the order of rows does not matter; their bytes, their number and their bounds do")
  func order() {
    let whole = Self.sum(["a\tb", "c\td", "e\tf"])
    #expect(whole == Self.sum(["e\tf", "a\tb", "c\td"]))
    for other in [
      [], ["a\tb", "c\td"], ["a\tb", "c\td", "e\tg"], ["a\tb", "c\td", "e\tf", "e\tf"], ["a\tbc\td", "e\tf"],
      ["a\tb", "c\td", "e\t", "f"], ["c\tb", "a\td", "e\tf"], ["", "a\tb", "c\td", "e\tf"],
    ] {
      #expect(whole != Self.sum(other), "\(other)")
    }
  }

  @Test("a dump is the same wherever it was cut", arguments: [1, 2, 3, 7, 64, 1_000, 65_536])
  func cuts(pieces: Int) {
    let text = Self.rows(["a\tb", "", "\\\\.", "c\t\\N"]) + Self.rows(["x"], of: "public.habits")
    #expect(Self.tables(text, pieces: pieces) == Self.tables(text))
    #expect(Self.tables(text).count == 2)
  }

  @Test("long rows count with every byte, wherever they are cut", arguments: [-1, 0, 1, 2])
  func longRows(more: Int) {
    for count in [1, 2, 3].map({ $0 * DumpFingerprint.pieceBytes + more }) {
      var text = Self.rows([String(repeating: "x", count: count), "after"])
      let whole = Self.tables(text)
      #expect(whole["public.cells"]?.rowCount == 2)
      for pieces in [1_000, 65_535, 65_536, 65_537, 131_072] { #expect(Self.tables(text, pieces: pieces) == whole) }
      for changed in [0, DumpFingerprint.pieceBytes - 1, DumpFingerprint.pieceBytes, count - 1] where changed < count {
        let place = text.count - "after\n\\.\n".count - 1 - count + changed
        text[place] ^= 1
        #expect(Self.tables(text) != whole, "byte \(changed) of \(count)")
        text[place] ^= 1
      }
    }
  }

  @Test("a line too long for a COPY statement is skipped, and the next line counts")
  func longLines() {
    let long = Array("COPY public.no (\(String(repeating: "a", count: DumpFingerprint.pieceBytes))) FROM stdin;\n".utf8)
    for pieces in [1_000, .max] {
      #expect(Self.tables(long + Self.rows(["a"]), pieces: pieces).keys.sorted() == ["public.cells"])
    }
  }

  @Test("the manifest's text is the sum in hexadecimal")
  func text() {
    var fingerprint = DumpFingerprint()
    fingerprint.begin("public.x")
    #expect(fingerprint.isInRows)
    fingerprint.take(Array("1\n2\n\\.\n".utf8).span.bytes)
    #expect(!fingerprint.isInRows)
    let sum = fingerprint.tables["public.x"]?.sum ?? 0
    #expect(
      fingerprint.backupTable("public.x")
        == BackupTable(name: "public.x", rowCount: 2, fingerprint: String(sum, radix: 16)))
    #expect(fingerprint.backupTable("public.y") == nil)
  }
}

@testable import Operations
import Testing

@Suite struct DumpScriptTests {
  private static let dump = """
    --
    -- PostgreSQL database dump
    --

    \\restrict dumpsOwnKey1

    SET statement_timeout = 0;
    CREATE TABLE public.t (a text);
    COPY public.t (a) FROM stdin;
    one
    \\\\. is no end
    \\restrict isARowHere
    \\.x
    \\.
    SELECT 1;
    --
    -- PostgreSQL database dump complete
    --

    \\unrestrict dumpsOwnKey1


    """

  private static func passed(_ pieces: [ArraySlice<UInt8>], _ script: inout DumpScript) throws -> String {
    var passed: [UInt8] = []
    for piece in pieces { try script.take(piece) { passed += $0 } }
    return String(decoding: passed, as: UTF8.self)
  }

  @Test(
    "psql gets the whole dump except pg_dump's own restriction lines, wherever the dump is cut in two")
  func everyCut() throws {
    let expected = Self.dump.split(separator: "\n", omittingEmptySubsequences: false)
      .filter { !$0.hasSuffix(" dumpsOwnKey1") }.joined(separator: "\n")
    let bytes = Array(Self.dump.utf8)
    for cut in 0...bytes.count {
      var script = DumpScript()
      #expect(try Self.passed([bytes[..<cut], bytes[cut...]], &script) == expected, "cut at \(cut)")
      #expect(script.failure == nil, "cut at \(cut)")
    }
    var script = DumpScript()
    #expect(try Self.passed(bytes.indices.map { bytes[$0...$0] }, &script) == expected)
  }

  @Test("a dump that ends early is reported, in a table's rows or elsewhere")
  func endsEarly() throws {
    let bytes = Array(Self.dump.utf8)
    let trailer = try #require(Self.dump.firstRange(of: "-- PostgreSQL database dump complete\n"))
    let complete = Self.dump.utf8.distance(from: Self.dump.startIndex, to: trailer.upperBound)
    let rows = Self.dump.utf8.distance(
      from: Self.dump.startIndex, to: try #require(Self.dump.firstRange(of: "one\n")).lowerBound)
    let rowsEnd = Self.dump.utf8.distance(
      from: Self.dump.startIndex, to: try #require(Self.dump.firstRange(of: "SELECT 1;")).lowerBound)
    for end in 0..<complete {
      var script = DumpScript()
      _ = try Self.passed([bytes[..<end]], &script)
      let isInRows = (rows..<rowsEnd).contains(end)
      #expect(script.failure?.contains(isInRows ? "rows of a table" : "last line is missing") == true, "\(end)")
    }
    var script = DumpScript()
    _ = try Self.passed([bytes[..<complete], Array("DROP TABLE public.t;\n".utf8)[...]], &script)
    #expect(script.failure != nil)
  }

  @Test(
    "a line outside of rows that begins with a backslash is refused",
    arguments: [
      "\\! true", "\\copy t to program 'true'", "\\restrict", "\\restrict a b", "\\restrict a;b", "\\.", "\\",
    ])
  func commands(line: String) {
    var script = DumpScript()
    #expect {
      try script.take(Array("SELECT 1;\n\(line)\n".utf8)[...]) { _ in }
    } throws: { error in
      if case OperationsError.refused(let text) = error { text.contains("line 2") } else { false }
    }
  }

  @Test("a line outside of rows may have the largest size, and one byte more is refused")
  func lineLimit() throws {
    func take(_ count: Int) throws {
      var script = DumpScript()
      let line = [UInt8](repeating: UInt8(ascii: "x"), count: count - 1)
      for piece in [line[..<(count / 2)], line[(count / 2)...], [UInt8(ascii: "\n")]] {
        try script.take(piece) { _ in }
      }
    }
    try take(DumpScript.lineBytesMax)
    #expect(throws: OperationsError.self) { try take(DumpScript.lineBytesMax + 1) }
  }
}

import StreakClient
import StreakDomain
import Testing

@Suite("Import of text: encodings, rows, delimiters")
struct ImportTextTests {
  private static let text = "Date;Grüße;Ñandú – 跑步\n2024-01-01;x;\n2024-01-02;;x\n"
  private static let names = ["Grüße", "Ñandú – 跑步"]

  private static func utf16(_ text: String, isBigEndian: Bool, hasMark: Bool) -> [UInt8] {
    var bytes: [UInt8] = []
    for unit in (hasMark ? [0xFEFF] : []) + Array(text.utf16) {
      let (high, low) = (UInt8(unit >> 8), UInt8(truncatingIfNeeded: unit))
      bytes += isBigEndian ? [high, low] : [low, high]
    }
    return bytes
  }

  @Test("UTF-8 and UTF-16 in both orders, with and without a mark")
  func unicode() throws {
    var files = [Array(Self.text.utf8), [0xEF, 0xBB, 0xBF] + Array(Self.text.utf8)]
    for isBigEndian in [false, true] {
      for hasMark in [false, true] {
        files.append(Self.utf16(Self.text, isBigEndian: isBigEndian, hasMark: hasMark))
      }
    }
    for file in files {
      let history = try ImportedHistory(reading: file, options: ImportSupport.options)
      #expect(history.habits.map(\.name) == Self.names)
      #expect(history.days("Grüße") == "2024-01-01")
      #expect(history.remarks.isEmpty)
    }
  }

  @Test("Windows-1252 is read, and reported")
  func windows() throws {
    let bytes = Array("Date;Caf".utf8) + [0xE9, 0x20, 0x96, 0x20, 0x80] + Array("\n2024-01-01;x\n".utf8)
    let history = try ImportedHistory(reading: bytes, options: ImportSupport.options)
    #expect(history.habits.map(\.name) == ["Café – €"])
    #expect(history.told.contains("read as Windows-1252"))
  }

  @Test("an invalid byte in UTF-8 does not change the encoding of the file")
  func brokenByte() throws {
    let bytes = Array("Date;Grüße;Ñandú;a".utf8) + [0xFF] + Array("\n2024-01-01;x;x;x\n".utf8)
    let history = try ImportedHistory(reading: bytes, options: ImportSupport.options)
    #expect(history.habits.map(\.name) == ["Grüße", "Ñandú", "a\u{FFFD}"])
    #expect(history.told.contains("1 times|bytes that are no UTF-8"))
  }

  @Test(
    "delimiters and line ends of all kinds",
    arguments: [
      "Date,A,B\n2024-01-01,1,0\n2024-01-02,0,1", "Date;A;B\r\n2024-01-01;1;0\r\n2024-01-02;0;1\r\n",
      "Date\tA\tB\r2024-01-01\t1\t0\r2024-01-02\t0\t1\r", "Date|A|B\n2024-01-01|1|0\n\n2024-01-02|0|1\n",
      "sep=;\r\nDate;A;B\r\n2024-01-01;1;0\r\n2024-01-02;0;1\r\n",
      "\"Date\",\"A\",\"B\"\n\"2024-01-01\" ,\"1\",\"0\"\n2024-01-02,\"0\",1\n",
    ])
  func delimiters(text: String) throws {
    let history = try ImportSupport.read(text)
    #expect(history.days("A") == "2024-01-01")
    #expect(history.days("B") == "2024-01-02")
    #expect(history.remarks.isEmpty, "\(history.told)")
  }

  @Test("quotation marks, commas and line feeds in names and notes")
  func quoted() throws {
    let history = try ImportSupport.read(
      "habit,date,note\r\n\"Tea, \"\"green\"\"\",2024-02-29,\"two\r\nlines\"\r\n\"Two\nlines\",2024-02-28,\r\n")
    #expect(history.habits.map(\.name) == ["Tea, \"green\"", "Two lines"])
    #expect(history.note("Tea, \"green\"", "2024-02-29") == "two\r\nlines")
    #expect(history.told.contains("Two lines||line 4||line feeds and control characters of its name became spaces"))
  }

  @Test("a stray quotation mark damages at most its own row")
  func strayQuotes() throws {
    let history = try ImportSupport.read(
      """
      HabitName,HabitDescription,HabitCategory,CalendarDate,Value,CommentText
      Read,,C,2024-01-01,1,"never closed
      Read,,C,2024-01-02,1,"fine"
      Read,,C,2024-01-03,1,5" nails
      Read,,C,2024-01-04,1,"open
      """)
    #expect(history.days("Read") == "2024-01-01 2024-01-02 2024-01-03 2024-01-04")
    #expect(history.note("Read", "2024-01-02") == "fine")
    #expect(history.note("Read", "2024-01-03") == "5\" nails")
    #expect(history.told.contains("|line 2||its quotation marks do not match"))
    #expect(history.told.contains("|line 5||its quotation marks do not match"))
  }

  @Test(
    "a second stray quotation mark closes no field that contains rows: each row is read",
    arguments: ["\n", "\r\n", "\r"])
  func strayPair(lineEnd: String) throws {
    for (first, second) in [("\"", "\""), ("\"open", "end\""), ("\"open", "")] {
      let rows = [
        "habit,date,value,note", "Read,2025-01-05,1,\(first)", "Read,2025-01-06,1,\(second)", "Read,2025-01-07,1,",
        "Read,2025-01-08,1,12\"",
      ]
      let history = try ImportSupport.read(rows.joined(separator: lineEnd) + lineEnd)
      #expect(history.days("Read") == "2025-01-05 2025-01-06 2025-01-07 2025-01-08")
      #expect(history.told.contains("|line 2||its quotation marks do not match"), "\(history.told)")
    }
  }

  @Test("a note of several lines that is no row stays whole, also with a date or as many commas")
  func linesOfNote() throws {
    let note = "first, of many, with commas\n2025-01-06, cold\na, b, c, d"
    let history = try ImportSupport.read("habit,date,value,note\nRead,2025-01-05,1,\"\(note)\"\nRead,2025-01-06,1,\n")
    #expect(history.days("Read") == "2025-01-05 2025-01-06")
    #expect(history.note("Read", "2025-01-05") == note)
    #expect(history.remarks.allSatisfy { !$0.text.contains("quotation") }, "\(history.told)")
  }

  @Test("a quoted field of the largest size is read; in a longer one the mark counts as stray")
  func quotedLimit() throws {
    let limit = 262_144
    let whole = "habit,date,note\nA,2024-01-01,\"\(String(repeating: "n", count: limit))\"\nB,2024-01-01,\n"
    #expect(try ImportSupport.read(whole).habits.map(\.name) == ["A", "B"])
    let longer = whole.replacing("\"n", with: "\"nn")
    #expect(try ImportSupport.read(longer).told.contains("do not match"))
  }

  @Test("a file of the largest size is read, and one of one byte more is refused")
  func size() throws {
    var bytes = Array("Date,A\n".utf8)
    bytes += [UInt8](repeating: UInt8(ascii: "\n"), count: 1_000 - bytes.count)
    #expect(try ImportedHistory(reading: bytes, bytesMax: 1_000).habits.count == 1)
    #expect(throws: ImportedHistory.Failure.self) { _ = try ImportedHistory(reading: bytes + [10], bytesMax: 1_000) }
  }

  @Test(
    "a file of an unknown kind is refused with advice",
    arguments: [
      ("", "empty"), ("a,b\n", "known kinds"), ("a,b\n1,2\n", "known kinds"), ("Date\n", "known kinds"),
      ("HabitName,\"", "known kinds"), ("Date,A\nyesterday,2\n", "known kinds"), ("{\"a\":", "not whole"),
      ("{\"a\":1}", "known kinds"), ("[1]", "known kinds"), ("\0\u{1}\n", "no text"), ("%PDF-1.7", "PDF"),
      ("Position,Name,Type\n001,A,YES_NO\n", "holds no days"),
      ("Date,A,B\n2024-01-01,0.1234,0.0000\n", "scores"), ("Date,Score\n2024-01-01,0.1234\n", "scores"),
    ])
  func unknown(text: String, word: String) {
    #expect { try ImportSupport.read(text) } throws: { "\($0)".contains(word) }
  }
}

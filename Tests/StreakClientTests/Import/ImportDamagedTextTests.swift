import StreakClient
import StreakDomain
import Testing

@Suite("Import of text: single damaged bytes")
struct ImportDamagedTextTests {
  private static func utf16(_ text: String, isBigEndian: Bool) -> [UInt8] {
    text.utf16.flatMap { unit in
      let (high, low) = (UInt8(unit >> 8), UInt8(truncatingIfNeeded: unit))
      return isBigEndian ? [high, low] : [low, high]
    }
  }

  @Test("a control character in a table becomes a space and is listed")
  func control() throws {
    let history = try ImportSupport.read("Date,A,B\n2024-01-01,x\0,x\n2024-01-02,\u{1},x\n2024-01-0\u{2}3,x,x\n")
    #expect((history.days("A"), history.days("B")) == ("2024-01-01", "2024-01-01 2024-01-02"))
    #expect(history.told.contains("|||3|control characters became spaces"))
    #expect(history.told.contains("line 4|2024-01-0 3|this is no date"))
  }

  @Test("UTF-16 without a mark, with a character whose other half is zero", arguments: [false, true])
  func unmarked(isBigEndian: Bool) throws {
    let text = "Date;Ā;B\n2024-01-01;x;\n2024-01-02;;x\n"
    let history = try ImportedHistory(
      reading: Self.utf16(text, isBigEndian: isBigEndian), options: ImportSupport.options)
    #expect(history.habits.map(\.name) == ["Ā", "B"])
    #expect((history.days("Ā"), history.days("B")) == ("2024-01-01", "2024-01-02"))
  }

  @Test("half a character in UTF-16 is listed")
  func halfUTF16() throws {
    var bytes: [UInt8] = [0xFF, 0xFE] + Self.utf16("Date;A\n2024-01-01;x\n", isBigEndian: false)
    bytes += [0x00, 0xD8] + Self.utf16("\n2024-01-02;x\n", isBigEndian: false)
    let history = try ImportedHistory(reading: bytes, options: ImportSupport.options)
    #expect(history.days("A") == "2024-01-01 2024-01-02")
    #expect(history.told.contains("|||1 times|halves of characters became the sign \u{FFFD}"))
  }

  private static func json(_ note: String) -> String {
    #"{"habits": [{"name": "Tea", "records": [{"day": "2024-01-01", "done": true, "text": "\#(note)"}, {"day": "2024-01-02", "done": true}]}]}"#
  }

  @Test(
    "a damaged string of a JSON document costs at most a character",
    arguments: [
      (#"a\ud83db"#, "a\u{FFFD}b", "halves of characters"), (#"a\ude00"#, "a\u{FFFD}", "halves of characters"),
      (#"\ud83d\ude00"#, "😀", ""), ("two\nlines", "two\nlines", "control characters in texts"),
      ("a\tb", "a\tb", "control characters in texts"), ("a\u{1}b", "a b", "control characters"),
      (#"C:\qx"#, "C:\\qx", "backslashes"), (#"\u12"#, "\\u12", "backslashes"),
    ])
  func strings(written: String, note: String, remark: String) throws {
    let history = try ImportSupport.read(Self.json(written))
    #expect(history.note("Tea", "2024-01-01") == note)
    #expect(history.days("Tea") == "2024-01-01 2024-01-02")
    #expect(remark.isEmpty ? history.remarks.isEmpty : history.told.contains(remark), "\(history.told)")
  }

  @Test("a member that an object has twice is listed, and the first one is read")
  func repeatedMember() throws {
    let history = try ImportSupport.read(
      #"""
      {"habits": [{"name": "Tea", "records": [
        {"day": "2024-01-01", "day": "2024-01-09", "done": true, "day" : "2024-01-08", "text": "a\ud83d \"}]: b"},
        {"day": "2024-01-02", "done": true}]}]}
      """#)
    #expect(history.days("Tea") == "2024-01-01 2024-01-02")
    #expect(history.note("Tea", "2024-01-01") == "a\u{FFFD} \"}]: b")
    #expect(history.told.contains("|||day, day|a member that an object has twice: only the first one is read"))
  }

  @Test("a file that is no text is refused")
  func binary() {
    let bytes = (0..<4_096).map { UInt8(truncatingIfNeeded: $0 &* 7 % 11) }
    #expect { try ImportedHistory(reading: bytes) } throws: { "\($0)".contains("no text") }
  }
}

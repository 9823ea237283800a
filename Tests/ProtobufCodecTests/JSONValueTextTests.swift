import ProtobufCodec
import Testing

@Suite("Text of JSON documents")
struct JSONValueTextTests {
  // Not stored: LeakSanitizer does not see what a static value of an indirect enum refers to.
  private static var document: JSONValue {
    .object([
      ("text", .string("\"\\\n\t\u{1}\u{7F} ü 🦊")), ("number", .number(-7)), ("decimal", .number("0.5")),
      ("list", .array([.null, .bool(true), .bool(false), .array([])])), ("empty", .object([(String, JSONValue)]())),
    ])
  }

  @Test("a document's text is read back as the document")
  func roundTrip() throws {
    #expect(try JSONValue(parsing: Self.document.text) == Self.document)
    #expect(
      Self.document.text
        == #"{"text":"\"\\\n\t\u0001\u007f ü 🦊","number":-7,"decimal":0.5,"list":[null,true,false,[]],"empty":{}}"#)
  }

  @Test("its text in ASCII has no other characters, and is read back as well")
  func ascii() throws {
    #expect(Self.document.asciiText.utf8.allSatisfy { $0 < 0x7F })
    #expect(Self.document.asciiText.contains(#"\u00fc \ud83e\udd8a"#))
    #expect(try JSONValue(parsing: Self.document.asciiText) == Self.document)
  }
}

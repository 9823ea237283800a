import GRPCSchema
import ProtobufCodec
import TestSchema
import Testing

@Suite("Decoding")
struct DecodingTests {
  private func decode(_ bytes: [UInt8], limits: DecodeLimits = DecodeLimits()) throws(DecodeError) -> AllTypes {
    try AllTypes(protobufBytes: bytes, limits: limits)
  }

  @Test("a field number of 0 is refused, but not inside an unknown group, whose fields are skipped")
  func fieldNumberZero() throws {
    #expect(throws: DecodeError.malformedTag) { try decode([0x00, 0x01]) }
    #expect(try decode([0x63, 0x00, 0x01, 0x64]) == AllTypes())
    #expect(throws: DecodeError.malformedTag) { try decode([0x63, 0x64, 0x00, 0x01]) }
  }

  @Test("text must be UTF-8 without NUL, and the field is named", arguments: [0, 7, 8, 9, 31])
  func text(prefix: Int) {
    func field(_ tail: [UInt8]) -> [UInt8] {
      [0x7A, UInt8(prefix + tail.count)] + [UInt8](repeating: UInt8(ascii: "a"), count: prefix) + tail
    }
    #expect(throws: DecodeError.containsNUL(field: "f_string")) { try decode(field([0, 0x61])) }
    #expect(throws: DecodeError.invalidUTF8(field: "f_string")) { try decode(field([0xC3])) }
    // A surrogate, then an overlong NUL.
    #expect(throws: DecodeError.invalidUTF8(field: "f_string")) { try decode(field([0xED, 0xA0, 0x80])) }
    #expect(throws: DecodeError.invalidUTF8(field: "f_string")) { try decode(field([0xC0, 0x80])) }
    #expect((try? decode(field([0xC3, 0xA9])))?.fString == String(repeating: "a", count: prefix) + "é")
  }

  @Test("bytes may hold anything, NUL too")
  func bytes() throws {
    #expect(try decode([0x82, 0x01, 0x02, 0, 0xFF]).fBytes == [0, 0xFF])
  }

  @Test(
    "bytes that end early or have a malformed tag are refused",
    arguments: [
      [0x08], [0x08, 0x80], [0x7A, 0x05, 0x61], [0x1D, 1, 2, 3], [0x00, 0x00], [0x0F], [0x0C], [0x0B], [0x0B, 0x14],
      [0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
      [0xAA, 0x01, 0x01, 0x80], [0xBA, 0x01, 0x03, 1, 2, 3],
    ] as [[UInt8]])
  func malformed(bytes: [UInt8]) {
    #expect(throws: DecodeError.self) { try decode(bytes) }
  }

  @Test("a message of the largest size passes, one byte more is refused")
  func messageLimit() throws {
    var limits = DecodeLimits()
    limits.messageBytesMax = 4
    #expect(try decode([0x7A, 0x02, 0x61, 0x62], limits: limits).fString == "ab")
    #expect(throws: DecodeError.messageTooLarge) { try decode([0x7A, 0x03, 0x61, 0x62, 0x63], limits: limits) }
  }

  @Test("as many elements as allowed pass, one more is refused, packed or not")
  func elementLimit() throws {
    var limits = DecodeLimits()
    limits.elementsMax = 4
    #expect(try decode([0xAA, 0x01, 0x03, 1, 2, 3], limits: limits).rInt32 == [1, 2, 3])  // the field and three items
    #expect(throws: DecodeError.tooManyElements) { try decode([0xAA, 0x01, 0x04, 1, 2, 3, 4], limits: limits) }
    let unpacked = (0..<4).flatMap { _ in [0xA8, 0x01, 0x01] as [UInt8] }
    #expect(try decode(unpacked, limits: limits).rInt32.count == 4)
    #expect(throws: DecodeError.tooManyElements) { try decode(unpacked + [0x08, 0x01], limits: limits) }
  }

  @Test("messages nested as deeply as allowed pass, one level more is refused")
  func nestingLimit() throws {
    let nested = AllTypes(fInner: Inner(leaf: Leaf(name: "x"))).protobufBytes()  // three levels
    var limits = DecodeLimits()
    limits.nestingMax = 3
    #expect(try decode(nested, limits: limits).fInner?.leaf?.name == "x")
    limits.nestingMax = 2
    #expect(throws: DecodeError.nestedTooDeeply) { try decode(nested, limits: limits) }
    let groups = [UInt8](repeating: 0x0B, count: 100_000)
    #expect(throws: DecodeError.nestedTooDeeply) { try decode(groups) }
  }

  @Test("occurrences of a singular message merge, of a oneof or a scalar the last one wins")
  func repeats() throws {
    let first = AllTypes(fInt32: 1, fInner: Inner(number: 1, list: [1]), choice: .cInt32(5)).protobufBytes()
    let second = AllTypes(fInt32: 2, fInner: Inner(text: "t", list: [2]), choice: .cString("s")).protobufBytes()
    let merged = try decode(first + second)
    #expect(merged.fInner == Inner(number: 1, text: "t", list: [1, 2]))
    #expect(merged.fInt32 == 2)
    #expect(merged.choice == .cString("s"))
  }
}

@Suite("Field rules")
struct FieldRulesTests {
  private let valid = Ruled(requiredText: "x", child: Ruled2(requiredNumber: 1))

  private func rules(_ message: Ruled) -> [String] { message.fieldViolations().map { "\($0.path) \($0.rule)" } }

  @Test("a message that keeps all rules has no violations")
  func keeps() {
    var message = valid
    #expect(rules(message).isEmpty)
    message.id = [UInt8](repeating: 1, count: 16)
    message.sized = "abcd"
    message.items = ["abc", ""]
    message.ranged = 10
    message.color = .blue
    message.choice = .cText("ab")
    #expect(rules(message).isEmpty)
  }

  @Test("every rule is checked at its limit and one past it")
  func limits() {
    func broken(_ change: (inout Ruled) -> Void) -> [String] {
      var message = valid
      change(&message)
      return rules(message)
    }
    #expect(broken { $0.id = [UInt8](repeating: 1, count: 15) } == ["id uuid"])
    #expect(broken { $0.id = [UInt8](repeating: 1, count: 17) } == ["id uuid"])
    #expect(broken { $0.sized = "ab" } == [])
    #expect(broken { $0.sized = "a" } == ["sized min_bytes"])
    #expect(broken { $0.sized = "abcde" } == ["sized max_bytes"])
    #expect(broken { $0.items = ["", "", ""] } == ["items max_items"])
    #expect(broken { $0.items = ["abcd"] } == ["items max_bytes"])
    #expect(broken { $0.ranged = -1 } == [])
    #expect(broken { $0.ranged = -2 } == ["ranged range"])
    #expect(broken { $0.ranged = 11 } == ["ranged range"])
    #expect(broken { $0.color = Color(rawValue: 77) } == ["color defined_only"])
    #expect(broken { $0.choice = .cText("abc") } == ["c_text max_bytes"])
    #expect(broken { $0.child = nil } == ["child required"])
    #expect(broken { $0.requiredText = "" } == ["required_text required"])
  }

  @Test("a list with the largest number of items is decoded, and one with one more is refused, with its path")
  func itemLimit() throws {
    let full = Ruled(items: ["", ""], children: Array(repeating: Ruled2(), count: 200))
    #expect(try Ruled(protobufBytes: full.protobufBytes()) == full)
    func refusal(_ message: some ProtobufMessage) -> FieldViolation? {
      do throws(DecodeError) {
        _ = try type(of: message).init(protobufBytes: message.protobufBytes())
      } catch {
        if case .breaksRule(let violation) = error { return violation }
      }
      return nil
    }
    let long = Ruled(requiredText: "x", items: ["", "", ""], child: Ruled2(requiredNumber: 1))
    #expect(refusal(long)?.description == "must have at most 2 items, has 3")
    #expect(refusal(long).map { [$0] } == long.fieldViolations())
    #expect(refusal(Ruled(children: Array(repeating: Ruled2(), count: 201)))?.path == "children")
    let parts = RuledParts(parts: [full, Ruled(items: ["", "", ""])])
    #expect(refusal(parts)?.path == "parts[1].items")
  }

  @Test("violations in nested messages carry their path, and all are reported at once")
  func paths() {
    var message = Ruled()
    message.child = Ruled2()
    message.children = [Ruled2(requiredNumber: 1), Ruled2()]
    message.choice = .cChild(Ruled2())
    #expect(
      rules(message) == [
        "required_text required", "children[1].required_number required", "child.required_number required",
        "c_child.required_number required",
      ])
  }

  @Test("at most 100 violations are reported")
  func cap() {
    var message = valid
    message.children = Array(repeating: Ruled2(), count: 100)
    #expect(rules(message).count == 100)
    message.children.append(Ruled2())
    #expect(rules(message).count == FieldViolations.countMax)
  }
}

@Suite("JSON")
struct JSONTests {
  @Test("special forms: times, durations, 64-bit numbers, bytes, enums")
  func forms() throws {
    let message = try AllTypes(
      json: """
        {"f_int64": "-5", "fUint64": 7, "fBytes": "AP8", "fColor": "COLOR_BLUE", "rColor": [5, "COLOR_RED"], "cDouble": "NaN",
         "fTimestamp": "2026-11-23T20:00:00.5+01:00", "fDuration": "-1.5s", "labels": {"k": "v"}, "fInt32": 1e2, "fBool": null}
        """)
    #expect(message.fInt64 == -5)
    #expect(message.fUint64 == 7)
    #expect(message.fBytes == [0, 255])
    #expect(message.fColor == .blue)
    #expect(message.rColor == [.blue, .red])
    guard case .cDouble(let double) = message.choice else {
      Issue.record("no double")
      return
    }
    #expect(double.isNaN)
    #expect(message.fTimestamp?.seconds == 1_795_460_400)
    #expect(message.fTimestamp?.nanos == 500_000_000)
    #expect(message.fDuration?.seconds == -1)
    #expect(message.fDuration?.nanos == -500_000_000)
    #expect(message.labels == ["k": "v"])
    #expect(message.fInt32 == 100)
  }

  @Test(
    "invalid JSON of a message is refused, and the error names the place",
    arguments: [
      ("", "byte 0"), ("{", "byte 1"), ("{\"fInt32\": 1} x", "byte 14"), ("[]", "document"),
      ("{\"nothing\": 1}", "nothing"),
      ("{\"fInt32\": 2147483648}", "fInt32"), ("{\"fInt32\": 1.5}", "fInt32"), ("{\"fUint32\": -1}", "fUint32"),
      ("{\"fInt32\": 1, \"f_int32\": 1}", "f_int32"), ("{\"fInt32\": 1, \"fInt32\": 1}", "fInt32"),
      ("{\"fColor\": \"GREEN\"}", "fColor"), ("{\"fBytes\": \"*\"}", "fBytes"), ("{\"fString\": 1}", "fString"),
      ("{\"fBool\": 1}", "fBool"), ("{\"rInt32\": [null]}", "rInt32[0]"),
      ("{\"cInt32\": 1, \"cString\": \"\"}", "cString"),
      ("{\"fTimestamp\": \"2026-02-30T00:00:00Z\"}", "fTimestamp"),
      ("{\"fInner\": {\"list\": [1, \"x\"]}}", "fInner.list[1]"),
      ("{\"fString\": \"\\ud800\"}", "byte 19"), ("{\"fInt32\": 01}", "byte 13"),
    ])
  func refused(text: String, place: String) {
    do throws(JSONError) {
      _ = try AllTypes(json: text)
      Issue.record("accepted: \(text)")
    } catch {
      #expect(error.place == place, "\(text): \(error)")
    }
  }

  @Test("nesting as deep as allowed is read, one level more is refused")
  func nesting() {
    func text(_ depth: Int) -> String {
      "{\"new\":" + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}"
    }
    func reason(_ depth: Int) -> String {
      do throws(JSONError) { _ = try AllTypes(json: text(depth), ignoresUnknownFields: true) } catch {
        return error.reason
      }
      return ""
    }
    #expect(reason(99).isEmpty)
    #expect(reason(100).contains("nested"))
  }

  @Test("unknown fields are refused unless they are to be ignored")
  func unknown() throws {
    #expect(try AllTypes(json: "{\"new\": {\"a\": [1]}, \"fInt32\": 3}", ignoresUnknownFields: true).fInt32 == 3)
  }

  @Test("base64 is written with and without padding and read in both alphabets")
  func base64() {
    #expect(Base64.encode([0xFB, 0xFF], padding: true) == "+/8=")
    #expect(Base64.encode([0xFB, 0xFF], padding: false) == "+/8")
    for text in ["+/8=", "+/8", "-_8", "-_8="] { #expect(Base64.decode(text) == [0xFB, 0xFF]) }
    for text in ["A", "A===", "+/8==", "+ /8", "====", "é"] { #expect(Base64.decode(text) == nil, "\(text)") }
  }
}

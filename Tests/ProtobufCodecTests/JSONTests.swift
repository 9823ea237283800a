import GRPCSchema
import ProtobufCodec
import TestSchema
import Testing

@Suite("JSON at its borders")
struct JSONBorderTests {
  @Test(
    "an integer is read exactly in any notation",
    arguments: [
      ("9007199254740993.0", 9_007_199_254_740_993), ("-9223372036854775808", .min), ("9223372036854775807", .max),
      ("922337203685477580.70e1", .max), ("\"-0\"", 0), ("1200e-2", 12), ("0e999999999999", 0), ("100e-000002", 1),
      ("\"1\\u0032\"", 12),
    ] as [(String, Int64)])
  func exactIntegers(text: String, value: Int64) throws {
    #expect(try AllTypes(json: "{\"fInt64\": \(text)}").fInt64 == value)
  }

  @Test(
    "a number that is not an integer of its field's size is refused with its place",
    arguments: [
      "9223372036854775808", "-9223372036854775809", "1e400", "1e-1", "1.5", "\"\"", "\" 1\"", "\"1 \"", "\"0x1\"",
      "\"01\"", "true", "{}", "[]", "99999999999999999999999999999999",
    ])
  func refusedIntegers(text: String) {
    do throws(JSONError) {
      _ = try AllTypes(json: "{\"fInt64\": \(text)}")
      Issue.record("accepted: \(text)")
    } catch {
      #expect(error.place == "fInt64", "\(text): \(error)")
    }
  }

  @Test("text that is not UTF-8 is refused with its place, even in a member that is dropped")
  func invalidUTF8() {
    let text = Array("{\"new\": \"".utf8) + [0xC3, 0x28] + Array("\"}".utf8)
    do throws(JSONError) {
      _ = try AllTypes.descriptor.protobuf(fromJSON: text.span.bytes, ignoresUnknownFields: true)
      Issue.record("accepted")
    } catch {
      #expect(error.place == "byte 9")
    }
  }

  @Test("as many values as allowed are read, one more is refused, even in a member that is dropped")
  func valueCount() throws {
    let text = "{\"fInt32\": 1, \"new\": [1, {\"a\": null}]}"
    _ = try AllTypes.descriptor.protobuf(fromJSON: text, ignoresUnknownFields: true, valuesMax: 6)
    #expect(throws: JSONError.self) {
      try AllTypes.descriptor.protobuf(fromJSON: text, ignoresUnknownFields: true, valuesMax: 5)
    }
  }

  @Test("messages around the lengths at which a varint needs another byte")
  func lengths() throws {
    for count in [0, 1, 120, 125, 126, 127, 128, 129, 16_370, 16_383, 16_384, 16_400] {
      let inner = Inner(text: String(repeating: "x", count: count))
      let message = AllTypes(fInner: inner, rInner: [inner, Inner(), inner])
      #expect(try AllTypes(json: try message.json()) == message)
    }
  }

  @Test("a map has each key once")
  func mapKeys() throws {
    #expect(try AllTypes(json: "{\"labels\": {\"a\": \"1\", \"b\": \"2\"}}").labels == ["a": "1", "b": "2"])
    for text in ["{\"a\": \"\", \"\\u0061\": \"\"}", "{\"a\": null}"] {
      do throws(JSONError) {
        _ = try AllTypes(json: "{\"labels\": \(text)}")
        Issue.record("accepted: \(text)")
      } catch {
        #expect(error.place == "labels")
      }
    }
  }

  @Test("fields in any order on the wire have the same JSON")
  func wireOrder() throws {
    // f_int32 = 3, r_int32 = 1 and 2 around it, f_inner twice.
    let mixed: [UInt8] = [
      0xA8, 0x01, 1, 0x8A, 0x01, 2, 0x08, 7, 8, 3, 0xA8, 0x01, 2, 0x8A, 0x01, 3, 0x12, 1, 0x61,
    ]
    #expect(
      try AllTypes.descriptor.json(fromProtobuf: mixed)
        == "{\"fInt32\":3,\"fInner\":{\"number\":7,\"text\":\"a\"},\"rInt32\":[1,2]}")
  }
}

@Suite("JSON of google.protobuf.Any")
struct AnyJSONTests {
  private static let types = MessageTypes([
    ConnectrpcConformanceV1Error.descriptor, ConnectrpcConformanceV1Header.descriptor,
    GoogleProtobufTimestamp.descriptor,
  ])
  private static let url = "type.googleapis.com/connectrpc.conformance.v1"

  private func bytes(_ json: String) throws(JSONError) -> [UInt8] {
    try ConnectrpcConformanceV1Error.descriptor.protobuf(fromJSON: json, types: Self.types)
  }

  private func packed<Message: ProtobufMessage>(_ message: Message) -> GoogleProtobufAny {
    GoogleProtobufAny(typeUrl: "type.googleapis.com/\(Message.descriptor.fullName)", value: message.protobufBytes())
  }

  @Test("a message, one with its own JSON form, an empty one and a nested one are read back unchanged")
  func roundTrip() throws {
    let header = ConnectrpcConformanceV1Header(name: "a", value: ["b", "c"])
    let message = ConnectrpcConformanceV1Error(
      details: [
        packed(header), packed(GoogleProtobufTimestamp(seconds: 1)), GoogleProtobufAny(),
        packed(ConnectrpcConformanceV1Header()),
        packed(ConnectrpcConformanceV1Error(details: [packed(header)])),
      ])
    let json = try ConnectrpcConformanceV1Error.descriptor.json(
      fromProtobuf: message.protobufBytes(), types: Self.types)
    #expect(
      json == """
        {"details":[{"@type":"\(Self.url).Header","name":"a","value":["b","c"]},\
        {"@type":"type.googleapis.com/google.protobuf.Timestamp","value":"1970-01-01T00:00:01Z"},{},\
        {"@type":"\(Self.url).Header"},\
        {"@type":"\(Self.url).Error","details":[{"@type":"\(Self.url).Header","name":"a","value":["b","c"]}]}]}
        """)
    #expect(try ConnectrpcConformanceV1Error(protobufBytes: try bytes(json)) == message)
  }

  @Test("the type may follow the members")
  func typeLast() throws {
    let message = try ConnectrpcConformanceV1Error(
      protobufBytes: try bytes("{\"details\": [{\"value\": [\"x\"], \"@type\": \"\(Self.url).Header\"}]}"))
    #expect(message.details == [packed(ConnectrpcConformanceV1Header(value: ["x"]))])
  }

  @Test(
    "an Any without a type, of an unknown one or with two is refused with its place",
    arguments: [
      ("{\"name\": \"a\"}", "details[0]"), ("{\"@type\": \"a/Nothing\"}", "details[0].@type"),
      ("{\"@type\": 1}", "details[0].@type"), ("{\"@type\": \"Header\"}", "details[0].@type"),
      ("{\"@type\": \"\(url).Header\", \"@type\": \"\(url).Header\"}", "details[0].@type"),
      ("{\"@type\": \"\(url).Header\", \"x\": 1}", "details[0].x"),
      ("{\"@type\": \"a/google.protobuf.Timestamp\"}", "details[0]"),
      ("{\"@type\": \"a/google.protobuf.Timestamp\", \"value\": 1}", "details[0].value"), ("1", "details[0]"),
    ])
  func refused(any: String, place: String) {
    do throws(JSONError) {
      _ = try bytes("{\"details\": [\(any)]}")
      Issue.record("accepted: \(any)")
    } catch {
      #expect(error.place == place, "\(any): \(error)")
    }
  }

  @Test("an Any within an Any as deep as allowed is read and written, one level more is refused")
  func nesting() throws {
    func text(_ depth: Int) -> String {
      let end = "{\"@type\":\"\(Self.url).Header\"}"
      return (1..<depth).reduce("{\"details\":[\(end)]}") { inner, _ in
        "{\"details\":[{\"@type\":\"\(Self.url).Error\",\(inner.dropFirst())]}"
      }
    }
    let deepest = try bytes(text(8))
    #expect(
      try ConnectrpcConformanceV1Error.descriptor.json(fromProtobuf: deepest, types: Self.types) == text(8))
    #expect(throws: JSONError.self) { try bytes(text(9)) }
    let deeper = ConnectrpcConformanceV1Error(
      details: [packed(try ConnectrpcConformanceV1Error(protobufBytes: deepest))])
    #expect(throws: DecodeError.nestedTooDeeply) {
      try ConnectrpcConformanceV1Error.descriptor.json(fromProtobuf: deeper.protobufBytes(), types: Self.types)
    }
  }

  @Test("the JSON of an Any of an unknown type is refused")
  func unknownType() {
    let message = ConnectrpcConformanceV1Error(details: [GoogleProtobufAny(typeUrl: "a/b", value: [1])])
    #expect(throws: DecodeError.unknownType("a/b")) {
      try ConnectrpcConformanceV1Error.descriptor.json(fromProtobuf: message.protobufBytes(), types: Self.types)
    }
  }
}

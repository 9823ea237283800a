import ProtobufCodec
import Schema
import TestSchema

/// What can be decoded must encode to bytes that decode to the same message.
enum CodecFuzzing {
  static func run(_ bytes: [UInt8]) {
    check(AllTypes.self, bytes)
    check(Ruled.self, bytes)
    check(SignUpRequest.self, bytes)
  }

  private static func check<Message: ProtobufMessage>(_ type: Message.Type, _ bytes: [UInt8]) {
    guard let message = try? Message(protobufBytes: bytes) else { return }
    _ = message.fieldViolations()
    let encoded = message.protobufBytes()
    guard let again = try? Message(protobufBytes: encoded) else { fatalError("what was encoded does not decode") }
    // Compared as bytes: a NaN is not equal to itself.
    precondition(again.protobufBytes() == encoded, "decoding changed the message")
  }
}

/// Accepted JSON must be reproduced from its own output.
enum JSONFuzzing {
  private static let types = MessageTypes([ConnectrpcConformanceV1Error.descriptor])

  static func run(_ bytes: [UInt8]) {
    for descriptor in [AllTypes.descriptor, SignUpRequest.descriptor, ConnectrpcConformanceV1Error.descriptor] {
      guard let encoded = try? descriptor.protobuf(fromJSON: bytes.span.bytes, types: types) else { continue }
      _ = try? descriptor.protobuf(fromJSON: bytes.span.bytes, ignoresUnknownFields: true, types: types)
      // A message may hold values that JSON cannot express (a timestamp out of range).
      guard let json = try? descriptor.json(fromProtobuf: encoded, types: types) else { continue }
      guard let again = try? descriptor.protobuf(fromJSON: json, types: types) else {
        fatalError("own JSON is refused: \(json)")
      }
      guard let jsonAgain = try? descriptor.json(fromProtobuf: again, types: types) else {
        fatalError("own JSON changed")
      }
      precondition(jsonAgain == json, "own JSON changed")
    }
  }
}

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
  static func run(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    for descriptor in [AllTypes.descriptor, SignUpRequest.descriptor] {
      guard let encoded = try? descriptor.protobuf(fromJSON: text) else { continue }
      // A message may hold values that JSON cannot express (a timestamp out of range).
      guard let json = try? descriptor.json(fromProtobuf: encoded) else { continue }
      guard let again = try? descriptor.protobuf(fromJSON: json) else { fatalError("own JSON is refused: \(json)") }
      guard let jsonAgain = try? descriptor.json(fromProtobuf: again) else { fatalError("own JSON changed") }
      precondition(jsonAgain == json, "own JSON changed")
    }
  }
}

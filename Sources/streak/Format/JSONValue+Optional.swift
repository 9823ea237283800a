import ProtobufCodec

extension JSONValue {
  /// A day or another optional text.
  static func optional(_ text: (some CustomStringConvertible)?) -> JSONValue {
    text.map { .string($0.description) } ?? .null
  }
}

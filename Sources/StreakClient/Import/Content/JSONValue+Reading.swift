internal import ProtobufCodec

/// Tolerant access to documents of any structure.
extension JSONValue {
  subscript(name: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    let value = members.first { $0.name == name }?.value
    return value == .null ? nil : value
  }

  /// Nil for anything but an array.
  var items: [JSONValue]? {
    guard case .array(let items) = self else { return nil }
    return items
  }

  var members: [Member]? {
    guard case .object(let members) = self else { return nil }
    return members
  }

  /// A string, or a number's digits.
  var text: String? {
    switch self {
    case .string(let text), .number(let text): text
    default: nil
    }
  }

  /// A number, also one in a string.
  var double: Double? { text.flatMap { Double($0) }.flatMap { $0.isFinite ? $0 : nil } }

  /// A whole number.
  var integer: Int64? { text.flatMap { Int64($0) } ?? double.flatMap { Int64(exactly: $0) } }

  var bool: Bool? {
    guard case .bool(let value) = self else { return nil }
    return value
  }

  func text(_ name: String) -> String { self[name]?.text ?? "" }
  func isTrue(_ name: String) -> Bool { self[name]?.bool == true }
}

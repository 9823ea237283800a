internal import ProtobufCodec

extension JSONValue {
  /// At most six decimals; null for infinity and NaN.
  static func number(_ number: Double) -> JSONValue {
    guard number.isFinite, abs(number) < 1e15 else { return .null }
    return .number(Decimals.text(number, 6, trimsZeros: true))
  }

  subscript(_ name: String) -> JSONValue {
    guard case .object(let members) = self else { return .null }
    return members.first { $0.name == name }?.value ?? .null
  }

  var members: [(name: String, value: JSONValue)] {
    guard case .object(let members) = self else { return [] }
    return members.map { ($0.name, $0.value) }
  }

  var items: [JSONValue] {
    guard case .array(let items) = self else { return [] }
    return items
  }

  var double: Double? {
    guard case .number(let text) = self else { return nil }
    return Double(text)
  }

  var integer: Int64? {
    guard case .number(let text) = self else { return nil }
    return Int64(text)
  }

  var string: String? {
    guard case .string(let text) = self else { return nil }
    return text
  }
}

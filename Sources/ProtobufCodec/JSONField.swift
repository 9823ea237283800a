/// The parts of a field's description that JSON needs, in little memory.
struct JSONField: Sendable {
  let number: UInt32
  let type: FieldType
  let isRepeated: Bool
  let isMap: Bool
  let hasPresence: Bool
  /// The index of its oneof; -1: none.
  let oneof: Int
  /// The name in JSON.
  let jsonName: [UInt8]
  /// The name in the schema.
  let schemaName: [UInt8]
  /// The name as a member begins: quoted, with a colon.
  let key: [UInt8]
  let enumeration: EnumDescriptor?

  init(_ field: FieldDescriptor) {
    number = field.number
    type = field.type
    isRepeated = field.isRepeated
    isMap = field.isMap
    hasPresence = field.hasPresence
    oneof = field.oneof ?? -1
    jsonName = Array(field.jsonName.utf8)
    schemaName = Array(field.name.utf8)
    key = Array("\"\(field.jsonName)\":".utf8)
    enumeration = field.enumeration
  }
}

extension MessageDescriptor {
  /// The index of the field called `name` in the schema or in JSON; nil if there is none.
  /// - Parameter hint: The index to try first: members mostly come in the schema's order.
  func index(named name: Span<UInt8>, hint: Int) -> Int? {
    let count = jsonFields.count
    for step in 0..<count {
      var index = hint + step
      if index >= count { index -= count }
      if name.holds(jsonFields[index].jsonName) || name.holds(jsonFields[index].schemaName) { return index }
    }
    return nil
  }
}

extension Span<UInt8> {
  /// Whether the bytes are exactly those of `other`.
  @inline(__always)
  func holds(_ other: [UInt8]) -> Bool {
    guard count == other.count else { return false }
    for index in 0..<count where self[index] != other[index] { return false }
    return true
  }
}

extension EnumDescriptor {
  /// The number of a name; nil if the schema has none.
  func number(named name: Span<UInt8>) -> Int32? {
    for (place, value) in values.enumerated() where name.holds(nameBytes[place]) { return value.number }
    return nil
  }
}

/// The messages that have a JSON form of their own. Source: ProtoJSON format, "Well-known types".
enum WellKnownMessage: Sendable {
  case timestamp
  case duration
  case any

  init?(_ fullName: String) {
    switch fullName {
    case "google.protobuf.Timestamp": self = .timestamp
    case "google.protobuf.Duration": self = .duration
    case "google.protobuf.Any": self = .any
    default: return nil
    }
  }
}

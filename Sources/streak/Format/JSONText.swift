/// A JSON document; its text is ASCII.
enum JSONText {
  case null
  case bool(Bool)
  case number(Int)
  case string(String)
  case array([JSONText])
  case object([(String, JSONText)])

  /// A day or another optional text.
  static func optional(_ text: (some CustomStringConvertible)?) -> JSONText {
    text.map { .string($0.description) } ?? .null
  }

  /// The document on one line.
  var text: String {
    switch self {
    case .null: "null"
    case .bool(let value): value ? "true" : "false"
    case .number(let number): "\(number)"
    case .string(let string): Self.quoted(string)
    case .array(let values): "[" + values.map(\.text).joined(separator: ",") + "]"
    case .object(let members):
      "{" + members.map { "\(Self.quoted($0.0)):\($0.1.text)" }.joined(separator: ",") + "}"
    }
  }

  private static func quoted(_ string: String) -> String {
    let characters = string.utf16.map { unit -> String in
      switch unit {
      case 0x22: return "\\\""
      case 0x5C: return "\\\\"
      case 0x20..<0x7F: return String(UnicodeScalar(UInt8(unit)))
      default:
        let digits = String(unit, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }
    }
    return "\"" + characters.joined() + "\""
  }
}

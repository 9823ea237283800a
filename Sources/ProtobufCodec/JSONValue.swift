/// A JSON document as a tree; numbers keep their text. Source: RFC 8259.
public indirect enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  case number(String)
  case string(String)
  case array([JSONValue])
  /// Members in order; names are distinct.
  case object([Member])

  /// Reads one document.
  /// - Throws: `JSONError` with the byte offset of the fault.
  public init(parsing text: String) throws(JSONError) { self = try JSONParser.parse(text) }

  public struct Member: Sendable, Equatable {
    public let name: String
    public let value: JSONValue

    public init(name: String, value: JSONValue) {
      self.name = name
      self.value = value
    }
  }
}

/// Why text is not the JSON of a message.
public struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A byte offset for malformed JSON, a field path for JSON that does not fit the schema.
  public let place: String
  public let reason: String

  public var description: String { "\(place): \(reason)" }
}

/// Reads one JSON document.
struct JSONParser {
  /// The most levels of arrays and objects.
  static let nestingMax = 100

  private let bytes: [UInt8]
  private var offset = 0

  static func parse(_ text: String) throws(JSONError) -> JSONValue {
    var parser = JSONParser(bytes: Array(text.utf8))
    let value = try parser.value(nestingLeft: nestingMax)
    parser.skipSpace()
    guard parser.offset == parser.bytes.count else { throw parser.error("text after the document") }
    return value
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private func error(_ reason: String) -> JSONError { JSONError(place: "byte \(offset)", reason: reason) }

  private var current: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  private mutating func skipSpace() {
    while let byte = current, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { offset += 1 }
  }

  private mutating func take(_ byte: Character) -> Bool {
    guard current == byte.asciiValue else { return false }
    offset += 1
    return true
  }

  private mutating func word(_ text: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
    guard bytes[offset...].starts(with: text.utf8) else { throw error("expected a value") }
    offset += text.utf8.count
    return value
  }

  private mutating func value(nestingLeft: Int) throws(JSONError) -> JSONValue {
    guard nestingLeft > 0 else { throw error("nested deeper than \(Self.nestingMax) levels") }
    skipSpace()
    switch current {
    case UInt8(ascii: "{"): return try object(nestingLeft: nestingLeft)
    case UInt8(ascii: "["): return try array(nestingLeft: nestingLeft)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case nil: throw error("the document ends early")
    default: return .number(try number())
    }
  }

  private mutating func object(nestingLeft: Int) throws(JSONError) -> JSONValue {
    offset += 1
    var members: [JSONValue.Member] = []
    var names: Set<String> = []
    skipSpace()
    if take("}") { return .object(members) }
    repeat {
      skipSpace()
      guard current == UInt8(ascii: "\"") else { throw error("expected a member name") }
      let name = try string()
      guard names.insert(name).inserted else { throw error("member \"\(name)\" stands twice") }
      skipSpace()
      guard take(":") else { throw error("expected a colon") }
      members.append(JSONValue.Member(name: name, value: try value(nestingLeft: nestingLeft - 1)))
      skipSpace()
    } while take(",")
    guard take("}") else { throw error("expected a comma or the object's end") }
    return .object(members)
  }

  private mutating func array(nestingLeft: Int) throws(JSONError) -> JSONValue {
    offset += 1
    var items: [JSONValue] = []
    skipSpace()
    if take("]") { return .array(items) }
    repeat {
      items.append(try value(nestingLeft: nestingLeft - 1))
      skipSpace()
    } while take(",")
    guard take("]") else { throw error("expected a comma or the array's end") }
    return .array(items)
  }

  private mutating func string() throws(JSONError) -> String {
    offset += 1
    var result: [UInt8] = []
    while let byte = current {
      switch byte {
      case UInt8(ascii: "\""):
        offset += 1
        return String(decoding: result, as: UTF8.self)
      case UInt8(ascii: "\\"):
        offset += 1
        try escape(into: &result)
      case 0..<0x20: throw error("a control character in a string")
      default:
        result.append(byte)
        offset += 1
      }
    }
    throw error("a string without end")
  }

  private mutating func escape(into result: inout [UInt8]) throws(JSONError) {
    guard let byte = current else { throw error("a string without end") }
    offset += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(byte)
    case UInt8(ascii: "b"): result.append(0x08)
    case UInt8(ascii: "f"): result.append(0x0C)
    case UInt8(ascii: "n"): result.append(0x0A)
    case UInt8(ascii: "r"): result.append(0x0D)
    case UInt8(ascii: "t"): result.append(0x09)
    case UInt8(ascii: "u"):
      var code = UInt32(try hex4())
      if (0xD800..<0xDC00).contains(code) {
        guard take("\\"), take("u") else { throw error("half a surrogate pair") }
        let low = UInt32(try hex4())
        guard (0xDC00..<0xE000).contains(low) else { throw error("half a surrogate pair") }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw error("half a surrogate pair") }
      result.append(contentsOf: String(Character(scalar)).utf8)
    default: throw error("an unknown escape")
    }
  }

  private mutating func hex4() throws(JSONError) -> UInt16 {
    guard offset + 4 <= bytes.count,
      bytes[offset..<offset + 4].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let value = UInt16(String(decoding: bytes[offset..<offset + 4], as: UTF8.self), radix: 16)
    else { throw error("expected four hex digits") }
    offset += 4
    return value
  }

  private mutating func digits() -> Int {
    let start = offset
    while let byte = current, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { offset += 1 }
    return offset - start
  }

  private mutating func number() throws(JSONError) -> String {
    let start = offset
    _ = take("-")
    let first = current
    let integerDigits = digits()
    guard integerDigits > 0, first != UInt8(ascii: "0") || integerDigits == 1 else { throw error("expected a value") }
    if take(".") {
      guard digits() > 0 else { throw error("expected a digit") }
    }
    if take("e") || take("E") {
      if !take("+") { _ = take("-") }
      guard digits() > 0 else { throw error("expected a digit") }
    }
    return String(decoding: bytes[start..<offset], as: UTF8.self)
  }
}

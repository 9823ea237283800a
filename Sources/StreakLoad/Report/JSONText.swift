internal import ProtobufCodec

extension JSONValue {
  static func object(_ members: [(String, JSONValue)]) -> JSONValue {
    .object(members.map { Member(name: $0.0, value: $0.1) })
  }

  static func number<Number: BinaryInteger>(_ number: Number) -> JSONValue { .number("\(number)") }

  /// At most six decimals; null for infinity and NaN.
  static func number(_ number: Double) -> JSONValue {
    guard number.isFinite, abs(number) < 1e15 else { return .null }
    return .number(Decimals.text(number, 6, trimsZeros: true))
  }

  /// The document as text.
  var text: String {
    var result = ""
    write(to: &result)
    return result
  }

  private func write(to text: inout String) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .number(let number): text += number
    case .string(let string): Self.write(string, to: &text)
    case .array(let values):
      text += "["
      for (index, value) in values.enumerated() {
        if index > 0 { text += "," }
        value.write(to: &text)
      }
      text += "]"
    case .object(let members):
      text += "{"
      for (index, member) in members.enumerated() {
        if index > 0 { text += "," }
        Self.write(member.name, to: &text)
        text += ":"
        member.value.write(to: &text)
      }
      text += "}"
    }
  }

  private static func write(_ string: String, to text: inout String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
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

/// Numbers in text reports.
enum Decimals {
  /// With this number of decimals.
  static func text(_ number: Double, _ decimals: Int, trimsZeros: Bool = false) -> String {
    guard number.isFinite, abs(number) < 1e15 else { return "-" }
    let factor = (0..<decimals).reduce(1.0) { product, _ in product * 10 }
    let scaled = Int64((abs(number) * factor).rounded())
    var text = "\(scaled / Int64(factor))"
    if decimals > 0 {
      let rest = "\(scaled % Int64(factor))"
      text += "." + String(repeating: "0", count: decimals - rest.count) + rest
      while trimsZeros, text.hasSuffix("0") { text.removeLast() }
      if text.hasSuffix(".") { text.removeLast() }
    }
    return number < 0 && scaled > 0 ? "-" + text : text
  }

  /// With three significant digits.
  static func short(_ number: Double, trimsZeros: Bool = false) -> String {
    let size = abs(number)
    let decimals = size >= 100 || size == 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.01 ? 3 : 4
    return text(number, decimals, trimsZeros: trimsZeros)
  }

  /// With commas between groups of three digits.
  static func grouped(_ number: Int) -> String {
    let digits = Array("\(abs(number))")
    var text = number < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text += "," }
      text.append(digit)
    }
    return text
  }

  /// A duration in nanoseconds.
  static func duration(_ nanoseconds: Double, trimsZeros: Bool = false) -> String {
    switch abs(nanoseconds) {
    case 1e9...: "\(short(nanoseconds / 1e9, trimsZeros: trimsZeros)) s"
    case 1e6...: "\(short(nanoseconds / 1e6, trimsZeros: trimsZeros)) ms"
    default: "\(short(nanoseconds / 1e3, trimsZeros: trimsZeros)) us"
    }
  }
}

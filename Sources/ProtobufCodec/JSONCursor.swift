/// Reads JSON text value by value, without making a tree of it. Source: RFC 8259.
///
/// It does not own the text: its creator keeps the bytes in place while the cursor is in use.
@safe struct JSONCursor {
  /// The most levels of arrays and objects.
  static let nestingMax = 100

  private let bytes: UnsafeRawBufferPointer
  private let byteCount: Int
  private(set) var offset = 0
  /// How many more values the document may have.
  private var valuesLeft: Int

  /// A string between its quotes.
  struct Text {
    let range: Range<Int>
    let hasEscapes: Bool
  }

  @unsafe init(_ bytes: UnsafeRawBufferPointer, valuesMax: Int) {
    unsafe self.bytes = bytes
    byteCount = bytes.count
    valuesLeft = valuesMax
  }

  /// The byte at the offset; at the end 0, which begins no value.
  @inline(__always)
  var current: UInt8 { offset < byteCount ? unsafe bytes[offset] : 0 }

  var isAtEnd: Bool { offset >= byteCount }

  func fault(_ reason: String) -> JSONFault { .text(offset: offset, reason) }

  /// Returns to an earlier offset.
  mutating func rewind(to earlier: Int) { offset = earlier }

  // MARK: Structure

  @inline(__always)
  mutating func skipSpace() {
    while true {
      let byte = current
      guard byte <= 0x20, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D else { return }
      offset += 1
    }
  }

  @inline(__always)
  mutating func take(_ byte: UInt8) -> Bool {
    guard current == byte, !isAtEnd else { return false }
    offset += 1
    return true
  }

  /// Moves to a value's first byte.
  mutating func beginValue(nestingLeft: Int) throws(JSONFault) {
    guard nestingLeft > 0 else { throw fault("nested deeper than \(Self.nestingMax) levels") }
    guard valuesLeft > 0 else { throw fault("more values than are accepted") }
    valuesLeft -= 1
    skipSpace()
    if isAtEnd { throw fault("the document ends early") }
  }

  /// Reads a member's name and the colon behind it.
  mutating func name() throws(JSONFault) -> Text {
    skipSpace()
    guard current == UInt8(ascii: "\"") else { throw fault("expected a member name") }
    let name = try text()
    skipSpace()
    guard take(UInt8(ascii: ":")) else { throw fault("expected a colon") }
    return name
  }

  /// Reads the comma behind an item.
  /// - Returns: false at the end of the object or array, which `bracket` closes.
  mutating func next(before bracket: UInt8) throws(JSONFault) -> Bool {
    skipSpace()
    if take(UInt8(ascii: ",")) { return true }
    guard take(bracket) else {
      throw fault("expected a comma or the \(bracket == UInt8(ascii: "]") ? "array" : "object")'s end")
    }
    return false
  }

  /// Reads `true`, `false` or `null`.
  mutating func takeWord(_ word: StaticString) -> Bool {
    let count = word.utf8CodeUnitCount
    guard byteCount - offset >= count else { return false }
    for index in 0..<count where unsafe bytes[offset + index] != word.utf8Start[index] { return false }
    offset += count
    return true
  }

  /// Skips a value.
  mutating func skipValue(nestingLeft: Int) throws(JSONFault) {
    try beginValue(nestingLeft: nestingLeft)
    try skipBegun(nestingLeft: nestingLeft)
  }

  /// Skips a value after `beginValue`.
  mutating func skipBegun(nestingLeft: Int) throws(JSONFault) {
    switch current {
    case UInt8(ascii: "{"):
      offset += 1
      skipSpace()
      if take(UInt8(ascii: "}")) { return }
      repeat {
        _ = try name()
        try skipValue(nestingLeft: nestingLeft - 1)
      } while try next(before: UInt8(ascii: "}"))
    case UInt8(ascii: "["):
      offset += 1
      skipSpace()
      if take(UInt8(ascii: "]")) { return }
      repeat { try skipValue(nestingLeft: nestingLeft - 1) } while try next(before: UInt8(ascii: "]"))
    case UInt8(ascii: "\""): _ = try text()
    default:
      if takeWord("true") || takeWord("false") || takeWord("null") { return }
      _ = try number()
    }
  }

  // MARK: Strings

  /// Reads a string, from its quote on.
  mutating func text() throws(JSONFault) -> Text {
    offset += 1
    let start = offset
    var hasEscapes = false
    while offset < byteCount {
      let byte = unsafe bytes[offset]
      if byte == UInt8(ascii: "\"") {
        defer { offset += 1 }
        return Text(range: start..<offset, hasEscapes: hasEscapes)
      }
      if byte < 0x20 { throw fault("a control character in a string") }
      if byte == UInt8(ascii: "\\") {
        hasEscapes = true
        try skipEscape()
      } else {
        offset += 1
      }
    }
    throw fault("a string without end")
  }

  private mutating func skipEscape() throws(JSONFault) {
    offset += 1
    switch current {
    case UInt8(ascii: "u"):
      offset += 1
      guard hex4(at: offset) != nil else { throw fault("expected four hex digits") }
      offset += 4
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      offset += 1
    default: throw fault(isAtEnd ? "a string without end" : "an unknown escape")
    }
  }

  private func hex4(at place: Int) -> UInt32? {
    guard place + 4 <= byteCount else { return nil }
    var value: UInt32 = 0
    for index in place..<place + 4 {
      let byte = unsafe bytes[index]
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      default: return nil
      }
      value = value << 4 | UInt32(digit)
    }
    return value
  }

  /// Appends a string's text, without escapes.
  func append(_ text: Text, to output: inout [UInt8]) throws(JSONFault) {
    guard text.hasEscapes else {
      unsafe output.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[text.range]))
      return
    }
    var place = text.range.lowerBound
    while place < text.range.upperBound {
      let byte = unsafe bytes[place]
      place += 1
      guard byte == UInt8(ascii: "\\") else {
        output.append(byte)
        continue
      }
      let escape = unsafe bytes[place]
      place += 1
      switch escape {
      case UInt8(ascii: "b"): output.append(0x08)
      case UInt8(ascii: "f"): output.append(0x0C)
      case UInt8(ascii: "n"): output.append(0x0A)
      case UInt8(ascii: "r"): output.append(0x0D)
      case UInt8(ascii: "t"): output.append(0x09)
      case UInt8(ascii: "u"):
        let (scalar, end) = try scalar(at: place, before: text.range.upperBound)
        output.append(contentsOf: String(Character(scalar)).utf8)
        place = end
      default: output.append(escape)
      }
    }
  }

  /// The character whose first escape is at `place`, in hex.
  private func scalar(at place: Int, before end: Int) throws(JSONFault) -> (Unicode.Scalar, end: Int) {
    let half = JSONFault.text(offset: min(place + 4, end), "half a surrogate pair")
    guard let high = hex4(at: place) else { throw half }
    guard (0xD800..<0xDC00).contains(high) else {
      guard let scalar = Unicode.Scalar(high) else { throw half }
      return (scalar, place + 4)
    }
    guard place + 10 <= end, unsafe bytes[place + 4] == UInt8(ascii: "\\"),
      unsafe bytes[place + 5] == UInt8(ascii: "u"), let low = hex4(at: place + 6), (0xDC00..<0xE000).contains(low),
      let scalar = Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
    else { throw half }
    return (scalar, place + 10)
  }

  /// Lends the bytes of a string's text, without escapes.
  func withBytes<Value>(of text: Text, _ body: (Span<UInt8>) throws(JSONFault) -> Value) throws(JSONFault) -> Value {
    if text.hasEscapes {
      var plain: [UInt8] = []
      try append(text, to: &plain)
      return try body(plain.span)
    }
    return try withBytes(in: text.range, body)
  }

  /// Lends some of the text.
  func withBytes<Value>(
    in range: Range<Int>, _ body: (Span<UInt8>) throws(JSONFault) -> Value
  ) throws(JSONFault) -> Value {
    let part = unsafe UnsafeRawBufferPointer(rebasing: bytes[range])
    return try body(unsafe part.bindMemory(to: UInt8.self).span)
  }

  /// A string's text, for messages to people.
  func string(_ text: Text) -> String {
    var plain: [UInt8] = []
    do { try append(text, to: &plain) } catch { return "?" }
    return String(decoding: plain, as: UTF8.self)
  }

  // MARK: Numbers

  /// Reads a number.
  mutating func number() throws(JSONFault) -> Range<Int> {
    let start = offset
    _ = take(UInt8(ascii: "-"))
    let first = current
    let integerDigits = digits()
    guard integerDigits > 0, first != UInt8(ascii: "0") || integerDigits == 1 else { throw fault("expected a value") }
    if take(UInt8(ascii: ".")) {
      guard digits() > 0 else { throw fault("expected a digit") }
    }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      guard digits() > 0 else { throw fault("expected a digit") }
    }
    return start..<offset
  }

  private mutating func digits() -> Int {
    let start = offset
    while current >= UInt8(ascii: "0"), current <= UInt8(ascii: "9") { offset += 1 }
    return offset - start
  }

  /// Whether `text` is a number and nothing else.
  static func isNumber(_ text: Span<UInt8>) -> Bool {
    unsafe text.withUnsafeBytes { bytes in
      var cursor = unsafe JSONCursor(bytes, valuesMax: 1)
      return (try? cursor.number()) != nil && cursor.isAtEnd
    }
  }
}

/// Why JSON does not fit a message. The path grows from the inside out.
enum JSONFault: Error {
  /// The text is not JSON.
  case text(offset: Int, String)
  /// A value does not fit the schema. The path is empty for the value itself.
  case value(path: String, String)

  static func value(_ reason: String) -> JSONFault { .value(path: "", reason) }

  /// The same fault, with the path from the object whose member `name` contains it.
  func within(_ name: String) -> JSONFault {
    guard case .value(let path, let reason) = self else { return self }
    return .value(path: path.isEmpty || path.hasPrefix("[") ? name + path : "\(name).\(path)", reason)
  }

  /// The same fault, with the path from the array whose item contains it.
  func within(item: Int) -> JSONFault {
    guard case .value(let path, let reason) = self else { return self }
    return .value(path: path.isEmpty ? "[\(item)]" : "[\(item)].\(path)", reason)
  }

  var error: JSONError {
    switch self {
    case .text(let offset, let reason): JSONError(place: "byte \(offset)", reason: reason)
    case .value(let path, let reason): JSONError(place: path.isEmpty ? "document" : path, reason: reason)
    }
  }
}

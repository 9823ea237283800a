extension [UInt8] {
  /// Appends a JSON string literal.
  public mutating func appendJSONString(_ text: String) {
    var text = text
    text.withUTF8 { bytes in unsafe appendJSONString(UnsafeRawBufferPointer(bytes)) }
  }

  /// Appends a JSON string literal of UTF-8.
  mutating func appendJSONString(_ text: UnsafeRawBufferPointer) {
    append(UInt8(ascii: "\""))
    var start = 0
    for place in 0..<text.count {
      let byte = unsafe text[place]
      guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == 0x7F else { continue }
      unsafe append(contentsOf: UnsafeRawBufferPointer(rebasing: text[start..<place]))
      appendEscape(byte)
      start = place + 1
    }
    unsafe append(contentsOf: UnsafeRawBufferPointer(rebasing: text[start...]))
    append(UInt8(ascii: "\""))
  }

  private mutating func appendEscape(_ byte: UInt8) {
    append(UInt8(ascii: "\\"))
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): append(byte)
    case 0x0A: append(UInt8(ascii: "n"))
    case 0x0D: append(UInt8(ascii: "r"))
    case 0x09: append(UInt8(ascii: "t"))
    default:
      append(contentsOf: (byte < 0x10 ? "u000" : "u00").utf8)
      append(contentsOf: String(byte, radix: 16).utf8)
    }
  }

  /// Appends a number in decimal, with leading zeros up to `width` digits.
  mutating func appendDecimal(_ number: UInt64, width: Int = 1) {
    var digits: InlineArray<20, UInt8> = .init(repeating: 0)
    var count = 0
    var rest = number
    while rest > 0 || count < width {
      digits[count] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
      count += 1
    }
    while count > 0 {
      count -= 1
      append(digits[count])
    }
  }
}

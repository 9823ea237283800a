internal import Glibc
internal import HTTP

/// Bytes that the caller lends; no function of this target keeps them.
typealias Bytes = UnsafeBufferPointer<UInt8>

extension UnsafeBufferPointer<UInt8> {
  /// The bytes in `range`.
  @inline(__always)
  func part(_ range: Range<Int>) -> Bytes { unsafe Bytes(rebasing: self[range]) }

  /// Where `byte` comes first, from `start` on.
  @inline(__always)
  func place(of byte: UInt8, from start: Int = 0) -> Int? {
    guard start < count, let base = baseAddress,
      let found = unsafe memchr(base + start, Int32(byte), count - start)
    else { return nil }
    return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(base)
  }

  /// Whether the bytes are those of `text`.
  @inline(__always)
  func equals(_ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount, let base = baseAddress else { return false }
    return unsafe memcmp(base, text.utf8Start, count) == 0
  }

  /// Whether the bytes are those of `text`, which is in lower case, but for the case of letters.
  func equalsIgnoringCase(_ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount else { return false }
    for index in indices where unsafe self[index].lowercased != text.utf8Start[index] { return false }
    return true
  }

  /// Whether both are the same but for the case of letters.
  func equalsIgnoringCase(_ other: Bytes) -> Bool {
    guard count == other.count else { return false }
    for index in indices where unsafe self[index].lowercased != other[index].lowercased { return false }
    return true
  }

  /// Whether the bytes begin with those of `text`, which is in lower case, but for the case of
  /// letters.
  @inline(__always)
  func beginsIgnoringCase(_ text: StaticString) -> Bool {
    unsafe count >= text.utf8CodeUnitCount && part(0..<text.utf8CodeUnitCount).equalsIgnoringCase(text)
  }

  /// The bytes without spaces and tabs around them.
  @inline(__always)
  var trimmed: Bytes {
    var start = 0
    var end = count
    while start < end, unsafe self[start].isSpaceOrTab { start += 1 }
    while end > start, unsafe self[end - 1].isSpaceOrTab { end -= 1 }
    return unsafe part(start..<end)
  }

  /// Decimal digits alone, as a number; nil for anything else, and for more than an `Int` holds.
  var decimalNumber: Int? { unsafe UnsafeRawBufferPointer(self).bytes.decimalNumber }

  /// Calls `body` with each element of a comma-separated list, trimmed; empty ones are left out.
  /// Source: RFC 9110, section 5.6.1.
  func forEachListElement(_ body: (Bytes) -> Void) {
    var start = 0
    while start <= count {
      let end = unsafe place(of: UInt8(ascii: ","), from: start) ?? count
      let element = unsafe part(start..<end).trimmed
      if !element.isEmpty { unsafe body(element) }
      start = end + 1
    }
  }
}

extension UInt8 {
  @inline(__always) static var carriageReturn: UInt8 { 0x0D }
  @inline(__always) static var lineFeed: UInt8 { 0x0A }

  @inline(__always)
  var isSpaceOrTab: Bool { self == 0x20 || self == 0x09 }

  @inline(__always)
  var isDigit: Bool { self &- UInt8(ascii: "0") < 10 }

  @inline(__always)
  var isLetter: Bool { (self | 0x20) &- UInt8(ascii: "a") < 26 }

  /// A letter in lower case, any other byte as it is.
  @inline(__always)
  var lowercased: UInt8 { isLetter ? self | 0x20 : self }

  /// The value of a hexadecimal digit.
  @inline(__always)
  var hexadecimalValue: UInt8? {
    if isDigit { return self - UInt8(ascii: "0") }
    let letter = (self | 0x20) &- UInt8(ascii: "a")
    return letter < 6 ? letter + 10 : nil
  }
}

/// A JSON number as an integer: `1.0` and `1e2` are integers too. Exact for any notation.
struct JSONInteger {
  let isNegative: Bool
  let magnitude: UInt64

  /// Powers of ten past this are zero or out of range.
  private static let exponentMax = 1_000_000

  /// - Parameter text: A number by JSON's grammar.
  /// - Returns: nil if it is not an integer, or its magnitude needs more than 64 bits.
  init?(_ text: Span<UInt8>) {
    var index = 0
    let isNegative = text[0] == UInt8(ascii: "-")
    if isNegative { index = 1 }
    // The value is `significand` * 10^`exponent`; zeros are counted until another digit needs them.
    var significand: UInt64 = 0
    var zeros = 0
    var exponent = 0
    var isFraction = false
    scan: while index < text.count {
      let byte = text[index]
      index += 1
      switch byte {
      case UInt8(ascii: "."): isFraction = true
      case UInt8(ascii: "e"), UInt8(ascii: "E"):
        exponent += Self.exponent(text, from: index)
        break scan
      default:
        if isFraction { exponent -= 1 }
        let digit = UInt64(byte - UInt8(ascii: "0"))
        if digit == 0 {
          if significand > 0 { zeros += 1 }
          continue
        }
        guard let shifted = Self.shifted(significand, zeros + 1) else { return nil }
        let (sum, overflows) = shifted.addingReportingOverflow(digit)
        guard !overflows else { return nil }
        significand = sum
        zeros = 0
      }
    }
    if significand > 0 {
      exponent += zeros
      guard exponent >= 0, let value = Self.shifted(significand, exponent) else { return nil }
      significand = value
    }
    self.isNegative = isNegative
    magnitude = significand
  }

  private static func exponent(_ text: Span<UInt8>, from start: Int) -> Int {
    var exponent = 0
    var isNegative = false
    for index in start..<text.count {
      switch text[index] {
      case UInt8(ascii: "-"): isNegative = true
      case UInt8(ascii: "+"): break
      case let digit: exponent = min(exponent * 10 + Int(digit - UInt8(ascii: "0")), exponentMax)
      }
    }
    return isNegative ? -exponent : exponent
  }

  /// A value times a power of ten; nil past 64 bits.
  private static func shifted(_ value: UInt64, _ places: Int) -> UInt64? {
    guard value > 0 else { return 0 }
    guard places < 20 else { return nil }
    var value = value
    for _ in 0..<places {
      let (product, overflows) = value.multipliedReportingOverflow(by: 10)
      guard !overflows else { return nil }
      value = product
    }
    return value
  }

  /// Nil past 64 bits.
  var signed: Int64? {
    if !isNegative { return Int64(exactly: magnitude) }
    return magnitude <= 1 << 63 ? Int64(truncatingIfNeeded: 0 &- magnitude) : nil
  }

  /// Nil below zero.
  var unsigned: UInt64? { isNegative && magnitude > 0 ? nil : magnitude }
}

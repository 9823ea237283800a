/// The value of the `grpc-timeout` header. Source: gRPC over HTTP/2, "Timeout".
enum GRPCTimeout {
  /// Digits at most.
  static let digitsMax = 8

  /// Reads 1 to 8 digits and a unit.
  /// - Returns: Milliseconds, rounded up; nil when malformed.
  static func milliseconds(_ text: String) -> UInt64? {
    guard let unit = text.utf8.last, text.utf8.count >= 2, text.utf8.count <= digitsMax + 1 else { return nil }
    var count: UInt64 = 0
    for digit in text.utf8.dropLast() {
      guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
      count = count * 10 + UInt64(digit - UInt8(ascii: "0"))
    }
    switch unit {
    case UInt8(ascii: "H"): return count * 3_600_000
    case UInt8(ascii: "M"): return count * 60_000
    case UInt8(ascii: "S"): return count * 1_000
    case UInt8(ascii: "m"): return count
    case UInt8(ascii: "u"): return (count + 999) / 1_000
    case UInt8(ascii: "n"): return (count + 999_999) / 1_000_000
    default: return nil
    }
  }

  /// Writes `milliseconds` in the finest unit that fits.
  static func text(milliseconds: UInt64) -> String {
    let limit: UInt64 = 99_999_999
    if milliseconds <= limit { return "\(milliseconds)m" }
    let seconds = milliseconds / 1_000
    return seconds <= limit ? "\(seconds)S" : "\(min(seconds / 3_600, limit))H"
  }
}

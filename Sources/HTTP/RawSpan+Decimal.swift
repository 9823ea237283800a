extension RawSpan {
  /// Decimal digits alone, as a number; nil for anything else, and for more than an `Int` holds.
  public var decimalNumber: Int? {
    guard byteCount > 0 else { return nil }
    var number = 0
    for index in 0..<byteCount {
      let digit = unsafe unsafeLoad(fromByteOffset: index, as: UInt8.self) &- UInt8(ascii: "0")
      guard digit <= 9 else { return nil }
      let (tens, overflows) = number.multipliedReportingOverflow(by: 10)
      let (next, exceeds) = tens.addingReportingOverflow(Int(digit))
      guard !overflows, !exceeds else { return nil }
      number = next
    }
    return number
  }
}

extension [UInt8] {
  /// The bytes of a number, its most significant byte first.
  package init(bigEndian value: some FixedWidthInteger) {
    self = []
    append(bigEndian: value)
  }

  /// Appends a number, its most significant byte first.
  package mutating func append(bigEndian value: some FixedWidthInteger) {
    unsafe Swift.withUnsafeBytes(of: value.bigEndian) { unsafe append(contentsOf: $0) }
  }
}

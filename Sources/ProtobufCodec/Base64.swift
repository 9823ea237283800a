/// Base64. Source: RFC 4648, section 4.
public enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let values: [UInt8?] = {
    var values = [UInt8?](repeating: nil, count: 256)
    for (value, digit) in alphabet.enumerated() { values[Int(digit)] = UInt8(value) }
    // The URL-safe alphabet of section 5 is read as well, as proto3 JSON requires.
    values[Int(UInt8(ascii: "-"))] = 62
    values[Int(UInt8(ascii: "_"))] = 63
    return values
  }()

  /// - Parameter padding: Whether to fill the last group with `=`. gRPC's `-bin` headers have no
  ///   padding, JSON has.
  public static func encode(_ bytes: [UInt8], padding: Bool) -> String {
    var result: [UInt8] = []
    result.reserveCapacity((bytes.count + 2) / 3 * 4)
    unsafe bytes.withUnsafeBytes { bytes in unsafe encode(bytes, padding: padding, appendingTo: &result) }
    return String(decoding: result, as: UTF8.self)
  }

  static func encode(_ bytes: UnsafeRawBufferPointer, padding: Bool, appendingTo output: inout [UInt8]) {
    let (alphabet, start) = (alphabet, output.count)
    var bits: UInt32 = 0
    var bitCount = 0
    for index in 0..<bytes.count {
      bits = bits << 8 | UInt32(unsafe bytes[index])
      bitCount += 8
      while bitCount >= 6 {
        bitCount -= 6
        output.append(alphabet[Int(bits >> UInt32(bitCount) & 0x3F)])
      }
    }
    if bitCount > 0 { output.append(alphabet[Int(bits << UInt32(6 - bitCount) & 0x3F)]) }
    while padding && (output.count - start) % 4 != 0 { output.append(UInt8(ascii: "=")) }
  }

  /// Reads base64 with or without padding, in the standard or the URL-safe alphabet.
  /// - Returns: nil for other characters, wrong padding or an impossible length.
  public static func decode(_ text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    var result: [UInt8] = []
    result.reserveCapacity(digits.count * 3 / 4)
    return decode(digits.span, appendingTo: &result) ? result : nil
  }

  /// - Returns: false for text that is not base64; part of it may have been appended then.
  static func decode(_ digits: Span<UInt8>, appendingTo output: inout [UInt8]) -> Bool {
    let values = values
    var count = digits.count
    if count % 4 == 0 {
      for _ in 0..<2 where count > 0 && digits[count - 1] == UInt8(ascii: "=") { count -= 1 }
    }
    guard count % 4 != 1 else { return false }
    var bits: UInt32 = 0
    var bitCount = 0
    for index in 0..<count {
      guard let value = values[Int(digits[index])] else { return false }
      bits = bits << 6 | UInt32(value)
      bitCount += 6
      if bitCount >= 8 {
        bitCount -= 8
        output.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
      }
    }
    return true
  }
}

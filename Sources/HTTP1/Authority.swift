/// The syntax of a host with an optional port, as in Host and in a target. Source: RFC 3986,
/// section 3.2; RFC 9110, section 4.2.
enum Authority {
  /// The largest port.
  private static let portMax = 65_535

  /// Whether the bytes name a host, which may not be empty, and perhaps a port. User names are
  /// refused (RFC 9110, section 4.2.4).
  static func isValid(_ bytes: Bytes) -> Bool {
    guard let first = unsafe bytes.first else { return false }
    if first == UInt8(ascii: "[") {
      guard let end = unsafe bytes.place(of: UInt8(ascii: "]")) else { return false }
      return unsafe isAddress(bytes.part(1..<end)) && isPort(bytes.part(end + 1..<bytes.count))
    }
    let end = unsafe bytes.place(of: UInt8(ascii: ":")) ?? bytes.count
    return unsafe isName(bytes.part(0..<end)) && isPort(bytes.part(end..<bytes.count))
  }

  /// Nothing, or a colon and digits, which may be none.
  private static func isPort(_ bytes: Bytes) -> Bool {
    guard !bytes.isEmpty else { return true }
    guard unsafe bytes[0] == UInt8(ascii: ":") else { return false }
    return unsafe bytes.count == 1 || (bytes.part(1..<bytes.count).decimalNumber ?? .max) <= portMax
  }

  /// A registered name or an IPv4 address.
  private static func isName(_ bytes: Bytes) -> Bool {
    guard !bytes.isEmpty else { return false }
    for index in bytes.indices {
      switch unsafe bytes[index] {
      case UInt8(ascii: "%"):
        guard index + 2 < bytes.count, unsafe bytes[index + 1].hexadecimalValue != nil,
          unsafe bytes[index + 2].hexadecimalValue != nil
        else { return false }
      case let byte where byte.isLetter || byte.isDigit || isMark(byte): continue
      default: return false
      }
    }
    return true
  }

  /// An IPv6 address, or one of a future version, between its brackets.
  private static func isAddress(_ bytes: Bytes) -> Bool {
    guard !bytes.isEmpty else { return false }
    for index in bytes.indices {
      let byte = unsafe bytes[index]
      guard byte.isLetter || byte.isDigit || isMark(byte) || byte == UInt8(ascii: ":") else { return false }
    }
    return true
  }

  /// What RFC 3986 calls unreserved, or a delimiter within a component, beside letters and digits.
  private static func isMark(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "!"),
      UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "("), UInt8(ascii: ")"),
      UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "="):
      true
    default: false
    }
  }
}

/// The bytes that names and values of fields are made of. Source: RFC 9110, sections 5.1, 5.5 and
/// 5.6.2.
enum FieldSyntax {
  /// For each ASCII byte: itself in lower case where a token may hold it, otherwise 0.
  private static let tokenBytes: StaticString = """
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \0!\0#$%&'\0\0*+\0-.\0\
    0123456789\0\0\0\0\0\0\
    \0abcdefghijklmno\
    pqrstuvwxyz\0\0\0^_\
    `abcdefghijklmno\
    pqrstuvwxyz\0|\0~\0
    """

  /// The byte in lower case where a token may hold it, otherwise 0.
  @inline(__always)
  static func tokenByte(_ byte: UInt8) -> UInt8 { byte < 0x80 ? unsafe tokenBytes.utf8Start[Int(byte)] : 0 }

  static func isToken(_ bytes: Bytes) -> Bool {
    guard !bytes.isEmpty else { return false }
    for index in bytes.indices where unsafe tokenByte(bytes[index]) == 0 { return false }
    return true
  }

  /// Writes a field's name in lower case to `target`, which has room for it.
  /// - Returns: false when it is no token.
  @inline(__always)
  static func lowercase(_ name: Bytes, to target: UnsafeMutablePointer<UInt8>) -> Bool {
    guard !name.isEmpty else { return false }
    var isToken = true
    for index in name.indices {
      let byte = unsafe tokenByte(name[index])
      isToken = isToken && byte != 0
      unsafe target[index] = byte
    }
    return isToken
  }

  /// Whether a field's value holds no control bytes but tabs.
  @inline(__always)
  static func isValue(_ bytes: Bytes) -> Bool {
    let words = bytes.count / 8
    guard let base = unsafe UnsafeRawPointer(bytes.baseAddress) else { return true }
    for word in 0..<words {
      let eight = unsafe base.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self)
      guard unsafe !mayHoldControl(eight) || holdsNoControl(bytes.part(word * 8..<word * 8 + 8)) else { return false }
    }
    return unsafe holdsNoControl(bytes.part(words * 8..<bytes.count))
  }

  /// Whether one of eight bytes is below 0x20 or is 0x7F.
  @inline(__always)
  private static func mayHoldControl(_ eight: UInt64) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highBits = ones << 7
    let low = (eight &- ones &* 0x20) & ~eight
    let delete = eight ^ (ones &* 0x7F)
    return (low | ((delete &- ones) & ~delete)) & highBits != 0
  }

  private static func holdsNoControl(_ bytes: Bytes) -> Bool {
    for index in bytes.indices {
      let byte = unsafe bytes[index]
      guard byte >= 0x20 && byte != 0x7F || byte == 0x09 else { return false }
    }
    return true
  }
}

/// The line in front of a chunk. Source: RFC 9112, section 7.1.
struct ChunkLine {
  /// Bytes of the chunk's data; 0: the last chunk, which has none.
  let byteCount: Int
  /// Bytes of the chunk's extensions, which are ignored (section 7.1.1).
  let extensionBytes: Int

  /// Digits of a size, zeros in front included.
  static let digitsMax = 16

  /// - Parameter line: Without its line end.
  init(_ line: Bytes, limits: HTTP1Limits) throws(HTTP1Refusal) {
    var count = 0
    var digits = 0
    while digits < line.count, let value = unsafe line[digits].hexadecimalValue {
      guard digits < Self.digitsMax else { throw .chunk }
      // One digit more than a size within the limit has: no overflow.
      guard count <= limits.chunkBytesMax else { throw .chunkTooLarge }
      count = count * 16 + Int(value)
      digits += 1
    }
    guard digits > 0 else { throw .chunk }
    guard count <= limits.chunkBytesMax else { throw .chunkTooLarge }
    byteCount = count
    let rest = unsafe line.part(digits..<line.count)
    extensionBytes = rest.count
    guard !rest.isEmpty else { return }
    guard unsafe rest.trimmed.first == UInt8(ascii: ";"), unsafe FieldSyntax.isValue(rest) else { throw .chunk }
  }
}

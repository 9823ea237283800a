internal import CSodium

/// Base64 with the URL-safe alphabet and no padding. Source: RFC 4648, section 5.
public enum Base64URL {
  public static func encode(_ bytes: [UInt8]) -> String {
    base64(bytes, Int32(sodium_base64_VARIANT_URLSAFE_NO_PADDING), textByteCount: (bytes.count * 4 + 2) / 3)
  }

  /// The bytes of `text`; nil if it is not the one canonical encoding of exactly `byteCount` bytes.
  public static func decode(_ text: some StringProtocol, byteCount: Int) -> [UInt8]? {
    decode(utf8: Array(text.utf8)[...], byteCount: byteCount)
  }

  /// The bytes of the text whose UTF-8 is `utf8`; nil if it is not the one canonical encoding of
  /// exactly `byteCount` bytes.
  public static func decode(utf8: ArraySlice<UInt8>, byteCount: Int) -> [UInt8]? {
    guard utf8.count == (byteCount * 4 + 2) / 3 else { return nil }
    var bytes = [UInt8](repeating: 0, count: byteCount)
    var length = 0
    let result = unsafe utf8.withUnsafeBytes { characters in
      unsafe sodium_base642bin(
        &bytes, byteCount, characters.baseAddress?.assumingMemoryBound(to: CChar.self), characters.count, nil, &length,
        nil, Int32(sodium_base64_VARIANT_URLSAFE_NO_PADDING))
    }
    return result == 0 && length == byteCount ? bytes : nil
  }
}

/// Base64 with the alphabet of mails and padding. Source: RFC 4648, section 4.
public enum PaddedBase64 {
  public static func encode(_ bytes: [UInt8]) -> String {
    base64(bytes, Int32(sodium_base64_VARIANT_ORIGINAL), textByteCount: (bytes.count + 2) / 3 * 4)
  }
}

private func base64(_ bytes: [UInt8], _ variant: Int32, textByteCount: Int) -> String {
  var text = [CChar](repeating: 0, count: textByteCount + 1)
  _ = unsafe sodium_bin2base64(&text, text.count, bytes, bytes.count, variant)
  return String(decoding: text.prefix(textByteCount).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

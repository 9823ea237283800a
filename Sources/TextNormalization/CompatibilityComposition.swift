internal import CUtf8proc
internal import Glibc

extension String {
  /// The text in Unicode's normalization form KC (UAX #15), as UTF-8: full-width and other
  /// compatibility characters become ordinary ones, and letters with their combining marks become
  /// one character. Texts that look alike and differ only by the way of typing become equal.
  ///
  /// - Returns: Nil only when memory runs out.
  public var compatibilityComposed: [UInt8]? {
    let text = Array(utf8)
    var composed: UnsafeMutablePointer<UInt8>?
    let options = UTF8PROC_STABLE.rawValue | UTF8PROC_COMPOSE.rawValue | UTF8PROC_COMPAT.rawValue
    let count = unsafe utf8proc_map(
      text, utf8proc_ssize_t(text.count), &composed, utf8proc_option_t(rawValue: options))
    defer { unsafe free(composed) }
    guard count >= 0, let composed = unsafe composed else { return nil }
    return unsafe Array(UnsafeBufferPointer(start: composed, count: count))
  }
}

/// The value of `connect-timeout-ms`. Source: Connect protocol reference, "Timeout".
enum ConnectTimeout {
  /// Digits at most.
  static let digitsMax = 10

  /// - Returns: nil when it is not one to ten digits.
  static func milliseconds(_ text: String) -> UInt64? {
    guard !text.isEmpty, text.utf8.count <= digitsMax, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
      return nil
    }
    return UInt64(text)
  }

  /// Writes milliseconds; more than ten digits are cut to the longest time.
  static func text(milliseconds: UInt64) -> String { "\(min(milliseconds, 9_999_999_999))" }
}

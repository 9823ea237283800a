/// What a habit may be called, and when two names mean the same habit.
public enum HabitName {
  /// Bytes of UTF-8.
  public static let bytesMax = 256

  /// Whether a name can be stored: some visible text, no control characters, not too long.
  public static func isValid(_ name: String) -> Bool {
    name.utf8.count <= bytesMax && name.contains { !$0.isWhitespace }
      && !name.unicodeScalars.contains { $0.properties.generalCategory == .control }
  }

  /// The form to compare: lower case, one space between words. Swift compares strings by canonical equivalence, so
  /// composed and decomposed letters are the same.
  public static func normalised(_ name: String) -> String {
    name.lowercased().split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }
}

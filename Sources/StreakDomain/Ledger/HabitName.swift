/// The rules for habit names, and for equality of names.
///
/// A name is stored as it was sent (a capture's hash covers those bytes); only comparisons
/// normalise it.
public enum HabitName {
  /// Bytes of UTF-8.
  public static let bytesMax = 256

  /// Whether a name can be stored: some visible text, no control characters or line breaks, not too
  /// long.
  public static func isValid(_ name: String) -> Bool {
    name.utf8.count <= bytesMax && name.unicodeScalars.contains(where: isVisible)
      && !name.unicodeScalars.contains(where: breaksLine)
  }

  /// The form for comparisons: without white space around it, one space between words, case folded
  /// ("Straße" is "STRASSE").
  ///
  /// Compare two of these as Swift strings, which compares by canonical equivalence, so composed
  /// (NFC) and decomposed (NFD) letters are the same. Their bytes may differ: another comparison,
  /// such as SQL's, would distinguish them.
  public static func normalised(_ name: String) -> String {
    // Upper case first: it expands letters without a single lower case form, such as ß and
    // ligatures.
    name.uppercased().lowercased().split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
    !scalar.properties.isWhitespace && scalar.properties.generalCategory != .format
  }

  private static func breaksLine(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }
}

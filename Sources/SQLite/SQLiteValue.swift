/// A value of one of SQLite's storage classes.
package enum SQLiteValue: Hashable, Sendable {
  case null
  case integer(Int64)
  case real(Double)
  case text(String)
  case blob([UInt8])

  /// The number, also if it is stored as text or as a whole real; nil for other values.
  package var integer: Int64? {
    switch self {
    case .integer(let number): number
    case .real(let number): Int64(exactly: number)
    case .text(let text): Int64(text)
    case .null, .blob: nil
    }
  }

  /// The text, or a number's digits; nil for NULL and blobs.
  package var text: String? {
    switch self {
    case .text(let text): text
    case .integer(let number): String(number)
    case .real(let number): String(number)
    case .null, .blob: nil
    }
  }

  /// The bytes; nil for anything but a blob.
  package var blob: [UInt8]? {
    if case .blob(let bytes) = self { bytes } else { nil }
  }
}

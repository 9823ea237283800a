/// A code that signs a person in once, where the password is forgotten: 50 random bits, which no
/// number of guesses that a server answers can find.
///
/// The text has ten of 32 letters and digits in two groups. The alphabet has no letters that look
/// like digits, and no U. Source: Douglas Crockford, "Base 32".
package struct RecoveryCode: Sendable, Equatable {
  /// Codes that a person has at a time.
  package static let countMax = 8
  /// Letters and digits of a code.
  package static let characterCount = 10
  /// The longest text that is read as a code, in bytes.
  package static let textBytesMax = 64

  private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
  private static let groupCount = 5

  /// The letters and digits, in upper case.
  package let canonical: [UInt8]

  /// A new code, of the lower 50 bits, 5 for each character.
  ///
  /// - Parameter bits: From a cryptographically secure generator.
  package init(bits: UInt64) {
    canonical = (0..<Self.characterCount).map { Self.alphabet[Int(bits >> (5 * $0) & 31)] }
  }

  /// Reads a code as a person types it: letter case, spaces and hyphens do not matter, O is read as
  /// 0, I and L as 1. Nil for any other text.
  package init?(_ text: String) {
    guard text.utf8.count <= Self.textBytesMax else { return nil }
    var read: [UInt8] = []
    for byte in text.utf8 {
      let upper = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) ? byte & ~0x20 : byte
      switch upper {
      case UInt8(ascii: " "), UInt8(ascii: "-"): continue
      case UInt8(ascii: "O"): read.append(UInt8(ascii: "0"))
      case UInt8(ascii: "I"), UInt8(ascii: "L"): read.append(UInt8(ascii: "1"))
      default:
        guard Self.alphabet.contains(upper) else { return nil }
        read.append(upper)
      }
      guard read.count <= Self.characterCount else { return nil }
    }
    guard read.count == Self.characterCount else { return nil }
    canonical = read
  }

  /// The text for the person: two groups of five.
  package var text: String {
    let groups = stride(from: 0, to: canonical.count, by: Self.groupCount).map { start in
      String(decoding: canonical[start..<start + Self.groupCount], as: UTF8.self)
    }
    return groups.joined(separator: "-")
  }
}

extension RecoveryCode: CustomStringConvertible, CustomReflectable {
  /// Without the code: it is a credential.
  package var description: String { "RecoveryCode(secret)" }
  package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}

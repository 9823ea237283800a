public import StreakDomain

extension Identifier {
  /// The id in a field that must hold one.
  public init(field bytes: [UInt8], path: String) throws(InvalidField) {
    guard let identifier = Identifier(bytes) else { throw InvalidField(path, "must be 16 bytes") }
    self = identifier
  }

  /// The id in a field that holds one or is empty.
  public static func ifPresent(_ bytes: [UInt8], path: String) throws(InvalidField) -> Identifier? {
    bytes.isEmpty ? nil : try Identifier(field: bytes, path: path)
  }
}

/// Which life of the database change numbers belong to. The number orders epochs, the bits decide whether two are equal: two copies of a
/// database that go on apart may reach the same number.
public struct DatabaseEpoch: Sendable, Hashable, CustomStringConvertible {
  public let number: Int64
  /// Random, drawn anew with each number.
  public let bits: Int64

  public init(number: Int64, bits: Int64) {
    self.number = number
    self.bits = bits
  }

  public var description: String { "\(number)-\(String(UInt64(bitPattern: bits), radix: 16))" }

  /// What a server that is in this epoch makes of another one that a connection shows.
  enum Succession: Equatable {
    case same
    case later
    /// An earlier one, or one of a copy that went on apart.
    case foreign
  }

  func succession(of found: DatabaseEpoch) -> Succession {
    if found == self { return .same }
    return found.number > number ? .later : .foreign
  }
}

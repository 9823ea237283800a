public import StreakDomain

extension Epoch: CustomStringConvertible {
  public var description: String { "\(number)-\(String(UInt64(bitPattern: bits), radix: 16))" }

  /// What a server that is in this epoch makes of another one that a connection shows.
  enum Succession: Equatable {
    case same
    case later
    /// An earlier one, or one of a copy that went on apart.
    case foreign
  }

  func succession(of found: Epoch) -> Succession {
    if found == self { return .same }
    return found.number > number ? .later : .foreign
  }
}

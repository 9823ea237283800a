public import StreakDomain

extension Epoch: CustomStringConvertible {
  public var description: String { "\(number)-\(String(UInt64(bitPattern: bits), radix: 16))" }

  /// The relation of another epoch, shown by a connection, to a server's current one.
  enum Succession: Equatable {
    case same
    case later
    /// An earlier epoch, or one of a diverged copy.
    case foreign
  }

  func succession(of found: Epoch) -> Succession {
    if found == self { return .same }
    return found.number > number ? .later : .foreign
  }
}

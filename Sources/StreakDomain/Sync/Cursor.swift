/// How much of a person's data somebody has seen.
public struct Cursor: Hashable, Sendable {
  /// Which life of the database the number belongs to: every restore to the past begins a new one.
  public var epoch: Int64
  /// The number of the last change seen; 0: nothing.
  public var changeNumber: Int64

  public init(epoch: Int64, changeNumber: Int64) {
    self.epoch = epoch
    self.changeNumber = changeNumber
  }

  /// Nothing seen.
  public static let start = Cursor(epoch: 0, changeNumber: 0)
}

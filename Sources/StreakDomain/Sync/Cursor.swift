/// The epoch of the database that change numbers belong to: every discontinuity begins a new one.
public struct Epoch: Hashable, Sendable {
  /// Orders epochs.
  public var number: Int64
  /// Random: two epochs of one number, as of two diverged servers, differ.
  public var bits: Int64

  public init(number: Int64, bits: Int64 = 0) {
    self.number = number
    self.bits = bits
  }

  /// Of no database.
  public static let none = Epoch(number: 0)
}

/// How much of a person's data a device has received.
public struct Cursor: Hashable, Sendable {
  public var epoch: Epoch
  /// The number of the last change received; 0: nothing. Below 0: nothing counts as received, and
  /// the answer replaces everything.
  public var changeNumber: Int64
  /// Proves that a server issued it.
  public var tag: [UInt8]

  public init(epoch: Epoch, changeNumber: Int64, tag: [UInt8] = []) {
    self.epoch = epoch
    self.changeNumber = changeNumber
    self.tag = tag
  }

  /// Nothing received.
  public static let start = Cursor(epoch: .none, changeNumber: 0)
}

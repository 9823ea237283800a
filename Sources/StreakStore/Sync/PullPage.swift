public import StreakDomain

/// Where a pull that takes several pages goes on.
public struct PullPlace: Sendable, Equatable {
  /// Habits and notices up to this change were sent.
  public var head: Int64
  /// The last cell that was sent.
  public var version: Int64
  public var habitID: Identifier
  public var day: Int32

  private static let byteCount = 36

  init(head: Int64, version: Int64, habitID: Identifier, day: Int32) {
    self.head = head
    self.version = version
    self.habitID = habitID
    self.day = day
  }

  /// After everything up to a change.
  init(after changeNumber: Int64) {
    self.init(head: changeNumber, version: changeNumber, habitID: Identifier(high: .max, low: .max), day: .max)
  }

  /// Reads `bytes` back; nil for others.
  public init?(bytes: [UInt8]) {
    guard bytes.count == Self.byteCount, let habitID = Identifier(Array(bytes[16..<32])) else { return nil }
    func number(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
    self.init(
      head: Int64(bitPattern: number(0..<8)), version: Int64(bitPattern: number(8..<16)), habitID: habitID,
      day: Int32(truncatingIfNeeded: Int64(bitPattern: number(32..<36))))
    guard head >= 0, version >= 0 else { return nil }
  }

  public var bytes: [UInt8] {
    func bytes(_ number: UInt64, _ count: Int) -> [UInt8] {
      (1...count).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * (count - $0))) }
    }
    return bytes(UInt64(bitPattern: head), 8) + bytes(UInt64(bitPattern: version), 8) + habitID.bytes
      + bytes(UInt64(UInt32(bitPattern: day)), 4)
  }
}

/// Some of what has changed for a person, from one snapshot.
public struct PullPage: Sendable {
  /// The person's last change in the snapshot.
  public var changeNumber: Int64
  /// Of the state at that change.
  public var digest: StateDigest
  /// Habits that changed, deleted ones included.
  public var habits: [(id: Identifier, habit: HabitState)]
  public var cells: [(key: CellKey, cell: CellState)]
  /// Less those that the device has acknowledged.
  public var notices: [(id: Identifier, notice: Notice)]
  /// Where to go on; nil when this is all.
  public var next: PullPlace?
  /// The pull began anew from the start: drop what was sent before.
  public var isReset: Bool
}

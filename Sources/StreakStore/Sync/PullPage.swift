public import StreakDomain

/// The position in a pull of several pages.
///
/// A pull of everything walks the cells in the order they were made, up to the change at which it
/// began, and then continues with later changes. A pull of changes walks these, in their order.
public struct PullPlace: Sendable, Equatable {
  /// Habits and notices up to this change were sent.
  public var head: Int64
  /// The last step of the walk: a cell, and the change that made it or its state.
  public var version: Int64
  public var habitID: Identifier
  public var day: Int32
  /// All cells made up to this change are being walked; 0: the changes are.
  public var until: Int64

  private static let byteCount = 44

  init(head: Int64, version: Int64, habitID: Identifier, day: Int32, until: Int64) {
    self.head = head
    self.version = version
    self.habitID = habitID
    self.day = day
    self.until = until
  }

  /// After everything up to a change; 0: before everything.
  init(after changeNumber: Int64) {
    self.init(
      head: changeNumber, version: changeNumber, habitID: Identifier(high: .max, low: .max), day: .max,
      until: changeNumber == 0 ? .max : 0)
  }

  /// Reads `bytes` back; nil for others.
  public init?(bytes: [UInt8]) {
    guard bytes.count == Self.byteCount, let habitID = Identifier(Array(bytes[16..<32])) else { return nil }
    func number(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
    self.init(
      head: Int64(bitPattern: number(0..<8)), version: Int64(bitPattern: number(8..<16)), habitID: habitID,
      day: Int32(truncatingIfNeeded: Int64(bitPattern: number(32..<36))), until: Int64(bitPattern: number(36..<44)))
    guard head >= 0, version >= 0, until >= 0 else { return nil }
  }

  public var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.byteCount)
    bytes.append(bigEndian: head)
    bytes.append(bigEndian: version)
    bytes.append(contentsOf: habitID.bytes)
    bytes.append(bigEndian: day)
    bytes.append(bigEndian: until)
    return bytes
  }

  /// The position after this page.
  ///
  /// - Parameters:
  ///   - last: The last step; nil if there was none left.
  ///   - changeNumber: The user's last change when the page was read.
  func next(
    after last: (version: Int64, key: CellKey)?, changeNumber: Int64
  ) -> PullPlace? {
    let until = min(until, changeNumber)
    if let last {
      return PullPlace(
        head: changeNumber, version: last.version, habitID: last.key.habitID, day: last.key.day.number, until: until)
    }
    // All cells were sent, but some of them before the last change.
    guard until > 0, until < changeNumber else { return nil }
    var place = PullPlace(after: until)
    place.head = changeNumber
    return place
  }
}

/// Some of a user's changes, from one snapshot.
public struct PullPage: Sendable {
  /// The head of the user's data in the snapshot.
  public var head: PersonHead
  /// Habits that changed, deleted ones included.
  public var habits: [(id: Identifier, habit: HabitState)]
  public var cells: [(key: CellKey, cell: CellState)]
  /// Without those that the device has acknowledged.
  public var notices: [(id: Identifier, notice: Notice)]
  /// There are more than a page may have.
  public var hasMoreNotices: Bool
  /// The next position; nil when this is all.
  public var next: PullPlace?
  /// The pull began anew from the start: earlier data is void.
  public var isReset: Bool
}

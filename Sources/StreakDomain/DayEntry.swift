/// One day of one habit in a person's ledger.
public struct DayEntry: Equatable, Sendable {
  public var key: CellKey
  public var state: CellState

  public init(key: CellKey, state: CellState) {
    self.key = key
    self.state = state
  }
}

/// A state that a day had before its present one.
public struct EarlierDayEntry: Equatable, Sendable {
  public var entry: DayEntry
  /// Of a state whose note is not kept: SHA-256 of it. Empty otherwise.
  public var noteHash: [UInt8]

  public init(entry: DayEntry, noteHash: [UInt8] = []) {
    self.entry = entry
    self.noteHash = noteHash
  }
}

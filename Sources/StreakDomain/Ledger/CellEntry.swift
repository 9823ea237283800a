/// One day of one habit in a person's ledger.
public struct CellEntry: Equatable, Sendable {
  public var key: CellKey
  public var state: CellState

  public init(key: CellKey, state: CellState) {
    self.key = key
    self.state = state
  }
}

/// A state that a day had before its present one.
public struct EarlierCellEntry: Equatable, Sendable {
  public var entry: CellEntry
  /// SHA-256 of the note of a state whose note is not kept. Empty otherwise.
  public var noteHash: [UInt8]

  public init(entry: CellEntry, noteHash: [UInt8] = []) {
    self.entry = entry
    self.noteHash = noteHash
  }
}

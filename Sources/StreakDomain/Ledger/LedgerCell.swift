/// What the ledger knows of a cell when a change is decided.
public struct CellContent: Hashable, Sendable {
  public var done: Bool
  public var note: String
  public var trust: CellTrust

  public init(done: Bool, note: String, trust: CellTrust) {
    self.done = done
    self.note = note
    self.trust = trust
  }
}

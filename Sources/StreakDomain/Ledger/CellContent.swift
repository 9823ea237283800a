/// The ledger's entry of a cell.
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

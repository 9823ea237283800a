public import Schema
public import StreakDomain

// A reason has one number in the domain, on the wire and in tables.

extension ErrorReason {
  public init(_ reason: Reason) { self.init(rawValue: reason.rawValue) }
}

extension Reason {
  /// Nil without a reason, and for a reason that this program does not know.
  public init?(_ reason: ErrorReason) { self.init(rawValue: reason.rawValue) }
}

extension Schema.QuarantineReason {
  /// Unspecified for a cell that counts.
  public init(_ trust: StreakDomain.CellTrust) { self.init(rawValue: Int32(trust.number)) }
}

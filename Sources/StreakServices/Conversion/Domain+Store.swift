internal import StreakDomain
internal import StreakStore

extension CellRecord {
  /// The worth that was stored; what no version of this program writes counts for nothing.
  var trust: CellTrust {
    CellTrust(number: UInt8(clamping: quarantineReason))
  }
}

extension Refusal {
  /// The refusal of a single change.
  init(_ rejection: OperationRejection) {
    self =
      switch rejection {
      case .futureDay: .futureDay
      case .dayMismatch: .dayMismatch
      case .daySealed: .daySealed
      case .cellNotFound: .cellNotFound
      case .habitNotFound: .habitNotFound
      case .habitLimit: .habitLimit
      case .textQuota: .textQuota
      // Those of clocks, cursors and conflicts are of queues only.
      case .malformed, .clockSkew, .conflictNotFound: .invalidField
      }
  }
}

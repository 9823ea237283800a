internal import StreakDomain
internal import StreakStore

extension CellRecord {
  /// The worth that was stored; what no version of this program writes counts for nothing.
  var trust: CellTrust {
    CellTrust(number: UInt8(clamping: quarantineReason))
  }
}

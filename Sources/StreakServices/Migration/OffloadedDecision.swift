internal import RPC
internal import StreakDomain
internal import StreakStore

/// Runs the steps of a migration's decision where they delay no other call: within a turn of
/// `LargeWork` that the caller has.
final class OffloadedDecision: MigrationDecider {
  let decision: MigrationDecision
  private let work: LargeWork

  init(_ decision: MigrationDecision, work: LargeWork) {
    self.decision = decision
    self.work = work
  }

  func begin(_ state: MigrationState) async -> Result<MigrationNeeds?, RPCStatus> {
    let decision = decision
    return await run { decision.begin(state) }
  }

  func merge(into ledger: inout PersonLedger) async -> Result<Void, RPCStatus> {
    let decision = decision
    let before = ledger
    let merged = await run { () -> Result<PersonLedger, RPCStatus> in
      var ledger = before
      return decision.merge(into: &ledger).map { ledger }
    }
    return merged.map { ledger = $0 }
  }

  func finish(_ ledger: PersonLedger) async -> Result<MergeRecord, RPCStatus> {
    let decision = decision
    return await run { decision.conclude(ledger) }.map { decision.record($0) }
  }

  private func run<Value: Sendable>(
    _ step: @escaping @Sendable () -> Result<Value, RPCStatus>
  ) async -> Result<Value, RPCStatus> {
    await work.offload(isLarge: decision.isLarge, step)
  }
}

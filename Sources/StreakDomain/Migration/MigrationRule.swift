/// The rules by which a capture is judged, once its fields are valid and its manifest holds. The
/// raw value is the name that results, audit events and the schema's `MigrationRule` give it.
///
/// | rule | met by | then |
/// | --- | --- | --- |
/// | FUTURE_DAY | an entry later than today's date at UTC+14 | to the inbox |
/// | DAY_MISMATCH | an entry whose day its moment, zone and day start do not give | to the inbox |
/// | HABIT_NOT_FOUND | an entry of a habit that the capture does not hold | to the inbox |
/// | INVALID_FIELD | an entry whose note does not fit beside the others of its day | to the inbox |
/// | OVER_LIMIT | a done day outside the 30 days that end on the captured day | kept, does not count |
/// | ANCHOR | a done day before the latest (days since the anchor + 2) | kept, does not count |
/// | CLAIM_MISMATCH | a habit whose claimed numbers its days do not give | the claim is not used |
public enum MigrationRule: String, Sendable, CaseIterable {
  case futureDay = "FUTURE_DAY"
  case dayMismatch = "DAY_MISMATCH"
  case habitNotFound = "HABIT_NOT_FOUND"
  case invalidField = "INVALID_FIELD"
  case overLimit = "OVER_LIMIT"
  case anchor = "ANCHOR"
  case claimMismatch = "CLAIM_MISMATCH"
}

extension MigrationPlan {
  /// How often each rule was met, in the order of the rules; rules that were not are left out.
  public var findings: [(rule: MigrationRule, count: Int)] {
    let done = habits.flatMap(\.cells).filter(\.state.done)
    return MigrationRule.allCases.compactMap { rule in
      let count =
        switch rule {
        case .futureDay: rejected.count { $0.reason == .futureDay }
        case .dayMismatch: rejected.count { $0.reason == .dayMismatch }
        case .habitNotFound: rejected.count { $0.reason == .habitNotFound }
        case .invalidField: rejected.count { $0.reason == .malformed }
        case .overLimit: done.count { $0.state.trust == .quarantined(.overLimit) }
        case .anchor: done.count { $0.state.trust == .quarantined(.anchor) }
        case .claimMismatch: habits.count(where: \.claimMismatch)
        }
      return count > 0 ? (rule, count) : nil
    }
  }
}

/// The rules by which a capture is judged, once its fields are valid and its manifest holds. Six of
/// them have the name of a `Reason` or `QuarantineReason`; a report counts them in one list, beside
/// a rule that refuses and quarantines nothing.
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
///
/// The raw value is the number of the schema's `MigrationRule`.
public enum MigrationRule: Int32, CaseIterable, Sendable {
  case futureDay = 1
  case dayMismatch = 2
  case habitNotFound = 3
  case invalidField = 4
  case overLimit = 5
  case anchor = 6
  case claimMismatch = 7

  /// The name in results and audit events.
  public var name: String { schemaName(of: self) }
}

extension MigrationPlan {
  /// How often a rule applied.
  public struct Finding: Equatable, Sendable {
    public let rule: MigrationRule
    public let count: Int
  }

  /// The rules that applied, in the order of their numbers.
  public var findings: [Finding] {
    let done = habits.flatMap(\.cells).filter(\.state.done)
    func rejections(_ reason: Reason) -> Int { rejected.count { $0.reason == reason } }
    func quarantined(_ reason: QuarantineReason) -> Int { done.count { $0.state.trust == .quarantined(reason) } }
    return MigrationRule.allCases.compactMap { rule in
      let count =
        switch rule {
        case .futureDay: rejections(.futureDay)
        case .dayMismatch: rejections(.dayMismatch)
        case .habitNotFound: rejections(.habitNotFound)
        case .invalidField: rejections(.invalidField)
        case .overLimit: quarantined(.overLimit)
        case .anchor: quarantined(.anchor)
        case .claimMismatch: habits.count(where: \.claimMismatch)
        }
      return count > 0 ? Finding(rule: rule, count: count) : nil
    }
  }
}

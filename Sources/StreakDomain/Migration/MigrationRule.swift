/// The rules by which a capture is judged, once its fields are valid and its manifest holds.
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
public enum MigrationRule: Hashable, Sendable {
  /// The entry goes to the inbox.
  case rejected(Reason)
  /// The day is kept and does not count.
  case quarantined(QuarantineReason)
  /// The habit's claim is not used.
  case claimMismatch

  /// In the order of their numbers in the schema's `MigrationRule`, which begin with 1.
  public static let all: [MigrationRule] = [
    .rejected(.futureDay), .rejected(.dayMismatch), .rejected(.habitNotFound), .rejected(.invalidField),
    .quarantined(.overLimit), .quarantined(.anchor), .claimMismatch,
  ]

  /// The name in results and audit events.
  public var name: String {
    switch self {
    case .rejected(let reason): reason.name
    case .quarantined(let reason): reason.name
    case .claimMismatch: schemaName(of: self)
    }
  }
}

extension MigrationPlan {
  /// How often a rule applied.
  public struct Finding: Equatable, Sendable {
    public let rule: MigrationRule
    /// The number of the schema's `MigrationRule`.
    public let ruleNumber: Int32
    public let count: Int
  }

  /// The rules that applied, in their order.
  public var findings: [Finding] {
    let done = habits.flatMap(\.cells).filter(\.state.done)
    return MigrationRule.all.enumerated().compactMap { place, rule in
      let count =
        switch rule {
        case .rejected(let reason): rejected.count { $0.reason == reason }
        case .quarantined(let reason): done.count { $0.state.trust == .quarantined(reason) }
        case .claimMismatch: habits.count(where: \.claimMismatch)
        }
      return count > 0 ? Finding(rule: rule, ruleNumber: Int32(place + 1), count: count) : nil
    }
  }
}

/// A difference between the service's data and its acknowledgements.
package struct AuditFinding: Sendable, Equatable {
  package enum Kind: String, Sendable, CaseIterable {
    /// An acknowledged write is missing.
    case lost
    /// A write took effect more than once.
    case doubled
    /// Other data differs from what was acknowledged.
    case wrong
    /// The data could not be read.
    case unreadable
  }

  package var kind: Kind
  /// The user id, in hexadecimal digits.
  package var person: String
  package var text: String
}

/// The result of an audit.
package struct AuditReport: Sendable {
  /// Most findings that are kept; further ones are only counted.
  package static let findingsMax = 1_000

  /// Whether the database was read as well.
  package var readsDatabase = false
  package internal(set) var peopleCount = 0
  /// Acknowledged writes that were checked.
  package internal(set) var writeCount = 0
  /// Writes of unknown outcome.
  package internal(set) var uncertainCount = 0
  package internal(set) var findingCount = 0
  package internal(set) var findings: [AuditFinding] = []

  package var isClean: Bool { findingCount == 0 }

  mutating func add(_ more: [AuditFinding]) {
    findingCount += more.count
    findings += more.prefix(max(0, Self.findingsMax - findings.count))
  }

  mutating func add(_ other: AuditReport) {
    readsDatabase = readsDatabase || other.readsDatabase
    peopleCount += other.peopleCount
    writeCount += other.writeCount
    uncertainCount += other.uncertainCount
    findingCount += other.findingCount
    findings += other.findings.prefix(max(0, Self.findingsMax - findings.count))
  }

  /// One line of text.
  package var summary: String {
    let where_ = readsDatabase ? "the service and the database" : "the service"
    let looked =
      "\(writeCount) acknowledged and \(uncertainCount) uncertain writes of \(peopleCount) people, asked of \(where_)"
    return isClean ? "audit: clean (\(looked))" : "audit: \(findingCount) findings (\(looked))"
  }
}

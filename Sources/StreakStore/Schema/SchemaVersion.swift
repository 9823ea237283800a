internal import Postgres

/// One step of the database's schema. Steps are applied in order, each wholly, and never changed once released.
/// A step takes nothing away that programs of the release before need: they go on with the database while they are replaced.
/// Versions 41 and 42 do: on them programs of before refuse every change.
struct SchemaVersion: Sendable {
  /// Its place in the order, from 1. Gaps are allowed: work on different things numbers its versions apart.
  let number: Int32
  /// A word for people who read the table of versions.
  let name: String
  /// What makes the step, in order.
  let statements: [Statement]

  init(number: Int32, name: String, statements: [String]) {
    self.number = number
    self.name = name
    self.statements = statements.map { Statement(.write, $0) }
  }

  /// Every step that this program knows, in order.
  static let all: [SchemaVersion] = [
    .initial, .previousRun, .sync, .rateLimits, .auditChain, .knownDevices, .migrations, .cheaperWrites,
    .serviceState, .recovery, .lookups, .changesInHistory, .noCellsDigest, .timelines,
  ]
}

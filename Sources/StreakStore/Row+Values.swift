internal import Postgres
internal import StreakDomain

extension PostgresValue {
  static func identifier(_ value: Identifier?) -> PostgresValue { .uuid(value?.uuid) }
  static func identifiers(_ values: [Identifier]) -> PostgresValue { .uuidArray(values.map(\.uuid)) }
  static func instant(_ value: Instant?) -> PostgresValue { .timestamp(value?.microseconds) }
  static func instants(_ values: [Instant]) -> PostgresValue { .timestampArray(values.map(\.microseconds)) }
}

extension Identifier {
  init(_ uuid: PostgresUUID) { self.init(high: uuid.high, low: uuid.low) }
  var uuid: PostgresUUID { PostgresUUID(high: high, low: low) }
}

extension Row {
  func identifier(_ column: Int) throws(DatabaseError) -> Identifier { Identifier(try uuid(column)) }
  func identifierOrNull(_ column: Int) throws(DatabaseError) -> Identifier? {
    try uuidOrNull(column).map { Identifier($0) }
  }
  func instant(_ column: Int) throws(DatabaseError) -> Instant { Instant(microseconds: try timestamp(column)) }
  func instantOrNull(_ column: Int) throws(DatabaseError) -> Instant? {
    try timestampOrNull(column).map { Instant(microseconds: $0) }
  }
}

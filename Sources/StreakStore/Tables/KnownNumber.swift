internal import Postgres

extension Row {
  /// The case whose number a column holds. A number that this program does not know, as of a later
  /// version, is not decoded.
  func known<Value: RawRepresentable>(_ column: Int) throws(DatabaseError) -> Value where Value.RawValue == Int16 {
    guard let value = Value(rawValue: try int16(column)) else { throw .undecodable(.malformedValue(column: column)) }
    return value
  }
}

/// A built-in type of PostgreSQL: its object identifier in `pg_type`, which is fixed for built-in
/// types.
struct PostgresType: RawRepresentable, Equatable {
  let rawValue: UInt32

  static let bool = PostgresType(rawValue: 16)
  static let bytea = PostgresType(rawValue: 17)
  static let name = PostgresType(rawValue: 19)
  static let int8 = PostgresType(rawValue: 20)
  static let int2 = PostgresType(rawValue: 21)
  static let int4 = PostgresType(rawValue: 23)
  static let text = PostgresType(rawValue: 25)
  static let json = PostgresType(rawValue: 114)
  static let float8 = PostgresType(rawValue: 701)
  static let bpchar = PostgresType(rawValue: 1042)
  static let varchar = PostgresType(rawValue: 1043)
  static let date = PostgresType(rawValue: 1082)
  static let timestamptz = PostgresType(rawValue: 1184)
  static let uuid = PostgresType(rawValue: 2950)
  static let jsonb = PostgresType(rawValue: 3802)

  static let boolArray = PostgresType(rawValue: 1000)
  static let byteaArray = PostgresType(rawValue: 1001)
  static let int2Array = PostgresType(rawValue: 1005)
  static let int4Array = PostgresType(rawValue: 1007)
  static let textArray = PostgresType(rawValue: 1009)
  static let int8Array = PostgresType(rawValue: 1016)
  static let float8Array = PostgresType(rawValue: 1022)
  static let dateArray = PostgresType(rawValue: 1182)
  static let timestamptzArray = PostgresType(rawValue: 1185)
  static let uuidArray = PostgresType(rawValue: 2951)
  static let jsonArray = PostgresType(rawValue: 199)

  /// Microseconds from 1970-01-01, the start of our timestamps, to 2000-01-01, the start of
  /// PostgreSQL's.
  static let epochMicroseconds: Int64 = 946_684_800_000_000
  /// Days from 1970-01-01 to 2000-01-01.
  static let epochDays: Int32 = 10_957
}

import Postgres
import Testing

@Suite("Values and rows")
struct ValueTests {
  private static let scalars = Statement(
    .read, "select $1, $2, $3, $4, $5, $6, $7::json, $7::jsonb, $8, $9, $10, $11")

  @Test(
    "every scalar type comes back as it was sent, at its extremes too",
    arguments: [
      (
        true, Int16.min, Int32.min, Int64.min, -Double.greatestFiniteMagnitude, "", Int64(-210_866_803_200_000_000),
        Int32(-2_440_588)
      ),
      (
        false, Int16.max, Int32.max, Int64.max, Double.infinity, "naïve \u{1F525}", Int64(9_223_371_331_199_999_999),
        Int32(2_145_031_948)
      ),
      (true, 0, 0, 0, -0.0, "'; --", 0, 0),
    ])
  func scalarsRoundTrip(
    bool: Bool, int16: Int16, int32: Int32, int64: Int64, double: Double, text: String, timestamp: Int64, day: Int32
  ) async throws {
    try await withDatabase { database, _ in
      let uuid = PostgresUUID(high: UInt64(bitPattern: int64), low: 0x0102_0304_0506_0708)
      let bytes: [UInt8] = [0, 255, 1] + text.utf8
      let result = try await database.run(
        Self.scalars, .bool(bool), .int16(int16), .int32(int32), .int64(int64), .double(double), .string(text),
        .json("{\"a\": [1, 2]}"), .bytes(bytes), .uuid(uuid), .timestamp(timestamp), .day(day))
      try result.one { row throws(DatabaseError) in
        #expect(try row.bool(0) == bool)
        #expect(try row.int16(1) == int16)
        #expect(try row.int32(2) == int32)
        #expect(try row.int64(3) == int64)
        #expect(try row.double(4).bitPattern == double.bitPattern)
        #expect(try row.string(5) == text)
        #expect(try row.string(6) == "{\"a\": [1, 2]}")
        #expect(try row.string(7) == "{\"a\": [1, 2]}")
        #expect(try row.bytes(8) == bytes)
        #expect(try row.uuid(9) == uuid)
        #expect(try row.timestamp(10) == timestamp)
        #expect(try row.day(11) == day)
      }
    }
  }

  @Test("NULL of every type is nil, and an error where it is not expected")
  func nulls() async throws {
    try await withDatabase { database, _ in
      let result = try await database.run(
        Self.scalars, .bool(nil), .int16(nil), .int32(nil), .int64(nil), .double(nil), .string(nil), .json(nil),
        .bytes(nil), .uuid(nil), .timestamp(nil), .day(nil))
      try result.one { row throws(DatabaseError) in
        #expect(try row.boolOrNull(0) == nil)
        #expect(try row.int16OrNull(1) == nil)
        #expect(try row.int32OrNull(2) == nil)
        #expect(try row.int64OrNull(3) == nil)
        #expect(try row.doubleOrNull(4) == nil)
        #expect(try row.stringOrNull(5) == nil)
        #expect(try row.stringOrNull(7) == nil)
        #expect(try row.bytesOrNull(8) == nil)
        #expect(try row.uuidOrNull(9) == nil)
        #expect(try row.timestampOrNull(10) == nil)
        #expect(try row.dayOrNull(11) == nil)
      }
      #expect(
        await databaseError { _ = try result.one { row throws(DatabaseError) in try row.int64(3) } }
          == .undecodable(.unexpectedNull(column: 3)))
    }
  }

  private static let arrays = Statement(.read, "select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11")

  @Test("arrays of every type come back with their NULLs, and empty ones empty", arguments: [true, false])
  func arraysRoundTrip(isEmpty: Bool) async throws {
    func values<Value>(_ values: Value?...) -> [Value?] { isEmpty ? [] : values }
    let bools = values(true, nil, false)
    let int16s = values(Int16.min, nil, .max)
    let int32s = values(nil, Int32.min, .max)
    let int64s = values(Int64.min, .max, nil)
    let doubles = values(1.5, nil, -.infinity)
    let strings = values("", nil, "NULL", "{\",\"}")
    let jsons = values("{}", nil)
    let byteArrays: [[UInt8]?] = values([], nil, [0, 1, 2])
    let uuids = values(PostgresUUID(high: 1, low: 2), nil)
    let timestamps = values(Int64(0), nil, 1_700_000_000_000_001)
    let days = values(Int32(-1), nil, 20_000)
    try await withDatabase { database, _ in
      let result = try await database.run(
        Self.arrays, .boolArray(bools), .int16Array(int16s), .int32Array(int32s), .int64Array(int64s),
        .doubleArray(doubles), .stringArray(strings), .jsonArray(jsons), .bytesArray(byteArrays), .uuidArray(uuids),
        .timestampArray(timestamps), .dayArray(days))
      try result.one { row throws(DatabaseError) in
        #expect(try row.boolArray(0) == bools)
        #expect(try row.int16Array(1) == int16s)
        #expect(try row.int32Array(2) == int32s)
        #expect(try row.int64Array(3) == int64s)
        #expect(try row.doubleArray(4) == doubles)
        #expect(try row.stringArray(5) == strings)
        #expect(try row.jsonArray(6) == jsons)
        #expect(try row.bytesArray(7) == byteArrays)
        #expect(try row.uuidArray(8) == uuids)
        #expect(try row.timestampArray(9) == timestamps)
        #expect(try row.dayArray(10) == days)
      }
    }
  }

  private static let unnest = Statement(
    .read, "select u, d from unnest($1::uuid[], $2::date[]) with ordinality as t(u, d, n) order by n desc")

  @Test("arrays feed unnest")
  func unnestArrays() async throws {
    let uuids = (0..<100).map { PostgresUUID(high: UInt64($0), low: ~UInt64($0)) }
    let rows = try await withDatabase { database, _ in
      try await database.run(Self.unnest, .uuidArray(uuids), .dayArray((0..<100).map { Int32($0) }))
        .map { row throws(DatabaseError) in (try row.uuid(0), try row.day(1)) }
    }
    #expect(rows.map(\.0) == uuids.reversed())
    #expect(rows.map(\.1) == (0..<100).reversed().map { Int32($0) })
  }

  private static let odd = Statement(
    .read, "select 1::int4, 'infinity'::timestamptz, '{{1,2},{3,4}}'::int4[], '-infinity'::date, 1::numeric")

  @Test("an answer of another type, shape or size is an error, not a trap")
  func unexpectedAnswers() async throws {
    try await withDatabase { database, _ in
      let result = try await database.run(Self.odd)
      func error(_ body: (borrowing Row) throws(DatabaseError) -> Void) -> DatabaseError? {
        do throws(DatabaseError) {
          try result.one(body)
          return nil
        } catch { return error }
      }
      #expect(
        error { row throws(DatabaseError) in _ = try row.int64(0) }
          == .undecodable(.unexpectedType(column: 0, found: 23)))
      #expect(
        error { row throws(DatabaseError) in _ = try row.timestamp(1) } == .undecodable(.malformedValue(column: 1)))
      #expect(
        error { row throws(DatabaseError) in _ = try row.int32Array(2) } == .undecodable(.malformedValue(column: 2)))
      #expect(error { row throws(DatabaseError) in _ = try row.day(3) } == .undecodable(.malformedValue(column: 3)))
      #expect(
        error { row throws(DatabaseError) in _ = try row.string(4) }
          == .undecodable(.unexpectedType(column: 4, found: 1700)))
      #expect(error { row throws(DatabaseError) in _ = try row.bool(5) } == .undecodable(.missingColumn(column: 5)))
      #expect(error { row throws(DatabaseError) in _ = try row.bool(-1) } == .undecodable(.missingColumn(column: -1)))
    }
  }

  private static let timestamp = Statement(.read, "select $1::timestamptz")
  private static let day = Statement(.read, "select $1::date")

  @Test("times and days that PostgreSQL cannot hold are refused before sending")
  func unencodable() async throws {
    try await withDatabase { database, _ in
      #expect(
        await databaseError { _ = try await database.run(Self.timestamp, .timestamp(.min)) }
          == .unencodable(parameter: 0))
      #expect(await databaseError { _ = try await database.run(Self.day, .day(.min)) } == .unencodable(parameter: 0))
    }
  }

  private static let text = Statement(.read, "select $1::text")

  @Test("a NUL in a text is refused by the server, and the connection goes on")
  func nulInText() async throws {
    try await withDatabase { database, _ in
      let error = await databaseError { _ = try await database.run(Self.text, .string("a\0b")) }
      guard case .rejected(let state, _, _) = error else { throw error ?? DatabaseError.cancelled }
      #expect(state == SQLState(rawValue: "22021"))
      do {
        let found = try await Common.ask(database)
        #expect(found == 1)
      }
    }
  }

  @Test("a uuid is its 16 bytes, and nothing else is one")
  func uuidBytes() {
    let bytes: [UInt8] = Array(1...16)
    #expect(PostgresUUID(bytes: bytes)?.bytes == bytes)
    #expect(PostgresUUID(bytes: bytes) == PostgresUUID(high: 0x0102_0304_0506_0708, low: 0x090A_0B0C_0D0E_0F10))
    #expect(PostgresUUID(bytes: Array(1...15)) == nil)
    #expect(PostgresUUID(bytes: Array(1...17)) == nil)
  }
}

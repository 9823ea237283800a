@testable import Operations
import StreakDomain
import Testing

struct CopyRowsTests {
  private static let person = "01234567-89ab-cdef-0123-456789abcdef"
  private static let dump = """
    -- a dump
    SELECT 'COPY is a word';
    COPY public.audit_events (user_id, detail) FROM stdin;
    \(person)\tnot wanted
    \\.

    COPY public.cells (user_id, habit_id, day, note) FROM stdin;
    00000000-89ab-cdef-0123-456789abcdef\t1\t2\tof somebody else
    \(person)\th1\t20000\ttab\\tfeed\\nback\\\\slash COPY public.habits (user_id) FROM stdin;
    00000000-89ab-cdef-0123-456789abcdef\t\(person)\t2\tnames the person
    \(person)\th1\t20001\t\\N
    \\.

    COPY public."habits" (user_id, name) FROM stdin;
    \(person)\tRead
    \\.

    COPY public.users (user_id, name) FROM stdin;
    \(person)\tnot wanted
    \\.

    """

  private static func rows(_ text: String) throws -> ([CopyRows.Row], isOver: Bool) {
    var rows = CopyRows(of: person, tables: ["cells", "habits"])
    var found: [CopyRows.Row] = []
    try rows.take(Array(text.utf8).span.bytes) { found.append($0) }
    return (found, rows.isOver)
  }

  @Test("a user's rows of the tables are found and unescaped, other users' rows are not")
  func found() throws {
    let (rows, isOver) = try Self.rows(Self.dump)
    #expect(isOver)
    #expect(rows.map(\.table) == ["cells", "cells", "habits"])
    #expect(rows[0].values["note"] == .some("tab\tfeed\nback\\slash COPY public.habits (user_id) FROM stdin;"))
    #expect(rows[1].values["note"] == .some(nil) && rows[1].values["day"] == "20001")
    #expect(rows[2].values["name"] == "Read")
  }

  @Test("a dump without one of the tables is incomplete")
  func missing() throws {
    #expect(try !Self.rows(String(Self.dump.prefix(400))).isOver)
    #expect(try !Self.rows("").isOver)
  }

  @Test("a row with more or fewer values than columns is reported as damage")
  func damaged() {
    #expect(throws: OperationsError.self) {
      try Self.rows("COPY public.cells (user_id, day) FROM stdin;\n\(Self.person)\t1\t2\n\\.\n")
    }
  }

  @Test(
    "PostgreSQL's timestamps, in any zone",
    arguments: [
      ("1970-01-01 00:00:00+00", 0), ("2026-11-24 07:00:00.123456+00", 1_795_503_600_123_456),
      ("2026-11-24 12:30:00.5+05:30", 1_795_503_600_500_000), ("1969-12-31 19:00:00-05", 0),
      ("2026-11-24", nil), ("infinity", nil), ("2026-11-24 07:00:00", nil), ("2026-13-24 07:00:00+00", nil),
      ("2026-11-24 07:00:00.1234567+00", nil), ("2026-11-24 07:-1:00+00", nil),
    ])
  func moments(text: String, microseconds: Int?) {
    #expect(TimestampText.microseconds(text) == microseconds.map { Int64($0) })
  }
}

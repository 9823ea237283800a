internal import EventLoop
internal import Postgres

/// Reads from the database how often it holds each write of a run, including writes that later ones
/// replaced.
enum DatabaseAudit {
  /// People per statement.
  static let peopleMax = 200

  private static let writes = Statement(
    .read,
    """
    SELECT user_id, note, count(*) FROM (
      SELECT user_id, note, version FROM cells WHERE user_id = ANY ($1) AND starts_with(note, $2)
      UNION ALL
      SELECT user_id, note, version FROM cell_history WHERE user_id = ANY ($1) AND starts_with(note, $2)
    ) AS states GROUP BY user_id, note
    """)

  /// - Parameters:
  ///   - connectionString: libpq's connection string. It may hold a password, and is not shown.
  ///   - people: The people of the calling loop.
  /// - Returns: Why the database cannot be read, if so.
  static func report(
    _ people: [LoadPerson], runName: String, connectionString: String, loop: EventLoop
  ) async -> AuditReport {
    var report = AuditReport()
    report.readsDatabase = true
    func unreadable(_ reason: String) -> AuditReport {
      report.add([AuditFinding(kind: .unreadable, person: "", text: "the database: \(reason)")])
      return report
    }
    guard var configuration = try? PostgresConfiguration(connectionString: connectionString) else {
      return unreadable("its connection string cannot be read")
    }
    configuration.connectionsPerLoop = 2
    configuration.statementTimeoutMilliseconds = 120_000
    configuration.applicationName = "streak-load"
    let database = Database(configuration: configuration, loops: [loop])
    let judge = AuditJudge(runName: runName)
    var rest = people[...]
    while !rest.isEmpty {
      let some = Array(rest.prefix(peopleMax))
      rest = rest.dropFirst(peopleMax)
      var stored: [[UInt8]: StoredWrites] = [:]
      do throws(DatabaseError) {
        let result = try await database.run(
          writes, .uuidArray(some.map { PostgresUUID(bytes: $0.userID) }), .string("\(runName)-"))
        for (user, note, count) in try result.map({ row throws(DatabaseError) in
          (try row.uuid(0), try row.string(1), try row.int64(2))
        }) {
          guard let number = judge.number(ofNote: note) else { continue }
          stored[user.bytes, default: StoredWrites()].counts[number] = Int(count)
        }
      } catch {
        await database.close()
        return unreadable("\(error)")
      }
      for person in some { report.add(judge.findings(person, stored[person.userID] ?? StoredWrites())) }
    }
    await database.close()
    return report
  }
}

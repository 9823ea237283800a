internal import Cryptography
internal import EventLoop
internal import Postgres
internal import StreakDomain

/// Makes people directly in the tables of a test database: a sign-up would cost the server a
/// password hash for each.
///
/// It follows StreakStore's tables, as scripts/bench does; streakd's own statements are the
/// authority.
enum DatabasePeople {
  /// People per statement.
  static let peopleMax = 200

  private static let users = Statement(
    .write,
    """
    INSERT INTO users (user_id, email, sealed_password, created_at, sealed_sign_up)
    SELECT user_id, '', '', now(), '' FROM unnest($1::uuid[]) AS made (user_id)
    """)
  private static let heads = Statement(
    .write,
    """
    INSERT INTO heads (user_id, change_number, digest, habit_count, first_day, sources)
    SELECT user_id, $3, digest, $4, 10957, sources
    FROM unnest($1::uuid[], $2::bytea[], $5::bytea[]) AS made (user_id, digest, sources)
    """)
  private static let devices = Statement(
    .write,
    """
    INSERT INTO devices (user_id, device_id, name, platform, app_version, registered_at, access_hash, access_expires_at)
    SELECT user_id, device_id, 'load', '', '', now(), access_hash, now() + interval '1 day'
    FROM unnest($1::uuid[], $2::uuid[], $3::bytea[]) AS made (user_id, device_id, access_hash)
    """)
  private static let habits = Statement(
    .write,
    """
    INSERT INTO habits (user_id, habit_id, name, description, color, position, archived, version, created_at,
      total_days, longest_run, last_run_first_day, last_run_last_day)
    SELECT user_id, habit_id, name, '', 0, 0, false, version, now(), $5, $5,
      CASE WHEN $5 > 0 THEN $6 - $5 END, CASE WHEN $5 > 0 THEN $6 - 1 END
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[])
      AS made (user_id, habit_id, name, version)
    """)
  private static let cells = Statement(
    .write,
    """
    INSERT INTO cells (user_id, habit_id, day, done, note, quarantine_reason, version, occurred_at, zone,
      utc_offset_seconds, day_start_minutes, recorded_at, first_version, source_id, seq, changed_time)
    SELECT user_id, habit_id, $5 - ago, true, '', 0, earliest + $4 - ago, now() - ago * interval '1 day', 'Etc/UTC', 0, 0, now(),
      earliest + $4 - ago, '00000000-0000-0000-0000-000000000000', 1, 0
    FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS made (user_id, habit_id, earliest), generate_series(1, $4) AS ago
    """)

  /// - Parameters:
  ///   - connectionString: libpq's connection string. It may hold a password, and is not shown.
  ///   - hasSecondDevice: For journeys that watch.
  /// - Throws: `DatabaseError`; no person of the last batch exists then.
  static func make(
    _ count: Int, habitCount: Int, dayCount: Int, hasSecondDevice: Bool, connectionString: String, loop: EventLoop
  ) async throws -> [LoadPerson] {
    var configuration = try PostgresConfiguration(connectionString: connectionString)
    configuration.connectionsPerLoop = 2
    configuration.statementTimeoutMilliseconds = 120_000
    configuration.applicationName = "streak-load"
    let database = Database(configuration: configuration, loops: [loop])
    do {
      var people: [LoadPerson] = []
      while people.count < count {
        people += try await makeSome(
          min(peopleMax, count - people.count), habitCount, Int32(clamping: dayCount), hasSecondDevice, database)
      }
      await database.close()
      return people
    } catch {
      await database.close()
      throw error
    }
  }

  private static func makeSome(
    _ count: Int, _ habitCount: Int, _ dayCount: Int32, _ hasSecondDevice: Bool, _ database: Database
  ) async throws(DatabaseError) -> [LoadPerson] {
    let today = Captures.day(atMilliseconds: WallClock.nowMilliseconds)
    var people: [LoadPerson] = []
    var (digests, sources) = ([[UInt8]?](), [[UInt8]?]())
    var (owners, deviceIDs, hashes) = ([PostgresUUID?](), [PostgresUUID?](), [[UInt8]?]())
    var (habitOwners, habitIDs, names) = ([PostgresUUID?](), [PostgresUUID?](), [String?]())
    var (versions, firstVersions) = ([Int64?](), [Int64?]())
    for _ in 0..<count {
      let user = randomBytes(count: 16)
      var whole = PulledDigest()
      var made: [LoadHabit] = []
      for index in 0..<habitCount {
        let id = randomBytes(count: 16)
        let name = "Habit \(index + 1)"
        whole.addHabit(id: id, name: name, description: "", color: 0, position: 0, isArchived: false)
        for ago in 0..<dayCount {
          whole.addCell(habitID: id, day: today - 1 - ago, isDone: true, note: "", quarantine: 0)
        }
        made.append(LoadHabit(id: id, counted: dayCount, held: dayCount, lastDay: dayCount > 0 ? today - 1 : 0))
        habitOwners.append(PostgresUUID(bytes: user))
        habitIDs.append(PostgresUUID(bytes: id))
        names.append(name)
        versions.append(Int64(index + 1))
        firstVersions.append(Int64(habitCount) + Int64(index) * Int64(dayCount) + 1)
      }
      digests.append(whole.bytes)
      let tokens = (0..<(hasSecondDevice ? 2 : 1)).map { _ in OpaqueToken(kind: .access, owner: user) }
      let devices = tokens.map { _ in randomBytes(count: 16) }
      sources.append(
        Sources.encoded(
          registering: devices.compactMap { Identifier($0) }, at: Instant(milliseconds: WallClock.nowMilliseconds)))
      for (token, device) in zip(tokens, devices) {
        owners.append(PostgresUUID(bytes: user))
        deviceIDs.append(PostgresUUID(bytes: device))
        hashes.append(token.hash)
      }
      let person = LoadPerson(
        userID: user, deviceID: devices[0], accessToken: String(decoding: tokens[0].text.exposed, as: UTF8.self),
        habits: made, changeNumber: Int64(habitCount) * (1 + Int64(dayCount)))
      if hasSecondDevice {
        person.secondAuthorization = Array("Bearer ".utf8) + tokens[1].text.exposed
      }
      people.append(person)
    }
    var batch = Batch()
    batch.append(
      users, .uuidArray(people.map { PostgresUUID(bytes: $0.userID) }))
    batch.append(
      heads, .uuidArray(people.map { PostgresUUID(bytes: $0.userID) }), .bytesArray(digests),
      .int64(Int64(habitCount) * (1 + Int64(dayCount))), .int32(Int32(clamping: habitCount)), .bytesArray(sources))
    batch.append(devices, .uuidArray(owners), .uuidArray(deviceIDs), .bytesArray(hashes))
    batch.append(
      habits, .uuidArray(habitOwners), .uuidArray(habitIDs), .stringArray(names), .int64Array(versions),
      .int32(dayCount), .int32(today))
    batch.append(
      cells, .uuidArray(habitOwners), .uuidArray(habitIDs), .int64Array(firstVersions), .int32(dayCount), .int32(today))
    _ = try await database.run(batch)
    return people
  }
}

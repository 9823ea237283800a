internal import Postgres
internal import Synchronization

/// Which epoch the store is in, kept up by every new connection. Any thread.
final class CurrentEpoch: Sendable {
  // A connection that is not admitted waits, so that this runs before any call uses it.
  private static let observe = Statement(.write, "SELECT present_epoch, present_bits FROM observe_timeline()")
  private let epoch = Mutex(DatabaseEpoch(number: 0, bits: 0))
  private let onChange: @Sendable (DatabaseEpoch, DatabaseEpoch) -> Void

  /// - Parameter onChange: Told of each later epoch than one that was known: the one before, the one now.
  init(onChange: @escaping @Sendable (DatabaseEpoch, DatabaseEpoch) -> Void) { self.onChange = onChange }

  /// 0: nothing was read yet.
  var value: DatabaseEpoch { epoch.withLock { $0 } }

  /// Reads the epoch, beginning a new one if the database is on a timeline that it has never recorded.
  func read(by runner: some StatementRunner) async throws(DatabaseError) -> DatabaseEpoch {
    try await Self.decode(runner.run(Self.observe, parameters: []))
  }

  /// Looks at the database behind a new connection.
  func admit(_ new: NewConnection) async throws(DatabaseError) {
    let found: DatabaseEpoch
    do throws(DatabaseError) {
      found = try await Self.decode(new.run(Self.observe))
    } catch {
      // The schema is not there yet, or not for this role: nothing is served before `readEpoch()`.
      if value.number == 0, case .rejected = error { return }
      throw error
    }
    guard value.number != 0 else { return }
    try adopt(found)
  }

  /// - Throws: `.unreachable` for an earlier epoch, or that of a copy which went on apart.
  func adopt(_ found: DatabaseEpoch) throws(DatabaseError) {
    let (known, succession) = epoch.withLock { epoch in
      let (known, succession) = (epoch, epoch.succession(of: found))
      if succession == .later { epoch = found }
      return (known, succession)
    }
    switch succession {
    case .same: break
    case .later: if known.number != 0 { onChange(known, found) }
    case .foreign:
      throw .unreachable(reason: "the database's epoch is \(found), which does not follow the known one, \(known)")
    }
  }

  /// What an operator has just read or raised.
  func set(_ found: DatabaseEpoch) { epoch.withLock { $0 = found } }

  private static func decode(_ result: consuming QueryResult) throws(DatabaseError) -> DatabaseEpoch {
    try result.one { row throws(DatabaseError) in DatabaseEpoch(number: try row.int64(0), bits: try row.int64(1)) }
  }
}

extension StreakStore {
  /// Reads the database's epoch, which life of the database this is, and keeps it: after `migrateSchema()`, or for a store that serves a schema
  /// which another one has applied. It rises when the database has gone back to an earlier state, or is on a timeline that it has never
  /// recorded: a standby was promoted, or a cluster recovered to an earlier moment. 1 at first. Later on, every new connection keeps it up.
  @discardableResult
  public func readEpoch() async throws(StoreError) -> Int64 {
    do throws(DatabaseError) {
      let found = try await currentEpoch.read(by: database)
      currentEpoch.set(found)
      return found.number
    } catch {
      throw StoreError(error)
    }
  }

  /// SQL that raises the epoch's number to the present second, or by one if it is later already: two restores never get the same one.
  /// A trigger draws the bits and records the timeline.
  public static let raiseEpochText =
    "UPDATE service_state SET epoch = greatest(epoch + 1, floor(extract(epoch FROM clock_timestamp()))::bigint) RETURNING epoch"
  private static let raiseEpoch = Statement(.write, raiseEpochText)

  /// Raises the epoch: devices drop what they know of the server's state and send what it may have lost.
  ///
  /// - Returns: The new number.
  public func raiseEpoch() async throws(StoreError) -> Int64 {
    guard let epoch = try await database.row(Self.raiseEpoch, decode: { row throws(DatabaseError) in try row.int64(0) })
    else { throw .fault(reason: "service_state has no row") }
    return epoch
  }
}

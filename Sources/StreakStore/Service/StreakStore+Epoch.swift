internal import Cryptography
internal import Logging
internal import Postgres
public import StreakDomain
internal import Synchronization

/// Work that a later epoch requires before any call uses the database. Called on one of the store's
/// loops; if it throws, it is repeated with another connection.
public typealias EpochRise = @Sendable (Epoch) async throws(StoreError) -> Void

/// The store's epoch, updated by every new connection. Any thread.
final class CurrentEpoch: Sendable {
  // A connection that is not admitted waits, so that this runs before any call uses it.
  private static let observe = Statement(.write, "SELECT present_epoch, present_bits FROM observe_timeline()")
  private struct State {
    var epoch = Epoch.none
    /// A random one that nothing is sealed under, until the database's is read.
    var serverKey = ServerKey()
    /// The work for a later epoch is running: no connection is used before its end.
    var isRising = false
    var onRise: EpochRise?
    /// When the database's identity was last read for a device that is ahead of the data.
    var lookedAt: Instant?
  }
  private let state = Mutex(State())
  private let logger: Logger?

  init(logger: Logger?) { self.logger = logger }

  /// Sets the work for each later epoch.
  func onRise(_ body: @escaping EpochRise) { state.withLock { $0.onRise = body } }

  /// `.none`: not read yet.
  var value: Epoch { state.withLock { $0.epoch } }

  var serverKey: ServerKey { state.withLock { $0.serverKey } }

  /// Reads the epoch. Begins a new one if the database's timeline is not recorded.
  func read(by runner: some StatementRunner) async throws(DatabaseError) -> Epoch {
    try await Self.decode(runner.run(Self.observe, parameters: []))
  }

  /// Checks the database behind a new connection.
  func admit(_ new: NewConnection) async throws(DatabaseError) {
    let found: Epoch
    do throws(DatabaseError) {
      found = try await Self.decode(new.run(Self.observe))
    } catch {
      // The schema is missing, or not accessible to this role: nothing is served before
      // `readEpoch()`.
      if value.number == 0, case .rejected = error { return }
      throw error
    }
    guard value.number != 0 else { return }
    try await adopt(found) { new.retireOthers() }
  }

  /// - Parameter retire: Called before a later epoch is set: a connection that calls may use never
  ///   leads to a database of an earlier epoch than `value`.
  /// - Throws: `.unreachable` for an earlier epoch, or that of a diverged copy, and while the work
  ///   for a later epoch is not done.
  func adopt(_ found: Epoch, retire: () -> Void = {}) async throws(DatabaseError) {
    guard let (known, body) = try begin(found) else { return }
    defer { state.withLock { $0.isRising = false } }
    do throws(StoreError) {
      try await body?(found)
    } catch {
      throw .unreachable(reason: "the epoch \(found) cannot begin: \(error)")
    }
    retire()
    state.withLock { $0.epoch = found }
    logger?.notice("the database has a new epoch", metadata: ["before": "\(known)", "now": "\(found)"])
  }

  /// - Returns: The known epoch and the work for a later one; nil: no work.
  private func begin(_ found: Epoch) throws(DatabaseError) -> (Epoch, EpochRise?)? {
    let (known, succession, isRising, body) = state.withLock { state in
      defer { if state.epoch.succession(of: found) == .later { state.isRising = true } }
      return (state.epoch, state.epoch.succession(of: found), state.isRising, state.onRise)
    }
    switch succession {
    case .foreign:
      throw .unreachable(reason: "the database's epoch is \(found), which does not follow the known one, \(known)")
    case .same, .later:
      guard !isRising else { throw .unreachable(reason: "a new epoch is about to begin") }
      return succession == .later ? (known, body) : nil
    }
  }

  /// Whether the database's identity is to be read now, for a device that is ahead of the data. No:
  /// it was read a short time ago.
  func beginLook(at now: Instant) -> Bool {
    let isDue = state.withLock { state in
      if let last = state.lookedAt, (0..<Self.looksMilliseconds).contains(now.milliseconds(since: last)) {
        return false
      }
      state.lookedAt = now
      return true
    }
    if isDue { logger?.warning("a device has received changes that the database does not have") }
    return isDue
  }

  /// The least time between two of these readings, in milliseconds: after a loss every device asks
  /// for one.
  static let looksMilliseconds: Int64 = 10_000

  /// Sets the epoch that is read at the program's start.
  func set(_ found: Epoch) { state.withLock { $0.epoch = found } }

  func set(serverKey: ServerKey) { state.withLock { $0.serverKey = serverKey } }

  private static func decode(_ result: consuming QueryResult) throws(DatabaseError) -> Epoch {
    try result.one { row throws(DatabaseError) in Epoch(number: try row.int64(0), bits: try row.int64(1)) }
  }
}

extension StreakStore {
  /// Sets the work for each later epoch that a new connection shows. The body must not use the
  /// store's own connections: they wait for it.
  public func onEpochRise(_ body: @escaping EpochRise) { currentEpoch.onRise(body) }

  /// Reads and keeps the database's epoch: call it after `migrateSchema()`, or for a store that
  /// serves a schema applied by another one. The epoch rises when the database was restored to an
  /// earlier state, or is on a timeline that is not recorded: a standby was promoted, or a cluster
  /// recovered to an earlier moment. 1 at first. Later on, every new connection updates it.
  @discardableResult
  public func readEpoch() async throws(StoreError) -> Epoch {
    do throws(DatabaseError) {
      let found = try await currentEpoch.read(by: database)
      if epoch == .none { currentEpoch.set(found) } else { try await currentEpoch.adopt(found) }
      return found
    } catch {
      throw StoreError(error)
    }
  }

  /// Reads the identity of the database and its epoch anew, by new connections: a device has
  /// received a change that the database does not have. At most once in ten seconds.
  public func lookAtDatabase(at now: Instant) async throws(StoreError) {
    guard currentEpoch.beginLook(at: now) else { return }
    configuration.knownDatabase.renewConnections()
    try await readEpoch()
  }

  /// SQL that raises the epoch's number to the current second, or by one if it is later already:
  /// two restores never get the same one. A trigger draws the bits and records the timeline.
  public static let raiseEpochText =
    "UPDATE service_state SET epoch = greatest(epoch + 1, floor(extract(epoch FROM clock_timestamp()))::bigint) RETURNING epoch"
  private static let raiseEpoch = Statement(.write, raiseEpochText)

  /// Raises the epoch: devices drop their knowledge of the server's state and send operations that
  /// it may have lost.
  ///
  /// - Returns: The new number.
  public func raiseEpoch() async throws(StoreError) -> Int64 {
    guard let epoch = try await database.row(Self.raiseEpoch, decode: { row throws(DatabaseError) in try row.int64(0) })
    else { throw .fault(reason: "service_state has no row") }
    return epoch
  }
}

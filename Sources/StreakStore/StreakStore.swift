package import Cryptography
public import EventLoop
public import Logging
internal import Postgres
public import StreakDomain
internal import Synchronization

/// The tables of the service as typed calls. One for the process; each call uses the connections of
/// the caller's loop.
public final class StreakStore: Sendable {
  /// Most running batches of streak reads, per loop.
  static let readBatchesMax = 2
  /// Longest run of one statement of a schema version, and longest wait for another program that
  /// applies one, in milliseconds.
  static let schemaStatementTimeoutMilliseconds: UInt64 = 24 * 3_600_000
  /// The default size of the cache of recently changed users, in bytes.
  public static let ledgerCacheBytesDefault = 32 << 20

  /// Limits of one user's data.
  public let limits: StoreLimits
  let configuration: PostgresConfiguration
  let database: Database
  private let parts: [(loop: EventLoop, part: LoopBound<LoopPart>)]
  /// Identifies this store among those of other processes, in the table that readiness writes to.
  let serverID: Identifier
  let currentEpoch: CurrentEpoch
  /// Whether the disk is full, as far as is known.
  let lacksSpace: SpaceFlag
  let ledgerCache: LedgerCache
  let quotaMeter: QuotaMeter
  let turns: RowTurns
  let watching = WatchPresence()
  let hintBoard = HintBoard()

  /// The parts that each loop has of its own.
  private struct LoopPart {
    let streakBatcher: NaturalBatcher<HabitKey, HabitStreak?>
    let headBatcher: NaturalBatcher<Identifier, PersonHead?>
    let grantBatcher: NaturalBatcher<AccessKey, FoundAccess?>
    let writer: ChangeBatcher<Database>
    let hints: HintRelay
  }

  /// Connects in the background; calls wait for a connection, for a limited time. Call
  /// `migrateSchema()` before any other.
  ///
  /// - Parameters:
  ///   - connectionString: libpq's: a `postgresql://` URL or a list of `keyword=value`.
  ///   - loops: The loops that calls will be made on.
  ///   - busyPollMicroseconds: How long a loop polls for the answer to a single change; 0: never.
  ///   - logger: Receives connections made and lost, and failed statements, each kind once per
  ///     second; nil: nothing is logged.
  ///   - ledgerCacheBytes: The size of the cache of recently changed users; 0: no cache.
  /// - Throws: `StoreConfigurationError` if the connection string is not valid.
  public convenience init(
    connectionString: String, loops: [EventLoop], connectionsPerLoop: Int = 4,
    limits: StoreLimits = StoreLimits(), busyPollMicroseconds: Int = 0,
    ledgerCacheBytes: Int = StreakStore.ledgerCacheBytesDefault,
    logger: Logger? = nil
  ) throws(StoreConfigurationError) {
    var configuration: PostgresConfiguration
    do {
      configuration = try PostgresConfiguration(connectionString: connectionString)
    } catch {
      throw StoreConfigurationError(reason: error.description)
    }
    configuration.connectionsPerLoop = connectionsPerLoop
    configuration.applicationName = Self.applicationName
    self.init(
      configuration: configuration, loops: loops, limits: limits, busyPollMicroseconds: busyPollMicroseconds,
      ledgerCacheBytes: ledgerCacheBytes, logger: logger)
  }

  /// The `application_name` of the store's connections, unless the connection string has one.
  static let applicationName = "streakd"

  init(
    configuration: PostgresConfiguration, loops: [EventLoop], limits: StoreLimits = StoreLimits(),
    busyPollMicroseconds: Int = 0, ledgerCacheBytes: Int = StreakStore.ledgerCacheBytesDefault,
    logger: Logger? = nil
  ) {
    let log = logger.map { DatabaseLog(logger: $0) }
    let epoch = CurrentEpoch(logger: logger)
    var configuration = configuration
    configuration.serverSettings = Self.plannerSettings
    configuration.admit = { new throws(DatabaseError) in try await epoch.admit(new) }
    let space = SpaceFlag()
    let database = Database(
      configuration: configuration, loops: loops,
      onEvent: { event in
        if case .failed(.rejected(.diskFull, _, _), _) = event { space.isSet = true }
        log?.note(event)
      })
    self.configuration = configuration
    self.database = database
    self.limits = limits
    var generator = SystemRandomNumberGenerator()
    serverID = Identifier(high: generator.next(), low: generator.next())
    currentEpoch = epoch
    lacksSpace = space
    let cache = LedgerCache(bytesMax: ledgerCacheBytes)
    ledgerCache = cache
    let quotas = QuotaMeter()
    quotaMeter = quotas
    let turns = RowTurns()
    self.turns = turns
    let (watching, board, sender) = (watching, hintBoard, serverID)
    parts = loops.map { loop in
      let hints = HintRelay(loop: loop, sender: sender, watching: watching, board: board)
      func batcher<Request, Response>(
        _ account: @escaping (Request) -> Identifier,
        _ read: @escaping @Sendable ([Request], Database) async -> Result<[Response], StoreError>
      ) -> NaturalBatcher<Request, Response> {
        NaturalBatcher(
          loop: loop, batchesMax: Self.readBatchesMax, batchCountMax: Self.setReadCountMax, account: account
        ) { requests in await read(requests, database) }
      }
      let part = LoopPart(
        streakBatcher: batcher({ $0.userID }, Self.readStreaks), headBatcher: batcher({ $0 }, Self.readHeads),
        grantBatcher: batcher({ $0.userID }, Self.readGrants),
        writer: ChangeBatcher(
          loop: loop,
          attempt: ChangeAttempt(
            database: database, cache: cache, limits: limits, quotas: quotas, hints: hints, epoch: { epoch.value }),
          turns: turns, busyPollMicroseconds: busyPollMicroseconds), hints: hints)
      return (loop, LoopBound(part, loop: loop))
    }
  }

  /// The same database by a connection of its own on the caller's loop, for statements that read
  /// and write whole tables: they have no short time limit, and PostgreSQL's default planner
  /// settings. To be closed.
  func databaseForSchema() -> Database {
    var configuration = configuration
    configuration.connectionsPerLoop = 1
    configuration.statementTimeoutMilliseconds = Self.schemaStatementTimeoutMilliseconds
    configuration.serverSettings = []
    configuration.admit = nil
    return Database(configuration: configuration, loops: parts.map(\.loop).filter(\.isCurrent))
  }

  /// Waits for running calls, for a limited time, and closes the connections.
  public func close() async {
    await database.close()
  }

  /// Reads of streaks on the caller's loop.
  var streakBatcher: NaturalBatcher<HabitKey, HabitStreak?> { part.streakBatcher }

  /// Reads of users' heads, on the caller's loop.
  var headBatcher: NaturalBatcher<Identifier, PersonHead?> { part.headBatcher }

  /// Reads of access tokens' grants, on the caller's loop.
  var grantBatcher: NaturalBatcher<AccessKey, FoundAccess?> { part.grantBatcher }

  /// Changes users' data on the caller's loop.
  var writer: ChangeBatcher<Database> { part.writer }

  /// Notifies watching devices of changes that were made on the caller's loop.
  var hints: HintRelay { part.hints }

  /// Runs long work in the thread pool while the caller's loop goes on.
  func offload<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
    for (loop, _) in parts where loop.isCurrent { return await loop.offload(work) }
    return work()
  }

  /// Waits until no running batch of any loop has changes of this user.
  func waitForBatches(of userID: Identifier) async {
    for (loop, part) in parts {
      await Task(executorPreference: loop) { await part.value.writer.waitForBatches(of: userID) }.value
    }
  }

  /// The epoch of change numbers. Read with the schema, when the program starts, and with every new
  /// connection.
  public var epoch: Epoch { currentEpoch.value }

  /// Seals and authenticates what a copy of the database must not reveal or make. Read by
  /// `openServerKey`; until then a random one.
  package var serverKey: ServerKey { currentEpoch.serverKey }

  /// Every statement of ours finds its rows by index. A plan that was made while a table was small
  /// must not read all of it when it has grown: prepared statements are planned once, and never to
  /// read a whole table.
  private static let plannerSettings = [
    (name: "plan_cache_mode", value: "force_generic_plan"), (name: "enable_seqscan", value: "off"),
    (name: "enable_hashjoin", value: "off"), (name: "enable_mergejoin", value: "off"), (name: "jit", value: "off"),
  ]

  private var part: LoopPart {
    for place in parts.indices where parts[place].loop.isCurrent { return parts[place].part.value }
    preconditionFailure("the store was used off its loops")
  }
}

/// The database's connection string cannot be used. The text repeats nothing of it.
public struct StoreConfigurationError: Error, CustomStringConvertible {
  let reason: String
  public var description: String { reason }
}

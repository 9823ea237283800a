public import EventLoop
public import Logging
internal import Postgres
public import StreakDomain
internal import Synchronization

/// The tables of the service as typed calls. One for the process; each call uses the connections of
/// the loop it is made on.
public final class StreakStore: Sendable {
  /// Batches of streak reads under way at the same time, per loop.
  static let readFlightsMax = 2
  /// Longest run of one statement of a schema version, and longest wait for another program that
  /// applies one, in milliseconds.
  static let schemaStatementTimeoutMilliseconds: UInt64 = 24 * 3_600_000
  /// Bytes for what the last changes of people left, unless told otherwise.
  public static let ledgerMemoryBytesDefault = 32 << 20

  /// What one person's data may grow to.
  public let limits: StoreLimits
  let configuration: PostgresConfiguration
  let database: Database
  private let parts: [(loop: EventLoop, part: LoopBound<LoopPart>)]
  /// Names this store among those of other processes, in the table that readiness writes to.
  let serverID: Identifier
  let currentEpoch: CurrentEpoch
  /// The disk is full, as far as is known.
  let lacksSpace: SpaceFlag
  let ledgerMemory: LedgerMemory
  let quotaMeter: QuotaMeter
  let turns: RowTurns

  /// What each loop has of its own.
  private struct LoopPart {
    let streakBatcher: NaturalBatcher<HabitKey, StreakRecord?>
    let headBatcher: NaturalBatcher<Identifier, PersonHead?>
    let grantBatcher: NaturalBatcher<AccessKey, FoundAccess?>
    let writer: LedgerWriter
  }

  /// Connects in the background; calls wait for a connection, for a limited time. Call
  /// `migrateSchema()` before any other.
  ///
  /// - Parameters:
  ///   - connectionString: libpq's: a `postgresql://` URL or a list of `keyword=value`.
  ///   - loops: The loops that calls will be made on.
  ///   - busyPollMicroseconds: How long a loop stays awake for the answer to a change that is
  ///     alone; 0: not at all.
  ///   - logger: Told of connections made and lost, and of statements that fail, each kind once in
  ///     a second; nil: nothing is logged.
  ///   - ledgerMemoryBytes: How much of what the last changes left is remembered, so that the next
  ///     ones need not load it; 0: nothing.
  /// - Throws: `StoreConfigurationError` if the connection string is not one.
  public convenience init(
    connectionString: String, loops: [EventLoop], connectionsPerLoop: Int = 4,
    limits: StoreLimits = StoreLimits(), busyPollMicroseconds: Int = 0,
    ledgerMemoryBytes: Int = StreakStore.ledgerMemoryBytesDefault,
    logger: Logger? = nil
  ) throws(StoreConfigurationError) {
    var configuration: PostgresConfiguration
    do {
      configuration = try PostgresConfiguration(connectionString: connectionString)
    } catch {
      throw StoreConfigurationError(reason: error.description)
    }
    configuration.connectionsPerLoop = connectionsPerLoop
    self.init(
      configuration: configuration, loops: loops, limits: limits, busyPollMicroseconds: busyPollMicroseconds,
      ledgerMemoryBytes: ledgerMemoryBytes, logger: logger)
  }

  init(
    configuration: PostgresConfiguration, loops: [EventLoop], limits: StoreLimits = StoreLimits(),
    busyPollMicroseconds: Int = 0, ledgerMemoryBytes: Int = StreakStore.ledgerMemoryBytesDefault,
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
    let memory = LedgerMemory(bytesMax: ledgerMemoryBytes)
    ledgerMemory = memory
    let quotas = QuotaMeter()
    quotaMeter = quotas
    let turns = RowTurns()
    self.turns = turns
    parts = loops.map { loop in
      func batcher<Request, Response>(
        _ read: @escaping @Sendable ([Request], Database) async -> Result<[Response], StoreError>
      ) -> NaturalBatcher<Request, Response> {
        NaturalBatcher(loop: loop, flightsMax: Self.readFlightsMax, batchCountMax: Self.setReadCountMax) { requests in
          await read(requests, database)
        }
      }
      let part = LoopPart(
        streakBatcher: batcher(Self.readStreaks), headBatcher: batcher(Self.readHeads),
        grantBatcher: batcher(Self.readGrants),
        writer: LedgerWriter(
          loop: loop, database: database, memory: memory, limits: limits, quotas: quotas, turns: turns,
          busyPollMicroseconds: busyPollMicroseconds, epoch: { epoch.value }))
      return (loop, LoopBound(part, loop: loop))
    }
  }

  /// The same database by a connection of its own on the caller's loop, for statements that read
  /// and write whole tables: they may take long, and are planned as PostgreSQL thinks best. To be
  /// closed.
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
  var streakBatcher: NaturalBatcher<HabitKey, StreakRecord?> { part.streakBatcher }

  /// Reads of where people's data stands, on the caller's loop.
  var headBatcher: NaturalBatcher<Identifier, PersonHead?> { part.headBatcher }

  /// Reads of what access tokens grant, on the caller's loop.
  var grantBatcher: NaturalBatcher<AccessKey, FoundAccess?> { part.grantBatcher }

  /// Changes people's data on the caller's loop.
  var writer: LedgerWriter { part.writer }

  /// Runs long work in the thread pool while the caller's loop goes on.
  func offload<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
    for (loop, _) in parts where loop.isCurrent { return await loop.offload(work) }
    return work()
  }

  /// Waits until no batch of any loop that is under way has changes of this person.
  func landed(_ userID: Identifier) async {
    for (loop, part) in parts {
      await Task(executorPreference: loop) { await part.value.writer.landed(userID) }.value
    }
  }

  /// Which life of the database change numbers belong to. Read with the schema, when the program
  /// starts, and with every new connection.
  public var epoch: Epoch { currentEpoch.value }

  /// The database's own secret, with which cursors and tokens are authenticated: 32 bytes. Read
  /// together with the epoch.
  public var serverSecret: [UInt8] { currentEpoch.secret }

  /// Every statement of ours finds its rows by index. A plan that was made while a table was small
  /// must not read all of it when it has grown: prepared statements are planned once, and never to
  /// read a table as a whole.
  private static let plannerSettings = [
    (name: "plan_cache_mode", value: "force_generic_plan"), (name: "enable_seqscan", value: "off"),
    (name: "enable_hashjoin", value: "off"), (name: "enable_mergejoin", value: "off"), (name: "jit", value: "off"),
  ]

  private var part: LoopPart {
    for (loop, part) in parts where loop.isCurrent { return part.value }
    preconditionFailure("the store was used off its loops")
  }
}

/// The database's connection string cannot be used. The text repeats nothing of it.
public struct StoreConfigurationError: Error, CustomStringConvertible {
  let reason: String
  public var description: String { reason }
}

public import EventLoop
internal import Postgres

/// The tables of the service as typed calls. One for the process; each call uses the connections of the loop it is made on.
public final class StreakStore: Sendable {
  /// Batches of streak reads under way at the same time, per loop.
  static let streakReadFlightsMax = 2

  /// What one person's data may grow to.
  public let limits: StoreLimits
  let configuration: PostgresConfiguration
  let database: Database
  private let parts: [(loop: EventLoop, part: LoopBound<LoopPart>)]

  /// What each loop has of its own.
  private struct LoopPart {
    let streakBatcher: NaturalBatcher<HabitKey, StreakRecord?>
    let turns = PersonTurns()
  }

  /// Connects in the background; calls wait for a connection, for a limited time. Call `migrateSchema()` before any other.
  ///
  /// - Parameters:
  ///   - connectionString: libpq's: a `postgresql://` URL or a list of `keyword=value`.
  ///   - loops: The loops that calls will be made on.
  ///   - onEvent: Told of connections made and lost, as text for the log.
  /// - Throws: `StoreConfigurationError` if the connection string is not one.
  public init(
    connectionString: String, loops: [EventLoop], connectionsPerLoop: Int = 4,
    limits: StoreLimits = StoreLimits(),
    onEvent: @escaping @Sendable (String) -> Void = { _ in }
  ) throws(StoreConfigurationError) {
    var configuration: PostgresConfiguration
    do {
      configuration = try PostgresConfiguration(connectionString: connectionString)
    } catch {
      throw StoreConfigurationError(reason: error.description)
    }
    configuration.connectionsPerLoop = connectionsPerLoop
    let database = Database(configuration: configuration, loops: loops, onEvent: { onEvent("\($0)") })
    self.configuration = configuration
    self.database = database
    self.limits = limits
    parts = loops.map { loop in
      let batcher = NaturalBatcher<HabitKey, StreakRecord?>(
        loop: loop, flightsMax: Self.streakReadFlightsMax, batchCountMax: Self.setReadCountMax
      ) { keys in await Self.readStreaks(keys, database) }
      return (loop, LoopBound(LoopPart(streakBatcher: batcher), loop: loop))
    }
  }

  /// Waits for running calls, for a limited time, and closes the connections.
  public func close() async {
    await database.close()
  }

  /// Reads of streaks on the caller's loop.
  var streakBatcher: NaturalBatcher<HabitKey, StreakRecord?> { part.streakBatcher }

  /// The turns of the caller's loop.
  var turns: PersonTurns { part.turns }

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

internal import Postgres
public import StreakDomain

extension StreakStore {
  private static let readEpoch = Statement(.read, "SELECT epoch, epoch_bits FROM service_state")

  private static let readServerSecret = Statement(.read, "SELECT secret FROM server_secret")

  /// Reads the database's epoch, which life of the database this is, and keeps it: after `migrateSchema()`, or for a store that serves a schema
  /// which another one has applied. It rises when the database has gone back to an earlier state; 1 at first.
  @discardableResult
  public func readEpoch() async throws(StoreError) -> Epoch {
    let found = try await database.row(Self.readEpoch) { row throws(DatabaseError) in
      Epoch(number: try row.int64(0), bits: try row.int64(1))
    }
    guard let found else { throw .fault(reason: "service_state has no row") }
    let secret = try await database.row(Self.readServerSecret) { row throws(DatabaseError) in try row.bytes(0) }
    guard let secret else { throw .fault(reason: "server_secret has no row") }
    serverSecret = secret
    epoch = found
    return found
  }

  /// SQL that raises the epoch to the present second, or by one if it is later already: whoever restores twice never gets one again.
  public static let raiseEpochText =
    "UPDATE service_state SET epoch = greatest(epoch + 1, floor(extract(epoch FROM clock_timestamp()))::bigint) RETURNING epoch"
  private static let raiseEpoch = Statement(.write, raiseEpochText)

  /// Raises the epoch: devices drop what they know of the server's state and send what it may have lost.
  ///
  /// - Returns: The new one.
  public func raiseEpoch() async throws(StoreError) -> Int64 {
    guard let epoch = try await database.row(Self.raiseEpoch, decode: { row throws(DatabaseError) in try row.int64(0) })
    else { throw .fault(reason: "service_state has no row") }
    return epoch
  }
}

internal import Postgres
public import StreakDomain

/// The head of a user's data.
public struct PersonHead: Sendable, Equatable {
  public var changeNumber: Int64
  public var digest: StateDigest
  public var sources: StreakDomain.Sources
  public var settings: AccountSettings
  public var zones: RecentTimeZones

  public init(_ ledger: PersonLedger) {
    self.init(
      changeNumber: ledger.changeNumber, digest: ledger.digest, sources: ledger.sources, settings: ledger.settings,
      zones: ledger.zones)
  }

  init(
    changeNumber: Int64, digest: StateDigest, sources: StreakDomain.Sources, settings: AccountSettings,
    zones: RecentTimeZones
  ) {
    self.changeNumber = changeNumber
    self.digest = digest
    self.sources = sources
    self.settings = settings
    self.zones = zones
  }
}

extension StreakStore {
  static let headColumns = Selection(HeadColumn.standing)
  private static let head = Statement(
    .read, "SELECT \(headColumns.list()) FROM heads WHERE user_id = $1")
  private static let headSet = Statement(
    .read,
    """
    SELECT \(headColumns.list(of: "u")), w.place FROM unnest($1::uuid[]) WITH ORDINALITY AS w (user_id, place)
      CROSS JOIN LATERAL (SELECT * FROM heads WHERE heads.user_id = w.user_id LIMIT 1) u
    """)

  /// The head of a user's data, read together with others.
  public func head(of userID: Identifier) async throws(StoreError) -> PersonHead {
    guard let head = try await headBatcher.response(to: userID) else { throw .noSuchUser }
    return head
  }

  /// Reads a batch: a single key by the plain statement, several by one statement for all.
  static func readHeads(_ people: [Identifier], _ database: Database) async -> Result<[PersonHead?], StoreError> {
    do throws(StoreError) {
      if let userID = people.first, people.count == 1 {
        return .success([
          try await database.row(head, .identifier(userID)) { row throws(DatabaseError) in try row.head(headColumns) }
        ])
      }
      var heads = [PersonHead?](repeating: nil, count: people.count)
      let found = try await database.rows(headSet, .identifiers(people)) { row throws(DatabaseError) in
        (place: Int(try row.int64(headColumns.end)), head: try row.head(headColumns))
      }
      for (place, head) in found where (1...people.count).contains(place) { heads[place - 1] = head }
      return .success(heads)
    } catch {
      return .failure(error)
    }
  }
}

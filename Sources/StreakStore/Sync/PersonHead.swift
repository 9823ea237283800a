internal import Postgres
public import StreakDomain

/// Where a person's data stands.
public struct PersonHead: Sendable, Equatable {
  public var changeNumber: Int64
  public var digest: StateDigest
}

extension StreakStore {
  private static let head = Statement(.read, "SELECT change_number, digest FROM users WHERE user_id = $1")
  private static let headSet = Statement(
    .read,
    """
    SELECT u.change_number, u.digest, w.place FROM unnest($1::uuid[]) WITH ORDINALITY AS w (user_id, place)
      CROSS JOIN LATERAL (SELECT change_number, digest FROM users WHERE users.user_id = w.user_id LIMIT 1) u
    """)

  /// Where a person's data stands, read together with others.
  public func head(of userID: Identifier) async throws(StoreError) -> PersonHead {
    guard let head = try await headBatcher.response(to: userID) else { throw .noSuchUser }
    return head
  }

  /// Reads a batch: a single one by the plain statement, several by one statement for all.
  static func readHeads(_ people: [Identifier], _ database: Database) async -> Result<[PersonHead?], StoreError> {
    do throws(StoreError) {
      if let userID = people.first, people.count == 1 {
        return .success([
          try await database.row(head, .identifier(userID)) { row throws(DatabaseError) in try row.head() }
        ])
      }
      var heads = [PersonHead?](repeating: nil, count: people.count)
      let found = try await database.rows(headSet, .identifiers(people)) { row throws(DatabaseError) in
        (place: Int(try row.int64(2)), head: try row.head())
      }
      for (place, head) in found where (1...people.count).contains(place) { heads[place - 1] = head }
      return .success(heads)
    } catch {
      return .failure(error)
    }
  }
}

extension Row {
  /// Columns change_number, digest.
  func head() throws(DatabaseError) -> PersonHead {
    PersonHead(changeNumber: try int64(0), digest: try digest(1))
  }
}

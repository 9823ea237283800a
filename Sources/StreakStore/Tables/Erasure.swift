internal import Postgres
internal import StreakDomain

/// The columns of `erasure.people`.
enum ErasedPersonColumn: Int, TableColumn {
  case userID, erasedAt
}

/// The columns of `erasure.sessions`.
enum ErasedSessionColumn: Int, TableColumn {
  case sessionID, secretHash, userID
}

extension Row {
  /// Decodes all of `ErasedPersonColumn`.
  func erasedPerson(_ at: Selection<ErasedPersonColumn>) throws(DatabaseError) -> ErasureRecords.Person {
    ErasureRecords.Person(userID: try identifier(at[.userID]), erasedAt: try instant(at[.erasedAt]))
  }

  /// Decodes all of `ErasedSessionColumn`.
  func erasedSession(_ at: Selection<ErasedSessionColumn>) throws(DatabaseError) -> ErasureRecords.Session {
    ErasureRecords.Session(
      sessionID: try identifier(at[.sessionID]), secretHash: try bytes(at[.secretHash]),
      userID: try identifier(at[.userID]))
  }
}

/// Why a backup, a restore or a check did not come to its end. The texts are for operators.
public enum OperationsError: Error, Equatable, CustomStringConvertible {
  /// A file or folder cannot be used.
  case fileUnusable(String)
  /// A program is missing, failed or was killed; the text holds its last words.
  case programFailed(String)
  /// The database refused, or is not what it should be.
  case database(String)
  /// Somebody else makes a backup of this database, or works in this folder.
  case underWay(String)
  /// There is no such backup.
  case noSuchBackup(String)
  /// A backup is not what its manifest says.
  case damaged(String)
  /// What was asked for would destroy something.
  case refused(String)

  public var description: String {
    switch self {
    case .fileUnusable(let text), .programFailed(let text), .database(let text), .underWay(let text),
      .noSuchBackup(let text), .damaged(let text), .refused(let text):
      text
    }
  }
}

/// Why a backup, a restore or a check failed. The texts are for operators.
package enum OperationsError: Error, Equatable, CustomStringConvertible {
  /// A file or folder cannot be used.
  case fileUnusable(String)
  /// A program is missing, failed or was killed; the text holds its last output.
  case programFailed(String)
  /// The database refused a statement, or is not in the expected state.
  case database(String)
  /// Another program makes a backup of this database, or works in this folder.
  case underWay(String)
  /// The named backup does not exist.
  case noSuchBackup(String)
  /// A backup does not match its manifest.
  case damaged(String)
  /// The operation would destroy data.
  case refused(String)

  package var description: String {
    switch self {
    case .fileUnusable(let text), .programFailed(let text), .database(let text), .underWay(let text),
      .noSuchBackup(let text), .damaged(let text), .refused(let text):
      text
    }
  }
}

/// Why a private PostgreSQL cannot run. The text of each case is meant for the operator.
package enum PrivateClusterError: Error, Equatable, CustomStringConvertible {
  /// No PostgreSQL of a supported version is installed.
  case noPostgres(String)
  /// Another program holds this data folder.
  case folderInUse(String)
  /// The data folder cannot be made, or the server's user cannot reach it.
  case folderUnusable(String)
  /// A program ended with an error; the text holds the last lines of its output.
  case programFailed(String)
  /// PostgreSQL did not accept connections, or did not end, in time.
  case timedOut(String)
  /// The start was ended because `isWanted` returned false.
  case stopped(String)

  package var description: String {
    switch self {
    case .noPostgres(let text), .folderInUse(let text), .folderUnusable(let text), .programFailed(let text),
      .timedOut(let text), .stopped(let text):
      text
    }
  }
}

import Cryptography
import EventLoop
import Logging
import Operations
import StreakStore

/// Opens the database's server key with the keys of its file, which is made for a database that has
/// no server key so far.
struct ServerKeySetup: Sendable {
  let file: String
  /// The file's keys at the start, when this process could perhaps still read more files; nil:
  /// there was no file.
  let found: KeyEncryptionKeys?
  let logger: Logger

  /// - Parameter isOwner: The store's role may write the key.
  /// - Throws: One sentence for the operator.
  func open(_ store: StreakStore, isOwner: Bool, on loop: EventLoop) async throws {
    let hasKey = try await Task(executorPreference: loop) { try await store.hasServerKey() }.value
    let keys = try found ?? read(databaseHasKey: hasKey)
    let outcome = await Task(executorPreference: loop) { () -> Result<Bool, ServerKeyError> in
      do throws(ServerKeyError) {
        return .success(try await store.openServerKey(keys, isOwner: isOwner))
      } catch {
        return .failure(error)
      }
    }.value
    switch outcome {
    case .success(let hasWritten):
      if hasWritten {
        logger.info("the server key is encrypted under the current key", metadata: ["file": "\(file)"])
      }
      if keys.hasPrevious, isOwner {
        logger.info(
          "the server key's file still holds the previous key: streakctl key retire removes it once every server has the new file",
          metadata: ["file": "\(file)"])
      }
    case .failure(.doesNotFit):
      throw OperationsError.refused(
        "The server key \(file) does not fit this database: copy the file of the server that the database came from.")
    case .failure(.store(let error)): throw error
    }
  }

  private func read(databaseHasKey: Bool) throws -> KeyEncryptionKeys {
    if let keys = try ServerKeyFile.read(file) { return keys }
    guard !databaseHasKey else {
      throw OperationsError.refused(
        "The server key \(file) is missing, and this database was served with one: copy the file of a server of the "
          + "database, or name it by --server-key-file.")
    }
    let keys = try ServerKeyFile.make(file)
    logger.info(
      "made the server key: no server of this database starts without it, so keep a copy apart from the backups",
      metadata: ["file": "\(file)"])
    return keys
  }
}

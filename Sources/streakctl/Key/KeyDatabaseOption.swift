import ArgumentParser
import Cryptography
import Glibc
import Operations
import ProgramSupport
import StreakStore

/// The database whose server key a command opens, as its owner.
struct KeyDatabaseOption: ParsableArguments {
  @Option(
    help:
      "A libpq URL or conninfo of the schema's owner; else the environment's STREAKD_DATABASE. A private PostgreSQL's is \"host=DATA_FOLDER/socket user=streakd dbname=postgres\"."
  )
  var database: String?

  /// Opens the server key, and encrypts it under the current key if the previous one encrypted it.
  func open(_ keys: KeyEncryptionKeys) async throws {
    _ = try await run { store throws(ServerKeyError) in try await store.openServerKey(keys, isOwner: true) }
  }

  /// Makes a new key the current one of a file that fits the database. The former one stays in it
  /// as the previous one, so that the file fits before and after.
  ///
  /// - Returns: The file's keys, before and after.
  func rotate(_ file: String) async throws -> (former: KeyEncryptionKeys, present: KeyEncryptionKeys) {
    guard let keys = try ServerKeyFile.read(file) else { throw ValidationError("\(file) is missing.") }
    guard !keys.hasPrevious else {
      throw ValidationError("\(file) still holds the previous key: streakctl key retire removes it.")
    }
    // Before the file is replaced: a key that does not fit must not become the previous one.
    try await open(keys)
    let rotated = keys.rotated
    try ServerKeyFile.replace(file, with: rotated)
    return (keys, rotated)
  }

  /// Replaces the server key itself; see `StreakStore.renewServerKey`.
  func renew(_ keys: KeyEncryptionKeys) async throws -> ServerKeyRenewal? {
    try await run { store throws(ServerKeyError) in try await store.renewServerKey(keys) }
  }

  private func run<Value: Sendable>(
    _ body: @escaping @Sendable (StreakStore) async throws(ServerKeyError) -> Value
  ) async throws -> Value {
    switch try await withStore(database, body) {
    case .success(let value): return value
    case .failure(.doesNotFit):
      printError("The key does not fit this database; nothing was changed.")
      throw ExitCode(1)
    case .failure(.store(let error)):
      printError("The database cannot be used: \(error)")
      throw ExitCode(EX_UNAVAILABLE)
    }
  }
}

internal import StreakDomain

/// A client's state in memory, with its storage: every change is a transaction. Not thread-safe.
final class ClientStore {
  private let storage: any ClientStorage
  private var held: ClientState?
  private var version: Int64 = 0

  init(_ storage: any ClientStorage) { self.storage = storage }

  /// Changes the state; the changes are on the disk when this returns. If `body` throws, nothing
  /// has changed.
  func change<Value>(_ body: (inout ClientState) throws(ClientError) -> Value) throws(ClientError) -> Value {
    var result: Result<Value, ClientError>?
    do throws(StorageError) {
      version = try storage.transaction { view throws(StorageError) in
        var state: ClientState
        if let held, view.version == version { state = held } else { state = try ClientState(try view.records()) }
        // Dropping this reference makes the state unique, so that changing it copies nothing.
        held = nil
        do throws(ClientError) {
          result = .success(try body(&state))
        } catch {
          result = .failure(error)
          // A partly changed state is dropped and read from the storage again.
          if !state.isUnsaved { held = state }
          return []
        }
        let changes = state.takeChanges()
        held = state
        return changes
      }
    } catch {
      held = nil
      throw .storage(error.message)
    }
    guard let result else { throw .storage("The storage did nothing.") }
    return try result.get()
  }

  /// Reads the current state, including changes of other processes.
  func read<Value>(_ body: (ClientState) throws(ClientError) -> Value) throws(ClientError) -> Value {
    try change { state throws(ClientError) in try body(state) }
  }
}

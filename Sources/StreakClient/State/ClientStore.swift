internal import StreakDomain

/// A client's state, held in memory and kept by its storage: every change is a transaction. Not for
/// two threads at once.
final class ClientStore {
  private let storage: any ClientStorage
  private var held: ClientState?
  private var version: Int64 = 0

  init(_ storage: any ClientStorage) { self.storage = storage }

  /// Changes the state; what has changed is on the disk when this returns. If `body` throws,
  /// nothing has changed.
  func change<Value>(_ body: (inout ClientState) throws(ClientError) -> Value) throws(ClientError) -> Value {
    var result: Result<Value, ClientError>?
    do throws(StorageError) {
      version = try storage.transaction { view throws(StorageError) in
        var state: ClientState
        if let held, view.version == version { state = held } else { state = try ClientState(try view.records()) }
        // From here on the state is nowhere else: changing it copies nothing.
        held = nil
        do throws(ClientError) {
          result = .success(try body(&state))
        } catch {
          result = .failure(error)
          // Half a change is read again from the storage.
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

  /// Reads the state as it is now, also what other processes have changed.
  func read<Value>(_ body: (ClientState) throws(ClientError) -> Value) throws(ClientError) -> Value {
    try change { state throws(ClientError) in try body(state) }
  }
}

import ArgumentParser
import EventLoop
import Glibc
import StreakStore

/// Opens a database's store, runs `body` on a loop of its own, and closes both.
///
/// - Parameter database: A libpq URL or conninfo; nil: the environment's STREAKD_DATABASE.
func withStore<Value: Sendable, Failure: Error>(
  _ database: String?, _ body: @escaping @Sendable (StreakStore) async throws(Failure) -> Value
) async throws -> Result<Value, Failure> {
  guard let place = database ?? getenv("STREAKD_DATABASE").map({ String(cString: $0) }) else {
    throw ValidationError("Give --database.")
  }
  let thread = EventLoopThread()
  let loop = thread.loop
  defer { thread.stopAndJoin() }
  let store: StreakStore
  do {
    store = try StreakStore(connectionString: place, loops: [loop], connectionsPerLoop: 1)
  } catch {
    throw ValidationError("\(error)")
  }
  let result = await Task(executorPreference: loop) { () -> Result<Value, Failure> in
    do throws(Failure) {
      return .success(try await body(store))
    } catch {
      return .failure(error)
    }
  }.value
  await store.close()
  return result
}

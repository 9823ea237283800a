import Operations
import StreakStore
import Synchronization

/// Checks at intervals whether the private PostgreSQL's write-ahead log reaches its repository, if
/// one was set up (`streakctl pitr setup`).
final class ArchiveWatch: Sendable {
  /// Between two checks, in nanoseconds.
  private static let intervalNanoseconds: UInt64 = 10_000_000_000

  private let dataFolder: String
  private let progress = Progress()
  private let state = Mutex<ArchiveHealth?>(nil)
  private let task = Mutex<Task<Void, Never>?>(nil)

  init(dataFolder: String) { self.dataFolder = dataFolder }

  /// The last check's result; nil: archiving is not set up.
  var health: ArchiveHealth? { state.withLock { $0 } }

  /// A warning for the operator; nil: none.
  var warning: String? { health?.failure.map { "the archive of the log: \($0)" } }

  func start() {
    let watch = Task { [self] in
      while !Task.isCancelled {
        await look()
        try? await Task.sleep(nanoseconds: Self.intervalNanoseconds)
      }
    }
    task.withLock { $0 = watch }
  }

  func stop() async {
    let watch = task.withLock { $0 }
    watch?.cancel()
    // Also a look at a PostgreSQL that does not answer.
    progress.cancel()
    await watch?.value
  }

  private func look() async {
    let archive = PointInTime(dataFolder: dataFolder, progress: progress)
    let found = await onOwnThread { () -> Result<ArchiveHealth?, OperationsError> in
      do throws(OperationsError) { return .success(try archive.health()) } catch { return .failure(error) }
    }
    // Without the database the last result stays: readiness reports the database.
    if case .success(let health) = found { state.withLock { $0 = health } }
  }
}

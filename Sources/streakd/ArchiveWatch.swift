import Operations
import StreakStore
import Synchronization

/// Looks now and then whether the private PostgreSQL's log reaches its repository, if one was set
/// up (`streakctl pitr setup`).
final class ArchiveWatch: Sendable {
  /// Between two looks, in nanoseconds.
  private static let intervalNanoseconds: UInt64 = 10_000_000_000

  private let dataFolder: String
  private let state = Mutex<ArchiveHealth?>(nil)
  private let task = Mutex<Task<Void, Never>?>(nil)

  init(dataFolder: String) { self.dataFolder = dataFolder }

  /// As of the last look; nil: archiving is not set up.
  var health: ArchiveHealth? { state.withLock { $0 } }

  /// What an operator should know; nil: all is well.
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
    await watch?.value
  }

  private func look() async {
    let archive = PointInTime(dataFolder: dataFolder)
    let found = await onOwnThread { () -> Result<ArchiveHealth?, OperationsError> in
      do throws(OperationsError) { return .success(try archive.health()) } catch { return .failure(error) }
    }
    // Without the database there is nothing to say: readiness says that.
    if case .success(let health) = found { state.withLock { $0 = health } }
  }
}

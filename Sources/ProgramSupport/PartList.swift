internal import Synchronization

/// The parts of a program, in the order of their start. Each start may use the parts before it; the
/// stops follow in the reverse order, also when a start fails.
///
/// ```swift
/// let parts = PartList()
/// let store = try await parts.start("store") { try Store() } stop: { await $0.close() }
/// let server = try await parts.start("server") { try await Server(store) } stop: { await $0.close() }
/// await signal()
/// await parts.stop()
/// ```
package final class PartList {
  private struct Part {
    let name: String
    let stop: () async -> Void
  }

  /// In the order of their start.
  private var running: [Part] = []
  private var drains: [(name: String, drain: @Sendable () async -> Void)] = []
  private let check: () throws -> Void
  /// What the stop waits for.
  package let stopping = StoppingParts()

  /// - Parameter check: Called before each start; throws if nothing more is to be started.
  package init(check: @escaping () throws -> Void = {}) { self.check = check }

  /// The names of the running parts, in the order of their start.
  package var names: [String] { running.map(\.name) }

  /// Starts the next part.
  ///
  /// - Parameters:
  ///   - start: Leaves nothing behind if it throws.
  ///   - drain: Lets what the part is doing come to an end, for a limited time. The drains of all
  ///     parts run at the same time, before the first part is stopped.
  ///   - stop: Ends the part.
  @discardableResult
  package func start<Value: Sendable>(
    _ name: String, _ start: () async throws -> Value,
    drain: (@Sendable (Value) async -> Void)? = nil,
    stop: @escaping (Value) async -> Void = { _ in }
  ) async throws -> Value {
    try check()
    let value = try await start()
    running.append(Part(name: name) { await stop(value) })
    if let drain { drains.append((name, { await drain(value) })) }
    return value
  }

  /// Stops what was started. Without effect when nothing runs.
  package func stop() async {
    let stopping = stopping
    let tasks = drains.map { name, drain in Task { await stopping.note(name) { await drain() } } }
    drains = []
    for task in tasks { await task.value }
    while let part = running.popLast() { await stopping.note(part.name, part.stop) }
  }
}

/// The names of the parts that have begun to stop and have not ended. Any thread.
package final class StoppingParts: Sendable {
  private let current = Mutex<[String]>([])

  package var names: [String] { current.withLock { $0 } }

  fileprivate func note(_ name: String, _ stop: () async -> Void) async {
    current.withLock { $0.append(name) }
    await stop()
    current.withLock { names in
      if let place = names.firstIndex(of: name) { names.remove(at: place) }
    }
  }
}

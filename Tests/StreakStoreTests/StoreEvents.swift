import EventLoop
import struct StreakDomain.Identifier
import StreakStore
import Testing

/// The events that a store's listener has received, in order.
struct StoreEvents {
  private var events: AsyncStream<StoreEvent>.Iterator
  private let listener: StoreListener

  fileprivate init(_ events: AsyncStream<StoreEvent>, _ listener: StoreListener) {
    self.events = events.makeAsyncIterator()
    self.listener = listener
  }

  mutating func next() async -> StoreEvent? { await events.next(isolation: #isolation) }

  func close() async { await listener.close() }
}

extension TestStore {
  /// Listens on the last loop, and returns once it receives all notifications.
  ///
  /// - Parameter people: Whose events are kept; nil: all. Tests that run at the same time share the
  ///   database, and with it the channels.
  func listen(about people: [Identifier]? = nil) async throws -> StoreEvents {
    let loop = try #require(loops.last)
    let (stream, continuation) = AsyncStream<StoreEvent>.makeStream()
    let listener = await Task(executorPreference: loop) { [store] in
      store.listen(on: loop) { event in
        switch event {
        case .change(let hint) where people?.contains(hint.userID) == false: break
        case .revocation(let userID) where people?.contains(userID) == false: break
        case .change, .revocation, .listening: continuation.yield(event)
        }
      }
    }.value
    var events = StoreEvents(stream, listener)
    guard case .listening = await events.next() else { throw NotListening() }
    return events
  }

  private struct NotListening: Error {}
}

import EventLoop
import Postgres
import Testing

/// An expected event is missing.
private struct Unexpected: Error {
  let what: String
}

@Suite("Notifications")
struct NotificationListenerTests {
  private static let notify = Statement(.write, "select pg_notify($1, $2)")
  private static let killListener = Statement(
    .write, "select pg_terminate_backend(pid) from pg_stat_activity where query = $1")

  @Test("notifications arrive from other connections, also after the listening server process died")
  func listens() async throws {
    try await withDatabase { database, loop in
      let channel =
        "Odd \"channel\" of \(try await database.run(Common.processID).one { row throws(DatabaseError) in try row.int32(0) })"
      let quoted = channel.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
      let (events, continuation) = AsyncStream<NotificationListener.Event>.makeStream()
      var configuration = try TestServer.configuration()
      configuration.reconnectDelayMinMilliseconds = 1
      let listener = NotificationListener(loop: loop, configuration: configuration, channels: [channel]) {
        continuation.yield($0)
      }
      var event = events.makeAsyncIterator()
      for round in ["first", "second"] {
        guard case .listening = await event.next() else { throw Unexpected(what: "not listening") }
        _ = try await database.run(Self.notify, .string(channel), .string(round))
        guard case .notification(let notification) = await event.next() else {
          throw Unexpected(what: "nothing arrived")
        }
        #expect(notification.channel == channel)
        #expect(notification.payload == round)
        guard round == "first" else { break }
        _ = try await database.run(Self.killListener, .string("listen \"\(quoted)\""))
        guard case .interrupted = await event.next() else { throw Unexpected(what: "not interrupted") }
      }
      listener.close()
    }
  }
}

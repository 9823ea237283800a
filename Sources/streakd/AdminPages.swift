import Admin
import EventLoop
import RPC
import StreakStore

/// What operators and their tools may ask for.
struct AdminPages {
  let server: RPCServer
  let store: StreakStore
  /// Why calls cannot be served now; nil when they can.
  let unreadiness: @Sendable () -> String?

  /// `/livez` says that the process runs, `/readyz` whether to send it calls, `/metrics` what it counts.
  var pages: [String: @Sendable () async -> AdminPage] {
    [
      "/livez": { AdminPage(.ok, "alive\n") },
      "/readyz": {
        let reason = unreadiness()
        return reason.map { AdminPage(.unavailable, "not ready: \($0)\n") } ?? AdminPage(.ok, "ready\n")
      },
      "/metrics": {
        let text = MetricsPage.text(
          server: await server.metrics(), database: await store.databaseMetrics(), isReady: unreadiness() == nil)
        return AdminPage(.ok, contentType: Exposition.contentType, text)
      },
    ]
  }
}

/// The operators' server on a thread of its own, so that it answers whatever the serving loops do.
struct RunningAdmin {
  private let thread: EventLoopThread
  private let server: AdminServer

  init(address: SocketAddress, pages: AdminPages) async throws(SocketError) {
    thread = EventLoopThread()
    do throws(SocketError) {
      server = try await AdminServer.start(address: address, loop: thread.loop, pages: pages.pages)
    } catch {
      thread.stopAndJoin()
      throw error
    }
  }

  var address: SocketAddress { server.address }

  func close() async {
    await server.close()
    thread.stopAndJoin()
  }
}

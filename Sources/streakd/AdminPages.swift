import Admin
import EventLoop
import RPC
import StreakStore

/// What operators and their tools may ask for.
struct AdminPages {
  let server: RPCServer
  let store: StreakStore
  /// Nil: this process has no backup folder.
  let backups: BackupKeeper?
  /// Why calls cannot be served now; nil when they can.
  let unreadiness: @Sendable () -> String?

  /// `/livez` says that the process runs, `/readyz` whether to send it calls, `/metrics` what it counts.
  var pages: [String: @Sendable () async -> AdminPage] {
    [
      "/livez": { AdminPage(.ok, "alive\n") },
      "/readyz": {
        let reason = unreadiness()
        // A server without a fresh backup goes on serving; whoever looks is told.
        let warning = backups?.warning.map { "warning: \($0)\n" } ?? ""
        return reason.map { AdminPage(.unavailable, "not ready: \($0)\n\(warning)") }
          ?? AdminPage(.ok, "ready\n\(warning)")
      },
      "/metrics": {
        let text = MetricsPage.text(
          server: await server.metrics(), database: await store.databaseMetrics(), isReady: unreadiness() == nil,
          backups: backups)
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

import Admin
import EventLoop
import RPC
import StreakServices
import StreakStore

/// What operators and their tools may ask for.
struct AdminPages {
  let server: RPCServer
  let store: StreakStore
  /// How often limits of the service were reached.
  let limits: @Sendable () -> [ServiceLimit: Int]
  /// Nil: this process has no backup folder.
  let backups: BackupKeeper?
  /// Nil: the database is not ours to archive.
  let archive: ArchiveWatch?
  /// A serving loop that gives no sign of life for so long is stuck: nothing but a new process will
  /// help.
  let stuckSeconds: Int
  /// What is wrong with the database although calls are served; nil: nothing.
  let databaseWarning: @Sendable () -> String?
  /// Why calls cannot be served now; nil when they can.
  let unreadiness: @Sendable () -> String?

  /// `/livez` says whether the process and each of its serving loops run, `/readyz` whether to send
  /// it calls, `/metrics` what it counts.
  var pages: [String: @Sendable () async -> AdminPage] {
    [
      "/livez": {
        for (index, milliseconds) in server.silenceMilliseconds.enumerated()
        where milliseconds >= UInt64(stuckSeconds) * 1_000 {
          return AdminPage(.unavailable, "loop \(index) has given no sign of life for \(milliseconds / 1_000) s\n")
        }
        return AdminPage(.ok, "alive\n")
      },
      "/readyz": {
        let reason = unreadiness()
        // A server without a fresh backup goes on serving; whoever looks is told.
        let warning = [backups?.warning, archive?.warning, databaseWarning()].compactMap(\.self).map {
          "warning: \($0)\n"
        }
        .joined()
        return reason.map { AdminPage(.unavailable, "not ready: \($0)\n\(warning)") }
          ?? AdminPage(.ok, "ready\n\(warning)")
      },
      "/metrics": {
        let text = MetricsPage.text(
          server: await server.metrics(), database: await store.databaseMetrics(),
          ledgerMemory: store.ledgerMemoryMetrics, quotas: store.quotaCounts,
          limits: limits(), isReady: unreadiness() == nil, backups: backups,
          archive: archive?.health)
        return AdminPage(.ok, contentType: Exposition.contentType, text)
      },
    ]
  }
}

/// The operators' server on a thread of its own, so that it answers whatever the serving loops do.
struct RunningAdmin {
  private let thread: EventLoopThread
  private let server: AdminServer

  init(
    address: SocketAddress, sockets: SocketReservation?, hosts: AdminHosts, pages: AdminPages
  ) async throws(SocketError) {
    thread = EventLoopThread()
    do throws(SocketError) {
      server = try await AdminServer.start(
        address: address, sockets: sockets, loop: thread.loop, hosts: hosts, pages: pages.pages)
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

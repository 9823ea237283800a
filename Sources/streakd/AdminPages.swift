import Admin
import EventLoop
import Glibc
import RPC
import StreakServices
import StreakStore
import TLS

/// The pages of the admin server.
struct AdminPages {
  let server: RPCServer
  let store: StreakStore
  /// How often limits of the service were reached.
  let limits: @Sendable () -> [ServiceLimit: Int]
  /// Nil: calls are served in cleartext.
  let tls: TLSContext?
  /// Nil: this process has no backup folder.
  let backups: BackupService?
  /// Nil: the database is not ours to archive.
  let archive: ArchiveWatch?
  /// Nil: the server sends no mails.
  let mail: MailWorker?
  /// After this time without a heartbeat, a serving loop is stuck: only a restart of the process
  /// helps.
  let stuckSeconds: Int
  /// A problem of the database that does not keep calls from being served; nil: none.
  let databaseWarning: @Sendable () -> String?
  /// Why calls cannot be served now; nil if they can.
  let unreadiness: @Sendable () -> String?

  private var certificateWarning: String? {
    guard let end = tls?.certificateEndSeconds, end <= Int64(time(nil)) else { return nil }
    return "the TLS certificate has expired"
  }

  /// `/livez`: whether the process and each of its serving loops run. `/readyz`: whether it can
  /// serve calls. `/metrics`: its metrics.
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
        // A server without a recent backup goes on serving; the page shows a warning.
        let warning = [backups?.warning, archive?.warning, databaseWarning(), certificateWarning].compactMap(\.self).map
        {
          "warning: \($0)\n"
        }
        .joined()
        return reason.map { AdminPage(.unavailable, "not ready: \($0)\n\(warning)") }
          ?? AdminPage(.ok, "ready\n\(warning)")
      },
      "/metrics": {
        let text = MetricsPage.text(
          server: await server.metrics(), database: await store.databaseMetrics(),
          ledgerCache: store.ledgerCacheMetrics, quotas: store.quotaCounts,
          limits: limits(), isReady: unreadiness() == nil,
          certificateEnd: tls?.certificateEndSeconds, backups: backups, archive: archive?.health, mail: mail?.counts)
        return AdminPage(.ok, contentType: Exposition.contentType, text)
      },
    ]
  }
}

/// The admin server on a thread of its own, so that it answers even if the serving loops are
/// blocked.
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

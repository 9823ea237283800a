import Admin
import EventLoop
import Operations
import Postgres
import RPC
import StreakDomain
import StreakServices
import StreakStore

/// What the server counts, for Prometheus. Its names and labels are what operators' dashboards and alerts stand on: README.md lists them.
struct MetricsPage {
  private var exposition = Exposition()

  private static let nanosecondsPerSecond = 1e9

  static func text(
    server: ServerMetrics, database: PostgresMetrics, ledgerMemory: LedgerMemoryMetrics, quotas: QuotaCounts,
    limits: [ServiceLimit: Int], isReady: Bool,
    backups: BackupKeeper?, archive: ArchiveHealth?
  ) -> String {
    var page = MetricsPage()
    page.addBuild()
    page.exposition.add("streakd_ready", .gauge, "Whether calls can be served: 1 or 0.", isReady ? 1 : 0)
    page.addCalls(server)
    page.addConnections(server.connections)
    page.addBuffers(server)
    page.addLoops(server.loopLags, server.busyPolls)
    page.addDatabase(database)
    page.addLedgerMemory(ledgerMemory)
    page.addQuotas(quotas)
    page.addLimits(limits)
    if let backups { page.addBackups(backups) }
    if let archive { page.addArchive(archive) }
    page.addProcess()
    return page.exposition.text
  }

  private mutating func addBuild() {
    #if DEBUG
      let configuration = "debug"
    #else
      let configuration = "release"
    #endif
    #if arch(x86_64)
      let architecture = "x86_64"
    #elseif arch(arm64)
      let architecture = "arm64"
    #else
      let architecture = "other"
    #endif
    exposition.add(
      "streakd_build_info", .gauge, "How the program was built; always 1.",
      [.init([("configuration", configuration), ("architecture", architecture)], 1)])
  }

  // MARK: Calls

  private struct Method {
    let labels: Exposition.Labels
    let calls: CallCounters

    init(_ service: String, _ method: String, _ calls: CallCounters) {
      labels = [("service", service), ("method", method)]
      self.calls = calls
    }
  }

  private mutating func addCalls(_ server: ServerMetrics) {
    let methods =
      server.calls.sorted { ($0.key.service, $0.key.method) < ($1.key.service, $1.key.method) }
      .map { Method($0.key.service, $0.key.method, $0.value) }
      + [Method("unknown", "unknown", server.callsOfUnknownMethods)]

    // OK from the start, so that a rate sees the first call; other codes once they were given.
    let ended = methods.flatMap { method in
      RPCStatusCode.allCases.filter { $0 == .ok || method.calls.ended($0) > 0 }.map {
        Exposition.Sample(method.labels + [("code", $0.name)], method.calls.ended($0))
      }
    }
    exposition.add(
      "streakd_rpc_calls_total", .counter, "Calls whose outcome is decided, by gRPC status.", ended)
    exposition.add(
      "streakd_rpc_calls_in_flight", .gauge, "Calls whose outcome is not decided.",
      methods.map { .init($0.labels, $0.calls.underWay) })
    exposition.add(
      "streakd_rpc_received_bytes_total", .counter, "Bytes of requests' messages with their prefixes.",
      methods.map { .init($0.labels, $0.calls.receivedBytes) })
    exposition.add(
      "streakd_rpc_sent_bytes_total", .counter, "Bytes of responses' messages with their prefixes.",
      methods.map { .init($0.labels, $0.calls.sentBytes) })

    let name = "streakd_rpc_call_duration_seconds"
    exposition.beginHistogram(name, "From a call's header fields to the decision on its outcome.")
    let borders = LatencyHistogram.borderNanoseconds.map { Double($0) / Self.nanosecondsPerSecond }
    for method in methods {
      let latency = method.calls.latency
      exposition.addHistogram(
        name, method.labels, borders: borders, counts: latency.counts,
        sum: Double(latency.sumNanoseconds) / Self.nanosecondsPerSecond)
    }
    exposition.add(
      "streakd_http_requests_refused_total", .counter, "Requests that were no gRPC, by the HTTP status they got.",
      server.refusedRequests.sorted { $0.key < $1.key }.map { .init([("status", "\($0.key)")], $0.value) })
    exposition.add(
      "streakd_rpc_statuses_reduced_total", .counter, "Statuses whose details did not fit into the peer's header list.",
      server.reducedStatuses)
  }

  // MARK: Connections and loops

  private mutating func addConnections(_ connections: ConnectionCounters) {
    exposition.add("streakd_connections_open", .gauge, "Clients' connections.", connections.open)
    exposition.add(
      "streakd_connections_accepted_total", .counter, "Connections accepted, those refused included.",
      connections.accepted)
    exposition.add(
      "streakd_connections_refused_total", .counter, "Connections closed at once because there were as many as may be.",
      connections.refused)
    exposition.add(
      "streakd_accept_shortages_total", .counter,
      "How often there was no descriptor or no memory for a connection that waited.", connections.shortages)
    exposition.add(
      "streakd_connections_ended_total", .counter, "Connections that ended, by reason.",
      ConnectionEnd.allCases.map { .init([("reason", $0.rawValue)], connections.ended[$0] ?? 0) })
  }

  private mutating func addBuffers(_ server: ServerMetrics) {
    exposition.add(
      "streakd_received_buffer_bytes", .gauge,
      "Bytes held of requests that fit their stream's window, and of header fields.",
      server.receivedBufferBytes)
    exposition.add(
      "streakd_sending_buffer_bytes", .gauge, "Bytes held of responses that clients have not taken.",
      server.sendingBufferBytes)
    exposition.add("streakd_streams_open", .gauge, "Streams of all connections.", server.openStreams)
    exposition.add(
      "streakd_no_room_total", .counter,
      "Calls and connections refused or ended for room, by what there was too much of.",
      BufferKind.allCases.map { .init([("of", $0.rawValue)], server.roomMade[$0] ?? 0) })
    exposition.add(
      "streakd_large_request_bytes", .gauge, "Bytes set aside for requests larger than their stream's window.",
      server.largeRequestBytes)
    exposition.add(
      "streakd_large_requests_waiting", .gauge, "Requests that wait for such room.", server.largeRequestsWaiting)
  }

  private mutating func addLoops(_ lags: [LoopLag], _ busyPolls: BusyPollCounts) {
    let name = "streakd_loop_lag_seconds"
    exposition.beginSummary(name, "How late each loop came to a timer of ten times a second.")
    for (index, lag) in lags.enumerated() {
      exposition.addSummary(
        name, [("loop", "\(index)")], sum: Double(lag.sumNanoseconds) / Self.nanosecondsPerSecond, count: lag.count)
    }
    exposition.add(
      "streakd_loop_lag_recent_max_seconds", .gauge, "The largest lag of the last one to two minutes.",
      lags.enumerated().map { index, lag in
        .init([("loop", "\(index)")], Double(lag.recentMaxNanoseconds) / Self.nanosecondsPerSecond)
      })
    exposition.add(
      "streakd_busy_polls_total", .counter, "How often a loop stayed awake for a change that was alone.",
      busyPolls.begun)
    exposition.add(
      "streakd_busy_polls_in_vain_total", .counter, "Those of them that lasted until the time was over.",
      busyPolls.inVain)
  }

  // MARK: Database

  private mutating func addDatabase(_ database: PostgresMetrics) {
    exposition.add(
      "streakd_postgres_connections_max", .gauge, "Connections to PostgreSQL when all could be made.",
      database.connectionsMax)
    exposition.add(
      "streakd_postgres_connections_open", .gauge, "Connections to PostgreSQL that are ready.", database.connectionsOpen
    )
    exposition.add(
      "streakd_postgres_connections_busy", .gauge, "Of the open ones, those that owe answers or hold a transaction.",
      database.connectionsBusy)
    exposition.add(
      "streakd_postgres_waiting", .gauge, "What waits for a connection.",
      [
        .init([("kind", "statement")], database.statementsWaiting),
        .init([("kind", "transaction")], database.transactionsWaiting),
      ])
    exposition.add(
      "streakd_postgres_statements_sent_total", .counter, "Statements sent, those of batches one by one.",
      database.statementsSent)
    exposition.add(
      "streakd_postgres_failures_total", .counter, "Statements, batches and waits for a connection that failed.",
      PostgresMetrics.Failure.allCases.map { .init([("reason", $0.rawValue)], database.failures[$0] ?? 0) })
    exposition.add(
      "streakd_postgres_connects_total", .counter, "Connections made.", database.connectsSucceeded)
    exposition.add(
      "streakd_postgres_connects_failed_total", .counter, "Attempts to connect that failed.", database.connectsFailed)
    exposition.add(
      "streakd_postgres_connections_lost_total", .counter, "Connections that broke after they had been ready.",
      database.connectionsLost)
  }

  private mutating func addLedgerMemory(_ memory: LedgerMemoryMetrics) {
    exposition.add(
      "streakd_ledger_recalls_total", .counter, "Where people's changes found what they were decided on.",
      [.init([("source", "memory")], memory.remembered), .init([("source", "database")], memory.loaded)])
    exposition.add(
      "streakd_ledger_memory_bytes", .gauge, "About what is remembered of people takes.", memory.bytes)
  }

  private mutating func addQuotas(_ counts: QuotaCounts) {
    exposition.add(
      "streakd_quota_reached_total", .counter, "What was not taken or not kept, since a person's quota was reached.",
      [
        .init([("quota", "texts")], counts.textsRefused), .init([("quota", "history")], counts.historyTextsDropped),
        .init([("quota", "inbox")], counts.inboxPayloadsDropped), .init([("quota", "changes")], counts.callsDelayed),
      ])
  }

  private mutating func addLimits(_ counts: [ServiceLimit: Int]) {
    exposition.add(
      "streakd_limits_reached_total", .counter,
      "What was refused or not kept, since a limit of the service was reached.",
      ServiceLimit.allCases.map { .init([("limit", $0.rawValue)], counts[$0] ?? 0) })
  }

  // MARK: Process

  /// Under the names that Prometheus' own libraries use.
  private mutating func addProcess() {
    guard let process = ProcessFigures() else { return }
    exposition.add(
      "process_cpu_seconds_total", .counter, "User and system CPU time.", [.init([], process.cpuSeconds)])
    exposition.add(
      "process_start_time_seconds", .gauge, "When the process was started, since 1970.",
      [.init([], process.startSeconds)])
    exposition.add("process_resident_memory_bytes", .gauge, "Resident memory.", process.residentBytes)
    exposition.add("process_virtual_memory_bytes", .gauge, "Virtual memory.", process.virtualBytes)
    exposition.add("process_open_fds", .gauge, "Open descriptors.", process.openDescriptors)
    exposition.add("process_max_fds", .gauge, "Descriptors that may be open.", process.descriptorsMax)
  }
}

extension MetricsPage {
  private mutating func addArchive(_ archive: ArchiveHealth) {
    exposition.add(
      "streakd_archive_failing", .gauge, "Whether the log does not reach its repository: 1 or 0.",
      archive.failure == nil ? 0 : 1)
    exposition.add(
      "streakd_archive_last_timestamp_seconds", .gauge, "When the last piece of the log was archived; 0: none was.",
      archive.lastArchived?.seconds ?? 0)
    exposition.add(
      "streakd_archive_waiting", .gauge, "Pieces of the log that wait to be archived.", archive.waitingCount)
    exposition.add(
      "streakd_archive_failures_total", .counter, "Attempts to archive a piece of the log that failed.",
      archive.failedCount)
  }

  private mutating func addBackups(_ backups: BackupKeeper) {
    let state = backups.current
    exposition.add(
      "streakd_backup_last_good_timestamp_seconds", .gauge,
      "When the last backup that went well began, by any process; 0: none did.", state.lastGood?.seconds ?? 0)
    exposition.add(
      "streakd_backup_failing", .gauge, "Whether the last attempt failed, or a backup has been due for hours: 1 or 0.",
      backups.isFailing ? 1 : 0)
    exposition.add(
      "streakd_backup_running", .gauge, "Whether this process makes a backup now: 1 or 0.", state.isRunning ? 1 : 0)
    exposition.add(
      "streakd_backup_runs_total", .counter, "Backups that this process tried to make, by outcome.",
      [
        Exposition.Sample([("outcome", "succeeded")], state.succeededCount),
        Exposition.Sample([("outcome", "failed")], state.failedCount),
      ])
    exposition.add(
      "streakd_backup_last_dump_bytes", .gauge, "Size of this process's last backup before compression.",
      state.lastDumpBytes)
    exposition.add(
      "streakd_backup_last_file_bytes", .gauge, "Size of this process's last backup.", state.lastFileBytes)
    exposition.add(
      "streakd_backup_last_duration_seconds", .gauge, "What this process's last backup took.", state.lastSeconds)
    exposition.add(
      "streakd_erasure_ledger_behind", .gauge, "Whether the erasure ledger could not be written: 1 or 0.",
      state.ledgerIsBehind ? 1 : 0)
  }
}

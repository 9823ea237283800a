import Admin
import EventLoop
import Operations
import Postgres
import RPC
import ServerReference
import StreakDomain
import StreakServices
import StreakStore

extension Exposition {
  /// Adds a metric family.
  fileprivate mutating func add(_ family: MetricFamily, _ samples: [Sample]) {
    add(family.name, family.kind == .counter ? .counter : .gauge, family.help, samples)
  }

  fileprivate mutating func add(_ family: MetricFamily, _ value: some BinaryInteger) {
    add(family, [Sample([], value)])
  }
}

/// The server's metrics in Prometheus's text format. Names, types and labels are those of the table
/// `MetricFamily.all`.
struct MetricsPage {
  private var exposition = Exposition()

  private static let nanosecondsPerSecond = 1e9

  static func text(
    server: ServerMetrics, database: PostgresMetrics, ledgerCache: LedgerCacheMetrics, quotas: QuotaCounts,
    limits: [ServiceLimit: Int], isReady: Bool, certificateEnd: Int64?,
    backups: BackupService?, archive: ArchiveHealth?, mail: MailCounts?
  ) -> String {
    var page = MetricsPage()
    page.addBuild()
    page.exposition.add(.ready, isReady ? 1 : 0)
    page.addCalls(server)
    page.addConnections(server.connections)
    if let certificateEnd { page.exposition.add(.tlsCertificateEnd, certificateEnd) }
    page.addBuffers(server)
    page.addLoops(server.loopLags, server.busyPolls)
    page.addDatabase(database)
    page.addLedgerCache(ledgerCache)
    page.addQuotas(quotas)
    page.addLimits(limits)
    if let backups { page.addBackups(backups) }
    if let archive { page.addArchive(archive) }
    if let mail { page.addMail(mail) }
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
    exposition.add(.buildInfo, [.init([("configuration", configuration), ("architecture", architecture)], 1)])
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

    // OK is present from the start, so that a rate includes the first call; other codes appear with
    // their first call.
    let ended = methods.flatMap { method in
      RPCStatusCode.allCases.filter { $0 == .ok || method.calls.ended($0) > 0 }.map {
        Exposition.Sample(method.labels + [("code", $0.name)], method.calls.ended($0))
      }
    }
    exposition.add(.calls, ended)
    exposition.add(.callsInFlight, methods.map { .init($0.labels, $0.calls.underWay) })
    exposition.add(.receivedBytes, methods.map { .init($0.labels, $0.calls.receivedBytes) })
    exposition.add(.sentBytes, methods.map { .init($0.labels, $0.calls.sentBytes) })

    let family = MetricFamily.callDuration
    exposition.beginHistogram(family.name, family.help)
    let borders = LatencyHistogram.borderNanoseconds.map { Double($0) / Self.nanosecondsPerSecond }
    for method in methods {
      let latency = method.calls.latency
      exposition.addHistogram(
        family.name, method.labels, borders: borders, counts: latency.counts,
        sum: Double(latency.sumNanoseconds) / Self.nanosecondsPerSecond)
    }
    exposition.add(
      .requestsRefused,
      server.refusedRequests.sorted { $0.key < $1.key }.map { .init([("status", "\($0.key)")], $0.value) })
    exposition.add(.statusesReduced, server.reducedStatuses)
  }

  // MARK: Connections and loops

  private mutating func addConnections(_ connections: ConnectionCounters) {
    exposition.add(.connectionsOpen, connections.open)
    exposition.add(.connectionsAccepted, connections.accepted)
    exposition.add(.connectionsRefused, connections.refused)
    exposition.add(.acceptShortages, connections.shortages)
    exposition.add(
      .connectionsEnded, ConnectionEnd.allCases.map { .init([("reason", $0.rawValue)], connections.ended[$0] ?? 0) })
  }

  private mutating func addBuffers(_ server: ServerMetrics) {
    exposition.add(.receivedBufferBytes, server.receivedBufferBytes)
    exposition.add(.sendingBufferBytes, server.sendingBufferBytes)
    exposition.add(.openStreams, server.openStreams)
    exposition.add(.noRoom, BufferKind.allCases.map { .init([("of", $0.rawValue)], server.roomMade[$0] ?? 0) })
    exposition.add(.largeRequestBytes, server.largeRequestBytes)
    exposition.add(.largeRequestsWaiting, server.largeRequestsWaiting)
  }

  private mutating func addLoops(_ lags: [LoopLag], _ busyPolls: BusyPollCounts) {
    let family = MetricFamily.loopLag
    exposition.beginSummary(family.name, family.help)
    for (index, lag) in lags.enumerated() {
      exposition.addSummary(
        family.name, [("loop", "\(index)")], sum: Double(lag.sumNanoseconds) / Self.nanosecondsPerSecond,
        count: lag.count)
    }
    exposition.add(
      .loopLagMax,
      lags.enumerated().map { index, lag in
        .init([("loop", "\(index)")], Double(lag.recentMaxNanoseconds) / Self.nanosecondsPerSecond)
      })
    exposition.add(.busyPolls, busyPolls.begun)
    exposition.add(.busyPollsInVain, busyPolls.inVain)
  }

  // MARK: Database

  private mutating func addDatabase(_ database: PostgresMetrics) {
    exposition.add(.postgresConnectionsMax, database.connectionsMax)
    exposition.add(
      .postgresConnectionsOpen, database.connectionsOpen
    )
    exposition.add(.postgresConnectionsBusy, database.connectionsBusy)
    exposition.add(
      .postgresWaiting,
      [
        .init([("kind", "statement")], database.statementsWaiting),
        .init([("kind", "transaction")], database.transactionsWaiting),
      ])
    exposition.add(.postgresStatements, database.statementsSent)
    exposition.add(
      .postgresFailures,
      PostgresMetrics.Failure.allCases.map { .init([("reason", $0.rawValue)], database.failures[$0] ?? 0) })
    exposition.add(.postgresConnects, database.connectsSucceeded)
    exposition.add(.postgresConnectsFailed, database.connectsFailed)
    exposition.add(.postgresConnectionsLost, database.connectionsLost)
  }

  private mutating func addLedgerCache(_ cache: LedgerCacheMetrics) {
    exposition.add(
      .ledgerCacheLookups, [.init([("result", "hit")], cache.hits), .init([("result", "miss")], cache.misses)])
    exposition.add(.ledgerCacheBytes, cache.bytes)
  }

  private mutating func addQuotas(_ counts: QuotaCounts) {
    exposition.add(
      .quotaReached,
      [
        .init([("quota", "texts")], counts.textsRefused), .init([("quota", "history")], counts.historyTextsDropped),
        .init([("quota", "history_states")], counts.historyStatesDropped),
        .init([("quota", "inbox")], counts.inboxPayloadsDropped), .init([("quota", "changes")], counts.callsDelayed),
        .init([("quota", "audit")], counts.auditEventsForgotten),
      ])
  }

  private mutating func addLimits(_ counts: [ServiceLimit: Int]) {
    exposition.add(
      .limitsReached,
      ServiceLimit.allCases.map { .init([("limit", $0.rawValue)], counts[$0] ?? 0) })
  }

  // MARK: Process

  /// Under the names that Prometheus's own libraries use.
  private mutating func addProcess() {
    guard let process = ProcessFigures() else { return }
    exposition.add(.cpuSeconds, [.init([], process.cpuSeconds)])
    exposition.add(.startTime, [.init([], process.startSeconds)])
    exposition.add(.residentBytes, process.residentBytes)
    exposition.add(.virtualBytes, process.virtualBytes)
    exposition.add(.openDescriptors, process.openDescriptors)
    exposition.add(.descriptorsMax, process.descriptorsMax)
  }
}

extension MetricsPage {
  private mutating func addMail(_ mail: MailCounts) {
    exposition.add(
      .mails,
      [
        .init([("outcome", "sent")], mail.sent), .init([("outcome", "refused")], mail.refused),
        .init([("outcome", "given_up")], mail.givenUp),
      ])
    exposition.add(.mailAttemptsFailed, mail.failedAttempts)
    exposition.add(.mailsWaiting, mail.waiting)
  }

  private mutating func addArchive(_ archive: ArchiveHealth) {
    exposition.add(.archiveFailing, archive.failure == nil ? 0 : 1)
    exposition.add(.archiveLast, archive.lastArchived?.seconds ?? 0)
    exposition.add(.archiveWaiting, archive.waitingCount)
    exposition.add(.archiveFailures, archive.failedCount)
  }

  private mutating func addBackups(_ backups: BackupService) {
    let state = backups.current
    exposition.add(.backupLastGood, state.lastGood?.seconds ?? 0)
    exposition.add(.backupFailing, backups.isFailing ? 1 : 0)
    exposition.add(.backupRunning, state.isRunning ? 1 : 0)
    exposition.add(
      .backupRuns,
      [
        Exposition.Sample([("outcome", "succeeded")], state.succeededCount),
        Exposition.Sample([("outcome", "failed")], state.failedCount),
      ])
    exposition.add(.backupDumpBytes, state.lastDumpBytes)
    exposition.add(.backupFileBytes, state.lastFileBytes)
    exposition.add(.backupSeconds, state.lastSeconds)
    exposition.add(.erasureLedgerBehind, state.ledgerIsBehind ? 1 : 0)
  }
}

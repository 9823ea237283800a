extension MetricFamily {
  // MARK: Process

  package static let ready = MetricFamily(
    "streakd_ready", .process, .gauge, "Whether calls can be served: 1 or 0.",
    reading: "Alert on 0 for more than a minute. `/readyz` and the log say the reason.")
  package static let buildInfo = MetricFamily(
    "streakd_build_info", .process, .gauge, labels: ["configuration", "architecture"],
    "How the program was built; always 1.",
    reading: "A `configuration` of `debug` in production is a mistake: debug builds are several times slower.")
  package static let cpuSeconds = MetricFamily(
    "process_cpu_seconds_total", .process, .counter, "User and system CPU time in seconds.")
  package static let startTime = MetricFamily(
    "process_start_time_seconds", .process, .gauge, "When the process was started, in seconds since 1970.",
    reading: "A change is a restart.")
  package static let residentBytes = MetricFamily(
    "process_resident_memory_bytes", .process, .gauge, "Resident memory in bytes.")
  package static let virtualBytes = MetricFamily(
    "process_virtual_memory_bytes", .process, .gauge, "Virtual memory in bytes.")
  package static let openDescriptors = MetricFamily("process_open_fds", .process, .gauge, "Open file descriptors.")
  package static let descriptorsMax = MetricFamily(
    "process_max_fds", .process, .gauge, "The limit of open file descriptors.",
    reading: "Raise `ulimit -n` (systemd: `LimitNOFILE`) where `process_open_fds` comes near it.")

  // MARK: Calls

  package static let calls = MetricFamily(
    "streakd_rpc_calls_total", .calls, .counter, labels: ["service", "method", "code"],
    "Calls whose status is known, by gRPC status.",
    reading:
      "Alert on the rate of `INTERNAL`, `UNKNOWN` and `UNAVAILABLE`. Methods that streakd does not have are counted as `unknown`."
  )
  package static let callsInFlight = MetricFamily(
    "streakd_rpc_calls_in_flight", .calls, .gauge, labels: ["service", "method"],
    "Calls whose status is not known yet.",
    reading: "`Watch` and `SyncStream` stay here for as long as their stream lives.")
  package static let receivedBytes = MetricFamily(
    "streakd_rpc_received_bytes_total", .calls, .counter, labels: ["service", "method"],
    "Bytes of request messages with their prefixes, without HTTP/2 and TLS.")
  package static let sentBytes = MetricFamily(
    "streakd_rpc_sent_bytes_total", .calls, .counter, labels: ["service", "method"],
    "Bytes of response messages with their prefixes, without HTTP/2 and TLS.")
  package static let callDuration = MetricFamily(
    "streakd_rpc_call_duration_seconds", .calls, .histogram, labels: ["service", "method"],
    "From a call's headers to its status, in seconds.",
    reading:
      "The latency to watch: `histogram_quantile(0.99, sum by (le, method) (rate(streakd_rpc_call_duration_seconds_bucket[5m])))`."
  )
  package static let requestsRefused = MetricFamily(
    "streakd_http_requests_refused_total", .calls, .counter, labels: ["status"],
    "Requests that were not gRPC, by the HTTP status of the answer.",
    reading: "A browser or a scanner, or a proxy that does not speak HTTP/2 to streakd.")
  package static let statusesReduced = MetricFamily(
    "streakd_rpc_statuses_reduced_total", .calls, .counter,
    "Statuses whose details did not fit into the peer's header list.",
    reading: "The reason always arrives; field violations or a plan may be cut. More than a few: look at the clients.")

  // MARK: Connections and memory

  package static let connectionsOpen = MetricFamily(
    "streakd_connections_open", .connections, .gauge, "Open client connections.")
  package static let connectionsAccepted = MetricFamily(
    "streakd_connections_accepted_total", .connections, .counter, "Accepted connections, refused ones included.")
  package static let connectionsRefused = MetricFamily(
    "streakd_connections_refused_total", .connections, .counter,
    "Connections closed at once because a limit of connections was reached.",
    reading: "See `connections-max` and `connections-per-address-max`; behind a proxy the latter is the proxy's.")
  package static let acceptShortages = MetricFamily(
    "streakd_accept_shortages_total", .connections, .counter,
    "How often no file descriptor or memory was left for a waiting connection.",
    reading: "The accept is tried again after 10 to 500 ms. Raise `ulimit -n`.")
  package static let connectionsEnded = MetricFamily(
    "streakd_connections_ended_total", .connections, .counter, labels: ["reason"], "Ended connections, by reason.",
    reading:
      "`peer_closed`, `finished`, `shutdown` and `age_grace_over` are ordinary. Rising `frame_flood`, `reset_flood`, `ping_flood`, `protocol_error` or `handshake_timeout`: an attack or a broken client."
  )
  package static let tlsCertificateEnd = MetricFamily(
    "streakd_tls_certificate_end_timestamp_seconds", .connections, .gauge,
    "When the TLS certificate expires, in seconds since 1970; absent without TLS.",
    reading: "Alert on `streakd_tls_certificate_end_timestamp_seconds - time() < 604800` (7 days).")
  package static let receivedBufferBytes = MetricFamily(
    "streakd_received_buffer_bytes", .connections, .gauge,
    "Bytes held of requests that fit their stream's window, and of header fields.",
    reading: "A loop's limit is a quarter of `buffers-mib`.")
  package static let sendingBufferBytes = MetricFamily(
    "streakd_sending_buffer_bytes", .connections, .gauge, "Bytes held of responses that clients have not read.",
    reading: "A loop's limit is a quarter of `buffers-mib`. High values: slow readers.")
  package static let openStreams = MetricFamily(
    "streakd_streams_open", .connections, .gauge, "Open streams of all connections.")
  package static let noRoom = MetricFamily(
    "streakd_no_room_total", .connections, .counter, labels: ["of"],
    "Calls and connections refused or ended because a memory limit was reached, by limit.",
    reading:
      "Clients get RESOURCE_EXHAUSTED with reason `NO_ROOM` and RetryInfo. The address that holds most is cut first.")
  package static let largeRequestBytes = MetricFamily(
    "streakd_large_request_bytes", .connections, .gauge,
    "Bytes reserved for requests larger than their stream's window of 64 KiB.",
    reading: "A loop's limit is half of `buffers-mib`.")
  package static let largeRequestsWaiting = MetricFamily(
    "streakd_large_requests_waiting", .connections, .gauge, "Large requests that wait for such memory.")

  // MARK: Event loops

  package static let loopLag = MetricFamily(
    "streakd_loop_lag_seconds", .loops, .summary, labels: ["loop"],
    "How late each loop came to a timer of ten times a second, in seconds.",
    reading: "A mean above 0.01: the machine has too little CPU time.")
  package static let loopLagMax = MetricFamily(
    "streakd_loop_lag_recent_max_seconds", .loops, .gauge, labels: ["loop"],
    "The largest lag of the last one to two minutes, in seconds.")
  package static let busyPolls = MetricFamily(
    "streakd_busy_polls_total", .loops, .counter,
    "How often a loop polled for the database's answer to a single change (`busy-poll-microseconds`).")
  package static let busyPollsInVain = MetricFamily(
    "streakd_busy_polls_in_vain_total", .loops, .counter, "Busy polls that lasted until their time was over.",
    reading: "Close to the total: the database is slower than `busy-poll-microseconds`; set it to 0.")

  // MARK: Database

  package static let postgresConnectionsMax = MetricFamily(
    "streakd_postgres_connections_max", .database, .gauge, "Configured connections to PostgreSQL.")
  package static let postgresConnectionsOpen = MetricFamily(
    "streakd_postgres_connections_open", .database, .gauge, "Connections to PostgreSQL that are ready.",
    reading: "Below the maximum for longer than a minute: look at `max_connections` of PostgreSQL and at the log.")
  package static let postgresConnectionsBusy = MetricFamily(
    "streakd_postgres_connections_busy", .database, .gauge,
    "Open connections that owe answers or hold a transaction.")
  package static let postgresWaiting = MetricFamily(
    "streakd_postgres_waiting", .database, .gauge, labels: ["kind"],
    "Statements and transactions that wait for a connection.",
    reading: "Above 0 for long: raise `connections-per-loop`, or the database is slow.")
  package static let postgresStatements = MetricFamily(
    "streakd_postgres_statements_sent_total", .database, .counter, "Statements sent; those of a batch count one by one."
  )
  package static let postgresFailures = MetricFamily(
    "streakd_postgres_failures_total", .database, .counter, labels: ["reason"],
    "Failed statements, batches and waits for a connection, by reason.",
    reading: "The log has the SQLSTATE and the server's message, once per kind and second.")
  package static let postgresConnects = MetricFamily(
    "streakd_postgres_connects_total", .database, .counter, "Connections made to PostgreSQL.")
  package static let postgresConnectsFailed = MetricFamily(
    "streakd_postgres_connects_failed_total", .database, .counter, "Failed attempts to connect to PostgreSQL.")
  package static let postgresConnectionsLost = MetricFamily(
    "streakd_postgres_connections_lost_total", .database, .counter, "Connections that broke after they were ready.",
    reading: "Each is a restart, a failover or a network fault between streakd and PostgreSQL.")
  package static let quotaReached = MetricFamily(
    "streakd_quota_reached_total", .calls, .counter, labels: ["quota"],
    "What was refused or not kept because a user's quota was reached, by quota.",
    reading:
      "Quotas are settings: `texts-per-person-mib`, `history-per-person-mib`, `history-states-per-person-mib`, `inbox-per-person-mib`, `audit-per-person-mib`, `changes-per-day-max`."
  )
  package static let limitsReached = MetricFamily(
    "streakd_limits_reached_total", .calls, .counter, labels: ["limit"],
    "What was refused or not kept because a limit of the service was reached, by limit.")
  package static let ledgerCacheLookups = MetricFamily(
    "streakd_ledger_cache_lookups_total", .database, .counter, labels: ["result"],
    "Changes decided on cached state (`hit`) or on loaded rows (`miss`).",
    reading: "A low share of `hit` with spare RAM: raise `ledger-cache-mib`.")
  package static let ledgerCacheBytes = MetricFamily(
    "streakd_ledger_cache_bytes", .database, .gauge,
    "Approximate size of the cache of recently changed users, in bytes.")

  // MARK: Backups

  package static let backupLastGood = MetricFamily(
    "streakd_backup_last_good_timestamp_seconds", .backups, .gauge,
    "When the last good backup of any process began, in seconds since 1970; 0: there is none.",
    reading: "Alert on `time() - streakd_backup_last_good_timestamp_seconds > 108000` (30 hours).")
  package static let backupFailing = MetricFamily(
    "streakd_backup_failing", .backups, .gauge,
    "Whether the last attempt failed, or a backup has been due for six hours: 1 or 0.",
    reading: "Alert on 1. `/readyz` has a `warning:` line with the reason; serving goes on.")
  package static let backupRunning = MetricFamily(
    "streakd_backup_running", .backups, .gauge, "Whether this process is making a backup: 1 or 0.")
  package static let backupRuns = MetricFamily(
    "streakd_backup_runs_total", .backups, .counter, labels: ["outcome"],
    "Backups that this process tried to make, by outcome.")
  package static let backupDumpBytes = MetricFamily(
    "streakd_backup_last_dump_bytes", .backups, .gauge,
    "Size of this process's last backup before compression, in bytes.")
  package static let backupFileBytes = MetricFamily(
    "streakd_backup_last_file_bytes", .backups, .gauge, "Size of this process's last backup, in bytes.")
  package static let backupSeconds = MetricFamily(
    "streakd_backup_last_duration_seconds", .backups, .gauge, "Duration of this process's last backup, in seconds.")
  package static let erasureLedgerBehind = MetricFamily(
    "streakd_erasure_ledger_behind", .backups, .gauge, "Whether the erasure ledger could not be written: 1 or 0.",
    reading: "Alert on 1: a restore would bring an erased user back. Make the backup folder writable.")

  // MARK: Archive of the log

  package static let archiveFailing = MetricFamily(
    "streakd_archive_failing", .archive, .gauge,
    "Whether the write-ahead log does not reach its repository: 1 or 0.",
    reading:
      "Alert on 1: point in time recovery stops at the last archived moment, and the log fills the data folder up to 8 GiB."
  )
  package static let archiveLast = MetricFamily(
    "streakd_archive_last_timestamp_seconds", .archive, .gauge,
    "When the last log segment was archived, in seconds since 1970; 0: none was.")
  package static let archiveWaiting = MetricFamily(
    "streakd_archive_waiting", .archive, .gauge, "Log segments that wait to be archived.")
  package static let archiveFailures = MetricFamily(
    "streakd_archive_failures_total", .archive, .counter, "Failed attempts to archive a log segment.")

  // MARK: Mail

  package static let mails = MetricFamily(
    "streakd_mails_total", .mail, .counter, labels: ["outcome"],
    "Mails that this process finished, by outcome: sent, refused by the mail server for good, or given_up.",
    reading: "Alert on an increase of `given_up`: people did not get a mail. The log names its kind and the reason.")
  package static let mailAttemptsFailed = MetricFamily(
    "streakd_mail_attempts_failed_total", .mail, .counter, "Attempts to send a mail that failed and are repeated.",
    reading: "Rises while the mail server is down or refuses this server. The log has the reason.")
  package static let mailsWaiting = MetricFamily(
    "streakd_mails_waiting", .mail, .gauge, "Mails in the database that are not done, up to 10,000.",
    reading: "Alert if it stays above 0 for an hour.")

  /// Every family, in the order of the operator's page.
  package static let all: [MetricFamily] = [
    ready, buildInfo, cpuSeconds, startTime, residentBytes, virtualBytes, openDescriptors, descriptorsMax,
    calls, callsInFlight, receivedBytes, sentBytes, callDuration, requestsRefused, statusesReduced,
    connectionsOpen, connectionsAccepted, connectionsRefused, acceptShortages, connectionsEnded,
    tlsCertificateEnd,
    receivedBufferBytes, sendingBufferBytes, openStreams, noRoom, largeRequestBytes, largeRequestsWaiting,
    loopLag, loopLagMax, busyPolls, busyPollsInVain,
    postgresConnectionsMax, postgresConnectionsOpen, postgresConnectionsBusy, postgresWaiting, postgresStatements,
    postgresFailures, postgresConnects, postgresConnectsFailed, postgresConnectionsLost, ledgerCacheLookups,
    ledgerCacheBytes, quotaReached, limitsReached,
    backupLastGood, backupFailing, backupRunning, backupRuns, backupDumpBytes, backupFileBytes, backupSeconds,
    erasureLedgerBehind,
    archiveFailing, archiveLast, archiveWaiting, archiveFailures,
    mails, mailAttemptsFailed, mailsWaiting,
  ]
}

internal import Glibc

/// PostgreSQL's settings for a cluster that serves requests.
struct ClusterSettings {
  /// An acknowledged commit is on the disk. Do not change these.
  private static let durable = [
    "fsync=on", "synchronous_commit=on", "full_page_writes=on", "max_connections=200",
  ]

  /// The machine's memory, in bytes.
  let memoryBytes: Int
  /// Settings that the operator has set (`ALTER SYSTEM`): these are not overridden.
  let operatorsOwn: Set<String>

  /// The settings for this machine.
  init(cluster: String) {
    memoryBytes = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    operatorsOwn = Self.names(in: readFile("\(cluster)/postgresql.auto.conf") ?? "")
  }

  init(memoryBytes: Int, operatorsOwn: Set<String>) {
    (self.memoryBytes, self.operatorsOwn) = (memoryBytes, operatorsOwn)
  }

  /// As NAME=VALUE.
  var all: [String] {
    let mebibytes = memoryBytes >> 20
    let adjustable = [
      // An eighth of the memory, 128 MiB to 4 GiB: other programs need memory as well.
      ("shared_buffers", "\(min(max(mebibytes / 8, 128), 4_096))MB"),
      ("effective_cache_size", "\(max(mebibytes / 2, 256))MB"),
      ("maintenance_work_mem", "\(min(max(mebibytes / 64, 64), 512))MB"),
      // Fewer checkpoints under load. Recovery after a crash reads at most this much log.
      ("max_wal_size", "2GB"), ("checkpoint_timeout", "10min"),
      // No query of ours waits this long. A session that does is stuck, and its locks block others.
      ("idle_in_transaction_session_timeout", "5min"), ("lock_timeout", "1min"),
      ("log_checkpoints", "off"), ("log_line_prefix", "%m [%p] "),
    ]
    return Self.durable + adjustable.filter { !operatorsOwn.contains($0.0) }.map { "\($0.0)=\($0.1)" }
  }

  /// The names of the settings in a configuration file of PostgreSQL.
  static func names(in text: String) -> Set<String> {
    Set(
      text.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
        line.split(separator: "=").first.map { $0.filter { !$0.isWhitespace }.lowercased() }
      })
  }
}

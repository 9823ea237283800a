internal import Glibc

/// PostgreSQL's settings for a cluster that serves.
struct ClusterSettings {
  /// What was acknowledged is on the disk. Not to be changed.
  private static let durable = [
    "fsync=on", "synchronous_commit=on", "full_page_writes=on", "max_connections=200",
  ]

  /// Bytes of the machine's memory.
  let memoryBytes: Int
  /// Names that the operator has set (`ALTER SYSTEM`): those stay the operator's.
  let operatorsOwn: Set<String>

  /// For this machine.
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
      // An eighth of the memory, 128 MiB to 4 GiB: the machine has more to do.
      ("shared_buffers", "\(min(max(mebibytes / 8, 128), 4_096))MB"),
      ("effective_cache_size", "\(max(mebibytes / 2, 256))MB"),
      ("maintenance_work_mem", "\(min(max(mebibytes / 64, 64), 512))MB"),
      // Fewer checkpoints under load; a recovery after a crash reads no more than that.
      ("max_wal_size", "2GB"), ("checkpoint_timeout", "10min"),
      // Nothing of ours waits so long: what does is stuck, and in others' way.
      ("idle_in_transaction_session_timeout", "5min"), ("lock_timeout", "1min"),
      ("log_checkpoints", "off"), ("log_line_prefix", "%m [%p] "),
    ]
    return Self.durable + adjustable.filter { !operatorsOwn.contains($0.0) }.map { "\($0.0)=\($0.1)" }
  }

  /// The names of settings in a file of PostgreSQL's.
  static func names(in text: String) -> Set<String> {
    Set(
      text.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
        line.split(separator: "=").first.map { $0.filter { !$0.isWhitespace }.lowercased() }
      })
  }
}

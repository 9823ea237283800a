internal import CLinux
internal import Glibc

/// Keeps the secrets in this process's memory off the disk.
package enum ProcessSecrets {
  /// Disables core dumps of this process and its children: their memory holds keys and users'
  /// notes.
  package static func forbidCoreDumps() {
    var limit = rlimit(rlim_cur: 0, rlim_max: 0)
    _ = setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
    // The limit above does not apply when the system pipes a core dump to a program; this does.
    // Other programs do not inherit it.
    _ = clinux_forbid_dumps()
  }
}

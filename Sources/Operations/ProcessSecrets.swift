internal import CSplice
internal import Glibc

/// What this process holds in memory and must not leave on a disk.
public enum ProcessSecrets {
  /// No file of this process's memory is written when it crashes, nor of its children's: keys and
  /// people's notes are in it.
  public static func forbidCoreDumps() {
    var limit = rlimit(rlim_cur: 0, rlim_max: 0)
    _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
    // Also where the system hands a crashed process's memory to a program, which the limit does not
    // prevent. Not inherited by other programs.
    _ = csplice_forbid_dumps()
  }
}

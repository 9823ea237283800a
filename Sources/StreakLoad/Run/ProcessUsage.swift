internal import Glibc

/// A process's use of resources.
package struct ProcessFigures: Sendable, Equatable {
  /// User and system time, in seconds.
  package var cpuSeconds: Double
  package var residentBytes: Int

  package init(cpuSeconds: Double, residentBytes: Int) {
    self.cpuSeconds = cpuSeconds
    self.residentBytes = residentBytes
  }
}

enum ProcessUsage {
  /// This process's use.
  static func own() -> (cpuSeconds: Double, residentBytes: Int) {
    var usage = rusage()
    unsafe getrusage(RUSAGE_SELF.rawValue, &usage)
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
    return (seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss * 1_024)
  }

  /// The use of another process on this machine; nil if it has ended. Source: proc(5).
  static func of(_ pid: Int32) -> ProcessFigures? {
    guard let status = text("/proc/\(pid)/stat"), let end = status.lastIndex(of: ")") else { return nil }
    // Numbered as in proc(5) from 3: utime 14, stime 15, rss 24.
    let fields = status[end...].split(separator: " ").dropFirst().map { Double($0) ?? 0 }
    guard fields.count > 21 else { return nil }
    return ProcessFigures(
      cpuSeconds: (fields[11] + fields[12]) / Double(sysconf(Int32(_SC_CLK_TCK))),
      residentBytes: Int(fields[21]) * sysconf(Int32(_SC_PAGESIZE)))
  }

  private static func text(_ path: String) -> String? {
    guard let file = unsafe fopen(path, "re") else { return nil }
    defer { unsafe fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 4_096)
    let count = unsafe fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
  }
}

import Glibc

/// The kernel's metrics of this process. Source: proc(5).
struct ProcessFigures {
  let residentBytes: Int
  let virtualBytes: Int
  /// User and system time, in seconds.
  let cpuSeconds: Double
  /// Since 1970.
  let startSeconds: Double
  let openDescriptors: Int
  let descriptorsMax: Int

  /// Reads the current values; nil if /proc cannot be read.
  init?() {
    let ticksPerSecond = Double(sysconf(Int32(_SC_CLK_TCK)))
    // The second field is the program's name in parentheses and may hold any character. All later
    // fields are numbers, except the third.
    guard let status = Self.text("/proc/self/stat"), let end = status.lastIndex(of: ")"),
      let boot = Self.text("/proc/stat")?.split(separator: "\n").first(where: { $0.hasPrefix("btime ") }),
      let bootSeconds = Double(boot.dropFirst("btime ".count))
    else { return nil }
    let fields = status[end...].split(separator: " ").dropFirst().map { Double($0) ?? 0 }
    // Numbered as in proc(5) from 3: utime 14, stime 15, starttime 22, vsize 23, rss 24.
    guard fields.count > 21 else { return nil }
    cpuSeconds = (fields[11] + fields[12]) / ticksPerSecond
    startSeconds = bootSeconds + fields[19] / ticksPerSecond
    virtualBytes = Int(fields[20])
    residentBytes = Int(fields[21]) * sysconf(Int32(_SC_PAGESIZE))
    openDescriptors = Self.entryCount("/proc/self/fd")
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    descriptorsMax = Int(clamping: limit.rlim_cur)
  }

  /// Most bytes read of one file: /proc/stat grows with the number of cores.
  private static let fileBytesMax = 1_048_576

  private static func text(_ path: String) -> String? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: fileBytesMax)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  /// Without `.`, `..` and the folder's own descriptor.
  private static func entryCount(_ path: String) -> Int {
    guard let folder = opendir(path) else { return 0 }
    defer { closedir(folder) }
    var count = 0
    while readdir(folder) != nil { count += 1 }
    return max(0, count - 3)
  }
}

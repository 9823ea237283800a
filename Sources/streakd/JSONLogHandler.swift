import Glibc
import Logging
import ProtobufCodec

/// Logs to standard error, one JSON object per line: `time`, `level`, `message`, and the metadata
/// under its own names, as strings.
struct JSONLogHandler: LogHandler {
  var logLevel = Logger.Level.info
  var metadata = Logger.Metadata()

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
    let line = Self.line(time: Self.now(), level: event.level, message: "\(event.message)", all)
    // One write per line, so that lines of several threads are not mixed.
    _ = line.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
  }

  /// Metadata with one of these names gets an underscore in front.
  private static let ownNames: Set<String> = ["time", "level", "message"]

  static func line(time: String, level: Logger.Level, message: String, _ metadata: Logger.Metadata) -> [UInt8] {
    var line = Array(#"{"time":"\#(time)","level":"\#(level)","message":"#.utf8)
    line.appendJSONString(message)
    for (name, value) in metadata.sorted(by: { $0.key < $1.key }) {
      line.append(UInt8(ascii: ","))
      line.appendJSONString(ownNames.contains(name) ? "_" + name : name)
      line.append(UInt8(ascii: ":"))
      line.appendJSONString("\(value)")
    }
    return line + Array("}\n".utf8)
  }

  /// As in RFC 3339, in UTC, to the millisecond.
  private static func now() -> String {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    var parts = tm()
    gmtime_r(&now.tv_sec, &parts)
    func padded(_ number: Int, _ count: Int) -> String {
      let digits = "\(number)"
      return String(repeating: "0", count: max(0, count - digits.count)) + digits
    }
    let date = [(Int(parts.tm_year) + 1_900, 4), (Int(parts.tm_mon) + 1, 2), (Int(parts.tm_mday), 2)].map(padded)
    let time = [Int(parts.tm_hour), Int(parts.tm_min), Int(parts.tm_sec)].map { padded($0, 2) }
    return
      "\(date.joined(separator: "-"))T\(time.joined(separator: ":")).\(padded(now.tv_nsec / 1_000_000, 3))Z"
  }
}

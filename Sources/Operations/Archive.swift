internal import Glibc
internal import struct StreakDomain.Instant
internal import StreakStore

/// The part of a repository's folder that can be read without pgBackRest.
struct Archive {
  /// Nil: the repository is not a folder of this machine.
  private let path: String?

  /// - Parameter configuration: The path of `pgbackrest.conf`.
  init(configuration: String) throws(OperationsError) {
    let text = String(decoding: try Files.read(configuration) ?? [], as: UTF8.self)
    func value(_ name: String) -> String? {
      text.split(separator: "\n").first { $0.hasPrefix("\(name)=") }.map { String($0.dropFirst(name.count + 1)) }
    }
    // An operator may have changed it to a repository elsewhere.
    path = value("repo1-type") ?? "posix" == "posix" && value("repo1-host") == nil ? value("repo1-path") : nil
  }

  private var stanza: String? { path.map { "\($0)/archive/\(PointInTime.stanza)" } }

  /// Why the repository cannot be written to; nil if it is there.
  var failure: String? {
    guard let path, let stanza, !Files.exists("\(stanza)/archive.info") else { return nil }
    return "the repository \(path) is not there: is its disk mounted?"
  }

  /// When the newest log segment arrived; nil if there is none.
  var newest: Instant? {
    guard let stanza, let versions = try? Files.names(in: stanza) else { return nil }
    var newest: Int64?
    for version in versions where version.first?.isNumber ?? false {
      guard let folder = try? Files.names(in: "\(stanza)/\(version)").last(where: { $0.count == 16 }),
        let names = try? Files.names(in: "\(stanza)/\(version)/\(folder)")
      else { continue }
      for name in names {
        var status = stat()
        guard unsafe stat("\(stanza)/\(version)/\(folder)/\(name)", &status) == 0 else { continue }
        newest = max(newest ?? 0, Int64(status.st_mtim.tv_sec))
      }
    }
    return newest.map { Instant(seconds: $0) }
  }

  /// When the oldest backup was complete, from pgBackRest's output: no earlier moment can be
  /// restored.
  static func firstMoment(_ report: String) -> String? {
    for line in report.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.starts(with: ["timestamp", "start/stop:"]), words.count >= 7 { return "\(words[5]) \(words[6])" }
    }
    return nil
  }

  /// An error with an explanation, where PostgreSQL's own message is hard to understand.
  func explained(_ error: OperationsError, _ target: PointInTime.Target) -> OperationsError {
    let text = error.description
    guard case .time(let wanted) = target else { return error }
    if text.contains("recovery ended before configured recovery target was reached") {
      let last = text.split(separator: "\n").last { $0.contains("last completed transaction was at log time") }
        .flatMap { $0.split(separator: " ").suffix(3).joined(separator: " ") }
      let end = newest.map { ", whose newest piece is of \(TimestampText.text($0))" } ?? ""
      return .refused(
        "the log in the repository\(end) ends before \(wanted): \(last.map { "its last change is of \($0)" } ?? "it holds no change"). "
          + "A running server sends its log within about a minute; --to latest goes to the end of what is there")
    }
    return error
  }
}

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

  /// The folders with segments, the newest first: a segment that arrives meanwhile does not look
  /// like one after a gap.
  private var folders: [String] {
    guard let stanza, let versions = try? Files.names(in: stanza) else { return [] }
    let newest = versions.filter { $0.first?.isNumber ?? false }.max { Self.place(of: $0) < Self.place(of: $1) }
    guard let newest, let names = try? Files.names(in: "\(stanza)/\(newest)") else { return [] }
    return names.filter { $0.count == 16 }.sorted(by: >).map { "\(stanza)/\(newest)/\($0)" }
  }

  /// The number after the hyphen of names such as "15-1": it grows with each upgrade.
  private static func place(of version: String) -> Int { version.split(separator: "-").last.flatMap { Int($0) } ?? 0 }

  /// A part of the log since the newest backup that is not in the repository; nil: nothing is
  /// missing. PostgreSQL's figures must be older than this look.
  ///
  /// - Parameter lastArchived: The name of the last segment that PostgreSQL takes for archived.
  func gap(lastArchived: String) -> String? {
    var names: [String] = []
    for folder in folders {
      names += (try? Files.names(in: folder)) ?? []
      // A file of this kind names the segment that a backup begins in.
      guard let start = names.filter({ $0.contains(".backup") }).compactMap({ ArchivedLog.Segment($0) }).max() else {
        continue
      }
      return ArchivedLog(names: names).firstMissing(from: start, to: ArchivedLog.Segment(lastArchived)).map {
        "the log from \($0.name) on is missing in the repository: no later moment can be restored until the next streakctl pitr backup"
      }
    }
    return nil
  }

  /// The moments that can be restored, a line for each range without a gap.
  ///
  /// - Parameter report: pgBackRest's own.
  func ranges(_ report: String) -> String {
    var files: [(segment: ArchivedLog.Segment, path: String)] = []
    for folder in folders {
      for name in (try? Files.names(in: folder)) ?? [] where !name.contains(".backup") {
        if let segment = ArchivedLog.Segment(name) { files.append((segment, "\(folder)/\(name)")) }
      }
    }
    let backups = Self.backups(report)
    guard path != nil else { return backups.first.map { "restorable from \($0.end)+00\n" } ?? "" }
    return ArchivedLog(names: files.map(\.segment.name)).runs.compactMap { run in
      guard let first = backups.first(where: { run.contains($0.start) && run.contains($0.stop) }) else { return nil }
      var status = stat()
      let last = files.first { $0.segment == run.upperBound }
      let isFound = last.map { unsafe stat($0.path, &status) == 0 } ?? false
      let end = isFound ? TimestampText.text(Instant(seconds: Int64(status.st_mtim.tv_sec))) : "the same moment"
      return "restorable from \(first.end)+00 to about \(end)\n"
    }.joined()
  }

  /// The backups of pgBackRest's report, the oldest first: when each was complete, and its
  /// segments.
  static func backups(_ report: String) -> [(end: String, start: ArchivedLog.Segment, stop: ArchivedLog.Segment)] {
    var found: [(end: String, start: ArchivedLog.Segment, stop: ArchivedLog.Segment)] = []
    var end: String?
    for line in report.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.starts(with: ["timestamp", "start/stop:"]), words.count >= 7 { end = "\(words[5]) \(words[6])" }
      guard words.starts(with: ["wal", "start/stop:"]), words.count >= 5, let moment = end,
        let start = ArchivedLog.Segment(words[2]), let stop = ArchivedLog.Segment(words[4])
      else { continue }
      found.append((moment, start, stop))
      end = nil
    }
    return found
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

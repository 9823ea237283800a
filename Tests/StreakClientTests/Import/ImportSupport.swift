import Glibc
import StreakClient
import StreakDomain
import Testing

/// Helpers of the import tests: files and days as text, fixtures.
enum ImportSupport {
  /// A file beside the tests.
  static func fixture(_ name: String) -> String {
    let parts = #filePath.split(separator: "/").dropLast()
    return "/" + parts.joined(separator: "/") + "/Fixtures/\(name)"
  }

  static func bytes(of fixture: String) throws -> [UInt8] {
    let file = try #require(fopen(Self.fixture(fixture), "r"))
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 65_536)
    let count = fread(&bytes, 1, bytes.count, file)
    return Array(bytes[..<count])
  }

  static func text(of fixture: String) throws -> String { String(decoding: try bytes(of: fixture), as: UTF8.self) }

  /// Noon of 2026-11-24 in UTC, unless the file has a zone.
  static let options = ImportOptions(clock: TestClock())

  static func read(
    _ text: String, name: String = "", _ options: ImportOptions = options
  ) throws(ImportedHistory.Failure) -> ImportedHistory {
    try ImportedHistory(reading: Array(text.utf8), name: name, options: options)
  }
}

extension ImportedHistory {
  /// The days of a habit, such as "2024-01-01 2024-01-03".
  func days(_ name: String) -> String {
    let habit = habits.first { $0.name == name }
    return habit.map { $0.days.keys.sorted().map(\.description).joined(separator: " ") } ?? "no such habit"
  }

  func note(_ name: String, _ day: String) -> String? {
    Day(iso: day).flatMap { day in habits.first { $0.name == name }?.days[day] }
  }

  /// The remarks as text, one per line.
  var told: String {
    remarks.map { "\($0.habit ?? "")|\($0.day?.description ?? "")|\($0.place)|\($0.detail)|\($0.text)" }
      .joined(separator: "\n")
  }
}

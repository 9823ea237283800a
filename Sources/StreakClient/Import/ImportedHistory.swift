public import StreakDomain

/// What another habit tracker kept of a person, on its way into this client.
public struct ImportedHistory: Equatable, Sendable {
  public struct Habit: Equatable, Sendable {
    public var name: String
    public var description = ""
    /// 0xRRGGBB.
    public var color: UInt32 = 0
    public var archived = false
    /// Completed days with their notes.
    public var days: [Day: String] = [:]

    public init(name: String) { self.name = name }
  }

  /// Which program wrote it.
  public enum Source: String, Sendable, CaseIterable {
    case loopDatabase = "Loop Habit Tracker, database"
    case loopCheckmarks = "Loop Habit Tracker, CSV"
    case habitBull = "HabitBull, CSV"
    case tickmate = "Tickmate, database"
  }

  public var source: Source
  /// In the program's own order.
  public var habits: [Habit] = []

  public init(source: Source) { self.source = source }

  /// Bytes of a CSV file.
  public static let csvBytesMax = 64 * 1_024 * 1_024

  public struct Failure: Error, Equatable, CustomStringConvertible {
    public var message: String
    public var description: String { message }
  }

  /// Reads a file of any of the known programs, which it tells by what is in it.
  public init(readingFile path: String) throws(Failure) {
    let head = try FileBytes.read(path, byteLimit: 16)
    if head == Array("SQLite format 3\0".utf8) {
      self = try Self.readDatabase(path)
    } else {
      self = try Self(csv: try FileBytes.read(path, byteLimit: Self.csvBytesMax + 1))
    }
  }
}

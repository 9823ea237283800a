public import StreakDomain

/// What another program kept of a person, on its way into this client.
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

  /// The kind of a file.
  public enum Source: String, Sendable, CaseIterable {
    case loopDatabase = "Loop Habit Tracker, database"
    case loopCheckmarks = "Loop Habit Tracker, CSV"
    case loopArchive = "Loop Habit Tracker, zip of CSV files"
    case habitBull = "HabitBull, CSV"
    case tickmate = "Tickmate, database"
    case rewire = "Rewire, database"
    case habitKit = "HabitKit, JSON"
    case habitica = "Habitica, JSON"
    case habiticaHistory = "Habitica, CSV"
    case beaverHabits = "Beaver Habits, JSON"
    case streakExport = "Streak's own export"
    case table = "A table of days, CSV"
    case list = "A list of days, CSV"
  }

  public var source: Source
  /// In the program's own order.
  public var habits: [Habit] = []
  /// What the file holds and this history does not, or holds otherwise.
  public var remarks: [ImportRemark] = []

  public init(source: Source) { self.source = source }

  /// Bytes of a file of text, or of a zip file.
  public static let fileBytesMax = 96 * 1_024 * 1_024

  public struct Failure: Error, Equatable, CustomStringConvertible {
    public var message: String
    /// What the file does not say and the person has to.
    public var question: Question?

    public init(message: String, question: Question? = nil) {
      self.message = message
      self.question = question
    }

    public var description: String { message }
  }

  /// What a person may be asked about a file.
  public enum Question: Equatable, Sendable {
    /// `ImportOptions.dateOrder`
    case dateOrder
    /// `ImportOptions.habitName`
    case habitName
  }

  /// Reads a file of any of the known kinds, which it tells by what is in it.
  public init(readingFile path: String, options: ImportOptions = ImportOptions()) throws(Failure) {
    self = try HistoryFormats.read(try ImportFile(path: path), options)
  }

  /// Reads the bytes of a file that is no database.
  /// - Parameters:
  ///   - name: The file's path or name, as far as it is known.
  ///   - bytesMax: Bytes of the largest file that is read.
  public init(
    reading bytes: [UInt8], name: String = "", options: ImportOptions = ImportOptions(),
    bytesMax: Int = Self.fileBytesMax
  ) throws(Failure) {
    guard bytes.count <= bytesMax else { throw Failure(message: "The file is larger than \(bytesMax) bytes.") }
    self = try HistoryFormats.read(try ImportFile(bytes, path: name), options)
  }
}

public import StreakDomain

/// A person's history from another program, in a form that this client can import.
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
  /// In the other program's order.
  public var habits: [Habit] = []
  /// Parts of the file that this history lacks or has changed.
  public var remarks: [ImportRemark] = []

  public init(source: Source) { self.source = source }

  /// Bytes of a text file or a zip file.
  public static let fileBytesMax = 96 * 1_024 * 1_024

  public struct Failure: Error, Equatable, CustomStringConvertible {
    public var message: String
    /// A missing fact that the person has to provide.
    public var question: Question?

    public init(message: String, question: Question? = nil) {
      self.message = message
      self.question = question
    }

    public var description: String { message }
  }

  /// A question to the person about a file.
  public enum Question: Equatable, Sendable {
    /// `ImportOptions.dateOrder`: one of the orders that are possible in the file.
    case dateOrder([DateOrder])
    /// `ImportOptions.habitName`
    case habitName
  }

  /// Reads a file of any known kind; its content decides the kind.
  public init(readingFile path: String, options: ImportOptions = ImportOptions()) throws(Failure) {
    self = try HistoryFormats.read(try ImportFile(path: path), options)
  }

  /// Reads the bytes of a file that is not a database.
  /// - Parameters:
  ///   - name: The file's path or name, as far as it is known.
  ///   - bytesMax: Most bytes of a file.
  public init(
    reading bytes: [UInt8], name: String = "", options: ImportOptions = ImportOptions(),
    bytesMax: Int = Self.fileBytesMax
  ) throws(Failure) {
    guard bytes.count <= bytesMax else { throw Failure(message: "The file is larger than \(bytesMax) bytes.") }
    self = try HistoryFormats.read(try ImportFile(bytes, path: name), options)
  }
}

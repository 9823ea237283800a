/// What the person adds to a file's content.
public struct ImportOptions: Sendable {
  /// The order of day, month and year in dates such as 01/02/2025; nil: deduced from the whole
  /// file.
  public var dateOrder: DateOrder?
  /// The habit's name, for a file with the days of one habit and without its name.
  public var habitName: String?
  /// Provides today, and the zone in which the file's moments become days if the file names none.
  public var clock: any ClientClock

  public init(dateOrder: DateOrder? = nil, habitName: String? = nil, clock: any ClientClock = SystemClock()) {
    self.dateOrder = dateOrder
    self.habitName = habitName
    self.clock = clock
  }
}

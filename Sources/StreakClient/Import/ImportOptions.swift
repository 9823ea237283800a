/// What a person says about a file that the file does not say.
public struct ImportOptions: Sendable {
  /// The order of day, month and year in dates such as 01/02/2025; nil: decided from the whole
  /// file.
  public var dateOrder: DateOrder?
  /// The habit's name, for a file that holds the days of one habit and not its name.
  public var habitName: String?
  /// Gives today, and the zone in which moments of the file become days where the file does not
  /// say.
  public var clock: any ClientClock

  public init(dateOrder: DateOrder? = nil, habitName: String? = nil, clock: any ClientClock = SystemClock()) {
    self.dateOrder = dateOrder
    self.habitName = habitName
    self.clock = clock
  }
}

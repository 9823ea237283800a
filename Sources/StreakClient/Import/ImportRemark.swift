public import StreakDomain

/// Something in a file that does not come, or comes otherwise than it was there.
public struct ImportRemark: Hashable, Sendable {
  /// The habit's name; nil: it concerns the file.
  public var habit: String?
  public var day: Day?
  /// Where it stands in the file, such as "line 7"; empty if `habit` and `day` say all.
  public var place: String
  /// What it was, such as an amount or a note; may be empty.
  public var detail: String
  /// What became of it: one sentence without its full stop, equal for all remarks of a kind.
  public var text: String

  public init(_ text: String, habit: String? = nil, day: Day? = nil, place: String = "", detail: String = "") {
    self.habit = habit
    self.day = day
    self.place = place
    self.detail = detail
    self.text = text
  }
}

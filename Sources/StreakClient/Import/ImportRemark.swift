public import StreakDomain

/// A part of a file that is not imported, or is imported with changes.
public struct ImportRemark: Hashable, Sendable {
  /// The habit's name; nil: the remark concerns the file.
  public var habit: String?
  public var day: Day?
  /// The place in the file, such as "line 7"; empty if `habit` and `day` are enough.
  public var place: String
  /// The content, such as an amount or a note; may be empty.
  public var detail: String
  /// What was done with it: one sentence without its full stop, equal for all remarks of a kind.
  public var text: String

  public init(_ text: String, habit: String? = nil, day: Day? = nil, place: String = "", detail: String = "") {
    self.habit = habit
    self.day = day
    self.place = place
    self.detail = detail
    self.text = text
  }
}

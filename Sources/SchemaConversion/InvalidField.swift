internal import StreakDomain

/// A message's field whose value is not one of the domain's.
public struct InvalidField: Error, Equatable, Sendable {
  /// Its path in the message, in the schema's names, such as `habit.name`.
  public var path: String
  /// The rule that the value breaks, worded to follow the path: `must be 16 bytes`.
  public var requirement: String

  public init(_ path: String, _ requirement: String) {
    self.path = path
    self.requirement = requirement
  }
}

/// The path of a field of the message at `path`, which is empty for the request itself.
func join(_ path: String, _ field: String) -> String { path.isEmpty ? field : "\(path).\(field)" }

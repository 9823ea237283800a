/// Pairs each habit of a session with a habit of an account.
public struct HabitMatching: Equatable, Sendable {
  /// Why two habits are paired. The raw value is the number of the schema's `HabitMatch`.
  public enum Way: Int32, Sendable, CaseIterable {
    /// The session's habit becomes a habit of its own.
    case new = 1
    case id = 2
    case map = 3
    case name = 4
  }

  public struct Match: Equatable, Sendable {
    /// The id in the session.
    public let capturedID: Identifier
    /// The id in the account.
    public let habitID: Identifier
    public let way: Way
  }

  /// A habit of the account that becomes part of another one, or gets another id: this session
  /// tells that both are one, or brings a smaller id.
  public struct Move: Equatable, Sendable {
    /// In the account until then.
    public let formerID: Identifier
    public let habitID: Identifier
  }

  /// The map is invalid: the index of the wrong pair.
  public struct InvalidMap: Error, Equatable {
    public let index: Int
    public let reason: String
  }

  /// In the order of the session's habits.
  public let matches: [Match]
  /// By `formerID`.
  public let moves: [Move]

  /// Pairs by the map, then by id, then by normalised name.
  ///
  /// Two sessions match one another: habits of one id are one; of those that are left, which the
  /// other session has under no name, one of each session that have a name in common. Habits that
  /// any two sessions match are one, and so are those connected by several such pairs: an order in
  /// which sessions come has no part in it. What is one is never parted. A habit that only sessions
  /// brought has the smallest id of those that are one; the account's own keeps its id, and takes
  /// part as a session would that has its habits under their present names. Two of the account's
  /// own are never made one: what would connect them goes to the one with the smaller id. Deleted
  /// habits are matched by id only. Source: Specification.md, section 5.
  ///
  /// - Parameters:
  ///   - captured: The session's habits, each id once.
  ///   - account: All habits of the account.
  ///   - map: Pairs of a habit of the session and one of the account; or of its own id, for a habit
  ///     of its own.
  public init(
    _ captured: [(id: Identifier, name: String)], account: [Identifier: HabitState],
    map: [(capturedID: Identifier, habitID: Identifier)] = []
  ) throws(InvalidMap) {
    let mapped = try Self.targets(of: map, captured: Set(captured.map(\.id)), account: account)
    var classes = HabitClasses(account)
    // What is taken by the map is not there to be taken by name as well.
    classes.add(
      captured.filter { mapped[$0.id] == nil }, of: captured.map(\.id), account: account, taken: Set(mapped.values))
    var found: [Identifier: Match] = [:]
    for (id, _) in captured {
      if let target = mapped[id] {
        let isNew = account[target].map { $0.aliasOf != nil } ?? true
        found[id] = Match(
          capturedID: id, habitID: isNew ? target : classes.target(of: target), way: isNew ? .new : .map)
      } else if let habit = account[id] {
        found[id] = Match(capturedID: id, habitID: classes.target(of: habit.aliasOf ?? id), way: .id)
      } else {
        found[id] = Match(
          capturedID: id, habitID: classes.target(of: id), way: classes.isOfAccount(id) ? .name : .new)
      }
    }
    matches = captured.compactMap { found[$0.id] }
    moves = classes.moves
  }

  private static func targets(
    of map: [(capturedID: Identifier, habitID: Identifier)], captured: Set<Identifier>,
    account: [Identifier: HabitState]
  ) throws(InvalidMap) -> [Identifier: Identifier] {
    var mapped: [Identifier: Identifier] = [:]
    for (index, pair) in map.enumerated() {
      guard captured.contains(pair.capturedID) else {
        throw InvalidMap(index: index, reason: "names no habit of the capture")
      }
      guard account[pair.habitID] != nil || pair.habitID == pair.capturedID else {
        throw InvalidMap(index: index, reason: "names no habit of the account")
      }
      // Its own id requests a habit of its own, also if that id has been an alias of another one.
      let target = pair.habitID == pair.capturedID ? pair.habitID : account[pair.habitID]?.aliasOf ?? pair.habitID
      guard mapped.updateValue(target, forKey: pair.capturedID) == nil else {
        throw InvalidMap(index: index, reason: "names a habit twice")
      }
    }
    return mapped
  }
}

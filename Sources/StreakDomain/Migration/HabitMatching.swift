/// Pairs each habit of a session with a habit of an account.
public struct HabitMatching: Equatable, Sendable {
  /// Why two habits are paired. The raw value is the number of the schema's `HabitMatch`.
  public enum Way: Int32, Sendable {
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
    /// The id that the account's habit has until then, if this session gives it a smaller one.
    public var formerID: Identifier?
  }

  /// The map is invalid: the index of the wrong pair.
  public struct InvalidMap: Error, Equatable {
    public let index: Int
    public let reason: String
  }

  /// In the order of the session's habits.
  public let matches: [Match]

  /// Pairs by the map, then by id, then by normalised name.
  ///
  /// By name each habit of the account is paired once, and deleted ones are not. Of several habits
  /// of one name the account's own is taken first, then the one with the smallest id. A habit that
  /// only sessions contained gets the smaller one of both ids, so that the order of sessions does
  /// not matter; the account's own keeps its id. Source: Specification.md, section 5.
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
    var found: [Identifier: Match] = [:]
    for (id, _) in captured {
      if let target = mapped[id] {
        let isNew = account[target].map { $0.aliasOf != nil } ?? true
        found[id] = Match(capturedID: id, habitID: target, way: isNew ? .new : .map)
      } else if let habit = account[id] {
        found[id] = Match(capturedID: id, habitID: habit.aliasOf ?? id, way: .id)
      }
    }
    // A habit paired by map or id cannot be paired by name as well.
    var taken = Set(found.values.map(\.habitID))
    let byName = Self.byName(account)
    for (id, name) in captured.sorted(by: { $0.id < $1.id }) where found[id] == nil {
      if let target = byName[HabitName.normalised(name)], taken.insert(target).inserted {
        let isSmaller = id < target && account[target]?.isOfSessions == true
        found[id] = Match(
          capturedID: id, habitID: isSmaller ? id : target, way: .name, formerID: isSmaller ? target : nil)
      } else {
        found[id] = Match(capturedID: id, habitID: id, way: .new)
      }
    }
    matches = captured.compactMap { found[$0.id] }
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

  private static func byName(_ account: [Identifier: HabitState]) -> [String: Identifier] {
    let habits = account.filter { !$0.value.isDeleted }.map { id, habit in
      (name: HabitName.normalised(habit.fields.name), isOfSessions: habit.isOfSessions, id: id)
    }
    var found: [String: Identifier] = [:]
    for habit in habits.sorted(by: { ($0.isOfSessions ? 1 : 0, $0.id) < ($1.isOfSessions ? 1 : 0, $1.id) }) {
      if found[habit.name] == nil { found[habit.name] = habit.id }
    }
    return found
  }
}

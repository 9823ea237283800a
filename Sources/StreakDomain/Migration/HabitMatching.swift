/// Which habit of an account each habit of a session becomes part of.
public struct HabitMatching: Equatable, Sendable {
  /// Why two habits are one. The raw value is the number of the schema's `HabitMatch`.
  public enum Way: Int32, Sendable {
    /// The session's becomes a habit of its own.
    case new = 1
    case id = 2
    case map = 3
    case name = 4
  }

  public struct Match: Equatable, Sendable {
    /// In the session.
    public let capturedID: Identifier
    /// In the account.
    public let habitID: Identifier
    public let way: Way
  }

  /// A map that cannot be: the place of the pair that is wrong.
  public struct InvalidMap: Error, Equatable {
    public let index: Int
    public let reason: String
  }

  /// In the order of the session's habits.
  public let matches: [Match]

  /// Matches by the map, then by id, then by normalised name. By name each habit of the account is taken once, and deleted ones are not; of
  /// several the one with the smallest id.
  ///
  /// - Parameters:
  ///   - captured: The session's habits, each id once.
  ///   - account: All habits of the account.
  ///   - map: Pairs of a habit of the session and one of the account; or of its own id, for a habit of its own.
  public init(
    _ captured: [(id: Identifier, name: String)], account: [Identifier: HabitState],
    map: [(capturedID: Identifier, habitID: Identifier)] = []
  ) throws(InvalidMap) {
    let capturedIDs = Set(captured.map(\.id))
    var mapped: [Identifier: Identifier] = [:]
    for (index, pair) in map.enumerated() {
      guard capturedIDs.contains(pair.capturedID) else {
        throw InvalidMap(index: index, reason: "names no habit of the capture")
      }
      guard account[pair.habitID] != nil || pair.habitID == pair.capturedID else {
        throw InvalidMap(index: index, reason: "names no habit of the account")
      }
      guard mapped.updateValue(pair.habitID, forKey: pair.capturedID) == nil else {
        throw InvalidMap(index: index, reason: "names a habit twice")
      }
    }
    var byName: [String: Identifier] = [:]
    for (id, habit) in account.sorted(by: { $0.key > $1.key }) where !habit.isDeleted {
      byName[HabitName.normalised(habit.fields.name)] = id
    }
    // What is taken by map or id is not there to be taken by name as well.
    var taken = Set(mapped.values).union(capturedIDs.filter { account[$0] != nil && mapped[$0] == nil })
    var matches: [Match] = []
    for (id, name) in captured {
      if let target = mapped[id] {
        matches.append(Match(capturedID: id, habitID: target, way: account[target] == nil ? .new : .map))
      } else if account[id] != nil {
        matches.append(Match(capturedID: id, habitID: id, way: .id))
      } else if let target = byName[HabitName.normalised(name)], taken.insert(target).inserted {
        matches.append(Match(capturedID: id, habitID: target, way: .name))
      } else {
        matches.append(Match(capturedID: id, habitID: id, way: .new))
      }
    }
    self.matches = matches
  }
}

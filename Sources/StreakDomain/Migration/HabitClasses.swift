/// The habits of an account and of a session, and which of them are one: see `HabitMatching`.
struct HabitClasses {
  /// What a session called a habit.
  private struct Naming {
    /// The id under which the session had it.
    var id: Identifier
    var name: String
    /// Where it is now.
    var habitID: Identifier
  }

  /// By habit: one that it is one with, nearer to the one that stands for all; absent for that one.
  private var links: [Identifier: Identifier] = [:]
  /// By the habit that stands for all: those that are one, where there are several.
  private var members: [Identifier: [Identifier]] = [:]
  /// Habits of the account, aliases and deleted ones left out.
  private let present: Set<Identifier>
  /// Those of them that something of the account has stated.
  private let own: Set<Identifier>
  /// By the session's migration.
  private var namings: [Identifier: [Naming]] = [:]

  init(_ account: [Identifier: HabitState]) {
    let habits = account.filter { !$0.value.isDeleted && $0.value.aliasOf == nil }
    present = Set(habits.keys)
    own = Set(habits.filter { !$0.value.isOfSessions }.keys)
    // Every id that a session brought is known for ever, if only as an alias.
    let ids = Dictionary(account.keys.map { (Self.mark(of: $0), $0) }, uniquingKeysWith: min)
    // What sessions called a habit stands in it until it is renamed.
    for (id, habit) in habits where habit.isOfSessions {
      for element in habit.statements[.name].elements {
        guard let part = element.stamp.id.migrationPart, let formerID = ids[part] else { continue }
        namings[element.stamp.id.source, default: []].append(
          Naming(id: formerID, name: HabitName.normalised(element.value), habitID: id))
      }
    }
  }

  /// Tells ids apart in the names of statements: a number of 32 bits.
  static func mark(of id: Identifier) -> UInt32 {
    var hash = id.high ^ (id.low &* 0x9E37_79B9_7F4A_7C15)
    hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
    hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
    return UInt32(truncatingIfNeeded: hash ^ (hash >> 31))
  }

  /// Adds a session's habits.
  ///
  /// - Parameters:
  ///   - all: The ids of all its habits, also of those that are not to be matched.
  ///   - taken: Habits of the account that are matched by no name.
  mutating func add(
    _ captured: [(id: Identifier, name: String)], of all: [Identifier], account: [Identifier: HabitState],
    taken: Set<Identifier>
  ) {
    var habits: [Naming] = []
    var knownOwn: Set<Identifier> = []
    for (id, name) in captured {
      let habitID = account[id].map { $0.aliasOf ?? id } ?? id
      if own.contains(habitID) { knownOwn.insert(habitID) }
      // A deleted habit is matched by id only.
      guard account[habitID]?.isDeleted != true else { continue }
      habits.append(Naming(id: id, name: HabitName.normalised(name), habitID: habitID))
    }
    habits.sort { $0.id < $1.id }
    let ids = Set(all)
    // The account's own first: where two would be connected, the order of these decides.
    let ownNames = own.subtracting(knownOwn).subtracting(taken).map {
      (name: HabitName.normalised(account[$0]?.fields.name ?? ""), id: $0)
    }
    .sorted { $0.id < $1.id }
    connect(
      ownNames.map { ($0.name, $0.id) },
      habits.filter { !knownOwn.contains($0.habitID) }.map { ($0.name, $0.habitID) })
    for (_, others) in namings.sorted(by: { $0.key < $1.key }) {
      let otherIDs = Set(others.map(\.id))
      connect(
        others.filter { !ids.contains($0.id) && !taken.contains($0.habitID) }.sorted { $0.id < $1.id }.map {
          ($0.name, $0.habitID)
        },
        habits.filter { !otherIDs.contains($0.id) }.map { ($0.name, $0.habitID) })
    }
  }

  /// Connects the first of each name on both sides.
  private mutating func connect(_ left: [(String, Identifier)], _ right: [(String, Identifier)]) {
    let first = Dictionary(left, uniquingKeysWith: { first, _ in first })
    var seen: Set<String> = []
    for (name, id) in right where seen.insert(name).inserted {
      if let other = first[name] { connect(other, id) }
    }
  }

  private mutating func connect(_ left: Identifier, _ right: Identifier) {
    let (left, right) = (root(of: left), root(of: right))
    guard left != right else { return }
    let both = all(left) + all(right)
    guard both.count(where: own.contains) < 2 else { return }
    links[right] = left
    members[right] = nil
    members[left] = both
  }

  private func root(of id: Identifier) -> Identifier {
    var id = id
    while let next = links[id] { id = next }
    return id
  }

  private func all(_ root: Identifier) -> [Identifier] { members[root] ?? [root] }

  /// The id of the habit that this one is part of.
  func target(of id: Identifier) -> Identifier {
    let all = all(root(of: id))
    return all.first(where: own.contains) ?? all.min() ?? id
  }

  /// Whether it is one with a habit of the account.
  func isOfAccount(_ id: Identifier) -> Bool { all(root(of: id)).contains(where: present.contains) }

  /// What becomes of the account's habits.
  var moves: [HabitMatching.Move] {
    members.keys.flatMap { root in
      let target = target(of: root)
      return all(root).filter { present.contains($0) && $0 != target }.map {
        HabitMatching.Move(formerID: $0, habitID: target)
      }
    }.sorted { $0.formerID < $1.formerID }
  }
}

import StreakDomain

/// The meaning of Specification.md, sections 3 and 4, for one habit: a set of statements, each with
/// the statements its author knew, and the resulting state. Written as plainly as possible,
/// independent of the module's way to store or merge statements.
struct Reference {
  /// A device's statement, by its index among the device's statements.
  struct Name: Hashable {
    var device: Int
    var seq: Int
  }

  enum Field: Int, CaseIterable, Hashable { case name, archived }

  enum What: Hashable {
    /// Makes the habit with this name, not archived.
    case create(String)
    /// `judged`: the status that the arrival rules give it by itself.
    case done(day: Int, note: String?, judged: CellTrust)
    /// A resolution that keeps a day done.
    case keepDone(day: Int)
    case undo(day: Int, names: [Name])
    case note(day: Int, text: String)
    case edit(Field, String)
    case delete
  }

  struct Statement: Hashable {
    var name: Name
    /// The hybrid time of its author.
    var time: UInt64
    /// The number of statements of each device that its author had received; of its own the author
    /// knows all earlier ones.
    var seen: [Int]
    var what: What

    func saw(_ other: Statement) -> Bool {
      other.name.device == name.device ? other.name.seq < name.seq : other.name.seq <= seen[other.name.device]
    }
  }

  struct Day: Hashable {
    var done: Bool
    var note: String
    var trust: CellTrust
  }

  var statements: [Statement]
  /// The device that stands for direct calls: their notices name no device.
  var direct = Int.max

  // MARK: One value

  /// A statement, and the value that it states.
  private typealias Stated = (statement: Statement, value: String)

  /// The statements that no other of them knew.
  private func maximal(_ stated: [Stated]) -> [Stated] {
    stated.filter { one in !stated.contains { $0.statement.saw(one.statement) } }
  }

  /// The last writer among the maximal ones. A clock in the past is ordered by causality: known
  /// statements are not maximal.
  private func winner(_ stated: [Stated]) -> Stated? {
    maximal(stated).max { left, right in
      let (one, other) = (left.statement, right.statement)
      return (one.time, one.name.device, one.name.seq) < (other.time, other.name.device, other.name.seq)
    }
  }

  // MARK: A day

  private func isCompletion(_ one: Statement, of day: Int) -> Bool {
    switch one.what {
    case .done(day, _, _), .keepDone(day): true
    default: false
    }
  }

  private func completions(of day: Int) -> [Statement] { statements.filter { isCompletion($0, of: day) } }

  private func undos(of day: Int) -> [(statement: Statement, names: [Name])] {
    statements.compactMap { one in
      if case .undo(day, let names) = one.what { (one, names) } else { nil }
    }
  }

  /// An undo takes back what it names. A device's later completion of a day replaces its earlier
  /// ones: they are taken back with it.
  private func takes(_ names: [Name], _ completion: Statement, day: Int) -> Bool {
    names.contains { name in
      name == completion.name
        || (name.device == completion.name.device && completion.name.seq < name.seq
          && completions(of: day).contains { $0.name == name })
    }
  }

  /// The completions of a day that no undo names.
  private func standing(_ day: Int) -> [Statement] {
    completions(of: day).filter { one in !undos(of: day).contains { takes($0.names, one, day: day) } }
  }

  static func better(_ trusts: [CellTrust]) -> CellTrust? { trusts.min { $0.number < $1.number } }

  /// A completion after an undo inherits the status of the undone completion.
  func inheritedTrust(of one: Statement, day: Int) -> CellTrust? {
    let undone = undos(of: day).filter { one.saw($0.statement) }
    let taken = completions(of: day).filter { completion in undone.contains { takes($0.names, completion, day: day) } }
    return Self.better(taken.filter { one.saw($0) }.map { trust(of: $0, day: day) })
  }

  private func trust(of one: Statement, day: Int) -> CellTrust {
    let inherited = inheritedTrust(of: one, day: day)
    switch one.what {
    case .done(_, _, let judged): return inherited ?? judged
    case .keepDone:
      // The status of the completions that its author knew as standing.
      let view = Reference(statements: statements.filter { one.saw($0) })
      let kept = view.standing(day).map { view.trust(of: $0, day: day) }
      return Self.better(kept + (inherited.map { [$0] } ?? [])) ?? .counted
    default: return .counted
    }
  }

  private func notes(of day: Int) -> [Stated] {
    statements.compactMap { one in
      switch one.what {
      case .done(day, let note?, _): (one, note)
      case .note(day, let text): (one, text)
      default: nil
      }
    }
  }

  /// The days about which there are statements.
  var days: [Int: Day] {
    var days: [Int: Day] = [:]
    for day in Set(statements.compactMap(Self.day(of:))) {
      let (completions, standing) = (completions(of: day), standing(day))
      guard !completions.isEmpty || !undos(of: day).isEmpty || !notes(of: day).isEmpty else { continue }
      let worth = (standing.isEmpty ? completions : standing).map { trust(of: $0, day: day) }
      days[day] = Day(
        done: !standing.isEmpty, note: winner(notes(of: day))?.value ?? "", trust: Self.better(worth) ?? .counted)
    }
    return days
  }

  static func day(of one: Statement) -> Int? {
    switch one.what {
    case .done(let day, _, _), .keepDone(let day), .undo(let day, _), .note(let day, _): day
    case .create, .edit, .delete: nil
    }
  }

  // MARK: The habit

  private var deletions: [Statement] { statements.filter { $0.what == .delete } }
  private var lastDeletions: [Statement] { deletions.filter { one in !deletions.contains { $0.saw(one) } } }

  /// The creation, an edit, a completion even if undone later, a note.
  private var activity: [Statement] {
    statements.filter { one in
      switch one.what {
      case .create, .edit, .done, .keepDone, .note: true
      case .undo, .delete: false
      }
    }
  }

  var exists: Bool { statements.contains { if case .create = $0.what { true } else { false } } }

  var isDeleted: Bool {
    !deletions.isEmpty && activity.allSatisfy { one in lastDeletions.allSatisfy { $0.saw(one) } }
  }

  private func values(of field: Field) -> [Stated] {
    statements.compactMap { one in
      switch one.what {
      case .create(let name): (one, field == .name ? name : "false")
      case .edit(field, let value): (one, value)
      default: nil
      }
    }
  }

  func value(of field: Field) -> String {
    // A habit that was deleted and kept because of other statements is archived: as if the deletion
    // had stated that.
    let asDeleted = field == .archived && !isDeleted ? deletions.map { (statement: $0, value: "true") } : []
    return winner(values(of: field) + asDeleted)?.value ?? ""
  }

  // MARK: Conflicts

  struct Conflict: Hashable, Comparable, CustomStringConvertible {
    var kind: Notice.Kind
    var description: String
    static func < (left: Conflict, right: Conflict) -> Bool { left.description < right.description }

    init(_ kind: Notice.Kind, day: Int? = nil, field: Int? = nil, kept: String, other: String, device: Int) {
      self.kind = kind
      description = "\(kind) day \(day ?? -1) field \(field ?? 0) kept \(kept) other \(other) of \(device)"
    }
  }

  /// -1 for a direct call.
  private func shownDevice(_ one: Statement) -> Int { one.name.device == direct ? -1 : one.name.device }

  private func losers(_ stated: [Stated]) -> [(loser: Stated, kept: String)] {
    guard let winner = winner(stated) else { return [] }
    return maximal(stated).filter { $0.value != winner.value }.map { ($0, winner.value) }
  }

  /// The open conflicts.
  var conflicts: [Conflict] {
    var found: [Conflict] = []
    for day in days.keys {
      for (loser, kept) in losers(notes(of: day)) {
        found.append(
          Conflict(.noteConflict, day: day, kept: kept, other: loser.value, device: shownDevice(loser.statement)))
      }
      // An undo that no later statement knew, and beside it a completion, neither of which knew the
      // other.
      let standing = standing(day)
      let answers = completions(of: day) + undos(of: day).map(\.statement)
      let lost = undos(of: day).map(\.statement).filter { undo in
        !answers.contains { $0.saw(undo) } && standing.contains { !undo.saw($0) && !$0.saw(undo) }
      }
      for device in Set(lost.map(shownDevice)) {
        found.append(Conflict(.doneConflict, day: day, kept: "true", other: "false", device: device))
      }
    }
    for field in Field.allCases {
      for (loser, kept) in losers(values(of: field)) {
        found.append(
          Conflict(
            .fieldConflict, field: field == .name ? 1 : 5, kept: kept, other: loser.value,
            device: shownDevice(loser.statement)))
      }
    }
    guard exists, !isDeleted else { return found.sorted() }
    for deletion in lastDeletions {
      let isContested = activity.contains { !deletion.saw($0) && !$0.saw(deletion) }
      let isAnswered = statements.contains { one in
        if case .edit = one.what { one.saw(deletion) } else { false }
      }
      guard isContested && !isAnswered else { continue }
      found.append(Conflict(.deletionConflict, kept: "archived", other: "deleted", device: shownDevice(deletion)))
    }
    return found.sorted()
  }

  // MARK: What an author knows

  /// The state that its author knew at a statement.
  func known(to seen: [Int], device: Int, before seq: Int) -> Reference {
    let author = Statement(name: Name(device: device, seq: seq), time: 0, seen: seen, what: .delete)
    return Reference(statements: statements.filter { author.saw($0) })
  }

  /// The winning value.
  func note(of day: Int) -> String { winner(notes(of: day))?.value ?? "" }
  /// The value of a field, if only one statement of it holds and that is a direct call's.
  func onlyDirectValue(of field: Field) -> String? {
    let held = maximal(values(of: field))
    guard held.count == 1, let only = held.first, only.statement.name.device == direct else { return nil }
    return only.value == value(of: field) ? only.value : nil
  }
  func stated(_ field: Field) -> String { winner(values(of: field))?.value ?? "" }
  /// The names of the standing completions.
  func standingNames(_ day: Int) -> [Name] { standing(day).map(\.name) }
}

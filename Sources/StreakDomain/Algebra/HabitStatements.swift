/// What was stated about one habit as such: its fields, each a `Register`, and its deletions.
///
/// A habit is there while anything stands that a deletion had not seen: its creation, an edit, a completion even if undone later, a note. Of
/// deletions those count that no other deletion had seen.
public struct HabitStatements: Hashable, Sendable {
  public struct Deletion: Hashable, Sendable {
    public var stamp: Stamp
    public var seen: SeenStatements
    /// A notice says that the habit was kept.
    public var hasNotice: Bool

    func covers(_ id: StatementID) -> Bool {
      (id.source == stamp.id.source && id.seq < stamp.id.seq) || seen.covers(id)
    }

    init(stamp: Stamp, seen: SeenStatements, hasNotice: Bool = false) {
      self.stamp = stamp
      self.seen = seen
      self.hasNotice = hasNotice
    }
  }

  /// By `HabitField`, in the order of the cases.
  private var registers: [Register<String>]
  /// By name.
  public private(set) var deletions: [Deletion] = []

  /// Deletions that are kept; the earliest go.
  static let deletionsMax = 32

  /// All fields stated at once.
  public init(_ fields: HabitFields, _ stamp: Stamp) {
    registers = HabitField.allCases.map { Register(fields.text(of: $0), stamp) }
  }

  init(registers: [Register<String>], deletions: [Deletion]) {
    self.registers = registers
    self.deletions = deletions
  }

  public subscript(field: HabitField) -> Register<String> {
    get { registers[field.rawValue - 1] }
    set { registers[field.rawValue - 1] = newValue }
  }

  /// Merges a field's value.
  mutating func state(_ value: String, of field: HabitField, by author: Author) {
    var author = author
    // Whoever unarchives a habit after its deletion comes later than the deletion.
    if field == .archived {
      for deletion in deletions where author.covers(deletion.stamp.id) {
        author.stamp.time = max(author.stamp.time, deletion.stamp.time.successor)
      }
    }
    self[field].state(value, by: author)
  }

  /// Merges a deletion.
  /// - Parameter seen: What its author had seen, by source.
  /// - Returns: The deletions that it replaces.
  @discardableResult
  mutating func delete(by author: Author, seen: SeenStatements) -> [Deletion] {
    guard !deletions.contains(where: { $0.stamp.id == author.id || $0.covers(author.id) }) else { return [] }
    let replaced = deletions.filter { author.covers($0.stamp.id) }
    deletions.removeAll { author.covers($0.stamp.id) }
    let deletion = Deletion(stamp: author.stamp, seen: seen)
    deletions.insert(deletion, at: deletions.firstIndex { author.id < $0.stamp.id } ?? deletions.endIndex)
    if deletions.count > Self.deletionsMax { deletions.removeFirst() }
    return replaced
  }

  mutating func setNotice(_ hasNotice: Bool, ofDeletion id: StatementID) {
    for index in deletions.indices where deletions[index].stamp.id == id { deletions[index].hasNotice = hasNotice }
  }

  /// The latest time among the statements.
  var latestTime: HybridTime {
    (registers.flatMap { $0.elements.map(\.stamp.time) } + deletions.map(\.stamp.time)).max() ?? .zero
  }

  /// What each source stated of the fields.
  var activity: [StatementID] {
    registers.flatMap { $0.elements.map(\.stamp.id) }.filter { $0 != Stamp.initial.id }
  }

  /// Whether the habit is deleted.
  /// - Parameters:
  ///   - activity: What else stands of it: completions and notes of its days.
  ///   - isForgotten: Whether a source is none of the person's any more; every deletion has seen what it stated.
  func isDeleted(activity: [StatementID], isForgotten: (Identifier) -> Bool) -> Bool {
    guard !deletions.isEmpty else { return false }
    return (self.activity + activity).allSatisfy { id in
      deletions.allSatisfy { $0.covers(id) } || isForgotten(id.source)
    }
  }

  /// The values that hold. A habit that was kept although somebody deleted it is archived, unless it was unarchived later.
  func fields(isDeleted: Bool) -> HabitFields {
    var fields = HabitFields(name: "")
    for field in HabitField.allCases {
      if let winner = self[field].winner { fields.set(field, text: winner.value) }
    }
    if !isDeleted, let deletion = deletions.map(\.stamp).max(),
      (self[.archived].winner?.stamp).map({ $0 < deletion }) ?? true
    {
      fields.archived = true
    }
    return fields
  }
}

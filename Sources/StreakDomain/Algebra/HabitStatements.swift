/// The statements about one habit itself: its fields, each a `Register`, and its deletions.
///
/// A habit exists while anything stands that a deletion did not know: its creation, an edit, a
/// completion even if undone later, a note. Of several deletions only those count that no other
/// deletion knew.
public struct HabitStatements: Hashable, Sendable {
  public struct Deletion: Hashable, Sendable {
    public var stamp: Stamp
    public var seen: SeenStatements
    /// A notice about keeping the habit exists.
    public var hasNotice = false
    /// A statement about the habit exists whose author did not know the deletion, and which the
    /// deletion's author did not know.
    var isContested = false
    /// A field was stated by an author that knew it.
    var isAnswered = false
    /// The field `archived` was stated by an author that knew it.
    var isOverruled = false

    func covers(_ id: StatementID) -> Bool {
      (id.source == stamp.id.source && id.seq < stamp.id.seq) || seen.covers(id)
    }

    init(stamp: Stamp, seen: SeenStatements) {
      self.stamp = stamp
      self.seen = seen
    }

    /// For storage.
    var flags: UInt8 {
      (hasNotice ? 1 : 0) | (isContested ? 2 : 0) | (isAnswered ? 4 : 0) | (isOverruled ? 8 : 0)
    }

    init(stamp: Stamp, seen: SeenStatements, flags: UInt8) {
      self.init(stamp: stamp, seen: seen)
      hasNotice = flags & 1 != 0
      isContested = flags & 2 != 0
      isAnswered = flags & 4 != 0
      isOverruled = flags & 8 != 0
    }
  }

  /// By `HabitField`, in the order of the cases.
  private var registers: [Register<String>]
  /// By name.
  public private(set) var deletions: [Deletion] = []

  /// Most deletions that are kept; the earliest are dropped.
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
    for index in deletions.indices where author.covers(deletions[index].stamp.id) {
      deletions[index].isAnswered = true
      if field == .archived { deletions[index].isOverruled = true }
    }
    noteActivity(by: author)
    self[field].state(value, by: author)
  }

  /// A statement about the habit or one of its days: it contests deletions whose author did not
  /// know it.
  mutating func noteActivity(by author: Author) {
    for index in deletions.indices where !author.covers(deletions[index].stamp.id) {
      if !deletions[index].covers(author.id) { deletions[index].isContested = true }
    }
  }

  /// Marks a deletion that says nothing about a habit that comes again: it is no conflict, and the
  /// habit is not archived.
  mutating func answerDeletion(by id: StatementID) {
    for index in deletions.indices where deletions[index].stamp.id == id {
      (deletions[index].isAnswered, deletions[index].isOverruled) = (true, true)
    }
  }

  /// Merges a deletion.
  /// - Parameters:
  ///   - seen: The statements that its author knew, by source.
  ///   - activity: The standing statements about the habit's days.
  /// - Returns: The deletions that it replaces.
  @discardableResult
  mutating func delete(by author: Author, seen: SeenStatements, activity: [StatementID] = []) -> [Deletion] {
    guard !deletions.contains(where: { $0.stamp.id == author.id || $0.covers(author.id) }) else { return [] }
    let replaced = deletions.filter { author.covers($0.stamp.id) }
    deletions.removeAll { author.covers($0.stamp.id) }
    var deletion = Deletion(stamp: author.stamp, seen: seen)
    deletion.isContested = (self.activity + activity).contains { !deletion.covers($0) }
    for field in HabitField.allCases where self[field].elements.contains(where: { $0.ahead.covers(author.id) }) {
      deletion.isAnswered = true
      if field == .archived { deletion.isOverruled = true }
    }
    deletions.insert(deletion, at: deletions.firstIndex { author.id < $0.stamp.id } ?? deletions.endIndex)
    if deletions.count > Self.deletionsMax { deletions.removeFirst() }
    return replaced
  }

  mutating func setNotice(_ hasNotice: Bool, ofDeletion id: StatementID) {
    for index in deletions.indices where deletions[index].stamp.id == id { deletions[index].hasNotice = hasNotice }
  }

  /// Takes over what was stated of the same habit under another id.
  mutating func join(_ other: HabitStatements) {
    for field in HabitField.allCases {
      self[field].join(other[field])
      // An empty field states nothing, where something was stated.
      if self[field].elements.contains(where: { !$0.value.isEmpty }) { self[field].retractAll(of: "") }
    }
    for deletion in other.deletions where !deletions.contains(where: { $0.stamp.id == deletion.stamp.id }) {
      deletions.insert(deletion, at: deletions.firstIndex { deletion.stamp.id < $0.stamp.id } ?? deletions.endIndex)
    }
    if deletions.count > Self.deletionsMax { deletions.removeFirst(deletions.count - Self.deletionsMax) }
  }

  /// Notes that no notice tells of any of it.
  mutating func forgetNotices() {
    for field in HabitField.allCases { self[field].forgetNotices() }
    for index in deletions.indices { deletions[index].hasNotice = false }
  }

  /// The latest time among the statements.
  var latestTime: HybridTime {
    (stamps + deletions.map(\.stamp)).map(\.time).max() ?? .zero
  }

  /// The stamps of all fields' values.
  var stamps: [Stamp] { registers.flatMap { $0.elements.map(\.stamp) } }

  /// The field statements of each source.
  var activity: [StatementID] {
    stamps.map(\.id).filter { $0 != Stamp.initial.id }
  }

  /// Whether the author of a statement that stands knew this one, which had not arrived.
  func isKnown(_ id: StatementID) -> Bool {
    registers.contains { $0.elements.contains { $0.ahead.covers(id) } } || deletions.contains { $0.covers(id) }
  }

  /// Whether the habit is deleted.
  /// - Parameters:
  ///   - activity: Other statements that stand: completions and notes of its days.
  ///   - isForgotten: Whether a source has been dropped; every deletion counts as knowing its
  ///     statements.
  func isDeleted(activity: [StatementID], isForgotten: (Identifier) -> Bool) -> Bool {
    guard !deletions.isEmpty else { return false }
    return (self.activity + activity).allSatisfy { id in
      deletions.allSatisfy { $0.covers(id) } || isForgotten(id.source)
    }
  }

  /// The winning values. A habit that was kept although it was deleted is archived, unless it was
  /// unarchived later.
  func fields(isDeleted: Bool) -> HabitFields {
    var fields = HabitFields(name: "")
    for field in HabitField.allCases {
      if let winner = self[field].winner { fields.set(field, text: winner.value) }
    }
    if !isDeleted && !deletions.isEmpty { fields.archived = isArchived }
    return fields
  }

  /// A habit that was deleted and kept is archived, as if the deletion had stated that.
  private var isArchived: Bool {
    let stated = self[.archived].elements.first { element in !deletions.contains { $0.covers(element.stamp.id) } }
    let deletion = deletions.filter { !$0.isOverruled }.map(\.stamp).max()
    guard let stated else { return true }
    return stated.value == "true" || (deletion.map { stated.stamp < $0 } ?? false)
  }
}

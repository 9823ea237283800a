/// The statements about one habit on one day.
///
/// - Completions: the day is done while any completion stands. An undo takes back the completions
///   it names and no other, also those that arrive after it. A device's later completion replaces
///   its earlier ones of the same day: they are taken back with it.
/// - The note: a `Register`. A completion without a note states none, an undo states none.
///
/// A set of names added and a set of names taken back: merging is commutative, associative and
/// idempotent.
public struct DayStatements: Hashable, Sendable {
  public struct Completion: Hashable, Sendable {
    public var id: StatementID
    /// The status that it was given at arrival. `DayStatements.trust(of:)` is the one that applies.
    public var trust: CompletionTrust
    var origin = TrustOrigin.judged
    /// The statements that its trust derives from: undos that its author knew, and for a resolution
    /// that keeps the day the completions that its author knew as standing. By ascending name.
    var follows: [StatementID]
    /// Statements that its author knew and that had not arrived.
    var ahead: SeenStatements
    /// The habit that it was stated of, if that has become a part of this one.
    var joinedFrom: Identifier?

    public init(id: StatementID, trust: CompletionTrust) {
      self.init(id: id, trust: trust, origin: .judged, follows: [], ahead: .nothing)
    }

    init(
      id: StatementID, trust: CompletionTrust, origin: TrustOrigin, follows: [StatementID], ahead: SeenStatements,
      joinedFrom: Identifier? = nil
    ) {
      self.id = id
      self.trust = trust
      self.origin = origin
      self.follows = Array(Set(follows).sorted().suffix(Self.followsMax))
      self.ahead = ahead
      self.joinedFrom = joinedFrom
    }

    /// Its source, and the habit that it was stated of.
    struct Place: Hashable {
      var source: Identifier
      var joinedFrom: Identifier?
    }

    var place: Place { Place(source: id.source, joinedFrom: joinedFrom) }

    /// Whether it is an earlier statement of the same device or of direct calls, about the same
    /// habit: the later one replaces it.
    func isReplaced(by later: Completion) -> Bool { place == later.place && id.seq < later.id.seq && id.seq > 0 }

    /// Whether they differ in nothing but their names, and no trust derives.
    func isInterchangeable(with later: Completion) -> Bool {
      trust == later.trust && origin == .judged && later.origin == .judged && follows.isEmpty
        && later.follows.isEmpty && ahead == later.ahead
    }

    /// Most statements that a trust derives from; the least names are dropped.
    static let followsMax = 64

    mutating func follow(_ id: StatementID) {
      guard !follows.contains(id) else { return }
      follows.insert(id, at: follows.firstIndex { id < $0 } ?? follows.endIndex)
      if follows.count > Self.followsMax { follows.removeFirst() }
    }
  }

  /// What a completion's trust derives from. The raw value is the one in storage, beside the number
  /// of the trust.
  enum TrustOrigin: UInt8 {
    /// The completions that undos before it took back; without one, its own trust.
    case judged = 0
    /// Its own trust, set by the bound of early days.
    case fixed = 0x40
    /// Also the completions that its author knew as standing: a resolution that keeps the day.
    case kept = 0x10
    /// It has no trust any more: its migration was undone.
    case void = 0x50

    static let mask: UInt8 = 0x50
  }

  public struct Undo: Hashable, Sendable {
    public var id: StatementID
    /// The completions that it takes back, by ascending name.
    var names: [StatementID]
    /// A completion after it inherits the trust of the completions it took back. Not for the undo
    /// of a migration.
    public var isInherited: Bool
    /// A notice says that a concurrent completion stands.
    public var hasNotice = false
    /// A completion or undo has arrived whose author knew it.
    var isAnswered = false
    /// Standing completions that it knew and did not name.
    var left: [StatementID] = []
    /// Statements that its author knew and that had not arrived.
    var ahead = SeenStatements.nothing

    /// A completion arrived that its author knew and did not name.
    mutating func leave(_ completion: StatementID) {
      left.append(completion)
      if left.count > DayStatements.statementsMax { left.removeFirst() }
    }
  }

  /// The standing completions, by name.
  public internal(set) var completions: [Completion] = []
  /// The completions that have arrived and that an undo took back, by name.
  private(set) var takenBack: [Completion] = []
  public internal(set) var undos: [Undo] = []
  public internal(set) var note = Register<String>()

  /// Most statements of each kind that are kept for a day; beyond it the least name of the source
  /// with most statements is dropped.
  public static let statementsMax = 32
  /// Most completions taken back that are kept for a day, bounded in the same way.
  public static let takenBackMax = 128
  /// Most completions that one undo names.
  public static let undoneMax = 64

  public init() {}

  init(completions: [Completion], takenBack: [Completion]) {
    (self.completions, self.takenBack) = (completions, takenBack)
  }

  public var isDone: Bool { !completions.isEmpty }

  /// The statements that keep the habit if a deletion did not know all of them. A completion counts
  /// even if undone later.
  public var activity: [StatementID] {
    completions.map(\.id) + note.elements.map(\.stamp.id) + takenBack.map(\.id)
  }

  /// The undos that an author knows, less those that a completion follows which a later one of them
  /// took back: it has their trust.
  private func lastUndosSeen(by author: Author) -> [StatementID] {
    let seen = undos.filter { author.covers($0.id) }
    guard seen.count > 1 else { return seen.map(\.id) }
    let followed = completionsTaken(by: seen.filter(\.isInherited)).filter { $0.origin != .fixed }
      .reduce(into: Set<StatementID>()) { $0.formUnion($1.follows) }
    return seen.map(\.id).filter { !followed.contains($0) }
  }

  /// The completions that stand as far as an author knows: an undo without names takes these back.
  func standing(knownTo author: Author) -> [StatementID] {
    let known = completions.map(\.id).filter(author.covers)
    let takenBack = takenBack.filter { author.covers($0.id) }
    guard !takenBack.isEmpty else { return known }
    // Undos that the author does not know took some of them back.
    let taken = Set(completionsTaken(by: undos.filter { author.covers($0.id) }).map(\.id))
    return known + takenBack.map(\.id).filter { !taken.contains($0) }
  }

  /// The completions that have arrived and that some undos took back: those that they name, and
  /// those that these replaced.
  func completionsTaken(by undos: [Undo]) -> [Completion] {
    let names = Set(undos.flatMap(\.names))
    let named = takenBack.filter { names.contains($0.id) }
    let last = Dictionary(named.map { ($0.place, $0.id.seq) }, uniquingKeysWith: max)
    return takenBack.filter { completion in
      names.contains(completion.id)
        || (completion.id.seq > 0 && completion.id.seq < last[completion.place, default: 0])
    }
  }

  /// The undos with a notice: the day is done nevertheless, by a completion concurrent with the
  /// undo, and no later statement "done" or "not done" has followed whose author knew the undo.
  var lostUndos: [StatementID] {
    undos.lazy.filter { undo in
      !undo.isAnswered
        && completions.contains { !undo.left.contains($0.id) }
    }.map(\.id)
  }

  // MARK: Merging

  /// Merges a completion.
  /// - Parameters:
  ///   - trust: The status that the rules of arrival give it.
  ///   - isKept: It is a resolution that keeps the day.
  ///   - joinedFrom: The habit that it was stated of, if that has become a part of this one.
  mutating func complete(
    by author: Author, trust: CompletionTrust, isKept: Bool = false, joinedFrom: Identifier? = nil
  ) {
    let id = author.id
    guard !completions.contains(where: { $0.id == id }), !takenBack.contains(where: { $0.id == id }) else { return }
    answer(by: author)
    let completion = Completion(
      id: id, trust: trust, origin: isKept ? .kept : .judged,
      follows: lastUndosSeen(by: author) + (isKept ? standing(knownTo: author) : []), ahead: author.ahead,
      joinedFrom: joinedFrom)
    changeCompletions { if $0.origin == .kept, $0.ahead.covers(id) { $0.follow(id) } }
    let takers = undos.filter { $0.names.contains(id) }
    if !takers.isEmpty {
      for replaced in completions.filter({ $0.isReplaced(by: completion) }) { takeBack(replaced) }
      return takeBack(completion, isVoid: takers.contains { !$0.isInherited })
    }
    for index in undos.indices where undos[index].ahead.covers(id) { undos[index].leave(id) }
    // A later completion with the same trust is stored instead of the only one of its source
    // before: there is none left then that an undo of it would have to take back. (A resolution
    // whose author knew only the earlier one, and that arrives afterwards, keeps nothing of it.)
    if undos.isEmpty, id.seq > 0,
      let place = completions.firstIndex(where: { $0.place == completion.place }),
      completions[place].isInterchangeable(with: completion),
      completions.lastIndex(where: { $0.place == completion.place }) == place
    {
      if completions[place].id < id { completions[place] = completion }
      return
    }
    // The usual case, without the search.
    if completions.isEmpty { return completions = [completion] }
    Self.insert(completion, into: &completions)
  }

  /// Takes over what was stated of the same day of another habit, which becomes a part of this one.
  mutating func join(_ other: DayStatements, of habitID: Identifier) {
    func joined(_ completion: Completion) -> Completion {
      var completion = completion
      completion.joinedFrom = completion.joinedFrom ?? habitID
      return completion
    }
    var other = other
    other.renameParts(besides: self)
    for undo in other.undos where !undos.contains(where: { $0.id == undo.id }) {
      undos.insert(undo, at: undos.firstIndex { undo.id < $0.id } ?? undos.endIndex)
    }
    for completion in other.completions where !completions.contains(where: { $0.id == completion.id }) {
      let joined = joined(completion)
      completions.insert(joined, at: completions.firstIndex { joined.id < $0.id } ?? completions.endIndex)
    }
    for completion in other.takenBack { takeBack(joined(completion)) }
    for completion in completions {
      let takers = undos.filter { $0.names.contains(completion.id) }
      if !takers.isEmpty { takeBack(completion, isVoid: takers.contains { !$0.isInherited }) }
    }
    Self.bound(&completions, \.id, to: Self.statementsMax)
    Self.bound(&undos, \.id, to: Self.statementsMax)
    note.join(other.note)
  }

  /// The name here of what an author named: a migration's part of another habit, which has become a
  /// part of this one, may have another name (`renameParts`).
  /// - Parameter joinedFrom: The habit of which the author spoke; nil: of this one.
  func present(_ name: StatementID, of joinedFrom: Identifier?) -> StatementID {
    guard let joinedFrom, name.migrationPart != nil else { return name }
    let part = (completions + takenBack).first {
      $0.id.source == name.source && $0.id.migrationPart != nil && $0.joinedFrom == joinedFrom
    }
    return part?.id ?? name
  }

  /// Gives the parts of migrations other names where the other day has the same ones: one migration
  /// stated both habits, and an undo names that of its own habit.
  private mutating func renameParts(besides other: DayStatements) {
    func names(_ day: DayStatements) -> Set<StatementID> {
      Set((day.completions + day.takenBack).map(\.id) + day.undos.flatMap(\.names))
    }
    let (own, others) = (names(self), names(other))
    var renamed: [StatementID: StatementID] = [:]
    for name in own.intersection(others).sorted() where name.migrationPart != nil {
      let free = (1..<UInt32(Self.takenBackMax)).lazy.map { StatementID(name.source, part: $0) }.first { part in
        !own.contains(part) && !others.contains(part) && !renamed.values.contains(part)
      }
      if let free { renamed[name] = free }
    }
    guard !renamed.isEmpty else { return }
    func rename(_ completions: inout [Completion]) {
      for index in completions.indices {
        completions[index].id = renamed[completions[index].id] ?? completions[index].id
      }
      completions.sort { $0.id < $1.id }
    }
    rename(&completions)
    rename(&takenBack)
    for index in undos.indices { undos[index].names = undos[index].names.map { renamed[$0] ?? $0 }.sorted() }
  }

  /// Notes that no notice tells of any of it.
  mutating func forgetNotices() {
    for index in undos.indices { undos[index].hasNotice = false }
    note.forgetNotices()
  }

  /// Merges an undo.
  ///
  /// - Parameters:
  ///   - names: The completions that it takes back, with those that they replaced.
  ///   - isInherited: Whether a completion after it inherits their trust.
  mutating func undo(_ names: [StatementID], by author: Author, isInherited: Bool = true) {
    let id = author.id
    guard !undos.contains(where: { $0.id == id }) else { return }
    answer(by: author)
    var undo = Undo(id: id, names: Set(names).sorted(), isInherited: isInherited, ahead: author.ahead)
    for name in undo.names {
      guard var named = completion(named: name) else { continue }
      if named.id == name {
        for replaced in completions.filter({ $0.isReplaced(by: named) }) { takeBack(replaced) }
      }
      named.id = name
      takeBack(named, isVoid: !isInherited)
    }
    undo.left = completions.map(\.id).filter(author.covers)
    // The undo of a migration says nothing about a day that comes again: it is no conflict.
    undo.isAnswered =
      !isInherited || undos.contains { $0.ahead.covers(id) }
      || (completions + takenBack).contains { $0.ahead.covers(id) }
    undos.insert(undo, at: undos.firstIndex { id < $0.id } ?? undos.endIndex)
    Self.bound(&undos, \.id, to: Self.statementsMax)
    changeCompletions { if $0.ahead.covers(id) { $0.follow(id) } }
  }

  /// Keeps a completion among those taken back.
  private mutating func takeBack(_ completion: Completion, isVoid: Bool = false) {
    completions.removeAll { $0.id == completion.id }
    if !takenBack.contains(where: { $0.id == completion.id }) {
      Self.insert(completion, into: &takenBack, max: Self.takenBackMax)
    }
    guard isVoid, let place = takenBack.firstIndex(where: { $0.id == completion.id }) else { return }
    takenBack[place].origin = .void
  }

  /// Changes all completions, standing or taken back.
  private mutating func changeCompletions(_ change: (inout Completion) -> Void) {
    for index in completions.indices { change(&completions[index]) }
    for index in takenBack.indices { change(&takenBack[index]) }
  }

  /// Undos that the author of a completion or undo knew are answered.
  private mutating func answer(by author: Author) {
    for index in undos.indices where author.covers(undos[index].id) { undos[index].isAnswered = true }
  }

  /// Takes back a source's statements other than completions: notes, and days stated as not done.
  mutating func retract(source: Identifier) {
    for element in note.elements where element.stamp.id.source == source { note.retract(element.stamp.id) }
    undos.removeAll { $0.id.source == source }
  }

  /// A completion that has arrived, standing or taken back. A later one of its source with the same
  /// trust may be stored instead of it.
  func completion(named name: StatementID) -> Completion? {
    func first(in completions: [Completion]) -> Completion? {
      // They are in ascending order.
      var range = completions.startIndex..<completions.endIndex
      while !range.isEmpty {
        let middle = range.lowerBound + range.count / 2
        range = completions[middle].id < name ? middle + 1..<range.upperBound : range.lowerBound..<middle
      }
      guard range.lowerBound < completions.endIndex, completions[range.lowerBound].id.source == name.source else {
        return nil
      }
      return completions[range.lowerBound]
    }
    return [first(in: completions), first(in: takenBack)].compactMap { $0 }.min { $0.id < $1.id }
  }

  private static func insert(
    _ completion: Completion, into completions: inout [Completion], max: Int = statementsMax
  ) {
    completions.insert(completion, at: completions.firstIndex { completion.id < $0.id } ?? completions.endIndex)
    bound(&completions, \.id, to: max)
  }

  private static func bound<Statement>(
    _ statements: inout [Statement], _ id: KeyPath<Statement, StatementID>, to max: Int
  ) {
    while statements.count > max {
      let counts = Dictionary(statements.map { ($0[keyPath: id].source, 1) }, uniquingKeysWith: +)
      let source = counts.max { ($0.value, $0.key) < ($1.value, $1.key) }?.key
      guard let place = statements.firstIndex(where: { $0[keyPath: id].source == source }) else { return }
      statements.remove(at: place)
    }
  }
}

/// The trust of one completion.
public struct CompletionTrust: Hashable, Comparable, Sendable {
  public var trust: CellTrust
  /// It counted before, in a backup of this service or a document that it sealed: the bound of days
  /// before an account does not apply to it.
  public var isExempt: Bool

  public static let counted = CompletionTrust(.counted)

  public init(_ trust: CellTrust, isExempt: Bool = false) {
    self.trust = trust
    self.isExempt = isExempt && trust == .counted
  }

  /// The bits of `number`.
  static let mask: UInt8 = 0x87

  /// The number of the trust, and 0x80 for an exempt one.
  public var number: UInt8 { trust.number | (isExempt ? 0x80 : 0) }

  public init(number: UInt8) { self.init(CellTrust(number: number & 0x7F), isExempt: number & 0x80 != 0) }

  /// The better one is greater: counted above any quarantine; of two reasons the first of the list
  /// is better.
  public static func < (left: CompletionTrust, right: CompletionTrust) -> Bool {
    (right.trust.number, left.isExempt ? 1 : 0) < (left.trust.number, right.isExempt ? 1 : 0)
  }
}

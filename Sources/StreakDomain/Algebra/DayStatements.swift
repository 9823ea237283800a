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
    /// The status that it was given at arrival.
    public var trust: CompletionTrust
    var origin = TrustOrigin.judged
    /// The undos that its author knew: it inherits the trust of the completions that they took
    /// back.
    public var follows: [StatementID]
    /// Statements that its author knew and that had not arrived.
    var ahead: SeenStatements
    /// It was stated of another habit, which is a part of this one now.
    var isJoined = false

    public init(id: StatementID, trust: CompletionTrust, follows: [StatementID] = []) {
      self.init(id: id, trust: trust, follows: follows, ahead: .nothing)
    }

    init(
      id: StatementID, trust: CompletionTrust, origin: TrustOrigin = .judged, follows: [StatementID],
      ahead: SeenStatements, isJoined: Bool = false
    ) {
      self.id = id
      self.trust = trust
      self.origin = origin
      self.follows = follows
      self.ahead = ahead
      self.isJoined = isJoined
    }

    /// Whether it is an earlier statement of the same device or of direct calls, about the same
    /// habit: the later one replaces it.
    func isReplaced(by later: StatementID, isJoined: Bool) -> Bool {
      id.source == later.source && id.seq < later.seq && id.seq > 0 && self.isJoined == isJoined
    }
  }

  /// The origin of a completion's `trust`. The raw value is the one in storage, beside the number
  /// of the trust.
  enum TrustOrigin: UInt8 {
    /// Its own, judged at arrival: it applies unless the completion follows undos.
    case judged = 0
    /// Set by the bound of early days: it applies whatever undos the completion follows.
    case fixed = 0x40
    /// That of the completions that its author knew: a resolution that keeps them.
    case kept = 0x10
    /// Judged at arrival, until a completion arrives that its author knew and keeps.
    case awaited = 0x50

    static let mask: UInt8 = 0x50
  }

  public struct Undo: Hashable, Sendable {
    public struct Taken: Hashable, Sendable {
      public var id: StatementID
      /// Nil: the completion has not arrived.
      public var trust: CompletionTrust?

      public init(id: StatementID, trust: CompletionTrust?) {
        self.id = id
        self.trust = trust
      }
    }

    public var id: StatementID
    public var taken: [Taken] = []
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

    /// The best trust of the completions it took back; nil if none of them is known.
    var trust: CompletionTrust? { isInherited ? taken.compactMap(\.trust).max() : nil }

    func takes(_ completion: StatementID) -> Bool { taken.contains { $0.id == completion } }
  }

  /// The standing completions, by name.
  public internal(set) var completions: [Completion] = []
  public internal(set) var undos: [Undo] = []
  public internal(set) var note = Register<String>()

  /// Most statements of each kind that are kept for a day; beyond it the least name of the source
  /// with most statements is dropped.
  public static let statementsMax = 32
  /// Most completions that one undo names.
  public static let undoneMax = 64

  public init() {}

  public var isDone: Bool { !completions.isEmpty }

  /// The day's trust: of a done day that of its best completion, otherwise that of the completions
  /// taken back.
  public var trust: CompletionTrust {
    (isDone ? completions.map { effectiveTrust(of: $0) }.max() : undos.compactMap(\.trust).max()) ?? .counted
  }

  /// A completion's trust: inherited from the undos before it, otherwise as judged at arrival.
  func effectiveTrust(of completion: Completion) -> CompletionTrust {
    guard !completion.follows.isEmpty, completion.origin == .judged else { return completion.trust }
    return undos.filter { completion.follows.contains($0.id) }.compactMap(\.trust).max() ?? completion.trust
  }

  /// The statements that keep the habit if a deletion did not know all of them. A completion counts
  /// even if undone later.
  public var activity: [StatementID] {
    completions.map(\.id) + note.elements.map(\.stamp.id)
      + undos.flatMap { $0.taken.filter { $0.trust != nil }.map(\.id) }
  }

  /// The undos that a completion by this author is not concurrent with.
  func undosSeen(by author: Author) -> [StatementID] { undos.lazy.map(\.id).filter(author.covers) }

  /// The trust that a completion by this author inherits; nil: it is judged by itself.
  func inheritedTrust(of author: Author) -> CompletionTrust? {
    undos.lazy.filter { author.covers($0.id) }.compactMap(\.trust).max()
  }

  /// The trust that a resolution by this author keeps: the best of the completions that it knows,
  /// standing or taken back; nil: none has arrived.
  func keptTrust(of author: Author) -> CompletionTrust? {
    (standing(knownTo: author).compactMap(\.trust) + [inheritedTrust(of: author)].compactMap { $0 }).max()
  }

  /// The completions that stand as far as an author knows: an undo without names takes these back.
  func standing(knownTo author: Author) -> [Undo.Taken] {
    let standing = completions.filter { author.covers($0.id) }.map { completion in
      Undo.Taken(id: completion.id, trust: effectiveTrust(of: completion))
    }
    // Completions that an undo took back which the author does not know. Those of an undone
    // migration have no trust any more.
    let taken = undos.filter { !author.covers($0.id) }.flatMap { undo in
      undo.taken.filter { $0.trust != nil }.map { name in
        Undo.Taken(id: name.id, trust: undo.isInherited ? name.trust : nil)
      }
    }
    let seenUndos = undos.filter { author.covers($0.id) }
    return standing
      + taken.filter { name in
        author.covers(name.id) && !seenUndos.contains { $0.takes(name.id) }
      }
  }

  /// The undos with a notice: the day is done nevertheless, by a completion concurrent with the
  /// undo, and no later statement "done" or "not done" has followed whose author knew the undo.
  var lostUndos: [StatementID] {
    undos.lazy.filter { undo in
      !undo.isAnswered
        && completions.contains { completion in
          !completion.follows.contains(undo.id) && !undo.left.contains(completion.id)
        }
    }.map(\.id)
  }

  // MARK: Merging

  /// Merges a completion with `trust`, or with the trust of the completions that the undos before
  /// it took back.
  mutating func complete(by author: Author, trust: CompletionTrust, origin: TrustOrigin = .judged) {
    let id = author.id
    guard !completions.contains(where: { $0.id == id }) else { return }
    answer(by: author)
    takeKept(trust, of: id)
    if undos.contains(where: { $0.takes(id) }) {
      let replaced = completions.filter { $0.isReplaced(by: id, isJoined: false) }
      let trust = replaced.map { effectiveTrust(of: $0) }.reduce(trust, max)
      for undo in undos.indices {
        for taken in undos[undo].taken.indices where undos[undo].taken[taken].id == id {
          undos[undo].taken[taken].trust = max(undos[undo].taken[taken].trust ?? trust, trust)
        }
      }
      return completions.removeAll { $0.isReplaced(by: id, isJoined: false) }
    }
    for index in undos.indices where undos[index].ahead.covers(id) { undos[index].left.append(id) }
    let completion = Completion(
      id: id, trust: trust, origin: origin, follows: undosSeen(by: author), ahead: author.ahead)
    // A later completion with the same trust is stored instead of the only one of its source
    // before: there is none left then that an undo of it would have to take back.
    if undos.isEmpty, origin == .judged,
      let place = completions.firstIndex(where: { $0.id.source == id.source && !$0.isJoined }),
      completions[place].trust == trust, completions[place].origin == .judged,
      completions.lastIndex(where: { $0.id.source == id.source && !$0.isJoined }) == place
    {
      if completions[place].id < id { completions[place] = completion }
      return
    }
    // The usual case, without the search.
    if completions.isEmpty { return completions = [completion] }
    completions.insert(completion, at: completions.firstIndex { id < $0.id } ?? completions.endIndex)
    Self.bound(&completions, \.id)
  }

  /// Takes over what was stated of the same day under another habit's name.
  mutating func join(_ other: DayStatements) {
    for completion in other.completions {
      if let place = completions.firstIndex(where: { $0.id == completion.id }) {
        // One migration stated both.
        completions[place].trust = max(completions[place].trust, completion.trust)
      } else {
        var completion = completion
        completion.isJoined = true
        completions.insert(completion, at: completions.firstIndex { completion.id < $0.id } ?? completions.endIndex)
      }
    }
    for undo in other.undos where !undos.contains(where: { $0.id == undo.id }) {
      undos.insert(undo, at: undos.firstIndex { undo.id < $0.id } ?? undos.endIndex)
    }
    for undo in undos { completions.removeAll { undo.takes($0.id) } }
    while completions.count > Self.statementsMax { Self.bound(&completions, \.id) }
    while undos.count > Self.statementsMax { Self.bound(&undos, \.id) }
    note.join(other.note)
  }

  /// Notes that no notice tells of any of it.
  mutating func forgetNotices() {
    for index in undos.indices { undos[index].hasNotice = false }
    note.forgetNotices()
  }

  /// Removes the counting completions from the streak: the bound of days before the account's first
  /// date is reached.
  mutating func quarantineOverLimit() {
    for index in completions.indices {
      let trust = effectiveTrust(of: completions[index])
      guard trust.trust == .counted, !trust.isExempt else { continue }
      completions[index].trust = CompletionTrust(.quarantined(.overLimit))
      completions[index].origin = .fixed
    }
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
    var undo = Undo(id: id, isInherited: isInherited, ahead: author.ahead)
    undo.taken = Set(names).sorted().map { name in Undo.Taken(id: name, trust: knownTrust(of: name)) }
    let named = completions.filter { undo.takes($0.id) }
    completions.removeAll { completion in
      named.contains { $0.id == completion.id || completion.isReplaced(by: $0.id, isJoined: $0.isJoined) }
    }
    undo.left = completions.map(\.id).filter(author.covers)
    // The undo of a migration says nothing about a day that comes again: it is no conflict.
    undo.isAnswered =
      !isInherited || undos.contains { $0.ahead.covers(id) } || completions.contains { $0.ahead.covers(id) }
    undos.insert(undo, at: undos.firstIndex { id < $0.id } ?? undos.endIndex)
    for index in completions.indices where completions[index].ahead.covers(id) { completions[index].follows.append(id) }
    Self.bound(&undos, \.id)
  }

  /// Resolutions that keep a completion have its trust, also if it arrives after them.
  private mutating func takeKept(_ trust: CompletionTrust, of id: StatementID) {
    for index in completions.indices where completions[index].ahead.covers(id) {
      switch completions[index].origin {
      case .awaited: (completions[index].trust, completions[index].origin) = (trust, .kept)
      case .kept: completions[index].trust = max(completions[index].trust, trust)
      case .judged, .fixed: break
      }
    }
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

  private func knownTrust(of name: StatementID) -> CompletionTrust? {
    var known: [CompletionTrust] = []
    if let named = completions.first(where: { $0.id == name }) {
      known = completions.filter { $0.id == name || $0.isReplaced(by: name, isJoined: named.isJoined) }
        .map { effectiveTrust(of: $0) }
    }
    // Completions of an undone migration have no trust any more.
    for undo in undos where undo.isInherited { known += undo.taken.filter { $0.id == name }.compactMap(\.trust) }
    if let best = known.max() { return best }
    // A later completion of its source replaces it.
    return completions.first { $0.id.source == name.source && $0.id.seq > name.seq }.map { effectiveTrust(of: $0) }
  }

  private static func bound<Statement>(_ statements: inout [Statement], _ id: KeyPath<Statement, StatementID>) {
    guard statements.count > statementsMax else { return }
    let counts = Dictionary(statements.map { ($0[keyPath: id].source, 1) }, uniquingKeysWith: +)
    let source = counts.max { ($0.value, $0.key) < ($1.value, $1.key) }?.key
    if let place = statements.firstIndex(where: { $0[keyPath: id].source == source }) { statements.remove(at: place) }
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

  /// The number of the trust, and 0x80 for an exempt one.
  public var number: UInt8 { trust.number | (isExempt ? 0x80 : 0) }

  public init(number: UInt8) { self.init(CellTrust(number: number & 0x7F), isExempt: number & 0x80 != 0) }

  /// The better one is greater: counted above any quarantine; of two reasons the first of the list
  /// is better.
  public static func < (left: CompletionTrust, right: CompletionTrust) -> Bool {
    (right.trust.number, left.isExempt ? 1 : 0) < (left.trust.number, right.isExempt ? 1 : 0)
  }
}

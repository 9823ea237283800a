/// One value that several devices state: a day's note, a field of a habit. The last writer wins;
/// concurrent losing values are kept until a statement whose author knew them replaces them.
///
/// A statement replaces those that its author knew. Of the remaining ones the one with the greatest
/// stamp wins. The result depends on the statements and on their authors' knowledge, not on the
/// order of arrival: merging is commutative, associative and idempotent.
public struct Register<Value: Hashable & Sendable>: Hashable, Sendable {
  public struct Element: Hashable, Sendable {
    public var stamp: Stamp
    public var value: Value
    /// Statements that its author knew and that had not arrived.
    var ahead: SeenStatements
    /// A notice about this losing value exists.
    public var hasNotice: Bool

    init(stamp: Stamp, value: Value, ahead: SeenStatements = .nothing, hasNotice: Bool = false) {
      self.stamp = stamp
      self.value = value
      self.ahead = ahead
      self.hasNotice = hasNotice
    }
  }

  /// A value that won during a conflict: a resolution may confirm it although it has been replaced
  /// meanwhile.
  struct Former: Hashable, Sendable {
    var stamp: Stamp
    var value: Value
    /// The statements that replaced it, none of which knew another of them.
    var replacedBy: [StatementID]
  }

  /// The statements that no other has replaced, the greatest stamp first.
  public private(set) var elements: [Element]
  private(set) var former: [Former] = []

  /// Nothing was stated.
  public init() { elements = [] }

  public init(_ value: Value, _ stamp: Stamp) { elements = [Element(stamp: stamp, value: value)] }

  init(elements: [Element], former: [Former] = []) {
    self.elements = elements.sorted { $1.stamp < $0.stamp }
    self.former = former
  }

  /// Whether this is the only statement: one value with its stamp, or nothing.
  func isOnly(_ value: Value?, _ stamp: Stamp) -> Bool {
    guard former.isEmpty else { return false }
    guard let value else { return elements.isEmpty }
    return elements.count == 1 && elements[0] == Element(stamp: stamp, value: value)
  }

  /// The winning statement.
  public var winner: Element? { elements.first }

  /// The other statements whose values differ from the winning one.
  public var conflicting: some Sequence<Element> {
    elements.dropFirst().filter { [value = elements.first?.value] in $0.value != value }
  }

  /// The winning value as far as an author knows; nil if the author knows none.
  func value(knownTo author: Author) -> Value? {
    let known =
      elements.filter { author.covers($0.stamp.id) }.map { ($0.stamp, $0.value) }
      + former.filter { author.covers($0.stamp.id) && !$0.replacedBy.contains(where: author.covers) }.map {
        ($0.stamp, $0.value)
      }
    return known.max { $0.0 < $1.0 }?.1
  }

  /// Merges a statement.
  ///
  /// Times order concurrent statements only: a statement that the author knew is replaced, whatever
  /// its clock said.
  /// - Returns: The stamp under which it was merged; nil if it was merged or replaced before.
  @discardableResult
  mutating func state(_ value: Value, by author: Author) -> Stamp? {
    guard !elements.contains(where: { $0.stamp.id == author.id || $0.ahead.covers(author.id) }) else { return nil }
    // The usual case: everything that was stated is known and replaced.
    if former.isEmpty, elements.count == 1, elements[0].ahead == .nothing, author.covers(elements[0].stamp.id) {
      elements[0] = Element(stamp: author.stamp, value: value, ahead: author.ahead)
      return author.stamp
    }
    var ahead = author.ahead
    for index in former.indices where author.covers(former[index].stamp.id) {
      if !former[index].replacedBy.contains(where: author.covers) { former[index].replacedBy.append(author.id) }
    }
    if elements.count > 1 || !former.isEmpty {
      let replaced = elements.filter { author.covers($0.stamp.id) }
      former += replaced.map { Former(stamp: $0.stamp, value: $0.value, replacedBy: [author.id]) }
      if former.count > Self.formerMax { former.removeFirst(former.count - Self.formerMax) }
    }
    elements.removeAll { element in
      guard author.covers(element.stamp.id) else { return false }
      ahead.formUnion(element.ahead)
      return true
    }
    ahead.bound(to: Self.aheadMax)
    insert(Element(stamp: author.stamp, value: value, ahead: ahead))
    return author.stamp
  }

  /// Takes over what was stated of the same thing under another name: each statement stays, as
  /// their authors did not know that it was one.
  mutating func join(_ other: Register) {
    for var element in other.elements {
      if let place = elements.firstIndex(where: { $0.stamp.id == element.stamp.id }) {
        guard elements[place].value != element.value, let part = element.stamp.id.migrationPart, part == 0 else {
          continue
        }
        // One migration stated both: the later one keeps the name.
        if (elements[place].stamp.time, "\(elements[place].value)") < (element.stamp.time, "\(element.value)") {
          swap(&elements[place], &element)
        }
        element.stamp.id = StatementID(element.stamp.id.source, part: 1)
        elements.sort { $1.stamp < $0.stamp }
        guard !elements.contains(where: { $0.stamp.id == element.stamp.id }) else { continue }
      }
      insert(element)
    }
    former = Array((former + other.former).suffix(Self.formerMax))
  }

  /// Notes that no notice tells of any of the values.
  mutating func forgetNotices() {
    for index in elements.indices { elements[index].hasNotice = false }
  }

  /// Takes back a statement that nothing has replaced.
  mutating func retract(_ id: StatementID) { elements.removeAll { $0.stamp.id == id } }

  /// Takes back all statements of a value.
  mutating func retractAll(of value: Value) { elements.removeAll { $0.value == value } }

  /// Records whether a notice about the statement exists.
  mutating func setNotice(_ hasNotice: Bool, of id: StatementID) {
    for index in elements.indices where elements[index].stamp.id == id { elements[index].hasNotice = hasNotice }
  }

  private mutating func insert(_ element: Element) {
    // The usual case, without the search.
    if elements.isEmpty { return elements = [element] }
    let place = elements.firstIndex { $0.stamp < element.stamp } ?? elements.endIndex
    elements.insert(element, at: place)
    // Bounded: a device has one element, but operations may name sources at will.
    if elements.count > Self.elementsMax { elements.removeLast(elements.count - Self.elementsMax) }
  }

  /// Most former values that are kept; those replaced first are dropped.
  public static var formerMax: Int { 8 }

  /// Most sources of statements that are kept as known before their arrival.
  public static var aheadMax: Int { 64 }

  /// Most concurrent statements that are kept; the earliest are dropped.
  public static var elementsMax: Int { 32 }
}

/// One value that several devices state: a day's note, a field of a habit. The last writer wins;
/// concurrent values that lost are kept until a statement that had seen them replaces them.
///
/// A statement replaces those that its author had seen. Of those that are left the one with the
/// greatest stamp holds. What is left depends on the statements and on what each had seen, not on
/// the order in which they come: merging is commutative, associative and idempotent.
public struct Register<Value: Hashable & Sendable>: Hashable, Sendable {
  public struct Element: Hashable, Sendable {
    public var stamp: Stamp
    public var value: Value
    /// What its author had seen that had not arrived.
    var ahead: SeenStatements
    /// A notice says that this value lost.
    public var hasNotice: Bool

    init(stamp: Stamp, value: Value, ahead: SeenStatements = .nothing, hasNotice: Bool = false) {
      self.stamp = stamp
      self.value = value
      self.ahead = ahead
      self.hasNotice = hasNotice
    }
  }

  /// A value that held while there was a conflict: a resolution may confirm it although it has been
  /// replaced meanwhile.
  struct Former: Hashable, Sendable {
    var stamp: Stamp
    var value: Value
    /// The statements that replaced it, none of which had seen another of them.
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

  /// Whether this is all that was stated: one value with its stamp, or nothing.
  func isOnly(_ value: Value?, _ stamp: Stamp) -> Bool {
    guard former.isEmpty else { return false }
    guard let value else { return elements.isEmpty }
    return elements.count == 1 && elements[0] == Element(stamp: stamp, value: value)
  }

  /// The statement that holds.
  public var winner: Element? { elements.first }

  /// The others, of which the values differ from the one that holds.
  public var losers: some Sequence<Element> {
    elements.dropFirst().filter { [value = elements.first?.value] in $0.value != value }
  }

  /// The value that holds as far as an author knows; nil if the author knows none.
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
  /// Times order concurrent statements only: what an author had seen is replaced, whatever its
  /// clock said.
  /// - Returns: The stamp under which it was merged; nil if it had been merged, or replaced,
  ///   before.
  @discardableResult
  mutating func state(_ value: Value, by author: Author) -> Stamp? {
    guard !elements.contains(where: { $0.stamp.id == author.id || $0.ahead.covers(author.id) }) else { return nil }
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

  /// Notes which of the statements are told in a notice.
  mutating func setNotice(_ hasNotice: Bool, of id: StatementID) {
    for index in elements.indices where elements[index].stamp.id == id { elements[index].hasNotice = hasNotice }
  }

  private mutating func insert(_ element: Element) {
    let place = elements.firstIndex { $0.stamp < element.stamp } ?? elements.endIndex
    elements.insert(element, at: place)
    // Bounded: a device has one element, but operations may name sources at will.
    if elements.count > Self.elementsMax { elements.removeLast(elements.count - Self.elementsMax) }
  }

  /// Values kept that held during conflicts; those replaced first go.
  public static var formerMax: Int { 8 }

  /// Concurrent statements kept of one value; the earliest go.
  public static var elementsMax: Int { 32 }
}

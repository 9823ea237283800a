/// The storage format of statements: each source once, then numbers as varints. Bytes that cannot
/// be read give nil.
struct StatementWriter {
  private var sources: [Identifier] = []
  /// The place of each, once there are many.
  private var places: [Identifier: Int] = [:]
  private var body: [UInt8] = []

  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(1 + sources.count * Identifier.byteCount + body.count)
    Self.append(UInt64(sources.count), to: &bytes)
    for source in sources {
      bytes.append(bigEndian: source.high)
      bytes.append(bigEndian: source.low)
    }
    return bytes + body
  }

  mutating func append(count: Int) { Self.append(UInt64(count), to: &body) }
  mutating func append(byte: UInt8) { body.append(byte) }
  mutating func append(_ time: HybridTime) { body.append(bigEndian: time.packed) }

  mutating func append(_ text: String) {
    append(count: text.utf8.count)
    body.append(contentsOf: text.utf8)
  }

  mutating func append(_ id: StatementID) {
    append(count: place(of: id.source))
    Self.append(UInt64(bitPattern: id.seq << 1 ^ id.seq >> 63), to: &body)
  }

  private mutating func place(of source: Identifier) -> Int {
    if sources.count <= Self.searchedMax {
      if let place = sources.firstIndex(of: source) { return place }
      if sources.count == Self.searchedMax { for (place, source) in sources.enumerated() { places[source] = place } }
    } else if let place = places[source] {
      return place
    }
    if sources.count >= Self.searchedMax { places[source] = sources.count }
    sources.append(source)
    return sources.count - 1
  }

  /// Most sources that are searched one by one.
  private static let searchedMax = 16

  mutating func append(_ stamp: Stamp) {
    append(stamp.time)
    append(stamp.id)
  }

  mutating func append(_ ids: [StatementID]) {
    append(count: ids.count)
    for id in ids { append(id) }
  }

  mutating func append(_ register: Register<String>) {
    append(count: register.elements.count)
    for element in register.elements {
      append(element.stamp)
      append(element.ahead.last)
      append(byte: element.hasNotice ? 1 : 0)
      append(element.value)
    }
    append(count: register.former.count)
    for former in register.former {
      append(former.stamp)
      append(former.replacedBy)
      append(former.value)
    }
  }

  private static func append(_ value: UInt64, to bytes: inout [UInt8]) {
    var value = value
    while value >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    bytes.append(UInt8(value))
  }
}

/// Reads the output of `StatementWriter`.
struct StatementReader {
  struct Malformed: Error {}

  private var sources: [Identifier] = []
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) throws(Malformed) {
    rest = bytes[...]
    for _ in 0..<(try count()) {
      let (high, low) = (try fixed(), try fixed())
      sources.append(Identifier(high: high, low: low))
    }
  }

  mutating func byte() throws(Malformed) -> UInt8 {
    guard let byte = rest.popFirst() else { throw Malformed() }
    return byte
  }

  /// A count of items of at least a byte each.
  mutating func count() throws(Malformed) -> Int {
    let value = try varint()
    guard value <= UInt64(rest.count) else { throw Malformed() }
    return Int(value)
  }

  mutating func time() throws(Malformed) -> HybridTime { HybridTime(packed: try fixed()) }

  mutating func text() throws(Malformed) -> String {
    let count = try count()
    defer { rest = rest.dropFirst(count) }
    return String(decoding: rest.prefix(count), as: UTF8.self)
  }

  mutating func id() throws(Malformed) -> StatementID {
    let place = try varint()
    guard place < UInt64(sources.count) else { throw Malformed() }
    let seq = try varint()
    return StatementID(source: sources[Int(place)], seq: Int64(bitPattern: seq >> 1) ^ -Int64(bitPattern: seq & 1))
  }

  mutating func stamp() throws(Malformed) -> Stamp {
    let time = try time()
    return Stamp(time: time, id: try id())
  }

  mutating func ids() throws(Malformed) -> [StatementID] {
    var ids: [StatementID] = []
    for _ in 0..<(try count()) { ids.append(try id()) }
    return ids
  }

  mutating func register() throws(Malformed) -> Register<String> {
    var elements: [Register<String>.Element] = []
    for _ in 0..<(try count()) {
      let stamp = try stamp()
      let ahead = SeenStatements(try ids())
      let hasNotice = try byte() != 0
      elements.append(.init(stamp: stamp, value: try text(), ahead: ahead, hasNotice: hasNotice))
    }
    var former: [Register<String>.Former] = []
    for _ in 0..<(try count()) {
      let (stamp, replacedBy) = (try stamp(), try ids())
      former.append(.init(stamp: stamp, value: try text(), replacedBy: replacedBy))
    }
    return Register(elements: elements, former: former)
  }

  private mutating func fixed() throws(Malformed) -> UInt64 {
    guard rest.count >= 8 else { throw Malformed() }
    defer { rest = rest.dropFirst(8) }
    return rest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }

  private mutating func varint() throws(Malformed) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), through: 63, by: 7) {
      let byte = try byte()
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw Malformed()
  }
}

extension DayStatements.Completion {
  fileprivate static let joined: UInt8 = 0x20
  /// It follows statements, or statements that its author knew have not arrived: lists follow.
  fileprivate static let hasLists: UInt8 = 0x08
}

extension StatementWriter {
  mutating func append(_ completions: [DayStatements.Completion]) {
    append(count: completions.count)
    for completion in completions {
      append(completion.id)
      let hasLists = !completion.follows.isEmpty || completion.ahead != .nothing
      append(
        byte: completion.trust.number | completion.origin.rawValue
          | (completion.joinedFrom == nil ? 0 : DayStatements.Completion.joined)
          | (hasLists ? DayStatements.Completion.hasLists : 0))
      if let habitID = completion.joinedFrom { append(StatementID(source: habitID, seq: 0)) }
      guard hasLists else { continue }
      append(completion.follows)
      append(completion.ahead.last)
    }
  }
}

extension StatementReader {
  mutating func completions() throws(Malformed) -> [DayStatements.Completion] {
    var completions: [DayStatements.Completion] = []
    for _ in 0..<(try count()) {
      let id = try id()
      let byte = try byte()
      let joinedFrom = byte & DayStatements.Completion.joined == 0 ? nil : try self.id().source
      let hasLists = byte & DayStatements.Completion.hasLists != 0
      completions.append(
        DayStatements.Completion(
          id: id, trust: CompletionTrust(number: byte & CompletionTrust.mask),
          origin: DayStatements.TrustOrigin(rawValue: byte & DayStatements.TrustOrigin.mask) ?? .judged,
          follows: hasLists ? try ids() : [], ahead: SeenStatements(hasLists ? try ids() : []),
          joinedFrom: joinedFrom))
    }
    return completions
  }
}

extension DayStatements {
  /// For storage, if there is more than one completion with its note.
  public var encoded: [UInt8] {
    var writer = StatementWriter()
    writer.append(completions)
    writer.append(takenBack)
    writer.append(count: undos.count)
    for undo in undos {
      writer.append(undo.id)
      writer.append(byte: (undo.isInherited ? 1 : 0) | (undo.hasNotice ? 2 : 0) | (undo.isAnswered ? 4 : 0))
      writer.append(undo.left)
      writer.append(undo.ahead.last)
      writer.append(undo.names)
    }
    writer.append(note)
    return writer.bytes
  }

  /// Reads `encoded` back; nil for other bytes.
  public init?(encoded: [UInt8]) {
    do throws(StatementReader.Malformed) {
      var reader = try StatementReader(encoded)
      self.init(completions: try reader.completions(), takenBack: try reader.completions())
      for _ in 0..<(try reader.count()) {
        let id = try reader.id()
        let flags = try reader.byte()
        let (left, ahead, names) = (try reader.ids(), SeenStatements(try reader.ids()), try reader.ids())
        undos.append(
          Undo(
            id: id, names: names, isInherited: flags & 1 != 0, hasNotice: flags & 2 != 0, isAnswered: flags & 4 != 0,
            left: left, ahead: ahead))
      }
      note = try reader.register()
    } catch {
      return nil
    }
  }
}

extension HabitStatements {
  /// For storage.
  public var encoded: [UInt8] {
    var writer = StatementWriter()
    let first = self[.name].elements.first?.stamp
    // Most habits were stated once, with all fields together: their values are in columns of their
    // own.
    let isPlain =
      deletions.isEmpty
      && HabitField.allCases.allSatisfy { field in
        let elements = self[field].elements
        return elements.count == 1 && elements[0].stamp == first && elements[0].ahead == .nothing
      }
    if let first, isPlain {
      writer.append(byte: 0)
      writer.append(first)
      return writer.bytes
    }
    writer.append(byte: 1)
    for field in HabitField.allCases { writer.append(self[field]) }
    writer.append(count: deletions.count)
    for deletion in deletions {
      writer.append(deletion.stamp)
      writer.append(byte: deletion.flags)
      writer.append(deletion.seen.last)
    }
    return writer.bytes
  }

  /// Whether all fields were stated once, together, and nothing else.
  static func isPlain(encoded: [UInt8]) -> Bool { encoded.count <= plainBytesMax }

  /// A count, a source, a mark, a time and a number.
  private static let plainBytesMax = 1 + Identifier.byteCount + 1 + 8 + 1 + 10

  /// Reads `encoded` back; other bytes give `fields`, stated before anything else.
  public init(encoded: [UInt8], fields: HabitFields) {
    do throws(StatementReader.Malformed) {
      var reader = try StatementReader(encoded)
      guard try reader.byte() == 1 else {
        self.init(fields, try reader.stamp())
        return
      }
      var registers: [Register<String>] = []
      for _ in HabitField.allCases { registers.append(try reader.register()) }
      var deletions: [Deletion] = []
      for _ in 0..<(try reader.count()) {
        let stamp = try reader.stamp()
        let flags = try reader.byte()
        deletions.append(Deletion(stamp: stamp, seen: SeenStatements(try reader.ids()), flags: flags))
      }
      self.init(registers: registers, deletions: deletions)
    } catch {
      self.init(fields, Stamp(time: .zero, id: StatementID(source: StatementID.directCalls, seq: 0)))
    }
  }
}

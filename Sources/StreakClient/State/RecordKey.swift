internal import StreakDomain

/// The key of one record in a client's storage.
enum RecordKey: Hashable, Sendable {
  case settings
  case session
  case sessionHabit(Identifier)
  case sessionEntry(CellKey)
  /// An account, by the user's id, and its parts.
  case account(Identifier)
  case habit(Identifier, Identifier)
  case cell(Identifier, CellKey)
  case notice(Identifier, Identifier)
  case operation(Identifier, Int64)
  case rejected(Identifier, HybridTime)
  case acknowledgement(Identifier, Identifier)
  case migratedSession(Identifier, Identifier)
  case formerHabit(Identifier, Identifier)
  case deletedHabit(Identifier, Identifier)
  case alias(Identifier, Identifier)

  /// The kind's number, then ids and numbers, big-endian. Records are read in the order of the
  /// kinds' numbers.
  var bytes: [UInt8] {
    switch self {
    case .settings: [0]
    case .session: [1]
    case .sessionHabit(let id): [2] + id.bytes
    case .sessionEntry(let cell): [3] + Self.bytes(cell)
    case .account(let userID): [16] + userID.bytes
    case .habit(let userID, let id): [17] + userID.bytes + id.bytes
    case .cell(let userID, let cell): [18] + userID.bytes + Self.bytes(cell)
    case .notice(let userID, let id): [19] + userID.bytes + id.bytes
    case .operation(let userID, let seq): [20] + userID.bytes + Self.bytes(UInt64(bitPattern: seq))
    case .rejected(let userID, let time): [21] + userID.bytes + Self.bytes(time.packed)
    case .acknowledgement(let userID, let id): [22] + userID.bytes + id.bytes
    case .migratedSession(let userID, let id): [23] + userID.bytes + id.bytes
    case .formerHabit(let userID, let id): [24] + userID.bytes + id.bytes
    case .deletedHabit(let userID, let id): [25] + userID.bytes + id.bytes
    case .alias(let userID, let id): [26] + userID.bytes + id.bytes
    }
  }

  /// Parses `bytes`; nil if they are not a key.
  init?(_ bytes: [UInt8]) {
    guard let kind = bytes.first else { return nil }
    func id(_ start: Int) -> Identifier? {
      bytes.count >= start + 16 ? Identifier(Array(bytes[start..<start + 16])) : nil
    }
    func number(_ start: Int, _ count: Int) -> UInt64? {
      bytes.count >= start + count ? bytes[start..<start + count].reduce(0) { $0 << 8 | UInt64($1) } : nil
    }
    func cell(_ start: Int) -> CellKey? {
      guard let habitID = id(start), let day = number(start + 16, 4) else { return nil }
      return CellKey(habitID: habitID, day: Day(Int32(truncatingIfNeeded: day)))
    }
    let key: RecordKey? =
      switch kind {
      case 0: .settings
      case 1: .session
      case 2: id(1).map { .sessionHabit($0) }
      case 3: cell(1).map { .sessionEntry($0) }
      case 16: id(1).map { .account($0) }
      case 17: Self.pair(id(1), id(17)).map { .habit($0, $1) }
      case 18: Self.pair(id(1), cell(17)).map { .cell($0, $1) }
      case 19: Self.pair(id(1), id(17)).map { .notice($0, $1) }
      case 20: Self.pair(id(1), number(17, 8)).map { .operation($0, Int64(bitPattern: $1)) }
      case 21: Self.pair(id(1), number(17, 8)).map { .rejected($0, HybridTime(packed: $1)) }
      case 22: Self.pair(id(1), id(17)).map { .acknowledgement($0, $1) }
      case 23: Self.pair(id(1), id(17)).map { .migratedSession($0, $1) }
      case 24: Self.pair(id(1), id(17)).map { .formerHabit($0, $1) }
      case 25: Self.pair(id(1), id(17)).map { .deletedHabit($0, $1) }
      case 26: Self.pair(id(1), id(17)).map { .alias($0, $1) }
      default: nil
      }
    guard let key, key.bytes == bytes else { return nil }
    self = key
  }

  private static func pair<First, Second>(_ first: First?, _ second: Second?) -> (First, Second)? {
    guard let first, let second else { return nil }
    return (first, second)
  }

  private static func bytes(_ cell: CellKey) -> [UInt8] {
    cell.habitID.bytes + [UInt8](bigEndian: cell.day.number)
  }

  private static func bytes(_ number: UInt64) -> [UInt8] { [UInt8](bigEndian: number) }
}

internal import StreakDomain

/// The digest of a pull's result. Separate, because the schema's type names are those of the domain
/// as well.
struct PulledDigest {
  private var digest = StateDigest.empty
  /// Whether every item had an id.
  private(set) var isReadable = true

  /// The 16 bytes.
  var bytes: [UInt8] { digest.bytes }

  mutating func addHabit(
    id: [UInt8], name: String, description: String, color: UInt32, position: Int32, isArchived: Bool
  ) {
    guard let id = Identifier(id) else { return isReadable = false }
    digest += HabitState.itemDigest(
      habitID: id,
      HabitFields(name: name, description: description, color: color, position: position, archived: isArchived))
  }

  mutating func addCell(habitID: [UInt8], day: Int32, isDone: Bool, note: String, quarantine: Int32) {
    guard let id = Identifier(habitID) else { return isReadable = false }
    digest += CellState.itemDigest(
      CellKey(habitID: id, day: Day(day)),
      CellContent(done: isDone, note: note, trust: CellTrust(number: UInt8(clamping: quarantine))))
  }
}

internal import GRPCSchema
internal import ProtobufCodec
internal import Schema
internal import SchemaConversion
internal import StreakDomain

/// This device's data as a JSON document in the layout of the service's export; sections with data
/// that only a server has are empty.
struct LocalDocument {
  /// The version of the layout, as in the service's documents.
  static let schemaVersion: Int32 = 2
  private static let sections = [
    "account", "devices", "habits", "ledger", "history", "rejectedEntries", "rejectedOperations", "notices",
    "migrations", "audit",
  ]

  private var records: [String: [String]] = [:]
  private let header: ExportHeader

  /// - Parameter userID: The account; nil: the anonymous session.
  init(
    habits: [Identifier: HabitFields], cells: [CellKey: CellContent], userID: Identifier?, at now: Instant
  ) {
    header = ExportHeader(
      schemaVersion: Self.schemaVersion, exportedAt: GoogleProtobufTimestamp(now),
      userId: userID?.bytes ?? [])
    for (id, fields) in habits.sorted(by: { ($0.value.position, $0.key) < ($1.value.position, $1.key) }) {
      add(Habit(id, fields), to: "habits")
    }
    for (key, cell) in cells.sorted(by: { $0.key < $1.key }) {
      var written = Cell(SyncChanges.Cell(key: key, cell: cell, version: 0, completions: []))
      // Without an account, the status of a day is not decided yet.
      if userID == nil { (written.trust, written.quarantineReason) = (.unspecified, .unspecified) }
      add(ExportedCell(date: key.day.description, cell: written), to: "ledger")
    }
  }

  private mutating func add(_ message: some ProtobufMessage, to section: String) {
    records[section, default: []].append((try? message.json()) ?? "{}")
  }

  /// The document.
  var text: String {
    var text = "\((try? header.json())?.dropLast() ?? "{")"
    for section in Self.sections {
      let lines = records[section] ?? []
      text += ",\n\"\(section)\":[" + (lines.isEmpty ? "]" : "\n" + lines.joined(separator: ",\n") + "\n]")
    }
    return text + "}\n"
  }
}

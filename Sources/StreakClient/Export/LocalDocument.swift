internal import GRPCSchema
internal import ProtobufCodec
internal import Schema
internal import SchemaConversion
internal import StreakDomain

/// What this device holds, as the JSON document of the service's export: the sections that only a
/// server fills are empty.
struct LocalDocument {
  /// The version of the layout, as the service writes it.
  static let schemaVersion: Int32 = 2
  private static let sections = [
    "account", "devices", "habits", "ledger", "history", "rejectedEntries", "rejectedOperations", "notices",
    "migrations", "audit",
  ]

  private var records: [String: [String]] = [:]
  private let header: ExportHeader

  /// - Parameter userID: Whose data it is; nil: an anonymous session's.
  init(
    habits: [Identifier: HabitFields], cells: [CellKey: LedgerCell], userID: Identifier?, at now: Instant
  ) {
    header = ExportHeader(
      schemaVersion: Self.schemaVersion, exportedAt: GoogleProtobufTimestamp(now),
      userId: userID?.bytes ?? [])
    for (id, fields) in habits.sorted(by: { ($0.value.position, $0.key) < ($1.value.position, $1.key) }) {
      add(Habit(id, fields), to: "habits")
    }
    for (key, cell) in cells.sorted(by: { $0.key < $1.key }) {
      var written = Cell(SyncChanges.Cell(key: key, cell: cell, version: 0, completions: []))
      // What a day is worth without an account is not decided yet.
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

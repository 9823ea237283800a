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
  private let header: String

  /// - Parameter userID: The account; nil: the anonymous session.
  init(
    habits: [Identifier: HabitFields], cells: [CellKey: CellContent], userID: Identifier?, at now: Instant
  ) throws(ClientError) {
    header = try Self.json(
      ExportHeader(
        schemaVersion: Self.schemaVersion, exportedAt: GoogleProtobufTimestamp(now), userId: userID?.bytes ?? []))
    for (id, fields) in habits.sorted(by: { ($0.value.position, $0.key) < ($1.value.position, $1.key) }) {
      try add(Habit(id, fields), to: "habits")
    }
    for (key, cell) in cells.sorted(by: { $0.key < $1.key }) {
      var written = Cell(SyncChanges.Cell(key: key, cell: cell, version: 0, completions: []))
      // Without an account, the status of a day is not decided yet.
      if userID == nil { (written.trust, written.quarantineReason) = (.unspecified, .unspecified) }
      try add(ExportedCell(written), to: "ledger")
    }
  }

  private mutating func add(_ message: some ProtobufMessage, to section: String) throws(ClientError) {
    records[section, default: []].append(try Self.json(message))
  }

  /// A record left out or changed would be a loss without a sign: then there is no document.
  private static func json(_ message: some ProtobufMessage) throws(ClientError) -> String {
    do { return try message.json() } catch {
      throw .file("A record cannot be written as JSON: \(error).")
    }
  }

  /// The document.
  var text: String {
    var text = "\(header.dropLast())"
    for section in Self.sections {
      let lines = records[section] ?? []
      text += ",\n\"\(section)\":[" + (lines.isEmpty ? "]" : "\n" + lines.joined(separator: ",\n") + "\n]")
    }
    return text + "}\n"
  }
}

internal import ProtobufCodec
internal import RPC
internal import Schema
internal import SchemaConversion
internal import StreakDomain
internal import StreakStore

/// A person's records in a backup, on their way from the holder of the backup's key to the person.
struct RecoveredRecords {
  private var builder: SavedLedgerBuilder
  /// The records as they are stored: each after its length as a varint.
  private(set) var bytes: [UInt8] = []

  init(at now: Instant) {
    builder = SavedLedgerBuilder(at: now)
  }

  var habitCount: Int { builder.ledger.habits.count }
  var cellCount: Int { builder.ledger.cells.count }

  /// - Throws: `IMPORT_UNREADABLE` for a record that is neither a habit nor a day,
  ///   `IMPORT_TOO_LARGE` beyond the limits.
  mutating func add(_ record: ExportRecord) throws(RPCStatus) {
    try builder.countRecord()
    switch record.record {
    case .habit(let habit)?: try builder.add(habit)
    case .cell(let exported)?: try builder.add(exported.cell ?? Cell())
    default: throw builder.refusal("neither a habit nor a day")
    }
    bytes += ExportDocument.framed(record.protobufBytes())
    guard bytes.count <= ExportHandlers.documentBytesMax else { throw Reason.importTooLarge.status }
  }

  /// Reads `bytes` back; nil if they are something else.
  static func ledger(of bytes: [UInt8], at now: Instant) -> SavedLedger? {
    var builder = SavedLedgerBuilder(at: now)
    do throws(RPCStatus) {
      for record in try DocumentReader.records(of: bytes) {
        switch record.record {
        case .habit(let habit)?: try builder.add(habit)
        case .cell(let exported)?: try builder.add(exported.cell ?? Cell())
        default: return nil
        }
      }
    } catch {
      return nil
    }
    return builder.ledger
  }
}

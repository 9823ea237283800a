internal import Postgres
internal import StreakDomain

/// How StreakDomain's values lie in columns.
enum LedgerRows {
  private static let stampBytes = 32

  /// 32 bytes a stamp: version, time, device (zeros: none).
  static func encode(_ stamps: [Stamp]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(stamps.count * stampBytes)
    for stamp in stamps {
      let device = stamp.deviceID ?? .zero
      bytes.append(bigEndian: stamp.version)
      bytes.append(bigEndian: stamp.time.packed)
      bytes.append(bigEndian: device.high)
      bytes.append(bigEndian: device.low)
    }
    return bytes
  }

  static func stamps(_ bytes: [UInt8]) -> [Stamp] {
    stride(from: 0, to: bytes.count - bytes.count % stampBytes, by: stampBytes).map { start in
      func number(_ place: Int) -> UInt64 {
        bytes[start + place..<start + place + 8].reduce(0) { $0 << 8 | UInt64($1) }
      }
      let device = Identifier(high: number(16), low: number(24))
      return Stamp(
        version: Int64(bitPattern: number(0)), time: HybridTime(packed: number(8)),
        deviceID: device == .zero ? nil : device)
    }
  }
}

extension Row {
  func digest(_ column: Int) throws(DatabaseError) -> StateDigest { StateDigest(bytes: try bytes(column)) ?? .empty }

  /// Columns name, description, color, position, archived, created_at, version, is_deleted, returned_version, field_stamps,
  /// completion_stamps, then the summary's.
  func habitState(from column: Int) throws(DatabaseError) -> HabitState {
    let version = try int64(column + 6)
    var stamps = LedgerRows.stamps(try bytes(column + 9))
    if stamps.count != HabitField.allCases.count {
      stamps = HabitField.allCases.map { _ in Stamp(version: version, time: .zero, deviceID: nil) }
    }
    return HabitState(
      fields: HabitFields(
        name: try string(column), description: try string(column + 1), color: UInt32(bitPattern: try int32(column + 2)),
        position: try int32(column + 3), archived: try bool(column + 4)),
      createdAtMilliseconds: try moment(column + 5).milliseconds, version: version, isDeleted: try bool(column + 7),
      returnedVersion: try int64(column + 8), stamps: stamps,
      completions: LedgerRows.stamps(try bytes(column + 10)), summary: try summary(from: column + 11))
  }

  /// Columns done, note, quarantine_reason, version, changed_time, device_id, occurred_at, zone, utc_offset_seconds,
  /// day_start_minutes, recorded_at, migration_id.
  func cellState(from column: Int) throws(DatabaseError) -> CellState {
    let made = try localTime(from: column + 6)
    return CellState(
      cell: LedgerCell(
        done: try bool(column), note: try string(column + 1),
        trust: CellTrust(number: UInt8(clamping: try int16(column + 2)))),
      stamp: Stamp(
        version: try int64(column + 3), time: HybridTime(packed: UInt64(bitPattern: try int64(column + 4))),
        deviceID: try identifierOrNull(column + 5)),
      made: LocalTime(made), recordedAtMilliseconds: try moment(column + 10).milliseconds,
      migrationID: try identifierOrNull(column + 11))
  }

  /// Columns kind, habit_id, day, field, kept, other, other_device_id, made_at, version, resolved.
  func notice(from column: Int) throws(DatabaseError) -> Notice {
    let day = try int32(column + 2)
    return Notice(
      kind: Notice.Kind(rawValue: try int16(column)) ?? .noteConflict, habitID: try identifier(column + 1),
      day: day == 0 ? nil : Day(day), field: HabitField(rawValue: Int(try int16(column + 3))),
      kept: try string(column + 4), other: try string(column + 5), otherDeviceID: try identifierOrNull(column + 6),
      madeAtMilliseconds: try moment(column + 7).milliseconds, version: try int64(column + 8),
      isResolved: try bool(column + 9))
  }
}

extension Moment {
  /// A moment of milliseconds since 1970-01-01T00:00:00Z.
  public init(milliseconds: Int64) {
    let (microseconds, overflow) = milliseconds.multipliedReportingOverflow(by: 1000)
    self.init(microseconds: overflow ? (milliseconds < 0 ? .min : .max) : microseconds)
  }

  /// Milliseconds since 1970-01-01T00:00:00Z, rounded down.
  public var milliseconds: Int64 { microseconds >= 0 ? microseconds / 1000 : (microseconds - 999) / 1000 }
}

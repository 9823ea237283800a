internal import Cryptography
internal import GRPCSchema
internal import RPC
internal import Schema

/// The canonical bytes of a capture, as `CaptureManifest` in migration.proto defines them, and the check against the manifest.
enum CaptureDigest {
  /// - Throws: `PARTIAL_CAPTURE` if something is missing, `CAPTURE_CORRUPT` if the counts are right and the hash is not.
  static func check(_ captured: CapturedSession) throws(RPCStatus) {
    guard let manifest = captured.manifest else {
      throw Refusal.invalidField("session.captured.manifest", "is required")
    }
    guard captured.habits.count >= manifest.habitCount, captured.entries.count >= manifest.entryCount else {
      throw Refusal.partialCapture.status
    }
    guard captured.habits.count == manifest.habitCount, captured.entries.count == manifest.entryCount,
      equalInConstantTime(digest(of: captured), manifest.sha256)
    else { throw Refusal.captureCorrupt.status }
  }

  static func digest(of captured: CapturedSession) -> [UInt8] {
    var bytes = Array("streak.v1.capture.1".utf8) + [0]
    bytes.append(integer: Int32(captured.habits.count))
    for habit in captured.habits.map({ $0.habit ?? Habit() }) {
      bytes += habit.id
      bytes.append(text: habit.name)
      bytes.append(text: habit.description)
      bytes.append(integer: habit.color)
      bytes.append(integer: habit.position)
      bytes.append(habit.archived ? 1 : 0)
    }
    bytes.append(integer: Int32(captured.entries.count))
    for entry in captured.entries {
      let made = entry.made ?? LocalTime()
      bytes += entry.habitId
      bytes.append(integer: entry.day)
      bytes.append(entry.done ? 1 : 0)
      bytes.append(integer: made.occurredAt?.seconds ?? 0)
      bytes.append(integer: made.occurredAt?.nanos ?? 0)
      bytes.append(integer: made.utcOffsetSeconds)
      bytes.append(integer: made.dayStartMinutes)
      bytes.append(text: made.zone)
      bytes.append(text: entry.note)
    }
    return SHA256.digest(of: bytes)
  }
}

extension [UInt8] {
  /// Big-endian two's complement.
  fileprivate mutating func append<Number: FixedWidthInteger>(integer: Number) {
    for shift in stride(from: Number.bitWidth - 8, through: 0, by: -8) {
      append(UInt8(truncatingIfNeeded: integer >> shift))
    }
  }

  /// Its length in bytes, then its bytes.
  fileprivate mutating func append(text: String) {
    append(integer: Int32(text.utf8.count))
    append(contentsOf: text.utf8)
  }
}

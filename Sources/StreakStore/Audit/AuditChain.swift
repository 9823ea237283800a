internal import Cryptography
internal import StreakDomain

/// Follows one person's audit events and says where their chain breaks first. Pure.
///
/// Each event's hash covers the hash before it and the event's own bytes, and the chain's end is
/// kept elsewhere: so an event that was changed, taken away, put in or moved breaks it, at the end
/// as well.
struct AuditChain {
  /// How a chain is broken.
  enum Break: Sendable, Equatable {
    /// The number that comes next is not there: the event was taken away or moved.
    case missing(number: Int64)
    /// The event is not the one that was stored under this number: it was changed, moved or put in.
    case changed(number: Int64)
    /// Events from this number on are beyond the chain's end, or not in the chain: they were put
    /// in.
    case surplus(number: Int64)
    /// The end is not the hash of the last event: the end was changed, or all events were.
    case endChanged(number: Int64)
  }

  private var number: Int64 = 0
  private var hash = [UInt8](repeating: 0, count: SHA256.digestByteCount)

  /// Takes the next event, in the order of the numbers, with the hash that is stored with it.
  mutating func take(_ event: AuditEventRecord, hash stored: [UInt8]?) -> Break? {
    let expected = number + 1
    if event.number > expected { return .missing(number: expected) }
    guard event.number == expected, let stored else { return .surplus(number: event.number) }
    let computed = SHA256.digest(of: hash + event.canonicalBytes)
    guard computed == stored else { return .changed(number: expected) }
    (number, hash) = (expected, computed)
    return nil
  }

  /// Compares the chain with the end that was kept; nil: none was kept.
  func end(_ head: (number: Int64, hash: [UInt8])?) -> Break? {
    guard let head else { return number == 0 ? .missing(number: 1) : .surplus(number: 1) }
    if head.number > number { return .missing(number: number + 1) }
    if head.number < number { return .surplus(number: head.number + 1) }
    return head.hash == hash ? nil : .endChanged(number: number)
  }
}

extension AuditEventRecord {
  /// The bytes that the event's hash covers. The database's audit_event_bytes writes the same.
  var canonicalBytes: [UInt8] {
    func bigEndian(_ value: some FixedWidthInteger) -> [UInt8] {
      stride(from: value.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> $0) }
    }
    var bytes = Array("streak.v1.audit.1".utf8) + (userID ?? .zero).bytes + bigEndian(number)
    bytes += bigEndian(occurredAt.microseconds)
    bytes += deviceID.map { [1] + $0.bytes } ?? [0]
    for text in [method, outcome, reason, peerAddress, detail] {
      bytes += bigEndian(Int32(clamping: text.utf8.count)) + text.utf8
    }
    return bytes
  }
}

extension AuditChain.Break: CustomStringConvertible {
  var description: String {
    switch self {
    case .missing(let number): "event \(number) is missing"
    case .changed(let number): "event \(number) is not the one that was stored"
    case .surplus(let number): "event \(number) was never stored"
    case .endChanged(let number): "the end after event \(number) was changed"
    }
  }
}

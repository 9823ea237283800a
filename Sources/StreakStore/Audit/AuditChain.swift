internal import Cryptography
internal import StreakDomain

/// Verifies one user's audit events and finds the first break of their chain. Pure.
///
/// Each event's hash covers the hash before it and the event's own bytes, and the chain's end is
/// stored separately. So an event that was changed, removed, inserted or moved breaks the chain,
/// also at its end.
struct AuditChain {
  /// The kinds of breaks.
  enum Break: Sendable, Equatable {
    /// The next number is missing: the event was removed or moved.
    case missing(number: Int64)
    /// The event differs from the one stored under this number: it was changed, moved or inserted.
    case changed(number: Int64)
    /// Events from this number on are beyond the chain's end, or not in the chain: they were
    /// inserted.
    case surplus(number: Int64)
    /// The end is not the hash of the last event: the end or all events were changed.
    case endChanged(number: Int64)
  }

  private var number: Int64 = 0
  private var hash = [UInt8](repeating: 0, count: SHA256.digestByteCount)

  /// - Parameter base: The last event that is not kept any more; nil: all are kept.
  init(base: (number: Int64, hash: [UInt8])? = nil) {
    if let base { (number, hash) = base }
  }

  /// Takes the next event, in the order of the numbers, with its stored hash.
  mutating func take(_ event: AuditEventRecord, hash stored: [UInt8]?) -> Break? {
    let expected = number + 1
    if event.number > expected { return .missing(number: expected) }
    guard event.number == expected, let stored else { return .surplus(number: event.number) }
    let computed = SHA256.digest(of: hash + event.canonicalBytes)
    guard computed == stored else { return .changed(number: expected) }
    (number, hash) = (expected, computed)
    return nil
  }

  /// Compares the chain with the stored end; nil: there is none.
  func end(_ head: (number: Int64, hash: [UInt8])?) -> Break? {
    guard let head else { return number == 0 ? .missing(number: 1) : .surplus(number: 1) }
    if head.number > number { return .missing(number: number + 1) }
    if head.number < number { return .surplus(number: head.number + 1) }
    return head.hash == hash ? nil : .endChanged(number: number)
  }
}

extension AuditEventRecord {
  /// The bytes that the event's hash covers. The database's audit_event_bytes returns the same.
  var canonicalBytes: [UInt8] {
    var bytes = Array("streak.v1.audit.1".utf8) + (userID ?? .zero).bytes
    bytes.append(bigEndian: number)
    bytes.append(bigEndian: occurredAt.microseconds)
    bytes += deviceID.map { [1] + $0.bytes } ?? [0]
    for text in [method, outcome, reason, peerAddress, detail] {
      bytes.append(bigEndian: Int32(clamping: text.utf8.count))
      bytes += text.utf8
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

internal import Synchronization

/// A limit of the service that calls reach. The raw value is its label in the metrics.
package enum ServiceLimit: String, CaseIterable, Sendable {
  /// A limit that the schema declares (`rate_limit`).
  case methodRate = "method_rate"
  /// Calls of one person each second.
  case callsPerPerson = "calls_per_person"
  /// Calls of one address each second.
  case callsPerAddress = "calls_per_address"
  /// Streams that one person has open.
  case streamsPerPerson = "streams_per_person"
  /// Audit events of attempts without an account: further events are not stored.
  case unauthenticatedEvents = "unauthenticated_events"
  /// Exports on one loop.
  case exports = "exports"
  /// Imports on one loop.
  case imports = "imports"
  /// Exports and imports of one person.
  case transfersPerPerson = "transfers_per_person"
  /// The least rate at which an export is read and an import is sent.
  case transferRate = "transfer_rate"
  /// Bytes of stashes that one address has the server store in an hour.
  case stashPerAddress = "stash_per_address"
  /// Captures that wait on one loop to be checked.
  case captures = "captures"
}

/// Counts how often limits were reached since the program started. One for the process; any thread.
final class LimitMeter: Sendable {
  private let counts = Mutex<[ServiceLimit: Int]>([:])

  func count(_ limit: ServiceLimit) { counts.withLock { $0[limit, default: 0] += 1 } }

  var current: [ServiceLimit: Int] { counts.withLock { $0 } }
}

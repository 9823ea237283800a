public import StreakDomain

/// Changes of one person's data that one device asks for. They are decided together, in order, by `StreakDomain.PersonLedger`.
public struct LedgerRequest: Sendable {
  public enum Work: Sendable {
    /// The next operations of the device's queue, in order and without gaps.
    case queue([QueuedOperation])
    /// One change by a device that is connected; it has no place in a queue.
    case direct(Operation.Change)
  }

  public var userID: Identifier
  public var deviceID: Identifier
  public var work: Work
  /// With these the device has nothing left to send.
  public var nothingLeft: Bool
  /// The server's clock.
  public var now: Moment

  public init(userID: Identifier, deviceID: Identifier, work: Work, nothingLeft: Bool, now: Moment) {
    self.userID = userID
    self.deviceID = deviceID
    self.work = work
    self.nothingLeft = nothingLeft
    self.now = now
  }
}

/// An operation as it came.
public struct QueuedOperation: Sendable {
  /// Bytes of an operation that is kept whole when it is rejected.
  public static let keptBytesMax = 16_384

  public var operation: Operation
  /// The encoded message, for the inbox and to recognise it when it comes again.
  public var payload: [UInt8]
  /// The first 16 bytes of SHA-256 of `payload`.
  public var payloadHash: [UInt8]

  public init(operation: Operation, payload: [UInt8], payloadHash: [UInt8]) {
    self.operation = operation
    self.payload = payload
    self.payloadHash = payloadHash
  }
}

/// What became of a request.
public struct LedgerAnswer: Sendable {
  /// One for each operation, in order.
  public var outcomes: [OperationOutcome]
  /// The person's state, as far as this change loaded it, once it was stored.
  public var ledger: PersonLedger
  /// The number of the person's last change before this one. `ledger.changes` is what came after.
  public var changeNumberBefore: Int64
}

/// Why a device's queue is refused as a whole, with nothing applied.
public enum QueueRefusal: Error, Equatable, Sendable {
  /// The first operation is not the next one.
  case gap(expectedSeq: Int64)
  /// An operation was decided before, with another payload or too long ago.
  case operationReused
  /// The device is not registered any more.
  case deviceUnknown
}

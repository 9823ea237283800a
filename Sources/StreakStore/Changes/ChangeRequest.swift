public import StreakDomain

// Large, and passed on many times: so these are objects.

/// Changes of one user's data that one device requests. They are decided together, in order, by
/// `StreakDomain.PersonLedger`.
public final class ChangeRequest: Sendable {
  public enum Work: Sendable {
    /// The next operations of the device's queue, in order and without gaps.
    case queue([QueuedOperation])
    /// One change of a connected device; it has no place in a queue.
    case direct(Operation.Change)
  }

  public let userID: Identifier
  public let deviceID: Identifier
  public let work: Work
  /// With these the device's queue is empty.
  public let queueDrained: Bool
  /// The server's clock.
  public let now: Instant
  /// Habits that the server may have lost: missing ones are made before the operations are decided.
  public let restatedHabits: [SyncChanges.Habit]
  /// The earliest operation that the device can still send; 0: not stated.
  public let oldestKeptSeq: Int64
  /// The last operation whose decision the device knows; 0: not stated. If the server holds fewer,
  /// it has lost some, and the device is not caught up.
  public let acknowledgedSeq: Int64
  /// The last change that the device has received in `epoch`; 0: not stated.
  public let receivedNumber: Int64
  /// The device's clock at sending; nil: not stated.
  public let sentAt: Instant?
  /// The first operation on a missing habit, and all later ones, stay undecided: the device will
  /// restate the habit.
  public let waitsForHabits: Bool
  /// The epoch for which the request was judged: whether it waits for habits, and whether the
  /// device is caught up. In another one nothing of it is applied. Nil: any.
  public let epoch: Epoch?

  public init(
    userID: Identifier, deviceID: Identifier, work: Work, queueDrained: Bool, now: Instant,
    waitsForHabits: Bool = false, restatedHabits: [SyncChanges.Habit] = [], oldestKeptSeq: Int64 = 0,
    acknowledgedSeq: Int64 = 0, receivedNumber: Int64 = 0, sentAt: Instant? = nil, epoch: Epoch? = nil
  ) {
    self.userID = userID
    self.deviceID = deviceID
    self.work = work
    self.queueDrained = queueDrained
    self.now = now
    self.restatedHabits = restatedHabits
    self.oldestKeptSeq = oldestKeptSeq
    self.acknowledgedSeq = acknowledgedSeq
    self.receivedNumber = receivedNumber
    self.sentAt = sentAt
    self.waitsForHabits = waitsForHabits
    self.epoch = epoch
  }
}

/// An operation as received.
public final class QueuedOperation: Sendable {
  /// Most bytes of a rejected operation that is kept whole.
  public static let keptBytesMax = 16_384

  public let operation: Operation
  /// The encoded message, for the inbox and to recognise a repetition.
  public let payload: [UInt8]
  /// The first 16 bytes of SHA-256 of `payload`.
  public let payloadHash: [UInt8]

  public init(operation: Operation, payload: [UInt8], payloadHash: [UInt8]) {
    self.operation = operation
    self.payload = payload
    self.payloadHash = payloadHash
  }
}

/// The result of a request.
public final class ChangeResult: Sendable {
  /// One for each operation, in order.
  public let outcomes: [OperationOutcome]
  /// The user's state, as far as this change loaded it, after storing.
  public let ledger: PersonLedger
  /// The number of the user's last change before this one. `ledger.changes` has the later changes.
  public let changeNumberBefore: Int64

  init(outcomes: [OperationOutcome], ledger: PersonLedger, changeNumberBefore: Int64) {
    self.outcomes = outcomes
    self.ledger = ledger
    self.changeNumberBefore = changeNumberBefore
  }
}

/// Why a device's queue is refused as a whole, with nothing applied.
public enum QueueRefusal: Error, Equatable, Sendable {
  /// The first operation is not the next one.
  case gap(expectedSeq: Int64)
  /// An operation was decided before, with another payload or too long ago.
  case operationReused
  /// The device is not registered any more.
  case deviceUnknown
  /// Another database has come into use since the request was judged.
  case otherEpoch
  /// The device has received a later change than the last one: the database has lost changes.
  case cursorAhead
  /// The user has reached the day's limit of changes: nothing is applied until the next day.
  case tooManyChanges(retryMilliseconds: UInt64)
}

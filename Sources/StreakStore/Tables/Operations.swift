internal import Postgres
internal import StreakDomain

/// The columns of `operations`.
enum OperationColumn: Int, TableColumn {
  case userID, deviceID, seq, payloadHash, status, reason, quarantineReason, changeNumber, noticeID, decidedAt

  /// The columns of an outcome, with the name of its operation.
  static let outcome: [OperationColumn] = [
    .deviceID, .seq, .payloadHash, .status, .reason, .quarantineReason, .changeNumber, .noticeID,
  ]

  /// How it is written.
  var written: WrittenColumn<ApplyStatement.OperationRow> {
    switch self {
    case .userID: .identifier(columnName) { $0.userID }
    case .deviceID: .identifier(columnName) { $0.decided.deviceID }
    case .seq: .int64(columnName) { $0.outcome.seq }
    case .payloadHash: .bytes(columnName) { $0.decided.queued.payloadHash }
    case .status: .int16(columnName) { $0.outcome.status.rawValue }
    case .reason: .int32(columnName) { $0.outcome.rejection?.rawValue ?? 0 }
    // -1: the operation is not a completion.
    case .quarantineReason: .int16(columnName) { $0.outcome.trust.map { Int16($0.number) } ?? -1 }
    case .changeNumber: .int64(columnName) { $0.outcome.changeNumber }
    case .noticeID: .identifier(columnName) { $0.outcome.noticeID }
    case .decidedAt: .instant(columnName) { $0.decidedAt }
    }
  }
}

/// The columns of `rejected_operations`.
enum RejectedOperationColumn: Int, TableColumn {
  case userID, deviceID, seq, operation, reason, rejectedAt, payloadHash

  /// The columns of an inbox record.
  static let record: [RejectedOperationColumn] = allCases.filter { $0 != .userID }

  /// How the column is written.
  var written: WrittenColumn<RejectedOperationRow> {
    switch self {
    case .userID: .identifier(columnName) { $0.userID }
    case .deviceID: .identifier(columnName) { $0.operation.deviceID }
    case .seq: .int64(columnName) { $0.operation.seq }
    case .operation: .bytes(columnName) { $0.operation.operation }
    case .reason: .int32(columnName) { $0.operation.reason?.rawValue ?? 0 }
    case .rejectedAt: .instant(columnName) { $0.operation.rejectedAt }
    case .payloadHash: .bytes(columnName) { $0.operation.payloadHash }
    }
  }
}

/// A row of `rejected_operations`.
struct RejectedOperationRow {
  let userID: Identifier
  let operation: RejectedOperation

  init(userID: Identifier, operation: RejectedOperation) {
    self.userID = userID
    self.operation = operation
  }

  init(_ userID: Identifier, _ decided: PendingUser.Decided, _ reason: Reason, at now: Instant) {
    self.init(
      userID: userID,
      operation: RejectedOperation(
        deviceID: decided.deviceID, seq: decided.outcome.seq,
        operation: decided.keepsPayload ? decided.queued.payload : nil, reason: reason, rejectedAt: now,
        payloadHash: decided.queued.payloadHash))
  }
}

extension Row {
  /// Decodes `OperationColumn.outcome`.
  func storedOutcome(
    _ at: Selection<OperationColumn>
  ) throws(DatabaseError) -> (key: OperationKey, stored: StoredOutcome) {
    let seq = try int64(at[.seq])
    let quarantine = try int16(at[.quarantineReason])
    let outcome = OperationOutcome(
      seq: seq, status: try known(at[.status]),
      rejection: Reason(rawValue: try int32(at[.reason])), changeNumber: try int64(at[.changeNumber]),
      trust: quarantine < 0 ? nil : CellTrust(number: UInt8(clamping: quarantine)),
      noticeID: try identifierOrNull(at[.noticeID]))
    return (
      OperationKey(deviceID: try identifier(at[.deviceID]), seq: seq),
      StoredOutcome(outcome: outcome, payloadHash: try bytes(at[.payloadHash]))
    )
  }

  /// Decodes `RejectedOperationColumn.record`.
  func rejectedOperation(
    _ at: Selection<RejectedOperationColumn>
  ) throws(DatabaseError) -> RejectedOperation {
    RejectedOperation(
      deviceID: try identifier(at[.deviceID]), seq: try int64(at[.seq]), operation: try bytesOrNull(at[.operation]),
      reason: Reason(rawValue: try int32(at[.reason])), rejectedAt: try instant(at[.rejectedAt]),
      payloadHash: try bytes(at[.payloadHash])
    )
  }
}

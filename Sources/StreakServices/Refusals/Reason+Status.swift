internal import GRPCSchema
internal import RPC
internal import Schema
internal import enum StreakDomain.Reason

/// The statuses of refused calls: the one table from reasons to statuses. Clients find the reason's
/// name in `google.rpc.ErrorInfo.reason`.
extension Reason {
  /// The domain of every `ErrorInfo` this service sends.
  static let domain = "streak.v1"
  /// The seconds that a client is asked to wait where waiting helps.
  static let retrySeconds: Int64 = 1

  /// The status a client gets.
  var status: RPCStatus { status(saying: codeAndMessage.1) }

  /// The status with another message.
  func status(saying message: String) -> RPCStatus {
    let status = RPCStatus(codeAndMessage.0, message).with(GoogleRPCErrorInfo(reason: name, domain: Self.domain))
    guard succeedsLater else { return status }
    return status.withRetry(afterSeconds: Self.retrySeconds)
  }

  /// A refusal of one field's value.
  static func invalidField(_ path: String, _ description: String) -> RPCStatus {
    invalidField.naming(path, description)
  }

  /// The status with the field that it is about.
  func naming(_ path: String, _ description: String) -> RPCStatus {
    status.with(GoogleRPCBadRequest(fieldViolations: [.init(field: path, description: description)]))
  }

  /// The refusal of credentials that more than one holder has: `new_device` in the reason's
  /// metadata asks the client to sign in as a new device.
  static var deviceCopied: RPCStatus {
    RPCStatus(
      credentialsInvalid.codeAndMessage.0, "The credentials are also in use elsewhere; sign in as a new device."
    )
    .with(
      GoogleRPCErrorInfo(reason: credentialsInvalid.name, domain: Self.domain, metadata: ["new_device": "true"]))
  }

  /// The refusal of a call beyond its limit, with the delay after which a retry helps.
  static func tooManyRequests(retryMilliseconds: UInt64) -> RPCStatus {
    // Rounded up: a client that waits exactly so long must not come too early.
    let seconds = Int64(clamping: retryMilliseconds / 1000 + 1)
    return RPCStatus(.resourceExhausted, tooManyRequests.codeAndMessage.1)
      .with(GoogleRPCErrorInfo(reason: tooManyRequests.name, domain: domain))
      .withRetry(afterSeconds: seconds)
  }

  /// The same request may succeed after a while.
  private var succeedsLater: Bool {
    switch self {
    case .tooManyRequests, .storageUnavailable, .concurrentChange: true
    case .invalidField, .credentialsInvalid, .signInRefused, .signUpRefused, .sessionInvalid, .sessionMigrated,
      .sessionClaimed, .idempotencyKeyReused, .partialCapture, .captureCorrupt, .futureDay, .dayMismatch, .daySealed,
      .habitNotFound, .cellNotFound, .pageTokenInvalid, .habitLimit, .outcomeUnknown, .internalFault, .exportTooSlow,
      .accountMismatch, .sequenceGap, .operationReused, .clockSkew, .cursorInvalid, .conflictNotFound, .textQuota,
      .passwordTooCommon, .deviceNotFound, .planChanged, .alreadyMigrated, .migrationNotFound, .undoTooLate,
      .accountUnknown, .accountErased, .backupsOff, .backupUnderWay, .backupFailed, .backupNotFound, .exportChanged,
      .importUnreadable, .importCorrupt, .importTooLarge, .accountNotEmpty, .recoveryPointNotFound, .recoveryNotFound,
      .recoveryUnderWay, .recoveryNotReady, .mailOff, .mailProofInvalid, .addressTaken, .stashTooLarge,
      .connectRequired, .reauthenticationRequired, .signInApprovalNotFound, .accountLocked, .accountNotFound,
      .operatorRightMissing:
      false
    }
  }

  private var codeAndMessage: (RPCStatusCode, String) {
    switch self {
    case .invalidField: (.invalidArgument, "A field holds what it must not.")
    case .credentialsInvalid: (.unauthenticated, "The credentials are missing, unknown, expired or revoked.")
    case .signInRefused: (.unauthenticated, "Email and password do not belong together.")
    case .signUpRefused: (.failedPrecondition, "This email cannot be signed up. If it is yours, sign in.")
    case .sessionInvalid: (.unauthenticated, "The session is unknown, or the secret is not its own.")
    case .sessionMigrated: (.failedPrecondition, "The session has become part of an account; sign in.")
    case .sessionClaimed: (.permissionDenied, "The session belongs to an account, and not to this one.")
    case .idempotencyKeyReused: (.failedPrecondition, "The key was used with another request.")
    case .partialCapture: (.failedPrecondition, "The capture holds less than its manifest counts; send it whole.")
    case .captureCorrupt: (.failedPrecondition, "The capture does not match its manifest's hash; capture again.")
    case .futureDay: (.invalidArgument, "The day is later than today's date anywhere on Earth.")
    case .dayMismatch: (.invalidArgument, "The day is not the one that `client_time` gives.")
    case .daySealed: (.failedPrecondition, "Days older than 30 days cannot be undone.")
    case .habitNotFound: (.notFound, "There is no such habit.")
    case .cellNotFound: (.notFound, "Nothing is recorded for that day.")
    case .pageTokenInvalid: (.invalidArgument, "The page token is not of this list.")
    case .tooManyRequests: (.resourceExhausted, "Too many of these at once; try again later.")
    case .habitLimit: (.resourceExhausted, "There are as many habits as one person may have.")
    case .storageUnavailable: (.unavailable, "Storage cannot be reached; nothing was changed; try again later.")
    case .outcomeUnknown: (.unknown, "The change may or may not have been saved; send the same request again.")
    case .concurrentChange: (.aborted, "Another call changed the same data at the same moment; send it again.")
    case .internalFault: (.internal, "A fault of the service.")
    case .accountMismatch: (.failedPrecondition, "The device's queue belongs to another account.")
    case .sequenceGap: (.failedPrecondition, "Operations are missing before the first one sent.")
    case .operationReused:
      (.failedPrecondition, "The number was used for another operation; register as a new device.")
    case .cursorInvalid: (.invalidArgument, "The cursor is none that was given to this account; send none.")
    case .textQuota: (.resourceExhausted, "Notes, names and descriptions take all the room there is for them.")
    case .passwordTooCommon: (.invalidArgument, "The password is among those that are guessed first.")
    case .deviceNotFound: (.notFound, "There is no such device.")
    case .planChanged: (.aborted, "The account is not as the plan saw it; look at the fresh plan.")
    case .alreadyMigrated: (.alreadyExists, "The session is in this account by an earlier migration.")
    case .migrationNotFound: (.notFound, "There is no such migration.")
    case .undoTooLate: (.failedPrecondition, "Migrations older than 30 days cannot be undone.")
    case .exportTooSlow: (.deadlineExceeded, "The export took longer than it may; read it faster.")
    case .accountUnknown:
      (.unauthenticated, "This server does not know the account: it was restored to before the account was made.")
    case .accountErased: (.unauthenticated, "The account was erased. Its email may sign up again, empty.")
    case .backupsOff: (.failedPrecondition, "This server was given no backup folder.")
    case .backupUnderWay: (.failedPrecondition, "Another backup is under way.")
    case .backupFailed: (.internal, "The backup could not be made.")
    case .backupNotFound: (.notFound, "There is no such backup.")
    case .exportChanged: (.failedPrecondition, "The data is not what it was when the export began; begin anew.")
    case .importUnreadable: (.invalidArgument, "This is no document of an export, or not all of it.")
    case .importCorrupt: (.failedPrecondition, "The document's records are not those that its manifest names.")
    case .importTooLarge: (.invalidArgument, "The document holds more than one import may bring.")
    case .accountNotEmpty: (.failedPrecondition, "Documents are imported into empty accounts only.")
    case .recoveryPointNotFound: (.notFound, "There is no such recovery point of this account.")
    case .recoveryNotFound: (.notFound, "There is no such recovery.")
    case .recoveryUnderWay: (.failedPrecondition, "Another recovery is waiting; confirm or cancel it first.")
    case .mailOff: (.failedPrecondition, "This server sends no mails.")
    case .mailProofInvalid: (.failedPrecondition, "The code or link is unknown, used or expired; ask for a new mail.")
    case .addressTaken: (.failedPrecondition, "Another account has this address, and has proved it.")
    case .stashTooLarge: (.invalidArgument, "The capture is larger than a stash may be.")
    case .connectRequired:
      (.failedPrecondition, "The method takes Connect's POST with the header connect-protocol-version only.")
    // The next two reasons are for operations in a queue; no call is refused for them.
    case .clockSkew: (.failedPrecondition, "The device's clock is a day or more ahead.")
    case .conflictNotFound: (.notFound, "There is no such conflict.")
    case .reauthenticationRequired:
      (.failedPrecondition, "The call needs the password or a recovery code, not older than five minutes.")
    case .signInApprovalNotFound: (.notFound, "There is no such request to sign in, or it has ended.")
    case .accountLocked: (.permissionDenied, "The account is locked; ask the service's operator.")
    case .accountNotFound: (.notFound, "There is no such account.")
    case .operatorRightMissing: (.permissionDenied, "The operator's token does not have the right for this method.")
    case .recoveryNotReady: (.failedPrecondition, "The recovery is not fulfilled yet, or is over.")
    }
  }
}

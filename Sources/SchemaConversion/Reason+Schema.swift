public import Schema
public import StreakDomain

// A reason has one number in the domain, on the wire and in tables.

extension ErrorReason {
  /// A new reason does not compile until the schema has it.
  public init(_ reason: Reason) {
    self =
      switch reason {
      case .invalidField: .invalidField
      case .credentialsInvalid: .credentialsInvalid
      case .signInRefused: .signInRefused
      case .signUpRefused: .signUpRefused
      case .sessionInvalid: .sessionInvalid
      case .sessionMigrated: .sessionMigrated
      case .sessionClaimed: .sessionClaimed
      case .idempotencyKeyReused: .idempotencyKeyReused
      case .partialCapture: .partialCapture
      case .captureCorrupt: .captureCorrupt
      case .futureDay: .futureDay
      case .dayMismatch: .dayMismatch
      case .daySealed: .daySealed
      case .habitNotFound: .habitNotFound
      case .cellNotFound: .cellNotFound
      case .pageTokenInvalid: .pageTokenInvalid
      case .tooManyRequests: .tooManyRequests
      case .habitLimit: .habitLimit
      case .storageUnavailable: .storageUnavailable
      case .outcomeUnknown: .outcomeUnknown
      case .concurrentChange: .concurrentChange
      case .internalFault: .internalFault
      case .exportTooSlow: .exportTooSlow
      case .accountMismatch: .accountMismatch
      case .sequenceGap: .sequenceGap
      case .operationReused: .operationReused
      case .clockSkew: .clockSkew
      case .cursorInvalid: .cursorInvalid
      case .conflictNotFound: .conflictNotFound
      case .textQuota: .textQuota
      case .passwordTooCommon: .passwordTooCommon
      case .deviceNotFound: .deviceNotFound
      case .planChanged: .planChanged
      case .alreadyMigrated: .alreadyMigrated
      case .migrationNotFound: .migrationNotFound
      case .undoTooLate: .undoTooLate
      case .accountUnknown: .accountUnknown
      case .accountErased: .accountErased
      case .backupsOff: .backupsOff
      case .backupUnderWay: .backupUnderWay
      case .backupFailed: .backupFailed
      case .backupNotFound: .backupNotFound
      case .exportChanged: .exportChanged
      case .importUnreadable: .importUnreadable
      case .importCorrupt: .importCorrupt
      case .importTooLarge: .importTooLarge
      case .accountNotEmpty: .accountNotEmpty
      case .recoveryPointNotFound: .recoveryPointNotFound
      case .recoveryNotFound: .recoveryNotFound
      case .recoveryUnderWay: .recoveryUnderWay
      case .recoveryNotReady: .recoveryNotReady
      case .mailOff: .mailOff
      case .mailProofInvalid: .mailProofInvalid
      case .addressTaken: .addressTaken
      case .stashTooLarge: .stashTooLarge
      case .connectRequired: .connectRequired
      case .reauthenticationRequired: .reauthenticationRequired
      case .signInApprovalNotFound: .signInApprovalNotFound
      case .accountLocked: .accountLocked
      case .accountNotFound: .accountNotFound
      case .operatorRightMissing: .operatorRightMissing
      }
  }
}

extension Reason {
  /// Nil without a reason, and for a reason that this program does not know.
  public init?(_ reason: ErrorReason) { self.init(rawValue: reason.rawValue) }
}

extension Schema.QuarantineReason {
  /// Unspecified for a cell that counts.
  public init(_ trust: StreakDomain.CellTrust) { self.init(rawValue: Int32(trust.number)) }
}

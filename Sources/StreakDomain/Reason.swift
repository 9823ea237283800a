/// Why a call is refused, an operation or an entry rejected, or a note not taken: the one list. The
/// raw value is the number of the schema's `ErrorReason`, also in tables. All other properties of a
/// reason follow from its case: its name, its status and sentence (`StreakServices/Refusals`), its
/// value on the wire (`SchemaConversion`).
public enum Reason: Int32, Error, Sendable, CaseIterable {
  case invalidField = 1
  case credentialsInvalid = 2
  case signInRefused = 3
  case signUpRefused = 4
  case sessionInvalid = 5
  case sessionMigrated = 6
  case sessionClaimed = 7
  case idempotencyKeyReused = 8
  case partialCapture = 9
  case captureCorrupt = 10
  case futureDay = 11
  case dayMismatch = 12
  case daySealed = 13
  case habitNotFound = 14
  case cellNotFound = 15
  case pageTokenInvalid = 16
  case tooManyRequests = 17
  case habitLimit = 18
  case storageUnavailable = 19
  case outcomeUnknown = 20
  case concurrentChange = 21
  case internalFault = 22
  case exportTooSlow = 23
  case accountMismatch = 24
  case sequenceGap = 25
  case operationReused = 26
  case clockSkew = 27
  case cursorInvalid = 28
  case conflictNotFound = 29
  case textQuota = 30
  case passwordTooCommon = 31
  case deviceNotFound = 32
  case planChanged = 33
  case alreadyMigrated = 34
  case migrationNotFound = 35
  case undoTooLate = 36
  case accountUnknown = 37
  case accountErased = 38
  case backupsOff = 39
  case backupUnderWay = 40
  case backupFailed = 41
  case backupNotFound = 42
  case exportChanged = 43
  case importUnreadable = 44
  case importCorrupt = 45
  case importTooLarge = 46
  case accountNotEmpty = 47
  case recoveryPointNotFound = 48
  case recoveryNotFound = 49
  case recoveryUnderWay = 50
  case recoveryNotReady = 51
  case mailOff = 52
  case mailProofInvalid = 53
  case addressTaken = 54
  case stashTooLarge = 55
  case connectRequired = 56
  case reauthenticationRequired = 57
  case signInApprovalNotFound = 58
  case accountLocked = 59
  case accountNotFound = 60
  case operatorRightMissing = 61
}

extension Reason {
  /// The name in the schema, such as `HABIT_NOT_FOUND`, for clients and logs.
  public var name: String { Self.names[self] ?? "" }

  /// The reason with a name in the schema; nil if there is none.
  public init?(name: String) {
    guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = found
  }

  private static let names = Dictionary(uniqueKeysWithValues: allCases.map { ($0, schemaName(of: $0)) })
}

/// The schema's name of an enumeration's case: `habitNotFound` is `HABIT_NOT_FOUND`.
func schemaName(of value: some Any) -> String {
  var name = ""
  for character in "\(value)" {
    if character.isUppercase { name.append("_") }
    name += character.uppercased()
  }
  return name
}

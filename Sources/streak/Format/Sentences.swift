import StreakClient
import StreakDomain

/// A number of days in words.
func days(_ count: Int) -> String { count == 1 ? "1 day" : "\(count) days" }

extension StreakDomain.Streak {
  /// As a part of a sentence.
  var summary: String {
    switch state {
    case .none: "No day counts yet."
    case .doneToday: "Streak: \(days(current))."
    case .atRisk: "Streak: \(days(current)), at risk until today is done."
    case .archived: "Archived with a streak of \(days(current))."
    case .broken: "The streak is broken; the longest was \(days(longest))."
    }
  }

  /// In a few words.
  var short: String {
    switch state {
    case .none: "no day yet"
    case .doneToday, .archived: days(current)
    case .atRisk: "\(days(current)), at risk"
    case .broken: "broken, longest \(days(longest))"
    }
  }

  /// The state's name in JSON.
  var stateName: String {
    switch state {
    case .none: "none"
    case .doneToday: "doneToday"
    case .atRisk: "atRisk"
    case .archived: "archived"
    case .broken: "broken"
    }
  }
}

extension QuarantineReason {
  /// As a part of a sentence, after "does not count:".
  var explanation: String {
    switch self {
    case .overLimit: "it is one more than may count from before the account"
    case .anchor: "it is from before this device began to record"
    case .tooOld: "it reached the server more than \(DayRules.lateDaysMax) days late"
    case .backfill: "it was entered more than \(DayRules.backfillDaysMax) days afterwards"
    case .zoneHop: "more days were recorded than have passed since this device last synced"
    }
  }
}

extension CellTrust {
  /// Why a day does not count, as a part of a sentence; nil if it counts.
  var explanation: String? {
    switch self {
    case .counted: nil
    case .quarantined(let reason): reason.explanation
    case .quarantinedOtherwise: "for a reason that this version does not know"
    }
  }
}

extension Reason {
  /// As a part of a sentence, after the rejected statement.
  var explanation: String {
    switch self {
    case .invalidField: "the server does not understand it"
    case .futureDay: "that day is in the future"
    case .dayMismatch: "the day does not fit the moment and zone in which it was recorded"
    case .daySealed: "days older than \(DayRules.lateDaysMax) days cannot be taken back"
    case .cellNotFound: "nothing is recorded on that day"
    case .habitNotFound: "the habit is not there"
    case .clockSkew: "this device's clock is a day or more ahead"
    case .habitLimit: "there are \(StreakClient.habitsMax) habits already"
    case .conflictNotFound: "the conflict is not there any more"
    case .textQuota: "there is no room for more text; a day that it was about is recorded without its note"
    // No statement is rejected for one of these.
    case .credentialsInvalid, .signInRefused, .signUpRefused, .sessionInvalid, .sessionMigrated, .sessionClaimed,
      .idempotencyKeyReused, .partialCapture, .captureCorrupt, .pageTokenInvalid, .tooManyRequests, .storageUnavailable,
      .outcomeUnknown, .concurrentChange, .internalFault, .exportTooSlow, .accountMismatch, .sequenceGap,
      .operationReused, .cursorInvalid, .passwordTooCommon, .deviceNotFound, .planChanged, .alreadyMigrated,
      .migrationNotFound, .undoTooLate, .accountUnknown, .accountErased, .backupsOff, .backupUnderWay, .backupFailed,
      .backupNotFound, .exportChanged, .importUnreadable, .importCorrupt, .importTooLarge, .accountNotEmpty,
      .recoveryPointNotFound, .recoveryNotFound, .recoveryUnderWay, .recoveryNotReady, .mailOff, .mailProofInvalid,
      .addressTaken, .stashTooLarge, .connectRequired, .reauthenticationRequired, .signInApprovalNotFound,
      .accountLocked, .accountNotFound, .operatorRightMissing:
      "the server does not accept it"
    }
  }
}

extension MigrationReport {
  var summary: String {
    var parts = [daysCounted == 1 ? "1 day counts" : "\(daysCounted) days count"]
    if daysQuarantined > 0 { parts.append("\(daysQuarantined) are kept without counting") }
    if entriesRejected > 0 { parts.append("\(entriesRejected) were not accepted (see the export)") }
    return "Brought along: " + parts.joined(separator: ", ") + "."
  }
}

extension SessionPreview {
  /// The effect of a sign-up on the days on this device.
  var summary: String {
    let all = daysCounted + daysQuarantined
    guard daysQuarantined > 0 else { return "\(days(all)) recorded here: all of them will count." }
    return
      "\(days(all)) recorded here: \(daysCounted) will count, those from \(firstDayThatCounts) on; \(daysQuarantined) are kept and shown."
  }
}

extension HabitView {
  /// Days with a note, the latest first, one per line.
  var notes: [(day: Day, text: String)] {
    cells.filter { !$0.value.note.isEmpty }.sorted { $0.key > $1.key }.map { day, cell in
      (day, "\(day)\(cell.done ? "" : " (not done)")  \(cell.note.plain)")
    }
  }
}

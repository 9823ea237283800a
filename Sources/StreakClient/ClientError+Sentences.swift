internal import RPC
internal import StreakDomain

/// Messages for the person: what happened, what is safe, what to do.
extension ClientError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .storage(let message): "The data cannot be kept or read: \(message)"
    case .file(let message): message
    case .refusedHere(.futureDay): "That day is in the future."
    case .refusedHere(.daySealed): "Days older than \(DayRules.lateDaysMax) days cannot be undone."
    case .refusedHere(.cellNotFound): "Nothing is recorded on that day."
    case .refusedHere(.habitNotFound): "There is no such habit."
    case .refusedHere(.habitLimit): "There are \(StreakClient.habitsMax) habits already: archive or delete one first."
    case .refusedHere(.invalidField):
      "That day cannot be recorded: it lies outside the years \(Day.earliest.civil.year) to \(Day.latest.civil.year)."
    case .refusedHere(.dayMismatch): "That day does not fit this device's time and zone."
    case .refusedHere(let reason): "Not accepted: \(reason.name)."
    case .invalid(let message), .notPossible(let message): message
    case .unreachable(let message): "The server cannot be reached: \(message)"
    case .noAnswer(let message):
      "The server's answer did not come: \(message) It may have done it all the same; nothing recorded here is lost. Try again."
    case .failing(let message): "The server was reached and could not answer: \(message) Try again later."
    case .signInNeeded: "Sign in again: the server does not know this device's credentials any more. Nothing is lost."
    case .copied:
      "Sign in again: this device's credentials were used by a copy of it as well. Nothing is lost. If you did not copy or restore this device's data, change your password."
    case .accountErased: "The account was erased."
    case .accountUnknown:
      "The server does not know this account any more: it was restored to a moment before the account was made. Nothing is lost: everything is on this device, as before an account. Sign up again, or sign in to another account and bring it along."
    case .refused(let refusal): refusal.sentence
    }
  }
}

extension ClientError.Refusal {
  /// The refusal's message for the person.
  var sentence: String {
    switch reason {
    case .signUpRefused:
      "No account can be made with this address; it may have one already. Nothing was changed. If it is yours, log in; else use another address."
    case .signInRefused:
      "The email, the password or the recovery code is not right. Nothing was changed. If the password was changed a moment ago, use the new one."
    case .accountLocked: "The account is locked. Nothing is lost. Ask the service's operator."
    case .reauthenticationRequired: "This needs the password or a recovery code once more. Nothing was changed."
    case .signInApprovalNotFound: "That request has ended. Ask again on the other device."
    case .passwordTooCommon:
      "That password is among those that are guessed first. Nothing was changed. Choose another one."
    case .invalidField:
      (["The server does not accept what was entered. Nothing was changed."] + fields.map { "  \($0)" }).joined(
        separator: "\n")
    case .tooManyRequests:
      "The server takes no more of these requests for now. Nothing recorded here is lost.\(retry)"
    case .idempotencyKeyReused:
      "An earlier attempt has made the account, with another password. Log in with that one, and bring along what was recorded here."
    case .sessionClaimed:
      "What was recorded here has become part of another account. It is still on this device. Log in to that account, or try again."
    case .sessionInvalid, .sessionMigrated:
      "The server does not know what was recorded here under this name. Nothing is lost. Try again."
    case .partialCapture, .captureCorrupt:
      "What was sent did not arrive whole. Nothing was changed, and nothing is lost. Try again."
    case .habitLimit:
      "An account holds \(StreakClient.habitsMax) habits at most. Nothing was changed. Delete some first."
    case .accountMismatch: "These changes belong to another account. They stay on this device until it is logged in."
    case .accountNotEmpty: "A whole document is imported into an empty account only. Nothing was changed."
    case .deviceNotFound: "The account has no such device."
    case .backupsOff: "This server keeps no backups that an account can be brought back from."
    case .mailOff: "This server sends no mails, so it can do nothing that needs one. Nothing was changed."
    case .mailProofInvalid:
      "That code or link does not work, or does not work any more. Nothing was changed. Ask for a new mail."
    case .addressTaken:
      "Another account has this address, and has confirmed it. Nothing was changed. Log in to that account, or use another address."
    case .recoveryPointNotFound: "There is no such moment to bring the account back from."
    case .recoveryNotFound: "There is no such recovery."
    case .recoveryUnderWay: "Another recovery of this account is waiting: confirm or cancel it first."
    case .recoveryNotReady: "The recovery cannot do that now: it is not ready yet, or it is over."
    case .exportChanged: "The data changed while it was exported. Nothing was written. Try again."
    case .exportTooSlow: "The export took longer than the server waits. Try again: it goes on where it was."
    // A person meets these only through a fault of this program, or they are no refusals of a call.
    case .credentialsInvalid, .futureDay, .dayMismatch, .daySealed, .habitNotFound, .cellNotFound, .pageTokenInvalid,
      .storageUnavailable, .outcomeUnknown, .concurrentChange, .internalFault, .sequenceGap, .operationReused,
      .clockSkew, .cursorInvalid, .conflictNotFound, .textQuota, .planChanged, .alreadyMigrated, .migrationNotFound,
      .undoTooLate, .accountUnknown, .accountErased, .backupUnderWay, .backupFailed, .backupNotFound, .importUnreadable,
      .importCorrupt, .importTooLarge, .stashTooLarge, .connectRequired, .accountNotFound, .operatorRightMissing:
      serverSentence
    case nil:
      code == .unimplemented
        ? "The server does not offer this: it is older than this program, or another service. Nothing recorded here is lost."
        : serverSentence
    }
  }

  /// The refusal in the server's words.
  private var serverSentence: String {
    (["The server refused: \(message)"] + fields.map { "  \($0)" }).joined(separator: "\n") + retry
  }

  /// When to try again, in words.
  private var retry: String {
    guard let retrySeconds else { return "" }
    switch retrySeconds {
    case ..<120: return " Try again in \(max(1, retrySeconds)) s."
    case ..<7_200: return " Try again in \((retrySeconds + 59) / 60) minutes."
    default: return " Try again in \((retrySeconds + 3_599) / 3_600) hours."
    }
  }
}

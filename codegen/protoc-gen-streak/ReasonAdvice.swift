/// What a client does about a reason: one entry for each value of `ErrorReason`. A missing entry
/// stops the generator.
struct ReasonAdvice {
  /// What the app shows to the person.
  let show: String
  /// Whether the same request may succeed later.
  let retry: String
  /// What makes the next request succeed.
  let repair: String

  private init(show: String, retry: String, repair: String) {
    self.show = show
    self.retry = retry
    self.repair = repair
  }

  private static let programmingError = "nothing; log it, it is an error of the app."
  private static let never = "no, the same request is refused again."

  static let all: [String: ReasonAdvice] = [
    // Requests.
    "INVALID_FIELD": .init(
      show: "the wrong input beside its field, where a person typed it; otherwise nothing.", retry: never,
      repair: "correct the fields that `BadRequest` names. Check the rules of the API reference before sending."),
    "IDEMPOTENCY_KEY_REUSED": .init(
      show: programmingError, retry: never,
      repair: "make a new random key for each new request, and keep it until the reply has arrived."),
    "PAGE_TOKEN_INVALID": .init(
      show: "nothing.", retry: never,
      repair: "read the list again from its first page, with the same filters throughout."),
    "TEXT_QUOTA": .init(
      show: "\"There is no room for more notes. The day is saved, the note is not.\"", retry: "no.",
      repair: "shorten or clear notes. The note is in the inbox; keep it on the device."),
    "TOO_MANY_REQUESTS": .init(
      show: "\"Too many attempts. Try again in N minutes\", with N from `RetryInfo`.", retry: "yes, after `RetryInfo`.",
      repair: "wait. Replays of a finished call are never counted."),
    "CONNECT_REQUIRED": .init(
      show: programmingError, retry: never,
      repair: "send the call by Connect's POST with the header `connect-protocol-version: 1`."),

    // Credentials.
    "CREDENTIALS_INVALID": .init(
      show: "nothing at first; \"Sign in again\" if `Refresh` is refused as well.",
      retry: "yes, with a new access token.",
      repair:
        "call `Refresh` with the refresh token once, and repeat with the new access token. If `Refresh` is refused, keep the queue and ask for a sign-in; with a new device id if the metadata says `new_device`."
    ),
    "SIGN_IN_REFUSED": .init(
      show: "\"Email and password do not belong together.\"", retry: never,
      repair: "ask for the email and password again."),
    "REAUTHENTICATION_REQUIRED": .init(
      show: "\"Enter your password to go on\", with a way to enter a recovery code.",
      retry: "yes, after `Reauthenticate`.",
      repair:
        "ask for the password or a recovery code, call `Reauthenticate` with it, and send the call again within five minutes."
    ),
    "SIGN_IN_APPROVAL_NOT_FOUND": .init(
      show: "\"This request has ended. Ask again on the other device.\"", retry: never,
      repair: "read `ListSignInApprovals` again; on the asking device call `RequestSignInApproval` again."),
    "ACCOUNT_LOCKED": .init(
      show: "\"This account is locked. Ask the service's operator.\"", retry: "no, not before the account is unlocked.",
      repair: "keep the queue and the data; sign in again later."),
    "ACCOUNT_NOT_FOUND": .init(
      show: "\"There is no such account.\"", retry: never, repair: "correct the email or id."),
    "OPERATOR_RIGHT_MISSING": .init(
      show: "\"This operator may not do that.\"", retry: never,
      repair: "use the token of an operator with the right, or add it to the line in `operator-token-file`."),
    "SIGN_UP_REFUSED": .init(
      show: "\"This email is taken. If it is yours, sign in.\"", retry: never,
      repair: "offer a sign-in. The captured session is untouched: bring it along with `Migrate` after the sign-in."),
    "PASSWORD_TOO_COMMON": .init(
      show: "\"This password is too easy to guess. Choose another one.\"", retry: never,
      repair: "ask for another password."),
    "DEVICE_NOT_FOUND": .init(
      show: "nothing.", retry: never, repair: "read `ListDevices` again; the device is gone already."),
    "ACCOUNT_UNKNOWN": .init(
      show: "\"The server lost this account. Everything is still on this device. Sign up again to save it.\"",
      retry: "no.",
      repair:
        "keep every habit and day, treat them as an anonymous session without an anchor, and send it with `SignUp`."),
    "ACCOUNT_ERASED": .init(
      show: "\"This account was deleted.\"", retry: "no.",
      repair: "delete the account's data and queue on the device. The same email may sign up again, empty."),

    "MAIL_OFF": .init(
      show: "\"This service sends no mails.\"; hide what needs them.", retry: never,
      repair: "the operator sets up mail: `--mail-smtp` or `--mail-command`, `--mail-from`, `--mail-link-base`."),
    "MAIL_PROOF_INVALID": .init(
      show: "\"This code or link does not work, or does not work any more. Ask for a new mail.\"", retry: never,
      repair: "ask for a new mail. A link works only in the account that asked for it."),
    "ADDRESS_TAKEN": .init(
      show: "\"Another account has this address. Sign in to that account, or use another address.\"", retry: never,
      repair: "use another address, or sign in to the other account."),

    // Sessions and migration.
    "SESSION_INVALID": .init(
      show: "nothing.", retry: never,
      repair:
        "keep the data. If the device made the session itself or is sure of the secret, send the session with `unanchored` set."
    ),
    "SESSION_MIGRATED": .init(
      show: "\"What was recorded here belongs to an account. Sign in.\"", retry: never,
      repair: "sign in, then send what this device holds with `Migrate` and `second_device` set."),
    "STASH_TOO_LARGE": .init(
      show: "\"There is too much here to keep a copy. Sign up to save it.\"", retry: never,
      repair: "keep the data on the device and offer a sign-up, whose limit is larger."),
    "SESSION_CLAIMED": .init(
      show: "\"What was recorded here belongs to another account.\"", retry: never,
      repair: "offer a sign-in to the other account. After a mistyped email at sign-up, that is the mistyped account."),
    "PARTIAL_CAPTURE": .init(
      show: "nothing.", retry: "yes, with the whole capture.",
      repair: "send the capture again with all habits and entries that the manifest counts. Nothing was written."),
    "CAPTURE_CORRUPT": .init(
      show: "nothing; after the second time \"The data could not be sent\".", retry: "yes, with a fresh capture.",
      repair:
        "compute the manifest's hash again over the very values that are sent (`CaptureManifest`). Nothing was written."
    ),
    "PLAN_CHANGED": .init(
      show: "the fresh plan, for another confirmation.", retry: "yes, with the fresh `plan_hash`.",
      repair: "take the new preview from the details, show it, and confirm with its `plan_hash`."),
    "ALREADY_MIGRATED": .init(
      show: "the result, as after a success.", retry: never,
      repair:
        "take the `MigrationResult` from the details and delete the device's copy of the session. Days that were recorded after that capture go up with `second_device` set."
    ),
    "MIGRATION_NOT_FOUND": .init(show: "nothing.", retry: never, repair: "read `ListMigrations` again."),
    "UNDO_TOO_LATE": .init(
      show: "\"A migration can be undone for 30 days only.\"", retry: "no.",
      repair: "undo single days or delete habits instead."),

    // Days and habits.
    "FUTURE_DAY": .init(
      show: "\"This day has not begun yet. Check the date of this device.\"", retry: "yes, when the day has begun.",
      repair: "check the device's clock. For a queued operation the entry is in the inbox: state the right day again."),
    "DAY_MISMATCH": .init(
      show: programmingError, retry: never,
      repair:
        "compute the day as date(occurred_at + utc_offset - day_start), with the values that are sent in `client_time`."
    ),
    "DAY_SEALED": .init(
      show: "\"Days older than 30 days cannot be undone.\"", retry: "no.", repair: "leave the day as it is."),
    "HABIT_NOT_FOUND": .init(
      show: "nothing.", retry: never,
      repair:
        "sync first. A habit that exists only on this device is made with `PutHabit` or `EditHabit` before its days."),
    "CELL_NOT_FOUND": .init(
      show: "nothing.", retry: never, repair: "nothing is recorded for the day: there is nothing to undo."),
    "HABIT_LIMIT": .init(
      show: "\"There are as many habits as an account can have.\"", retry: "no.",
      repair: "delete habits that are not needed."),

    // Storage.
    "STORAGE_UNAVAILABLE": .init(
      show: "\"The service is not available. Everything is saved on this device.\"", retry: "yes, after `RetryInfo`.",
      repair: "keep the request or the queue and wait. Nothing was changed."),
    "OUTCOME_UNKNOWN": .init(
      show: "nothing.", retry: "yes, the very same request at once.",
      repair: "send the same request with the same ids and keys; if it was saved, the reply is the first one."),
    "CONCURRENT_CHANGE": .init(
      show: "nothing.", retry: "yes, after `RetryInfo`.", repair: "send the same request again."),
    "INTERNAL_FAULT": .init(
      show: "\"The service has a fault. Everything is saved on this device.\"", retry: "yes, later and later.",
      repair: "report it to the operator with the time of the call; the server's log has the cause."),

    // Sync.
    "ACCOUNT_MISMATCH": .init(
      show: programmingError, retry: never,
      repair: "send a queue only with a token of the account that made it. Keep one queue for each account."),
    "SEQUENCE_GAP": .init(
      show: "nothing.", retry: "yes, from `expected_seq` on.",
      repair:
        "read `SyncRefusal.expected_seq` from the details and send the kept operations from there on. If that operation is not kept any more, set `oldest_kept_seq` to the first kept one, or register as a new device and queue the rest again."
    ),
    "OPERATION_REUSED": .init(
      show: "nothing.", retry: never,
      repair:
        "the device was restored from an old copy: make a new device id, sign in with it, and queue what is left again from `seq` 1."
    ),
    "CLOCK_SKEW": .init(
      show: "\"The clock of this device is a day or more ahead. Set it right.\"",
      retry: "no, the operation keeps its outcome.",
      repair:
        "after the clock is right, state the change again as a new operation. `SyncResponse.server_time` has the server's clock."
    ),
    "CURSOR_INVALID": .init(
      show: "nothing.", retry: "yes, without a cursor.",
      repair: "send the sync again without `cursor`: the answer is a pull from the start."),
    "CONFLICT_NOT_FOUND": .init(
      show: "nothing.", retry: never, repair: "sync; the notice is resolved or gone."),

    // Export, import, recovery.
    "EXPORT_TOO_SLOW": .init(
      show: "nothing.", retry: "yes, with `resume`.",
      repair: "go on with `ExportResume` and read the stream without pauses."),
    "EXPORT_CHANGED": .init(
      show: "nothing.", retry: "yes, without `resume`.", repair: "drop the received bytes and begin the export anew."),
    "IMPORT_UNREADABLE": .init(
      show: "\"This file is not an export, or it is damaged\", with the message, which names the place.", retry: never,
      repair: "choose another file."),
    "IMPORT_CORRUPT": .init(
      show: "\"This file was changed or damaged.\"", retry: never,
      repair: "export again, or choose an undamaged copy: counts or hashes differ from the manifest."),
    "IMPORT_TOO_LARGE": .init(
      show: "\"This file holds more than one import can bring.\"", retry: never, repair: "import a smaller document."),
    "ACCOUNT_NOT_EMPTY": .init(
      show: "\"Import works into an empty account only.\"", retry: "no.",
      repair: "sign up with another email and import there."),
    "RECOVERY_POINT_NOT_FOUND": .init(
      show: "\"This recovery point is gone.\"", retry: never, repair: "read `ListRecoveryPoints` again."),
    "RECOVERY_NOT_FOUND": .init(show: "nothing.", retry: never, repair: "read `ListRecoveries` again."),
    "RECOVERY_UNDER_WAY": .init(
      show: "the waiting recovery, with a choice to confirm or cancel it.", retry: "yes, after that.",
      repair: "call `ConfirmRecovery` or `CancelRecovery` for the waiting one."),
    "RECOVERY_NOT_READY": .init(
      show: "the state of the recovery.", retry: "yes, once its state is READY.",
      repair: "read `ListRecoveries` now and then."),

    // Operators.
    "BACKUPS_OFF": .init(
      show: "nothing; hide the recovery feature.", retry: never,
      repair: "the operator starts streakd with `--backup-folder`."),
    "BACKUP_UNDER_WAY": .init(
      show: "nothing.", retry: "yes, when the running backup has ended.", repair: "wait for the running backup."),
    "BACKUP_FAILED": .init(
      show: "the message, to the operator.", retry: "yes, once the cause is mended.",
      repair: "the message says the cause, such as a full disk or a missing program."),
    "BACKUP_NOT_FOUND": .init(show: "nothing.", retry: never, repair: "read `ListBackups` again."),
  ]
}

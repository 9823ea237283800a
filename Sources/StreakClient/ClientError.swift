internal import GRPCSchema
public import RPC
internal import Schema
public import StreakDomain

/// Why the client did not do what it was asked to.
public enum ClientError: Error, Equatable, Sendable {
  /// Nothing was kept: the disk is full, say, or the file is none of this program's.
  case storage(String)
  /// A file, such as an export's, cannot be written.
  case file(String)
  /// What was asked breaks a rule: of days (`FUTURE_DAY`, `DAY_SEALED`, `CELL_NOT_FOUND`), of
  /// habits, or of fields.
  case refusedHere(Reason)
  /// Text that cannot be stored, or more than an account may hold; the message says what.
  case invalid(String)
  /// There is no network at all, or nobody is signed in.
  case notPossible(String)
  /// The server could not be reached: later it may.
  case unreachable(String)
  /// The server was asked, and its answer did not come: it may have done it. The same call again is
  /// safe.
  case noAnswer(String)
  /// The server was reached and could not do it: later it may.
  case failing(String)
  /// The person has to sign in to this account again. Nothing is lost; what waits is sent
  /// afterwards.
  case signInNeeded
  /// The same, and then as a new device: this device's credentials are in use elsewhere as well, as
  /// after a restore from its backup.
  case copied
  /// The account was erased, on whatever device: what was here of it is gone too.
  case accountErased
  /// The server does not know the account: it was restored to a moment before the account was made.
  /// Everything of it is in the anonymous session now, to be signed up, or brought into another
  /// account.
  case accountUnknown
  /// The server refused.
  case refused(Refusal)

  /// A refusal as the server worded it.
  public struct Refusal: Equatable, Sendable {
    public var code: RPCStatusCode
    /// The service's name of it, such as `SIGN_UP_REFUSED`; empty if it gave none.
    public var reason: String
    public var message: String
    /// The fields that were refused, by path.
    public var fields: [String]
    /// After which asking again may help, in seconds; nil if the server did not say.
    public var retrySeconds: Int64?
    /// With all its details.
    let status: RPCStatus
  }

  init(_ status: RPCStatus) {
    let refusal = Refusal(
      code: status.code, reason: status.reason, message: status.message,
      fields: status.detail(GoogleRPCBadRequest.self)?.fieldViolations.map { "\($0.field): \($0.description)" } ?? [],
      retrySeconds: status.detail(GoogleRPCRetryInfo.self)?.retryDelay?.seconds, status: status)
    switch (status.code, refusal.reason) {
    case (_, "ACCOUNT_ERASED"): self = .accountErased
    case (_, "ACCOUNT_UNKNOWN"): self = .accountUnknown
    case (_, "CREDENTIALS_INVALID"): self = status.needsNewDevice ? .copied : .signInNeeded
    // What says nothing of the request: the same one again may be answered otherwise.
    case (.unavailable, _), (.cancelled, _), (.unknown, _), (.deadlineExceeded, _), (.internal, _),
      (.aborted, "CONCURRENT_CHANGE"):
      let isAnswer = !refusal.reason.isEmpty || status.code == .internal || status.code == .unknown
      let isLost = status.code == .deadlineExceeded || status.code == .cancelled || status.isLostConnection
      self = isAnswer ? .failing(status.message) : isLost ? .noAnswer(status.message) : .unreachable(status.message)
    default: self = .refused(refusal)
    }
  }

  /// The service's name of a refusal; empty if there is none.
  public var reason: String {
    if case .refused(let refusal) = self { refusal.reason } else { "" }
  }

  /// The answer is the server's last word on this very request: nothing of it has happened, and the
  /// same again would be refused again.
  var isFinal: Bool {
    switch self {
    case .refused(let refusal): refusal.code != .resourceExhausted
    case .accountErased, .accountUnknown, .invalid, .refusedHere: true
    default: false
    }
  }
}

extension ClientError.Refusal {
  /// The operation that the server waits for.
  var expectedSeq: Int64 { status.detail(SyncRefusal.self)?.expectedSeq ?? 0 }

  /// What the migration did that brought the session here before; nil if the refusal does not say.
  var migration: MigrationResult? { status.detail(MigrationResult.self) }
}

extension RPCStatus {
  /// The service's name of a refusal; empty if it gave none.
  var reason: String { detail(GoogleRPCErrorInfo.self)?.reason ?? "" }

  /// The credentials are in use elsewhere as well: the device is to sign in as a new one.
  var needsNewDevice: Bool { detail(GoogleRPCErrorInfo.self)?.metadata["new_device"] == "true" }
}

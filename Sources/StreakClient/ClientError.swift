internal import GRPCSchema
public import RPC
internal import Schema
public import StreakDomain

/// Why a call to the client failed.
public enum ClientError: Error, Equatable, Sendable {
  /// The storage failed and nothing was stored: the disk is full, or the file belongs to another
  /// program.
  case storage(String)
  /// A file, such as an export's, cannot be written.
  case file(String)
  /// The call breaks a rule: of days (`FUTURE_DAY`, `DAY_SEALED`, `CELL_NOT_FOUND`), of habits, or
  /// of fields.
  case refusedHere(Reason)
  /// Text that cannot be stored, or more data than an account may hold; the message has the
  /// details.
  case invalid(String)
  /// There is no network, or no account is signed in.
  case notPossible(String)
  /// The server could not be reached; a later call may succeed.
  case unreachable(String)
  /// The request was sent and no answer came: the server may have carried it out. Repeating the
  /// call is safe.
  case noAnswer(String)
  /// The server was reached and failed; a later call may succeed.
  case failing(String)
  /// The person has to sign in to this account again. No data is lost; the queue is sent
  /// afterwards.
  case signInNeeded
  /// The person has to sign in, as a new device: another device uses this device's credentials, for
  /// example one restored from its backup.
  case copied
  /// The account was erased, on this device or another one; its data on this device is removed.
  case accountErased
  /// The server does not know the account: it was restored to a moment before the account was made.
  /// The account's data is now in the anonymous session, which can be signed up, or migrated into
  /// another account.
  case accountUnknown
  /// The server refused the request.
  case refused(Refusal)

  /// A refusal of the server.
  public struct Refusal: Equatable, Sendable {
    public var code: RPCStatusCode
    /// Nil if the server gave none, or one that this version does not know.
    public var reason: Reason?
    /// The reason's name in the schema, such as `SIGN_UP_REFUSED`, also of an unknown one; empty if
    /// the server gave none.
    public var reasonName: String
    public var message: String
    /// The fields that were refused, by path.
    public var fields: [String]
    /// Seconds until a repeated request may succeed; nil if the server did not say.
    public var retrySeconds: Int64?
    /// The status with all its details.
    let status: RPCStatus
  }

  init(_ status: RPCStatus) {
    let refusal = Refusal(
      code: status.code, reason: Reason(name: status.reasonName), reasonName: status.reasonName,
      message: status.message,
      fields: status.detail(GoogleRPCBadRequest.self)?.fieldViolations.map { "\($0.field): \($0.description)" } ?? [],
      retrySeconds: status.detail(GoogleRPCRetryInfo.self)?.retryDelay?.seconds, status: status)
    switch (status.code, refusal.reason) {
    case (_, .accountErased): self = .accountErased
    case (_, .accountUnknown): self = .accountUnknown
    case (_, .credentialsInvalid): self = status.needsNewDevice ? .copied : .signInNeeded
    // These statuses say nothing about the request itself: repeating it may succeed.
    case (.unavailable, _), (.cancelled, _), (.unknown, _), (.deadlineExceeded, _), (.internal, _),
      (.aborted, .concurrentChange):
      let isAnswer = !refusal.reasonName.isEmpty || status.code == .internal || status.code == .unknown
      let isLost = status.code == .deadlineExceeded || status.code == .cancelled || status.isLostConnection
      self = isAnswer ? .failing(status.message) : isLost ? .noAnswer(status.message) : .unreachable(status.message)
    default: self = .refused(refusal)
    }
  }

  /// The server's reason of a refusal; nil if there is none that this version knows.
  public var reason: Reason? {
    if case .refused(let refusal) = self { refusal.reason } else { nil }
  }

  /// The answer is final for this request: it had no effect, and repeating it would be refused
  /// again.
  var isFinal: Bool {
    switch self {
    // Without a reason and a delay the request itself is too large, however often it is repeated.
    case .refused(let refusal):
      refusal.code != .resourceExhausted || (refusal.reasonName.isEmpty && refusal.retrySeconds == nil)
    case .accountErased, .accountUnknown, .invalid, .refusedHere: true
    default: false
    }
  }
}

extension ClientError.Refusal {
  /// The next operation that the server expects.
  var expectedSeq: Int64 { status.detail(SyncRefusal.self)?.expectedSeq ?? 0 }

  /// The result of the earlier migration of the session; nil if the refusal does not contain it.
  var migration: MigrationResult? { status.detail(MigrationResult.self) }
}

extension RPCStatus {
  /// The name of the refusal's reason; empty if the server gave none.
  var reasonName: String { detail(GoogleRPCErrorInfo.self)?.reason ?? "" }

  /// Another device uses the credentials: this device has to sign in as a new one.
  var needsNewDevice: Bool { detail(GoogleRPCErrorInfo.self)?.metadata["new_device"] == "true" }
}

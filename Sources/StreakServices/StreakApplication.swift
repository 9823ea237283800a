internal import Cryptography
package import EventLoop
package import RPC
internal import Schema
internal import struct StreakDomain.Instant
package import StreakStore
internal import Synchronization

/// The service that streakd serves. One for the process.
package final class StreakApplication: Sendable {
  private let store: StreakStore
  private let passwords: PasswordQueue
  private let issuer: TokenIssuer
  private let exports: ExportLimits
  private let erasures: ErasureRecorder
  private let operators: (tokens: OperatorTokens, backend: OperatorBackend)?
  private let startedAt = Instant.now()
  private let parts = Mutex<[ObjectIdentifier: LoopPart]>([:])
  private let limits: RateLimitSettings
  private let limiter: RateLimiter
  private let meter = LimitMeter()
  private let transferring = TransferringPeople()
  private let passwordRules: PasswordRules
  private let deletionDelaySeconds: Int64
  /// Nil: the server sends no mails.
  private let mail: MailOrders?

  /// - Parameters:
  ///   - store: Open, on every loop that will serve.
  ///   - mail: Nil: the server sends no mails. A `MailWorker` sends what is ordered.
  /// - Throws: `ApplicationError` if the machine cannot hash even one password.
  package init(
    store: StreakStore, passwords: PasswordLimits = PasswordLimits(), lifetimes: TokenLifetimes = TokenLifetimes(),
    exports: ExportLimits = ExportLimits(), rateLimits: RateLimitSettings = RateLimitSettings(),
    breachedPasswords: BreachedPasswords = BreachedPasswords(), erasures: ErasureRecorder = .none,
    deletionDelaySeconds: Int64 = StreakApplication.deletionDelaySecondsDefault,
    operators: (tokens: OperatorTokens, backend: OperatorBackend)? = nil, mail: MailSettings? = nil
  ) throws(ApplicationError) {
    self.mail = mail.map { MailOrders(seal: MailSeal(store: store), linkBase: $0.linkBase) }
    self.store = store
    do {
      self.passwords = try PasswordQueue(limits: passwords)
    } catch {
      throw .noMemoryForPasswords
    }
    self.exports = exports
    limits = rateLimits
    passwordRules = PasswordRules(breached: breachedPasswords)
    limiter = RateLimiter(store: store, settings: rateLimits, meter: meter)
    self.erasures = erasures
    self.operators = operators
    self.deletionDelaySeconds = deletionDelaySeconds
    issuer = TokenIssuer(lifetimes: lifetimes, store: store)
  }

  /// From a deletion's announcement to the erasure: seven days.
  package static let deletionDelaySecondsDefault: Int64 = 7 * 86_400

  /// Erases the accounts whose announced deletion is due. On one of the store's loops.
  ///
  /// - Returns: How many.
  package func performDueDeletions() async throws(StoreError) -> Int {
    try await AnnouncedDeletions(store: store, erasures: erasures).perform(at: .now())
  }

  /// The parts that each loop has of its own.
  private struct LoopPart: Sendable {
    let authenticator: Authenticator
    let calls: PersonCalls
    let subscriptions: LoopBound<ChangeSubscriptions>
    let listener: StoreListener
    let shedder: AddressShedder
  }

  /// The loop's parts, made on first use. Loop thread only.
  private func part(on loop: EventLoop) -> LoopPart {
    if let part = parts.withLock({ $0[ObjectIdentifier(loop)] }) { return part }
    let authenticator = Authenticator(
      store: store, loop: loop, operators: operators?.tokens, streamsPerPersonMax: limits.streamsPerPersonMax,
      meter: meter)
    let subscriptions = LoopBound(ChangeSubscriptions(), loop: loop)
    let listener = store.listen(on: loop) { event in
      switch event {
      case .revocation(let userID):
        authenticator.forget(userID)
        Task(executorPreference: loop) { await authenticator.endStreamsOfErased(userID) }
      case .listening:
        authenticator.forget(nil)
        Task(executorPreference: loop) { await authenticator.endStreamsOfErased(nil) }
      case .change: break
      }
      subscriptions.value.handle(event)
    }
    let part = LoopPart(
      authenticator: authenticator, calls: PersonCalls(settings: limits, meter: meter, loop: loop),
      subscriptions: subscriptions, listener: listener,
      shedder: AddressShedder(addresses: limiter.addresses, settings: limits, meter: meter, loop: loop))
    parts.withLock { $0[ObjectIdentifier(loop)] = part }
    return part
  }

  /// Every method of the service, for one loop. Loop thread only.
  package func methods(on loop: EventLoop) -> [ServerMethod] {
    let part = part(on: loop)
    let work = LargeWork(loop: loop, meter: meter)
    let passwords = PasswordVault(queue: passwords, store: store)
    let signUp = SignUpProcedure(
      store: store, passwords: passwords, issuer: issuer, limiter: limiter, passwordRules: passwordRules, work: work,
      mail: mail)
    let erasure = AccountErasure(store: store, erasures: erasures)
    let proofs = PersonProofCheck(store: store, passwords: passwords)
    let accounts = AccountHandlers(
      store: store, passwords: passwords, issuer: issuer, limiter: limiter, signUp: signUp,
      passwordRules: passwordRules, erasure: erasure, proofs: proofs, deletionDelaySeconds: deletionDelaySeconds,
      mail: mail)
    let recovery = RecoveryProcedure(
      store: store, passwords: passwords, issuer: issuer, limiter: limiter, passwordRules: passwordRules,
      mail: mail)
    let credentials = CredentialHandlers(
      store: store, recovery: recovery, proofs: proofs,
      approvals: SignInApprovalProcedure(store: store, issuer: issuer, limiter: limiter, mail: mail), mail: mail)
    let sync = SyncHandlers(
      store: store, authenticator: part.authenticator, calls: part.calls, subscriptions: part.subscriptions)
    let exports = ExportHandlers(
      store: store, limits: exports, exports: TransferSlots(countMax: exports.runningPerLoopMax),
      imports: TransferSlots(countMax: exports.importsPerLoopMax), people: transferring, limiter: limiter)
    let admin =
      operators.map { operators in
        AdminHandlers(store: store, backend: operators.backend, startedAt: startedAt).methods
          + AccountAdminHandlers(
            store: store, exports: exports, erasure: erasure, limiter: limiter, mail: mail
          ).methods
      } ?? []
    return [
      accounts.methods, credentials.methods, SessionHandlers(store: store, limiter: limiter, work: work).methods,
      StreakHandlers(store: store).methods,
      sync.methods, MigrationHandlers(store: store, limiter: limiter, work: work).methods, exports.methods,
      RecoveryHandlers(store: store, backups: operators?.backend.backups, addresses: limiter.addresses).methods, admin,
    ].flatMap { $0 }
  }

  /// The interceptors around every call, outermost first, for one loop. Loop thread only.
  package func interceptors(on loop: EventLoop) -> [any ServerInterceptor] {
    [
      LoadInterceptor(shedder: part(on: loop).shedder), ConnectOnlyInterceptor(),
      AuditInterceptor(store: store, addresses: limiter.addresses, meter: meter, loop: loop),
      part(on: loop).authenticator, RateLimitInterceptor(limiter: limiter, calls: part(on: loop).calls),
    ]
  }

  /// Whether a request for a resource, which is no call, is within its address's limit of calls in
  /// a second; it is then counted. Loop thread only.
  package func admission(on loop: EventLoop) -> @Sendable (ResourceRequest) -> Bool {
    let shedder = part(on: loop).shedder
    return { shedder.admits($0, atMilliseconds: loop.nowMilliseconds) }
  }

  /// How often limits of the service were reached since the program started.
  package var limitCounts: [ServiceLimit: Int] { meter.current }

  /// Closes the connections for the store's notifications. Call it once no more calls are served;
  /// the store's owner closes the store.
  package func close() async {
    let parts = parts.withLock { parts in
      defer { parts = [:] }
      return parts
    }
    for part in parts.values { await part.listener.close() }
  }
}

/// Why the service cannot start.
package enum ApplicationError: Error {
  case noMemoryForPasswords
}

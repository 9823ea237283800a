internal import Cryptography
public import EventLoop
public import RPC
internal import Schema
public import StreakStore
internal import Synchronization

/// The service: what streakd serves. One for the process.
public final class StreakApplication: Sendable {
  private let store: StreakStore
  private let passwords: PasswordQueue
  private let issuer: TokenIssuer
  private let exports: ExportLimits
  private let erasures: ErasureSink
  private let operators: (token: OperatorToken, backend: OperatorBackend)?
  private let startedAt = Moment.now()
  private let listeners = Mutex<[RevocationListener]>([])

  /// - Parameter store: Open, on every loop that will serve.
  /// - Throws: `ApplicationError` if the machine cannot even hash one password.
  public init(
    store: StreakStore, passwords: PasswordLimits = PasswordLimits(), lifetimes: TokenLifetimes = TokenLifetimes(),
    exports: ExportLimits = ExportLimits(), erasures: ErasureSink = .none,
    operators: (token: OperatorToken, backend: OperatorBackend)? = nil
  ) throws(ApplicationError) {
    self.store = store
    do {
      self.passwords = try PasswordQueue(limits: passwords)
    } catch {
      throw .noMemoryForPasswords
    }
    self.exports = exports
    self.erasures = erasures
    self.operators = operators
    issuer = TokenIssuer(lifetimes: lifetimes)
  }

  /// Every method of the service, for one loop.
  public func methods(on loop: EventLoop) -> [ServerMethod] {
    let signUp = SignUpProcedure(store: store, passwords: passwords, issuer: issuer)
    return AccountHandlers(store: store, passwords: passwords, issuer: issuer, signUp: signUp, erasures: erasures)
      .methods
      + SessionHandlers(store: store).methods + StreakHandlers(store: store).methods
      + ExportHandlers(store: store, slots: ExportSlots(limits: exports)).methods
      + (operators.map { AdminHandlers(store: store, backend: $0.backend, startedAt: startedAt).methods } ?? [])
  }

  /// What stands around every call, outermost first, for one loop. Loop thread only.
  public func interceptors(on loop: EventLoop) -> [any ServerInterceptor] {
    let authenticator = Authenticator(store: store, loop: loop, operatorToken: operators?.token)
    let listener = store.listenForRevocations(on: loop) { userID in
      authenticator.forget(userID)
      Task(executorPreference: loop) { await authenticator.endStreamsOfErased(userID) }
    }
    listeners.withLock { $0.append(listener) }
    return [AuditInterceptor(store: store), authenticator]
  }

  /// Stops listening for revocations, once no more calls are served. The store is its owner's to close.
  public func close() async {
    let listeners = listeners.withLock { listeners in
      defer { listeners = [] }
      return listeners
    }
    for listener in listeners { await listener.close() }
  }
}

/// Why the service cannot start.
public enum ApplicationError: Error {
  case noMemoryForPasswords
}

internal import Cryptography
internal import Schema
internal import SchemaConversion
public import StreakDomain

/// A moment to which the account can be recovered.
public struct RecoveryPointView: Equatable, Sendable {
  public var name: String
  public var moment: Instant
}

/// A request to recover the account's data of an earlier moment.
public struct RecoveryView: Equatable, Sendable {
  public enum State: Equatable, Sendable {
    /// Waits for the operator, who holds the key of the backups.
    case requested
    /// Ready to be previewed and confirmed.
    case ready
    case merged
    /// Cancelled or expired.
    case cancelled
    case failed(String)
    /// A state that this version does not know.
    case unknown
  }

  public var id: Identifier
  public var point: RecoveryPointView
  public var state: State
  public var requestedAt: Instant
}

/// The changes that a recovery would make, or has made.
public struct RecoveryPlan: Equatable, Sendable {
  public struct Habit: Equatable, Sendable {
    public var name: String
    /// It is missing or deleted, and the recovery restores it.
    public var returns: Bool
    public var daysReturning: [Day]
    public var daysChanging: [Day]
    /// Days whose current note differs from the backup's. The current note stays; a notice offers
    /// the backup's.
    public var daysConflicting: [Day]
    public var currentBefore: Int
    public var currentAfter: Int
  }

  public var habits: [Habit]
  /// Identifies this plan.
  let hash: [UInt8]
}

/// The result of confirming a recovery.
public enum RecoveryOutcome: Equatable, Sendable {
  case merged(RecoveryPlan)
  /// The account has changed since the plan was made. Nothing was merged; this is the current plan.
  case planChanged(RecoveryPlan)
}

extension StreakClient {
  /// The moments to which the current account can be recovered, the latest first.
  public func recoveryPoints() async throws(ClientError) -> [RecoveryPointView] {
    let response = try await call(
      RecoveryServiceMethods.listRecoveryPoints, ListRecoveryPointsRequest(), ListRecoveryPointsResponse.self,
      for: try currentUserID())
    return response.points.map { RecoveryPointView($0) }
  }

  /// Requests the account's data of a moment.
  public func requestRecovery(of point: String) async throws(ClientError) -> RecoveryView {
    let request = RequestRecoveryRequest(recoveryId: Identifier.random().bytes, point: point)
    let response = try await call(
      RecoveryServiceMethods.requestRecovery, request, RequestRecoveryResponse.self, for: try currentUserID())
    guard let recovery = response.recovery.flatMap({ RecoveryView($0) }) else {
      throw .failing("The answer has no recovery.")
    }
    return recovery
  }

  /// This account's recoveries, the latest first.
  public func recoveries() async throws(ClientError) -> [RecoveryView] {
    let response = try await call(
      RecoveryServiceMethods.listRecoveries, ListRecoveriesRequest(), ListRecoveriesResponse.self,
      for: try currentUserID())
    return response.recoveries.compactMap { RecoveryView($0) }
  }

  /// The changes that a recovery would make now.
  public func previewRecovery(_ id: Identifier) async throws(ClientError) -> RecoveryPlan {
    let response = try await call(
      RecoveryServiceMethods.previewRecovery, PreviewRecoveryRequest(recoveryId: id.bytes),
      PreviewRecoveryResponse.self, for: try currentUserID())
    return RecoveryPlan(response.preview ?? RecoveryPreview())
  }

  /// Merges a recovery, if the account still matches the plan. This device receives the result with
  /// the next sync.
  public func confirmRecovery(_ id: Identifier, plan: RecoveryPlan) async throws(ClientError) -> RecoveryOutcome {
    let request = ConfirmRecoveryRequest(recoveryId: id.bytes, planHash: plan.hash)
    do throws(ClientError) {
      let response = try await call(
        RecoveryServiceMethods.confirmRecovery, request, ConfirmRecoveryResponse.self, for: try currentUserID())
      wake()
      return .merged(RecoveryPlan(response.done ?? RecoveryPreview()))
    } catch {
      // A long plan does not fit into the refusal: a call of its own fetches it.
      guard error.reason == .planChanged else { throw error }
      return .planChanged(try await previewRecovery(id))
    }
  }

  /// Cancels a recovery.
  public func cancelRecovery(_ id: Identifier) async throws(ClientError) {
    _ = try await call(
      RecoveryServiceMethods.cancelRecovery, CancelRecoveryRequest(recoveryId: id.bytes), CancelRecoveryResponse.self,
      for: try currentUserID())
  }
}

extension RecoveryPointView {
  init(_ point: RecoveryPoint) {
    self.init(name: point.name, moment: point.moment?.instant ?? .epoch)
  }
}

extension RecoveryView {
  /// Nil if it has no id.
  init?(_ recovery: Recovery) {
    guard let id = Identifier(recovery.recoveryId) else { return nil }
    let state: State =
      switch recovery.state {
      case .requested: .requested
      case .ready: .ready
      case .merged: .merged
      case .cancelled: .cancelled
      case .failed: .failed(recovery.failure)
      default: .unknown
      }
    self.init(
      id: id, point: RecoveryPointView(recovery.point ?? RecoveryPoint()), state: state,
      requestedAt: recovery.requestedAt?.instant ?? .epoch)
  }
}

extension RecoveryPlan {
  init(_ preview: RecoveryPreview) {
    self.init(
      habits: preview.habits.map { habit in
        Habit(
          name: habit.name, returns: habit.returns, daysReturning: habit.daysReturning.map { Day($0) },
          daysChanging: habit.daysChanging.map { Day($0) }, daysConflicting: habit.daysConflicting.map { Day($0) },
          currentBefore: Int(habit.before?.current ?? 0), currentAfter: Int(habit.after?.current ?? 0))
      }, hash: preview.planHash)
  }
}

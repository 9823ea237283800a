internal import Cryptography
internal import GRPCSchema
internal import ProtobufCodec
internal import RPC
internal import Schema
internal import SchemaConversion
internal import StreakDomain
internal import StreakStore

/// Decides the migration of one checked capture into one account. Used for one attempt.
final class MigrationDecision: @unchecked Sendable {
  // Sendable because one task takes its steps, one after another, on any thread:
  // `OffloadedDecision`.

  private let capture: CheckedCapture
  private let map: [(capturedID: Identifier, habitID: Identifier)]
  private let planHash: [UInt8]
  private let isSecondDevice: Bool
  private let isNewAccount: Bool
  private let userID: Identifier
  private let now: Instant
  private let makeAuditEvent: (String) -> AuditEventRecord

  private var anchor: Instant?
  private var plan: MigrationPlan?
  private var matching: HabitMatching?
  private var merged = MergedSession()
  private var changeNumber: Int64 = 0
  /// The entries for the inbox, in the order of the capture; an entry of which only the note is
  /// rejected has the reason `textQuota`.
  private var rejections: [MigrationPlan.Rejection] = []
  private var rejectedIDs: [Identifier] = []
  /// For each rejection: the inbox has room for its note.
  private var keepsRejected: [Bool] = []
  /// The preview, once decided.
  private(set) var preview = MigrationPreview()
  /// The result, once decided.
  private(set) var result = MigrationResult()

  /// - Parameters:
  ///   - planHash: The previewed plan that is to be carried out; empty for any.
  ///   - isNewAccount: The account is made by the same call.
  ///   - makeAuditEvent: Makes the event of a migration that is carried out, given its detail.
  /// - Throws: Refusals of fields.
  init(
    _ capture: CheckedCapture, map: [HabitMapping], planHash: [UInt8], isSecondDevice: Bool, isNewAccount: Bool = false,
    userID: Identifier, at now: Instant, makeAuditEvent: @escaping (String) -> AuditEventRecord
  ) throws(RPCStatus) {
    self.capture = capture
    self.map = try reading { () throws(InvalidField) in try HabitMatching.pairs(map, path: "habit_map") }
    self.planHash = planHash
    self.isSecondDevice = isSecondDevice
    self.isNewAccount = isNewAccount
    self.userID = userID
    self.now = now
    self.makeAuditEvent = makeAuditEvent
  }

  // MARK: Step by step

  func begin(_ state: MigrationState) -> Result<MigrationNeeds?, RPCStatus> {
    do throws(RPCStatus) {
      return .success(try plan(state))
    } catch {
      return .failure(error)
    }
  }

  private func plan(_ state: MigrationState) throws(RPCStatus) -> MigrationNeeds? {
    if let session = state.session {
      guard equalInConstantTime(session.secretHash, capture.secretHash) else { throw Reason.sessionInvalid.status }
    } else if !capture.claim.unanchored {
      throw Reason.sessionInvalid.status
    }
    let manifestHash = capture.captured.manifest.sha256
    if let stored = state.stored {
      guard stored.sessionID == capture.sessionID, stored.manifestHash == manifestHash else {
        throw Reason.idempotencyKeyReused.status
      }
      return nil
    }
    if let claimant = state.session?.claimedBy {
      guard claimant == userID else { throw Reason.sessionClaimed.status }
      let same = state.earlier.first { $0.manifestHash == manifestHash }
      guard isSecondDevice, same == nil else { throw Self.alreadyMigrated(same ?? state.earlier.first) }
    }
    anchor = state.session?.anchor
    changeNumber = state.changeNumber
    let plan = MigrationPlan(capture.captured, anchor: anchor?.wholeMilliseconds, now: now.wholeMilliseconds)
    let matching: HabitMatching
    do throws(HabitMatching.InvalidMap) {
      matching = try HabitMatching(
        capture.captured.habits.map { ($0.id, $0.fields.name) }, account: state.habits, map: map)
    } catch {
      throw Reason.invalidField("habit_map[\(error.index)]", error.reason)
    }
    self.plan = plan
    self.matching = matching
    // Those that move, and those that they become part of.
    let whole = Set(matching.moves.flatMap { [$0.formerID, $0.habitID] })
    var keys: Set<CellKey> = []  // Two habits of the session may become one.
    for (habit, match) in zip(plan.habits, matching.matches) where !whole.contains(match.habitID) {
      for cell in habit.cells { keys.insert(CellKey(habitID: match.habitID, day: cell.day)) }
    }
    return MigrationNeeds(cells: keys.sorted(), wholeHabits: whole.sorted())
  }

  /// The refusal with the result of the migration that moved the session here.
  static func alreadyMigrated(_ first: MigrationRecord?) -> RPCStatus {
    let result = first.flatMap { try? MigrationResult(protobufBytes: $0.result) }
    return result.map { Reason.alreadyMigrated.status.with($0) } ?? Reason.alreadyMigrated.status
  }

  func merge(into ledger: inout PersonLedger) -> Result<Void, RPCStatus> {
    guard let plan, let matching else { return .failure(Reason.internalFault.status) }
    guard
      let merged = ledger.migrate(
        plan, matching: matching, migrationID: capture.migrationID, isNewAccount: isNewAccount,
        now: now.wholeMilliseconds)
    else { return .failure(Reason.habitLimit.status) }
    self.merged = merged
    rejections =
      (plan.rejected + merged.refusedNotes.map { MigrationPlan.Rejection(index: $0, reason: .textQuota) })
      .sorted { $0.index < $1.index }
    rejectedIDs = rejections.map { _ in Identifier.random() }
    keepsRejected = rejections.map { ledger.takeIntoInbox(capture.captured.entries[$0.index].note.utf8.count) }
    return .success(())
  }

  /// Whether its steps are so long that the loop should not run them.
  var isLarge: Bool { capture.isLarge }

  func finish(_ ledger: PersonLedger) -> Result<MergeRecord, RPCStatus> { conclude(ledger).map { record($0) } }

  /// What is stored, without the audit event.
  struct Conclusion: Sendable {
    let migration: MigrationRecord
    let rejected: [StreakDomain.RejectedEntry]
    let auditDetail: String
  }

  /// Makes what is to be stored; on the loop, since the event describes the call.
  func record(_ conclusion: Conclusion) -> MergeRecord {
    MergeRecord(
      migration: conclusion.migration, sessionSecretHash: capture.secretHash, rejected: conclusion.rejected,
      auditEvent: makeAuditEvent(conclusion.auditDetail))
  }

  func conclude(_ ledger: PersonLedger) -> Result<Conclusion, RPCStatus> {
    guard let plan else { return .failure(Reason.internalFault.status) }
    preview = makePreview(plan, ledger)
    if !planHash.isEmpty, planHash != preview.planHash {
      return .failure(Reason.planChanged.status.with(preview))
    }
    result = makeResult(plan, ledger)
    let rejected = zip(zip(rejections, rejectedIDs), keepsRejected).map { rejected, isKept in
      let (rejection, entryID) = rejected
      let entry = capture.captured.entries[rejection.index]
      return StreakDomain.RejectedEntry(
        entryID: entryID, migrationID: capture.migrationID, index: Int32(clamping: rejection.index),
        habitID: entry.habitID, day: entry.day, done: entry.done,
        note: isKept ? entry.note : "", clientTime: entry.clientTime,
        reason: rejection.reason, rejectedAt: now,
        noteHash: isKept ? [] : SHA256.digest(of: Array(entry.note.utf8)))
    }
    let detail = plan.auditDetail(sessionID: capture.sessionID, unanchored: anchor == nil)
    let record = MigrationRecord(
      migrationID: capture.migrationID, sessionID: capture.sessionID, anchor: anchor,
      manifestHash: capture.captured.manifest.sha256, result: result.protobufBytes(), committedAt: now,
      changeNumber: merged.version)
    return .success(Conclusion(migration: record, rejected: rejected, auditDetail: detail))
  }

  // MARK: Messages

  private func makePreview(_ plan: MigrationPlan, _ ledger: PersonLedger) -> MigrationPreview {
    MigrationPreview(
      planHash: hash(plan, ledger), habits: merged.habits.map { PreviewedHabit($0, in: ledger, at: now) },
      quarantined: QuarantinedDays.list(plan, merged, in: ledger), rejected: rejected(withIDs: false),
      findings: plan.findings.map { RuleFinding($0) }, unanchored: anchor == nil,
      claimMismatch: plan.claimMismatch, capturedDay: plan.capturedDay.number)
  }

  private func makeResult(_ plan: MigrationPlan, _ ledger: PersonLedger) -> MigrationResult {
    MigrationResult(
      migrationId: capture.migrationID.bytes, sessionId: capture.sessionID.bytes, unanchored: anchor == nil,
      claimMismatch: plan.claimMismatch,
      habits: zip(plan.habits, merged.habits).map { MigratedHabit($0, $1, in: ledger, at: now) },
      quarantined: QuarantinedDays.list(plan, merged, in: ledger), rejected: rejected(withIDs: true),
      capturedDay: plan.capturedDay.number, committedAt: GoogleProtobufTimestamp(now),
      findings: plan.findings.map { RuleFinding($0) }, noticeIds: merged.noticeIDs.map(\.bytes))
  }

  private func rejected(withIDs: Bool) -> [Schema.RejectedEntry] {
    zip(rejections, rejectedIDs).map { rejection, entryID in
      Schema.RejectedEntry(
        rejection, of: capture.captured.entries[rejection.index], id: withIDs ? entryID : nil)
    }
  }

  /// Hashes the plan: the account's state, the capture, and the outcome of each of its days. The
  /// moment is left out, as long as the captured day stays the same.
  private func hash(_ plan: MigrationPlan, _ ledger: PersonLedger) -> [UInt8] {
    var bytes = Array("streak.v1.plan.1".utf8) + userID.bytes + capture.sessionID.bytes
    func append(_ number: Int64) { bytes.append(bigEndian: number) }
    append(changeNumber)
    bytes += capture.captured.manifest.sha256
    append(Int64(plan.capturedDay.number))
    append(anchor?.microseconds ?? 0)
    for (planned, habit) in zip(plan.habits, merged.habits) {
      bytes += habit.match.capturedID.bytes
      bytes += habit.match.habitID.bytes
      append(Int64(habit.match.way.rawValue))
      for cell in planned.cells {
        append(Int64(cell.day.number))
        let state = ledger.cells[CellKey(habitID: habit.match.habitID, day: cell.day)]?.cell
        append(state?.done == true ? 1 : 0)
        append(Int64(state?.trust.number ?? 0))
      }
      for days in [habit.daysNew, habit.daysSame, habit.daysConflicting] { append(Int64(days.count)) }
    }
    for rejection in rejections { append(Int64(rejection.index)) }
    return SHA256.digest(of: bytes)
  }
}

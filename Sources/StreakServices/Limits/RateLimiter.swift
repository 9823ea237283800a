internal import Cryptography
internal import EventLoop
internal import RPC
internal import Schema
internal import StreakDomain
internal import StreakStore
internal import Synchronization

/// Enforces the limits that the schema declares. The counts are in the database, so they survive a
/// restart and hold across processes; a flood of refused calls is answered from memory. One for the
/// process.
final class RateLimiter: Sendable {
  let addresses: ClientAddresses
  let meter: LimitMeter
  private let store: StreakStore
  private let settings: RateLimitSettings
  private let refusals = Mutex(RecentRefusals())

  init(store: StreakStore, settings: RateLimitSettings, meter: LimitMeter = LimitMeter()) {
    self.store = store
    self.meter = meter
    self.settings = settings
    addresses = ClientAddresses(settings: settings)
  }

  /// Counts the call for its address and for a person: by the id of a signed-in person, or by the
  /// name that a call has before its person is known.
  ///
  /// - Throws: `TOO_MANY_REQUESTS` with the delay after which a retry helps.
  /// - Parameter method: The method whose limit counts; nil: the called method.
  func count(
    _ context: ServerContext, as method: MethodDescriptor? = nil, person: [UInt8]?
  ) async throws(RPCStatus) {
    try await count(counts(context, as: method, person: person), context)
  }

  /// Mails that the requests of all people and addresses together cause to one recipient: the most
  /// in an hour, and the most in a day.
  static let mailsPerRecipient = [(calls: 10, seconds: 3_600), (calls: 20, seconds: 86_400)]

  /// Counts a mail to an address that a call asks for.
  ///
  /// - Throws: `TOO_MANY_REQUESTS`, whether or not the address has an account.
  func countMail(to emailKey: String, _ context: ServerContext) async throws(RPCStatus) {
    try await count(mailCounts(emailKey), context)
  }

  /// Stashes are counted in pieces of so many bytes, each begun one as a whole.
  static let stashPieceBytes = 65_536

  /// Counts the bytes of a stash for its address, which is stored next.
  ///
  /// - Throws: `TOO_MANY_REQUESTS`.
  func countStash(bytes: Int, _ context: ServerContext) async throws(RPCStatus) {
    guard settings.stashBytesPerAddressMax > 0, let group = addresses.group(of: context) else { return }
    let pieces = max(1, (bytes + Self.stashPieceBytes - 1) / Self.stashPieceBytes)
    let count = RateCount(
      name: Array("stash address \(group)".utf8),
      callsMax: Int32(clamping: max(1, settings.stashBytesPerAddressMax / Self.stashPieceBytes)),
      windowSeconds: 3_600, weight: Int32(clamping: pieces))
    try await self.count([count], context, limit: .stashPerAddress)
  }

  /// Counts a call and the mail to an address that it asks for, together.
  func count(_ context: ServerContext, person: [UInt8], mailTo emailKey: String) async throws(RPCStatus) {
    try await count(counts(context, person: person) + mailCounts(emailKey), context)
  }

  private func count(
    _ counts: [RateCount], _ context: ServerContext, limit: ServiceLimit = .methodRate
  ) async throws(RPCStatus) {
    guard !counts.isEmpty else { return }
    try answerFlood(counts, context, limit: limit)
    let waits = try await mappingStoreErrors { () throws(StoreError) in try await store.countCall(counts) }
    try refuse(counts, waits, context, limit: limit)
  }

  private func mailCounts(_ emailKey: String) -> [RateCount] {
    guard settings.factor > 0 else { return [] }
    return Self.mailsPerRecipient.map { rate in
      RateCount(
        name: Array("mail \(rate.seconds) \(emailKey)".utf8),
        callsMax: Int32(clamping: rate.calls.multipliedReportingOverflow(by: settings.factor).partialValue),
        windowSeconds: Int32(rate.seconds))
    }
  }

  /// The stored hash of the address that a person signs in from: a reader of the database finds no
  /// address in it, and cannot compare two people's.
  func addressHash(of context: ServerContext, _ userID: Identifier) -> [UInt8] {
    SHA256.digest(of: userID.bytes + (addresses.group(of: context) ?? "").utf8)
  }

  /// The call's party in the password queue while the caller is unknown: its address.
  func unknownParty(_ context: ServerContext) -> FairQueue.Party {
    FairQueue.Party(isKnown: false, name: Array((addresses.group(of: context) ?? "").utf8))
  }

  /// The names that a call is counted under; empty if its method has no limit, or limits are off.
  func counts(_ context: ServerContext, as method: MethodDescriptor? = nil, person: [UInt8]?) -> [RateCount] {
    let method = method ?? context.method
    guard let limit = method.policy.rateLimit, settings.factor > 0 else { return [] }
    func count(_ rate: Rate, _ kind: String, _ who: [UInt8]) -> RateCount {
      RateCount(
        name: Array("\(method.path) \(kind) ".utf8) + who,
        callsMax: Int32(clamping: rate.calls.multipliedReportingOverflow(by: settings.factor).partialValue),
        windowSeconds: Int32(clamping: rate.seconds))
    }
    var counts: [RateCount] = []
    if let rate = limit.perPerson, let person { counts.append(count(rate, "person", person)) }
    if let rate = limit.perAddress, let group = addresses.group(of: context) {
      counts.append(count(rate, "address", Array(group.utf8)))
    }
    return counts
  }

  /// Refuses a call if the store refused its count: by the longest wait.
  func refuse(
    _ counts: [RateCount], _ waits: [Int64], _ context: ServerContext, limit: ServiceLimit = .methodRate
  ) throws(RPCStatus) {
    guard let longest = waits.max(), longest > 0 else { return }
    meter.count(limit)
    let now = context.loop.nowMilliseconds
    refusals.withLock { refusals in
      for (count, wait) in zip(counts, waits) where wait > 0 {
        refusals.note(count.name, untilMilliseconds: now + UInt64(wait) / 1000, atMilliseconds: now)
      }
    }
    throw Reason.tooManyRequests(retryMilliseconds: UInt64(longest) / 1000)
  }

  /// Refuses a call of a flood without a query, and without an audit event: the calls before it
  /// have left theirs.
  func answerFlood(
    _ counts: [RateCount], _ context: ServerContext, limit: ServiceLimit = .methodRate
  ) throws(RPCStatus) {
    let now = context.loop.nowMilliseconds
    let wait = refusals.withLock { refusals in
      counts.compactMap { refusals.waitMilliseconds($0.name, atMilliseconds: now) }.max()
    }
    guard let wait else { return }
    meter.count(limit)
    context.audit.isStored = true
    throw Reason.tooManyRequests(retryMilliseconds: wait)
  }
}

internal import RPC
internal import StreakDomain
internal import StreakStore

/// Open streaming calls, by the person whose token they carry, so that the server can end them.
/// Loop-confined by its owner.
struct OpenStreams {
  private var streams: [Identifier: [ServerContext]] = [:]
  /// Streams whose token is valid, by person: a stranger's claim counts for no person.
  private var admitted: [Identifier: Int] = [:]

  var people: [Identifier] { Array(streams.keys) }

  func hasStreams(of userID: Identifier) -> Bool { streams[userID] != nil }

  mutating func insert(_ context: ServerContext, of userID: Identifier) {
    streams[userID, default: []].append(context)
  }

  mutating func remove(_ context: ServerContext, of userID: Identifier) {
    streams[userID]?.removeAll { $0 === context }
    if streams[userID]?.isEmpty ?? false { streams[userID] = nil }
  }

  /// Admits one more stream of a person, unless the person has the most streams already; `leave`
  /// must follow.
  mutating func admit(_ userID: Identifier, countMax: Int) -> Bool {
    let count = admitted[userID] ?? 0
    guard count < countMax else { return false }
    admitted[userID] = count + 1
    return true
  }

  mutating func leave(_ userID: Identifier) {
    guard let count = admitted[userID] else { return }
    admitted[userID] = count > 1 ? count - 1 : nil
  }

  /// Ends a person's streams; each is removed when its handler has returned.
  func end(of userID: Identifier, _ status: RPCStatus) {
    for context in streams[userID] ?? [] { context.end(status) }
  }
}

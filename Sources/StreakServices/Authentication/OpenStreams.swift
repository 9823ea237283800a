internal import RPC
internal import StreakDomain
internal import StreakStore

/// Calls that stay open, by whose token they carry, so that they can be ended from outside. Loop-confined by its owner.
struct OpenStreams {
  private var streams: [Identifier: [ServerContext]] = [:]

  var people: [Identifier] { Array(streams.keys) }

  func hasStreams(of userID: Identifier) -> Bool { streams[userID] != nil }

  mutating func insert(_ context: ServerContext, of userID: Identifier) {
    streams[userID, default: []].append(context)
  }

  mutating func remove(_ context: ServerContext, of userID: Identifier) {
    streams[userID]?.removeAll { $0 === context }
    if streams[userID]?.isEmpty ?? false { streams[userID] = nil }
  }

  /// Ends a person's streams; each is removed when its handler has returned.
  func end(of userID: Identifier, _ status: RPCStatus) {
    for context in streams[userID] ?? [] { context.end(status) }
  }
}

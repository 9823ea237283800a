internal import EventLoop
internal import HTTP

/// Makes room where peers hold more than they may.
///
/// Room is made at the cost of the address that holds most, so that one address cannot crowd out
/// the others; connections without an address count one by one. What is ended gets
/// RESOURCE_EXHAUSTED with a retry delay.
extension LoopServer {
  /// Part of a limit that is free again after relief, so that the next bytes do not ask for it at
  /// once; no more, so that others need not wait long: a 32nd.
  private static let reliefDivisor = 32

  /// The connections of one address, and what they hold together.
  private struct Group {
    var connections: [ServerConnection] = []
    var amount = 0
  }

  // MARK: What was received

  /// After bytes have come on `connection`: ends requests until what is held is below the limits.
  func relieveReceived(_ connection: ServerConnection) {
    let own = limits.http2.receivedBytesPerConnectionMax
    if connection.use.receivedBytes > own {
      endRequests(of: [connection], .received) {
        connection.use.receivedBytes > own - own / Self.reliefDivisor
      }
    }
    let all = limits.http2.receivedBytesPerLoopMax
    var groups: [String: Group]?
    while resources.use.receivedBytes > (groups == nil ? all : all - all / Self.reliefDivisor) {
      let found = groups ?? self.groups { $0.use.receivedBytes }
      groups = found
      guard let (host, largest) = found.max(by: { $0.value.amount < $1.value.amount }), largest.amount > 0 else {
        break
      }
      endRequests(of: largest.connections, .received) {
        resources.use.receivedBytes > all - all / Self.reliefDivisor
      }
      groups?[host] = nil
    }
    // Streams that were ended close with the end of the turn.
    guard resources.openExchangeCount > limits.http2.streamsPerLoopMax, relievedAtMilliseconds != loop.nowMilliseconds
    else {
      return
    }
    relievedAtMilliseconds = loop.nowMilliseconds
    relieveStreams()
  }

  /// Ends requests that hold something, for as long as `isNeeded`: of the connections that hold
  /// most, the oldest, since honest ones are soon over.
  private func endRequests(of connections: [ServerConnection], _ kind: BufferKind, while isNeeded: () -> Bool) {
    for connection in connections.sorted(by: { $0.use.receivedBytes > $1.use.receivedBytes }) {
      guard isNeeded() else { return }
      var holders: [HTTPExchange] = []
      connection.session?.forEachExchange { if $0.heldReceivedBytes > 0 { holders.append($0) } }
      holders.sort { $0.openedAtMilliseconds < $1.openedAtMilliseconds }
      for stream in holders where isNeeded() {
        connection.endForRoom(stream)
        metrics.makeRoom(kind)
      }
      // What is left of it is in nghttp2's hands.
      guard connection.use.receivedBytes > 0, isNeeded() else { continue }
      metrics.makeRoom(kind)
      connection.close(.outOfRoom)
    }
  }

  // MARK: Streams

  /// Ends the newest streams of the connections that have most, of the address that has most.
  private func relieveStreams() {
    let groups = groups { $0.openExchangeCount }
    guard let largest = groups.values.max(by: { $0.amount < $1.amount }) else { return }
    let all = limits.http2.streamsPerLoopMax
    // With no other peer, only those that are too many.
    let target = groups.count > 1 ? all - all / Self.reliefDivisor : all
    var excess = resources.openExchangeCount - target
    for connection in largest.connections.sorted(by: { $0.openExchangeCount > $1.openExchangeCount }) {
      guard excess > 0 else { return }
      var streams: [HTTPExchange] = []
      connection.session?.forEachExchange { streams.append($0) }
      streams.sort { $0.openedAtMilliseconds > $1.openedAtMilliseconds }
      for stream in streams.prefix(excess) {
        connection.endForRoom(stream)
        metrics.makeRoom(.streams)
      }
      excess -= streams.count
    }
  }

  // MARK: What is to be sent

  /// Whether `stream`'s response may be held, beside what is held already. Room is made where peers
  /// have taken nothing for a while, and then at the cost of another address that holds more.
  func admitsResponse(_ stream: HTTPExchange, of connection: ServerConnection) -> Bool {
    let own = limits.http2.sendingBytesPerConnectionMax
    if connection.use.sendingBytes > own, stream.heldSendingBytes < connection.use.sendingBytes {
      dropResponses(of: [connection], stalledOnly: true, but: stream) { connection.use.sendingBytes > own }
      guard
        connection.use.sendingBytes <= own || stream.heldSendingBytes == connection.use.sendingBytes
          || stream.outboundBytes <= limits.http2.smallResponseBytesMax
      else {
        metrics.makeRoom(.sending)
        return false
      }
    }
    let all = limits.http2.sendingBytesPerLoopMax
    guard resources.use.sendingBytes > all else { return true }
    func isNeeded() -> Bool { resources.use.sendingBytes > all }
    dropResponses(of: Array(connections.values), stalledOnly: true, but: stream, while: isNeeded)
    if isNeeded(), let largest = groups({ $0.use.sendingBytes }).values.max(by: { $0.amount < $1.amount }),
      !largest.connections.contains(where: { $0 === connection })
    {
      dropResponses(of: largest.connections, stalledOnly: false, but: stream) {
        resources.use.sendingBytes > all - all / Self.reliefDivisor
      }
    }
    guard isNeeded(), stream.heldSendingBytes < resources.use.sendingBytes else { return true }
    metrics.makeRoom(.sending)
    return false
  }

  /// Ends the streams whose responses hold most, for as long as `isNeeded`.
  private func dropResponses(
    of connections: [ServerConnection], stalledOnly: Bool, but own: HTTPExchange, while isNeeded: () -> Bool
  ) {
    let now = loop.nowMilliseconds
    let patience = limits.connections.pressedStallMilliseconds
    var holders: [(stream: HTTPExchange, connection: ServerConnection)] = []
    for connection in connections where connection.use.sendingBytes > 0 && isNeeded() {
      if let blocked = connection.connection.blockedSinceMilliseconds, now &- blocked >= patience {
        metrics.makeRoom(.sending)
        connection.close(.stalled)
        continue
      }
      connection.session?.forEachExchange { stream in
        guard stream.heldSendingBytes > 0, stream !== own else { return }
        let mark = stream.progressMark
        let isStalled =
          mark.milliseconds > 0 && mark.sentBytes == stream.sentBytes && now &- mark.milliseconds >= patience
        if isStalled || !stalledOnly { holders.append((stream, connection)) }
      }
    }
    holders.sort { $0.stream.heldSendingBytes > $1.stream.heldSendingBytes }
    for (stream, connection) in holders where isNeeded() {
      connection.dropForRoom(stream)
      metrics.makeRoom(.sending)
    }
  }

  private func groups(_ amount: (ServerConnection) -> Int) -> [String: Group] {
    var groups: [String: Group] = [:]
    for (id, connection) in connections {
      let held = amount(connection)
      guard held > 0 else { continue }
      let name = connection.limitGroup ?? "\(id)"
      groups[name, default: Group()].connections.append(connection)
      groups[name, default: Group()].amount += held
    }
    return groups
  }
}

extension ServerConnection {
  /// Ends a call whose request holds too much.
  func endForRoom(_ stream: HTTPExchange) {
    if let call = stream.owner as? ServerContext, call.isOpen {
      call.end(.noRoom)
      session?.dropRequest(stream)
    } else {
      session?.dropRequest(stream)
      session?.dropResponse(stream, code: .enhanceYourCalm)
    }
    needsFlush()
  }

  /// Ends a call whose response holds too much. Source of the code: gRPC over HTTP/2, "Errors": it
  /// is RESOURCE_EXHAUSTED there.
  func dropForRoom(_ stream: HTTPExchange) {
    (stream.owner as? ServerContext)?.end(.noRoom)
    session?.dropResponse(stream, code: .enhanceYourCalm)
    needsFlush()
  }
}

/// What a server had too much of.
public enum BufferKind: String, Sendable, CaseIterable {
  case received
  case sending
  case streams
}

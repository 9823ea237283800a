public import EventLoop

/// What a server has counted since it started, over all its loops.
public struct ServerMetrics: Sendable {
  public internal(set) var connections = ConnectionCounters()
  /// Every method the server has.
  public internal(set) var calls: [MethodName: CallCounters] = [:]
  public internal(set) var callsOfUnknownMethods = CallCounters()
  /// Requests that were no gRPC, by the HTTP status they were refused with.
  public internal(set) var refusedRequests: [Int: UInt64] = [:]
  /// Statuses whose message and details did not fit the header list whole.
  public internal(set) var reducedStatuses: UInt64 = 0
  /// Bytes that are held of what was received, without large requests': see
  /// `HTTPLimits.receivedBytesPerLoopMax`.
  public internal(set) var receivedBufferBytes = 0
  /// Bytes that are held of what is to be sent: see `HTTPLimits.sendingBytesPerLoopMax`.
  public internal(set) var sendingBufferBytes = 0
  public internal(set) var openStreams = 0
  /// Calls and connections that were refused or ended because there was no room.
  public internal(set) var roomMade: [BufferKind: UInt64] = [:]
  /// Bytes of large requests that are on their way: see `RPCLimits.largeRequestBytesMax`.
  public internal(set) var largeRequestBytes = 0
  /// Large requests that wait for room.
  public internal(set) var largeRequestsWaiting = 0
  /// In the order of the loops.
  public internal(set) var loopLags: [LoopLag] = []
  public internal(set) var busyPolls = BusyPollCounts()

  init() {}

  mutating func add(_ other: ServerMetrics) {
    connections.add(other.connections)
    for (name, counters) in other.calls { calls[name, default: CallCounters()].add(counters) }
    callsOfUnknownMethods.add(other.callsOfUnknownMethods)
    refusedRequests.merge(other.refusedRequests, uniquingKeysWith: +)
    receivedBufferBytes += other.receivedBufferBytes
    sendingBufferBytes += other.sendingBufferBytes
    openStreams += other.openStreams
    roomMade.merge(other.roomMade, uniquingKeysWith: +)
    reducedStatuses += other.reducedStatuses
    largeRequestBytes += other.largeRequestBytes
    largeRequestsWaiting += other.largeRequestsWaiting
    loopLags += other.loopLags
    busyPolls.add(other.busyPolls)
  }
}

/// Which method, such as `example.v1.NoteService` and `AddNote`.
public struct MethodName: Sendable, Hashable {
  public let service: String
  public let method: String

  public init(service: String, method: String) {
    self.service = service
    self.method = method
  }
}

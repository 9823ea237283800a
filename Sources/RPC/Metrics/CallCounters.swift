/// What has happened to the calls of one method.
public struct CallCounters: Sendable, Equatable {
  /// Calls whose outcome is not decided.
  public internal(set) var underWay = 0
  /// From the request's header fields to the decision on the outcome. Calls refused at once took no
  /// time.
  public internal(set) var latency = LatencyHistogram()
  /// Bytes of requests, as they arrived: messages with their prefixes, compressed ones compressed.
  public internal(set) var receivedBytes = 0
  /// Bytes of responses, as they were handed over to be sent.
  public internal(set) var sentBytes = 0
  private var endedByCode = [UInt64](repeating: 0, count: RPCStatusCode.allCases.count)

  /// Calls that ended with `code`.
  public func ended(_ code: RPCStatusCode) -> UInt64 { endedByCode[code.rawValue] }

  mutating func end(_ code: RPCStatusCode, nanoseconds: UInt64) {
    endedByCode[code.rawValue] &+= 1
    latency.record(nanoseconds)
  }

  mutating func add(_ other: CallCounters) {
    underWay += other.underWay
    latency.add(other.latency)
    receivedBytes += other.receivedBytes
    sentBytes += other.sentBytes
    for code in endedByCode.indices { endedByCode[code] &+= other.endedByCode[code] }
  }
}

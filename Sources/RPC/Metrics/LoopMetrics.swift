internal import EventLoop

/// What one loop counts. Loop-confined, so that counting is an addition in an array, without locks
/// or atomics.
final class LoopMetrics {
  /// By `Router.Route.index`; the last is for calls of methods that the server does not have, so
  /// that peers cannot make it grow.
  private var calls: [CallCounters]
  private var refusedRequests: [Int: UInt64] = [:]
  private var reducedStatuses: UInt64 = 0
  private var roomMade: [BufferKind: UInt64] = [:]
  private let methods: [ServerMethod]

  init(_ methods: [ServerMethod]) {
    self.methods = methods
    calls = Array(repeating: CallCounters(), count: methods.count + 1)
  }

  /// A call whose headers are accepted.
  func begin(_ method: Int) { calls[method].underWay += 1 }

  func received(_ bytes: Int, _ method: Int) { calls[method].receivedBytes += bytes }

  func sent(_ bytes: Int, _ method: Int) { calls[method].sentBytes += bytes }

  /// The outcome of a call that had begun is decided.
  func end(_ method: Int, _ code: RPCStatusCode, nanoseconds: UInt64) {
    calls[method].underWay -= 1
    calls[method].end(code, nanoseconds: nanoseconds)
  }

  /// A call was refused for its header fields.
  /// - Parameter method: Nil: one the server does not have.
  func refuse(_ method: Int?, _ code: RPCStatusCode) { calls[method ?? methods.count].end(code, nanoseconds: 0) }

  /// A request that is no gRPC was refused.
  func refuse(httpStatus: Int) { refusedRequests[httpStatus, default: 0] += 1 }

  /// A status was sent without all of its details.
  func reduceStatus() { reducedStatuses += 1 }

  /// A call was refused or ended for room.
  func makeRoom(_ kind: BufferKind) { roomMade[kind, default: 0] += 1 }

  /// As of now.
  var counted: ServerMetrics {
    var counted = ServerMetrics()
    for (method, calls) in zip(methods, calls) {
      let name = MethodName(service: method.descriptor.service, method: method.descriptor.name)
      counted.calls[name, default: CallCounters()].add(calls)
    }
    counted.callsOfUnknownMethods = calls[methods.count]
    counted.refusedRequests = refusedRequests
    counted.reducedStatuses = reducedStatuses
    counted.roomMade = roomMade
    return counted
  }
}

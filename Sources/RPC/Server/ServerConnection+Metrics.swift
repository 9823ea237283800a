/// Counting of calls, and telling the observer.
extension ServerConnection {
  /// The outcome of a call is decided; nil is OK.
  func ended(_ meter: CallMeter, _ method: ServerMethod, _ status: RPCStatus?) {
    let code = status?.code ?? .ok
    let nanoseconds = meter.end(code, server.metrics)
    guard let observer = server.observer, observer.wants(code) else { return }
    observer.callEnded(
      EndedCall(
        method: method.descriptor, outcome: status.map { .failed($0) } ?? .ok, durationNanoseconds: nanoseconds,
        receivedBytes: meter.receivedBytes, sentBytes: meter.sentBytes, peerAddress: peerAddress))
  }

  /// A call was refused for its header fields.
  func refused(_ route: Router.Route?, _ status: RPCStatus) {
    server.metrics.refuse(route?.index, status.code)
    refused(route?.method.descriptor, status.code, .failed(status))
  }

  /// A request that is no gRPC was refused.
  func refused(httpStatus: Int) {
    server.metrics.refuse(httpStatus: httpStatus)
    refused(nil, nil, .notGRPC(httpStatus: httpStatus))
  }

  private func refused(_ method: MethodDescriptor?, _ code: RPCStatusCode?, _ outcome: EndedCall.Outcome) {
    guard let observer = server.observer, observer.wants(code) else { return }
    observer.callEnded(
      EndedCall(
        method: method, outcome: outcome, durationNanoseconds: 0, receivedBytes: 0, sentBytes: 0,
        peerAddress: peerAddress))
  }
}

internal import HTTP

/// How requests for resources are answered.
extension ServerConnection {
  /// Answers a request for a resource: GET and HEAD of a path that is no method's.
  /// - Returns: false: it is no such request, or there is no such resource.
  func answerResource(
    _ stream: HTTPExchange, _ head: borrowing RequestHead, _ origin: HeaderBlock?, _ session: any HTTPSession
  ) -> Bool {
    let resources = server.staticResources
    guard !resources.isEmpty, head.method == .get || head.method == .head, head.route == nil, !stream.headersTooLarge,
      let answers = resources.answers(for: stream.headers.firstValue(":path") ?? "")
    else { return false }
    let request = ResourceRequest(stream.headers, from: peerAddress)
    discardInput(of: stream)
    guard resources.admits(request) else {
      refuseResource(stream, status: 429, origin, session)
      return true
    }
    let answer = answers.selected(by: request.metadataValues("accept-encoding"))
    guard !ContentNegotiation.holds(answer.entityTag, request.metadataValues("if-none-match")) else {
      session.submitHeadersOnlyResponse(stream, answer.notModified.with(origin))
      return true
    }
    // HTTP/1.1's session leaves the body of HEAD out by itself, and counts it.
    guard head.method == .get || session.version == .http1 else {
      session.submitHeadersOnlyResponse(stream, answer.whole.with(origin))
      return true
    }
    stream.outbound = answer.body
    session.countSending(stream)
    guard stream.heldSendingBytes == 0 || server.admitsResponse(stream, of: self) else {
      session.dropOutbound(stream)
      refuseResource(stream, status: 503, origin, session)
      return true
    }
    session.submitWholeResponse(stream, answer.whole.with(origin))
    return true
  }

  private func refuseResource(
    _ stream: HTTPExchange, status: Int, _ origin: HeaderBlock?, _ session: any HTTPSession
  ) {
    refused(httpStatus: status)
    var fields = HeaderBlock()
    fields.append(name: ":status", value: "\(status)")
    fields.append(name: "retry-after", value: "1")
    session.submitHeadersOnlyResponse(stream, fields.with(origin))
  }
}

extension HeaderBlock {
  /// The fields, and behind them others, if there are any.
  fileprivate func with(_ others: HeaderBlock?) -> HeaderBlock {
    guard let others else { return self }
    var fields = self
    fields.append(others)
    return fields
  }
}

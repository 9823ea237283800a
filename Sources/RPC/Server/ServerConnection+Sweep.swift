internal import HTTP

/// What time does to a connection.
extension ServerConnection {
  /// Looks whether anything takes too long. Called once per `ConnectionLimits.sweepMilliseconds`.
  func sweep(atMilliseconds now: UInt64) {
    let limits = limits.connections
    if now &- connection.receivedAtMilliseconds >= limits.sweepMilliseconds { connection.trimBuffers() }
    guard let session, session.isEstablished else {
      if now &- openedAtMilliseconds >= limits.handshakeMilliseconds { endSlowRequest(.handshakeTimeout) }
      return
    }
    if let blocked = connection.blockedSinceMilliseconds, now &- blocked >= limits.stallMilliseconds {
      return close(.stalled)
    }
    if session.openExchangeCount > 0 {
      idleSinceMilliseconds = now
      guard sweepStreams(session, limits, now) else { return endSlowRequest(.headersTimeout) }
      guard !session.senderIsSlow(atMilliseconds: now) else { return endSlowRequest(.stalled) }
      sweepKeepalive(session, limits, now)
    }
    sweepAge(session, limits, now)
  }

  private static let lateRequest = RuntimeReason.requestLate.status(
    .deadlineExceeded, "The request did not arrive in time.")

  /// Closes because of a request that comes too slowly; over HTTP/1.1, behind an answer to it.
  private func endSlowRequest(_ end: ConnectionEnd) {
    guard let session, session.version == .http1 else { return close(end) }
    // It has its answer, which the peer may still read.
    guard self.end == nil else { return }
    if let stream = session.lastExchange, let call = stream.owner as? ServerContext, call.isOpen, !stream.isSent {
      call.end(Self.lateRequest)
      session.refuseRequests()
    } else if !session.refuseSlowHead() {
      return close(end)
    }
    self.end = end
    needsFlush()
  }

  /// - Returns: false if header fields take too long: nothing else can come on the connection
  ///   before them.
  private func sweepStreams(_ session: any HTTPSession, _ limits: ConnectionLimits, _ now: UInt64) -> Bool {
    var headersAreLate = false
    var late: [ServerContext] = []
    var stalled: [HTTPExchange] = []
    session.forEachExchange { stream in
      if !stream.hasHeaders {
        headersAreLate = headersAreLate || now &- stream.openedAtMilliseconds >= limits.headersMilliseconds
      } else if let call = stream.owner as? ServerContext, call.requestIsLate(atMilliseconds: now, limits) {
        late.append(call)
      } else if stream.outboundBytes > 0 {
        if stream.progressMark.sentBytes != stream.sentBytes || stream.progressMark.milliseconds == 0 {
          stream.progressMark = (stream.sentBytes, now)
        } else if now &- stream.progressMark.milliseconds >= limits.stallMilliseconds {
          stalled.append(stream)
        }
      }
    }
    for call in late { call.end(Self.lateRequest) }
    for stream in stalled { session.reset(stream, code: .cancel) }
    if !stalled.isEmpty { needsFlush() }
    return !headersAreLate
  }

  private func sweepKeepalive(_ session: any HTTPSession, _ limits: ConnectionLimits, _ now: UInt64) {
    let quiet = now &- connection.receivedAtMilliseconds
    guard limits.keepaliveMilliseconds > 0, quiet >= limits.keepaliveMilliseconds else { return }
    if !session.pingIsOutstanding {
      session.submitPing()
      needsFlush()
    } else if quiet >= limits.keepaliveMilliseconds + limits.keepaliveTimeoutMilliseconds {
      close(.keepaliveTimeout)
    }
  }

  /// Asks an idle or old connection to go: first a notice, so that calls on their way are served,
  /// in the next sweep for good.
  private func sweepAge(_ session: any HTTPSession, _ limits: ConnectionLimits, _ now: UInt64) {
    switch departure {
    case .none:
      // Calls may have come and gone between two sweeps.
      let idleSince = max(idleSinceMilliseconds, session.openedAtMilliseconds)
      let isIdle = limits.idleMilliseconds > 0 && now &- idleSince >= limits.idleMilliseconds
      let isOld = limits.ageMilliseconds > 0 && now &- openedAtMilliseconds >= ageMilliseconds
      guard isIdle || isOld else { return }
      departure = .announced
      announceShutdown()
    case .announced:
      departure = .refusing(sinceMilliseconds: now)
      refuseNewCalls()
    case .refusing(let since):
      if now &- since >= limits.ageGraceMilliseconds { close(.ageGraceOver) }
    }
  }
}

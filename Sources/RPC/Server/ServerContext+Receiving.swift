internal import EventLoop
internal import HTTP

/// How a request comes in.
extension ServerContext {
  /// Bytes of the largest request message that the method takes.
  @usableFromInline var requestBytesMax: Int { max(connection.limits.messageBytesMax, method.requestBytesMax) }

  /// A request whose body is to come: one that announces too large a message is refused at once.
  func checkAnnouncedBody() {
    guard !format.isFramed, let announcedBytes, announcedBytes > requestBytesMax,
      let refusal = MessageFraming.refusal(.tooLarge(count: announcedBytes), byteLimit: requestBytesMax)
    else { return }
    end(refusal)
  }

  /// More of the request has come, or its end.
  func receivedBody() {
    guard let stream, isOpen else { return }
    countReceived(stream)
    guard queryMessage == nil || stream.bodyBytes == 0 else { return end(ConnectQuery.bodyRefusal) }
    if takesOneRequest && stream.receivedEnd { return start() }
    let limit = requestBytesMax
    let front: MessageFraming.Front
    do throws(RPCStatus) { front = try self.front(of: stream) } catch { return end(error) }
    if takesOneRequest {
      if let refusal = MessageFraming.refusal(front, byteLimit: limit) { return end(refusal) }
      if case .message(let count, _) = front, stream.bodyBytes > count + MessageFraming.prefixBytes {
        return end(RequestForm.tooManyMessages)
      }
      admit(front, on: stream)
    } else if call.suspension.contains(.request) {
      switch front {
      case .begun where !stream.receivedEnd: admit(front, on: stream)
      case .incomplete where !stream.receivedEnd: break
      default: resumeReader()
      }
    }
  }

  /// What the front of the received bytes holds.
  private func front(of stream: HTTPExchange) throws(RPCStatus) -> MessageFraming.Front {
    let limit = requestBytesMax
    guard format.isFramed else {
      // A body without frames is one message; how long it is, a request may say.
      guard stream.bodyBytes <= limit else { return .tooLarge(count: stream.bodyBytes) }
      if let announcedBytes, announcedBytes > limit { return .tooLarge(count: announcedBytes) }
      return .begun(count: announcedBytes ?? limit)
    }
    guard format.isText else {
      return MessageFraming.front(
        of: stream.body, from: stream.bodyOffset, byteLimit: limit, encoding: requestEncoding)
    }
    let prefix = try WebText.prefix(of: stream.body)
    let front = MessageFraming.front(of: prefix, from: 0, byteLimit: limit, encoding: requestEncoding)
    guard case .begun(let count) = front else {
      if case .message = front { return .incomplete }
      return front
    }
    return .begun(count: count / 3 * 4 + 2 * WebText.groupBytes)
  }

  /// A handler waits for the message at the front: lets the peer send all of it.
  ///
  /// A message that the stream's window has room for needs nothing. For another one room is asked
  /// for once the peer has used half of that window (so that a few bytes reserve nothing), and
  /// where it is granted, what arrives is given back to the window at once.
  func admit(_ front: MessageFraming.Front, on stream: HTTPExchange) {
    guard case .begun(let count) = front else { return }
    if let reservation {
      if reservation.isGranted { session.consumeReceived(stream) }
      return
    }
    let bytes = count + MessageFraming.prefixBytes
    let receivable = session.receivableBytes(stream)
    guard bytes - stream.bodyBytes > receivable, receivable <= stream.windowBytes / 2 else { return }
    reservation = connection.reserve(bytes) { [unowned self] in
      stream.reservedBytes = bytes
      stream.body.reserveCapacity(stream.bodyOffset + bytes)
      session.countReceived(stream)
      grantedAtMilliseconds = loop.nowMilliseconds
      session.consumeReceived(stream)
      connection.needsFlush()
    }
  }

  /// Takes room for a message that was small on its way and is large now.
  func reserveNow(_ bytes: Int) throws(RPCStatus) {
    guard bytes > Int(connection.limits.http2.streamWindowBytes), bytes > reservation?.bytes ?? 0 else { return }
    releaseReservation()
    reservation = connection.reserveNow(bytes)
    guard reservation != nil else {
      connection.server.metrics.makeRoom(.received)
      throw .noRoom
    }
  }

  /// The message was used, or will not be used. A call with one message keeps its room to the end:
  /// what was decoded takes it then.
  func releaseReservation() {
    guard let reservation else { return }
    self.reservation = nil
    stream?.reservedBytes = 0
    connection.server.requestBudget.release(reservation)
  }

  /// Whether a message takes too long to arrive. Time spent waiting for room does not count.
  func requestIsLate(atMilliseconds now: UInt64, _ limits: ConnectionLimits) -> Bool {
    guard isOpen, let stream, !stream.receivedEnd else { return false }
    if let reservation {
      return reservation.isGranted && now &- grantedAtMilliseconds >= limits.requestMilliseconds
    }
    return takesOneRequest && now &- stream.openedAtMilliseconds >= limits.requestMilliseconds
  }
}

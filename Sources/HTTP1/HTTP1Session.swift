public import HTTP

/// One HTTP/1.1 or HTTP/1.0 connection of a server: bytes in, events out; submissions in, bytes
/// out. No I/O of its own. Loop-confined.
///
/// There is one exchange at a time. Bytes of the next request wait until the response is written.
/// The peer is held back by not being read: `pausesReading`.
public final class HTTP1Session: HTTPSessionState, HTTPSession {
  public var version: HTTPVersion { .http1 }
  public static var outboundFrameBytes: Int { 0 }

  /// Bytes of following requests that wait, before no more is read. What one read brings may come
  /// on top of it.
  public static let waitingBytesMax = 16_384
  /// Bytes of a request's body that are read and dropped after the response, so that the connection
  /// can be kept.
  public static let droppedBytesMax = 65_536

  /// Where the connection is on its way out.
  private enum Departure {
    case none
    /// Responses say that the connection closes.
    case announced
    /// It closes with the open exchange, or at once.
    case refusing
    /// Nothing more is read or begun. Written is what is written already, and `answer`.
    case ending
  }

  private let resources: HTTP1Resources
  private var parser: HTTP1RequestParser
  /// The exchange under way, from its head's first byte to its response's last.
  private var current: HTTP1Exchange?
  /// Bytes behind the request under way.
  private var waiting: [UInt8] = []
  private var departure = Departure.none
  /// The peer sends nothing more.
  private var inputHasEnded = false
  /// A response of status 100 is to be written.
  private var asksForBody = false
  /// The session's own last answer, which is to be written.
  private var answer: Answer?
  private var isAbandoned = false
  /// Why a request was refused before its handler saw it.
  public private(set) var refusal: HTTP1Refusal?

  private struct Answer {
    let status: Int
    let fields: HeaderBlock
    let text: String
  }

  /// - Parameter isSecure: The bytes come encrypted.
  public init(resources: HTTP1Resources, isSecure: Bool = false) {
    self.resources = resources
    parser = HTTP1RequestParser(limits: resources.limits, isSecure: isSecure)
    super.init(resources: resources.shared)
  }

  // MARK: Receiving

  public func receive(_ bytes: RawSpan) throws(HTTPError) {
    guard !isAbandoned else { return }
    var used = 0
    if waiting.isEmpty { used = process(bytes) }
    // An event may have closed the connection.
    guard used < bytes.byteCount, !isAbandoned else { return }
    unsafe bytes.extracting(used...).withUnsafeBytes { unsafe waiting.append(contentsOf: $0) }
  }

  public func receivedEnd() {
    inputHasEnded = true
    endWithInput()
  }

  /// The connection serves no request after the one under way: the peer's last byte was read.
  private var hasReadAll: Bool { inputHasEnded && waiting.isEmpty }

  /// Behind the last byte there is no request, and one that is not whole never will be.
  private func endWithInput() {
    guard hasReadAll, departure != .ending else { return }
    if let current {
      guard !current.receivedEnd, !current.outboundEnds else { return }
      close(current, .cancel)
    }
    if !isAbandoned { end(nil) }
  }

  /// Goes on with bytes that had to wait.
  private func processWaiting() {
    guard !waiting.isEmpty else { return }
    var bytes: [UInt8] = []
    swap(&bytes, &waiting)
    let used = unsafe process(bytes.span.bytes)
    guard used < bytes.count, !isAbandoned else { return }
    bytes.removeFirst(used)
    waiting = bytes
  }

  /// Reads requests up to the end of one.
  /// - Returns: Bytes that were used.
  private func process(_ bytes: RawSpan) -> Int {
    var offset = 0
    var hasBody = false
    while true {
      guard !isAbandoned, !parser.isClosed else { return bytes.byteCount }
      if let current, current.receivedEnd { return offset }
      guard offset < bytes.byteCount || current?.hasHeaders == true else { return offset }
      let exchange = current ?? resources.takeExchange()
      let event: HTTP1RequestParser.Event?
      do throws(HTTP1Refusal) {
        event = try parser.next(in: bytes, from: &offset, headers: exchange.headers)
      } catch {
        refuse(exchange, error)
        return bytes.byteCount
      }
      switch event {
      case nil:
        if hasBody { tellOfBody(exchange) }
        if current == nil {
          if parser.isInHead { open(exchange) } else { resources.give(exchange) }
        }
        return bytes.byteCount
      case .head(let head):
        if current == nil { open(exchange) }
        exchange.request = head
        // The end of a request without a body: known to the delegate from the begin.
        if head.body == .none, (try? parser.next(in: bytes, from: &offset, headers: exchange.headers)) == .end {
          exchange.receivedEnd = true
        }
        deliver(exchange)
      case .body(let range):
        take(bytes.extracting(range), exchange)
        hasBody = true
      case .end:
        exchange.receivedEnd = true
        tellOfBody(exchange)
        hasBody = false
      }
    }
  }

  private func open(_ exchange: HTTP1Exchange) {
    current = exchange
    didOpen(exchange)
  }

  private func deliver(_ exchange: HTTP1Exchange) {
    exchange.hasHeaders = true
    exchange.writer = HTTP1ResponseWriter(to: exchange.request)
    exchange.arrivalMark = (0, sharedResources.now())
    if !isEstablished {
      isEstablished = true
      delegate?.established()
    }
    countReceived(exchange)
    delegate?.receivedHeaders(exchange)
    asksForBody =
      exchange.request.expectsContinue && current === exchange && !exchange.hasResponse && !exchange.discardsInput
  }

  private func take(_ bytes: RawSpan, _ exchange: HTTP1Exchange) {
    exchange.receivedBytes += bytes.byteCount
    guard !exchange.discardsInput else { return }
    exchange.unconsumedBytes += bytes.byteCount
    unsafe bytes.withUnsafeBytes { bytes in
      unsafe exchange.receive(
        UnsafeBufferPointer(start: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), count: bytes.count))
    }
    countReceived(exchange)
  }

  private func tellOfBody(_ exchange: HTTP1Exchange) {
    if !exchange.discardsInput { delegate?.receivedBody(exchange) }
  }

  /// Nothing of the connection is read any more.
  private func refuse(_ exchange: HTTP1Exchange, _ refusal: HTTP1Refusal) {
    self.refusal = refusal
    if refusal == .headersTooLarge, !exchange.hasHeaders, !exchange.headers.fields.isEmpty {
      // The delegate answers as in HTTP/2, in the protocol of the call.
      if current == nil { open(exchange) }
      exchange.request.keepsAlive = false
      exchange.request.isHead = exchange.headers.firstValue(":method") == "HEAD"
      exchange.headersTooLarge = true
      exchange.receivedEnd = true
      return deliver(exchange)
    }
    let fields = resources.answerFields(exchange.headers)
    let isAnswered = exchange.isSent
    if current == nil { resources.give(exchange) } else { close(exchange, .protocolError) }
    // An event may have closed the connection.
    guard !isAbandoned else { return }
    end(isAnswered ? nil : Answer(status: refusal.status, fields: fields, text: "Refused: \(refusal.rawValue).\n"))
  }

  /// The exchange is over.
  private func close(_ exchange: HTTP1Exchange, _ code: HTTP2ErrorCode) {
    current = nil
    asksForBody = false
    didClose(exchange, code: code)
    resources.give(exchange)
  }

  private func end(_ answer: Answer?) {
    departure = .ending
    self.answer = answer
    parser.close()
    waiting = []
  }

  // MARK: Sending

  public func produce(into output: HTTPOutputBuffer) throws(HTTPError) {
    while !isAbandoned {
      if let exchange = current, let code = exchange.resetCode { cutOff(exchange, code) }
      if let answer {
        guard try write(answer, to: output) else { return }
        self.answer = nil
      }
      guard let exchange = current else {
        guard departure != .ending, !waiting.isEmpty else { return }
        processWaiting()
        endWithInput()
        if current == nil && answer == nil { return }
        continue
      }
      if asksForBody {
        HTTP1ResponseWriter.appendContinue(to: &resources.scratch)
        guard try writeScratch(to: output) else { return }
        asksForBody = false
      }
      guard try writeResponse(of: exchange, to: output) else { return }
      guard complete(exchange) else { return }
    }
  }

  /// Writes what there is of a response.
  /// - Returns: Whether it is written to its end.
  private func writeResponse(of exchange: HTTP1Exchange, to output: HTTPOutputBuffer) throws(HTTPError) -> Bool {
    guard !exchange.isAnswered else { return true }
    if let response = exchange.response {
      guard try writeHead(response, of: exchange, to: output) else { return false }
      exchange.response = nil
      exchange.isSent = true
    }
    guard exchange.isSent else { return false }
    while exchange.outboundBytes > 0 {
      let count = unsafe exchange.outbound.withUnsafeBytes { bytes in
        let part = unsafe UnsafeRawBufferPointer(rebasing: bytes[exchange.outboundOffset...])
        return unsafe exchange.writer.appendBody(part.bytes, to: output)
      }
      guard count > 0 else { break }
      exchange.outboundOffset += count
      exchange.sentBytes += count
    }
    let remaining = exchange.outboundBytes
    if remaining == 0 {
      exchange.outbound.removeAll(keepingCapacity: exchange.outbound.capacity <= limits.outboundBytesMax)
      exchange.outboundOffset = 0
      if exchange.heldSendingBytes > 0 { countSending(exchange) }
      if exchange.outboundEnds, exchange.writer.appendEnd(to: output) {
        exchange.isAnswered = true
        return true
      }
    }
    if exchange.writerWaits, remaining <= limits.outboundBytesMax / 2 {
      exchange.writerWaits = false
      delegate?.drained(exchange)
    }
    return false
  }

  private func writeHead(
    _ response: HTTP1Exchange.Response, of exchange: HTTP1Exchange, to output: HTTPOutputBuffer
  ) throws(HTTPError) -> Bool {
    let isWhole = exchange.outboundEnds
    if departure != .none || hasReadAll || !mayKeep(exchange, isWhole: isWhole) { exchange.writer.close() }
    let bodyBytes = isWhole ? exchange.outboundBytes : nil
    switch response {
    case .fields(let fields):
      exchange.writer.appendHead(fields, bodyBytes: bodyBytes, date: resources.date, to: &resources.scratch)
    case .constant(let fields):
      exchange.writer.appendHead(constant: fields, bodyBytes: bodyBytes, date: resources.date, to: &resources.scratch)
    }
    return try writeScratch(to: output)
  }

  /// Whether the connection can be kept after the response, as far as the rest of the request
  /// matters: it has to be read first. A client that waits to be asked for a body may not send it.
  private func mayKeep(_ exchange: HTTP1Exchange, isWhole: Bool) -> Bool {
    guard !exchange.receivedEnd, isWhole || exchange.discardsInput else { return true }
    guard !exchange.request.expectsContinue || exchange.receivedBytes > 0 else { return false }
    return (exchange.missingBytes ?? .max) <= Self.droppedBytesMax
  }

  private func write(_ answer: Answer, to output: HTTPOutputBuffer) throws(HTTPError) -> Bool {
    var fields = HeaderBlock()
    fields.append(name: ":status", value: "\(answer.status)")
    fields.append(name: "content-type", value: "text/plain; charset=utf-8")
    fields.append(answer.fields)
    var writer = HTTP1ResponseWriter.refusing
    writer.appendHead(fields, bodyBytes: answer.text.utf8.count, date: resources.date, to: &resources.scratch)
    resources.scratch.append(contentsOf: answer.text.utf8)
    return try writeScratch(to: output)
  }

  /// Writes what is in the scratch buffer, and empties it.
  /// - Returns: false when there is no room; it is to be made again.
  /// - Throws: What would fit no buffer.
  private func writeScratch(to output: HTTPOutputBuffer) throws(HTTPError) -> Bool {
    defer { resources.scratch.removeAll(keepingCapacity: resources.scratch.capacity <= Self.scratchBytesMax) }
    guard resources.scratch.count <= HTTPOutputBuffer.capacityBytes else {
      throw .fatal(reason: "the response's head is too large")
    }
    return unsafe resources.scratch.withUnsafeBytes { unsafe output.append($0) }
  }

  /// Bytes of the scratch buffer that are kept.
  private static let scratchBytesMax = 16_384

  /// The response is written: goes on to the next request, or ends.
  /// - Returns: false when the rest of the request has to come first.
  private func complete(_ exchange: HTTP1Exchange) -> Bool {
    exchange.discardsInput = true
    let closes = exchange.writer.closes || departure == .refusing || hasReadAll
    guard closes || exchange.receivedEnd || mayKeep(exchange, isWhole: true) else {
      close(exchange, .noError)
      end(nil)
      return true
    }
    guard closes || exchange.receivedEnd else { return false }
    close(exchange, .noError)
    if closes && !isAbandoned { end(nil) }
    return true
  }

  /// Ends the exchange before its response's end, and so the connection.
  private func cutOff(_ exchange: HTTP1Exchange, _ code: HTTP2ErrorCode) {
    let isAnswered = exchange.isSent
    let fields = resources.answerFields(exchange.headers)
    close(exchange, code)
    guard !isAbandoned else { return }
    guard code == .enhanceYourCalm, !isAnswered else { return end(nil) }
    end(Answer(status: 503, fields: fields, text: "There is no room for the request.\n"))
  }

  // MARK: The connection

  public var isFinished: Bool { departure == .ending && current == nil && answer == nil }

  public var pausesReading: Bool {
    if waiting.count >= Self.waitingBytesMax { return true }
    guard let current, !current.receivedEnd, !current.discardsInput else { return false }
    return current.unconsumedBytes >= current.windowBytes
  }

  public var flood: HTTPFlood? { nil }
  public var outboundFrameCount: Int { 0 }
  public var pingIsOutstanding: Bool { false }
  public func submitPing() {}

  /// What browsers and stock clients take at least.
  public var peerHeaderListBytesMax: Int { 16_384 }

  public func countHeaderBlock() { countHeaderList(parser.heldBytes + waiting.capacity) }

  public func abandon() {
    isAbandoned = true
    if let current { close(current, .cancel) }
    end(nil)
    releaseConnection()
  }

  public func submitShutdownNotice() {
    if departure == .none { departure = .announced }
  }

  public func refuseRequests() {
    guard departure != .ending else { return }
    departure = .refusing
    if current == nil { end(nil) }
  }

  // MARK: Slow senders

  public func refuseSlowHead() -> Bool {
    guard let current, !current.hasHeaders else { return false }
    parser.addOrigin(to: current.headers)
    let fields = resources.answerFields(current.headers)
    close(current, .cancel)
    guard !isAbandoned else { return true }
    end(Answer(status: 408, fields: fields, text: "The request did not arrive in time.\n"))
    return true
  }

  /// A body that comes more slowly is cut off, in bytes per second.
  public static let bodyBytesPerSecondMin = 100
  /// Over how long that is measured.
  public static let bodyRateMilliseconds: UInt64 = 10_000

  /// Whether the request's body comes too slowly, since the last look that found it quick enough.
  /// Time while it is not read does not count.
  public func senderIsSlow(atMilliseconds now: UInt64) -> Bool {
    guard let current, current.hasHeaders, !current.receivedEnd else { return false }
    let mark = current.arrivalMark
    guard !pausesReading else {
      current.arrivalMark = (current.receivedBytes, now)
      return false
    }
    let elapsed = now &- mark.milliseconds
    guard elapsed >= Self.bodyRateMilliseconds else { return false }
    let least = Self.bodyBytesPerSecondMin * Int(Self.bodyRateMilliseconds) / 1_000
    guard current.receivedBytes - mark.bytes >= least else { return true }
    current.arrivalMark = (current.receivedBytes, now)
    return false
  }
}

public import EventLoop
public import TLS

/// Receives the events of a connection and its exchanges.
public protocol HTTPConnectionDelegate: HTTPSessionDelegate {
  /// The connection is closed, and the end of each exchange was reported.
  func connectionClosed()
  /// More was received than the connection, or all those of its loop, may hold.
  func receivedTooMuch()
}

extension HTTPConnectionDelegate {
  public func receivedTooMuch() {}
}

/// Makes the sessions of accepted connections, once their version is known.
public protocol HTTPSessionFactory: AnyObject {
  func makeSession(_ version: HTTPVersion, isSecure: Bool) throws(HTTPError) -> any HTTPSession
}

/// A socket and the session that speaks over it. Loop-confined.
///
/// A server's connection learns from ALPN, or else from its first bytes, which version of HTTP its
/// peer speaks. What a turn of the loop produces is written once, at its end. While the kernel
/// takes no more, nothing is produced.
public final class HTTPConnection: SocketConnectionDelegate, EndOfTurnWork {
  /// Nil as long as the peer has not shown which version of HTTP it speaks.
  public private(set) var session: (any HTTPSession)?
  public let loop: EventLoop
  public var peerAddress: SocketAddress? { socket.peerAddress }
  /// Encrypted bytes that may wait for the kernel: two whole outputs. One is what a flush leaves at
  /// most; past both, the peer makes TLS answer (key updates, refused renegotiations) and reads
  /// none of it.
  static let unsentBytesMax = 2 * HTTPOutputBuffer.capacityBytes
  private let socket: SocketConnection
  /// Nil: in cleartext.
  private let tls: TLSSession?
  private let resources: HTTPResources
  /// Nil on a client's side.
  private let factory: (any HTTPSessionFactory)?
  /// What has come of a preface that is not decided yet.
  private var opening = HTTPOpening()
  private var delegate: (any HTTPConnectionDelegate)?
  /// Bytes the kernel did not take; nothing else is produced until it has.
  private var unsent: [UInt8] = []
  private var flushIsScheduled = false
  private var isReading = true
  public private(set) var isClosed = false
  /// The response is out and the peer still sends: its bytes are thrown away, or the kernel would
  /// answer them with a reset that destroys the response. Source: RFC 9112, section 9.6.
  private var lingering: LoopTimer?
  /// The peer sends nothing more, and is still sent what it has asked for.
  private var halfClosed: LoopTimer?
  /// When a half-closed connection became one, or the kernel took bytes for it, on the loop's
  /// clock.
  private var quietSinceMilliseconds: UInt64 = 0
  /// Why it is closed; meaningful once it is.
  public private(set) var end = HTTPConnectionEnd.closedHere
  /// When bytes came last, on the loop's clock.
  public private(set) var receivedAtMilliseconds: UInt64
  /// Since when the kernel has taken nothing although there is something, on the loop's clock; nil
  /// when there is nothing.
  public private(set) var blockedSinceMilliseconds: UInt64?

  /// Takes over an accepted socket.
  public init(
    accepted socket: SocketConnection, loop: EventLoop, resources: HTTPResources, factory: any HTTPSessionFactory,
    tls: TLSSession? = nil
  ) {
    self.tls = tls
    self.socket = socket
    self.loop = loop
    self.resources = resources
    self.factory = factory
    receivedAtMilliseconds = loop.nowMilliseconds
  }

  /// Takes over a socket that was connected by this side, which speaks `session`'s version.
  public init(
    connected socket: SocketConnection, loop: EventLoop, session: any HTTPSession, tls: TLSSession? = nil
  ) {
    self.tls = tls
    self.socket = socket
    self.loop = loop
    self.session = session
    resources = session.sharedResources
    factory = nil
    receivedAtMilliseconds = loop.nowMilliseconds
  }

  /// Starts reading; a client's side sends its preface. `delegate` is kept until the connection
  /// closes.
  public func start(delegate: any HTTPConnectionDelegate) {
    self.delegate = delegate
    socket.delegate = self
    if let session {
      session.delegate = delegate
      if let tls { startHandshake(tls) }
      needsFlush()
    }
    socket.startReading()
  }

  /// Asks for a write at the end of this turn: one for everything the turn produces.
  public func needsFlush() {
    guard !flushIsScheduled, !isClosed else { return }
    flushIsScheduled = true
    loop.atEndOfTurn(self)
  }

  /// Tells the peer that this side is about to stop; new requests are still served.
  public func announceShutdown() {
    session?.submitShutdownNotice()
    needsFlush()
  }

  /// Refuses new requests; the connection closes after the last open one.
  public func refuseRequests() {
    guard let session else { return close() }
    session.refuseRequests()
    needsFlush()
  }

  /// Ends the connection and every exchange on it.
  public func close() { close(.closedHere) }

  private func close(_ end: HTTPConnectionEnd) {
    guard !isClosed else { return }
    isClosed = true
    self.end = end
    lingering = nil
    halfClosed = nil
    if let tls, unsent.isEmpty {
      // The peer learns that nothing is missing, if the socket still takes it.
      tls.end()
      tls.takeOutgoing { _ = socket.write($0) }
    }
    session?.abandon()
    socket.close()
    delegate?.connectionClosed()
    delegate = nil
  }

  // MARK: Socket

  public func received(_ bytes: RawSpan) {
    guard lingering == nil, halfClosed == nil else { return }
    receivedAtMilliseconds = loop.nowMilliseconds
    guard let tls else {
      if !take(bytes) { failed() }
      return afterReceiving()
    }
    var isSpoken = true
    do throws(TLSError) {
      try tls.receive(bytes) { plain in
        isSpoken = take(plain)
        // An event may have closed the connection: then the session takes no more, whatever else
        // was decrypted.
        return isSpoken && !isClosed
      }
    } catch {
      // What is left to send is an alert.
      tls.takeOutgoing { _ = socket.write($0) }
      return close(.tls(error))
    }
    if session == nil, tls.isEstablished, tls.protocolName == .http2, isSpoken, !isClosed {
      // Its SETTINGS go with the end of the handshake.
      isSpoken = begin(.http2)
    }
    if !isSpoken { failed() }
    if tls.receivedEnd, !isClosed { return tls.peerStillReceives ? peerEnded() : close(.peerClosed) }
    afterReceiving()
  }

  /// Feeds plain bytes to the session.
  /// - Returns: false when they are not the session's protocol.
  private func take(_ bytes: RawSpan) -> Bool {
    guard let session else { return takeOpening(bytes) }
    do throws(HTTPError) { try session.receive(bytes) } catch { return false }
    return true
  }

  private func takeOpening(_ bytes: RawSpan) -> Bool {
    let agreed: HTTPVersion? = tls.map { $0.protocolName == .http2 ? .http2 : .http1 }
    let held = opening.bytes
    guard let version = agreed ?? opening.version(with: bytes) else { return true }
    guard begin(version) else { return false }
    opening = HTTPOpening()
    if !held.isEmpty {
      guard unsafe take(held.span.bytes) else { return false }
    }
    return isClosed || take(bytes)
  }

  /// The peer's version of HTTP is known.
  private func begin(_ version: HTTPVersion) -> Bool {
    guard let factory else { return false }
    do throws(HTTPError) {
      let session = try factory.makeSession(version, isSecure: tls != nil)
      session.delegate = delegate
      self.session = session
    } catch { return false }
    return true
  }

  /// The peer's bytes are not the protocol. A GOAWAY is queued where the protocol asks for one.
  private func failed() {
    flush()
    close(session?.flood.map { .flood($0) } ?? .protocolError)
  }

  private func startHandshake(_ tls: TLSSession) {
    do throws(TLSError) { try tls.start() } catch { close(.tls(error)) }
  }

  private func afterReceiving() {
    guard !isClosed else { return }
    if let session, factory != nil {
      guard session.outboundFrameCount <= session.limits.outboundFramesMax else { return close(.flood(.frames)) }
      session.countHeaderBlock()
      if !unsent.isEmpty { countUnsent() }
      if session.holdsTooMuch { delegate?.receivedTooMuch() }
      // Now: the turn may have more to read.
      if session.pausesReading { follow(session) }
    }
    needsFlush()
  }

  public func receivedEnd() {
    guard lingering == nil else { return close(.finished) }
    if halfClosed == nil { peerEnded() }
  }

  public func broke() { close(lingering == nil ? .peerClosed : .finished) }

  /// The peer sends nothing more, but may have closed its side alone (RFC 9293, section 3.6).
  private func peerEnded() {
    guard let session, factory != nil, session.openExchangeCount > 0 || flushIsScheduled || !unsent.isEmpty else {
      return close(.peerClosed)
    }
    quietSinceMilliseconds = loop.nowMilliseconds
    endWhenQuiet(afterMilliseconds: resources.limits.halfClosedMilliseconds)
    session.receivedEnd()
    needsFlush()
  }

  private func endWhenQuiet(afterMilliseconds wait: UInt64) {
    halfClosed = loop.schedule(afterMilliseconds: wait) { [unowned self] in
      let quiet = loop.nowMilliseconds &- quietSinceMilliseconds
      let limit = resources.limits.halfClosedMilliseconds
      guard quiet < limit else { return close(.peerClosed) }
      endWhenQuiet(afterMilliseconds: limit - quiet)
    }
  }

  public func becameWritable() {
    let written = unsafe unsent.withUnsafeBytes { unsafe socket.write($0.bytes) }
    guard let written else { return close(.peerClosed) }
    if written == unsent.count { unsent = [] } else { unsent.removeFirst(written) }
    if written > 0 { blockedSinceMilliseconds = loop.nowMilliseconds }
    noteSent(written)
    if unsent.isEmpty { flush() }
  }

  public func endOfTurn() {
    flushIsScheduled = false
    flush()
  }

  private func flush() {
    guard !isClosed, lingering == nil else { return }
    if let tls {
      guard send(tls) else { return close(.peerClosed) }
      guard unsent.count <= Self.unsentBytesMax else { return close(.flood(.frames)) }
      guard tls.isEstablished else { return }
    }
    guard let session else { return }
    let output = resources.output
    while unsent.isEmpty {
      output.removeAll()
      do throws(HTTPError) { try session.produce(into: output) } catch {
        return close(session.flood.map { .flood($0) } ?? .protocolError)
      }
      // What the session gave out may have ended the connection.
      guard !isClosed else { return }
      guard output.count > 0 else { break }
      let isOpen = output.withBytes { bytes in
        guard let tls else { return send(bytes) }
        do throws(TLSError) { try tls.write(bytes) } catch { return false }
        return send(tls)
      }
      guard isOpen else { return close(.peerClosed) }
    }
    countUnsent()
    follow(session)
    guard unsent.isEmpty else { return }
    blockedSinceMilliseconds = nil
    if session.isFinished { finished(session) }
  }

  /// Reads from the socket as long as the session takes bytes.
  private func follow(_ session: any HTTPSession) {
    guard session.pausesReading == isReading, !isClosed, halfClosed == nil else { return }
    isReading = !isReading
    if isReading { socket.startReading() } else { socket.stopReading() }
  }

  /// Milliseconds for which a peer may go on sending after the end was sent to it.
  static let lingeringMilliseconds: UInt64 = 2_000

  private func finished(_ session: any HTTPSession) {
    guard halfClosed == nil else { return close(.peerClosed) }
    guard session.version == .http1, factory != nil else { return close(.finished) }
    if let tls {
      tls.end()
      tls.takeOutgoing { _ = socket.write($0) }
    }
    socket.endWriting()
    if !isReading { socket.startReading() }
    session.abandon()
    lingering = loop.schedule(afterMilliseconds: Self.lingeringMilliseconds) { [unowned self] in close(.finished) }
  }

  private func countUnsent() {
    guard let session else { return }
    session.countUnsent(
      unsent.isEmpty ? 0 : unsent.capacity + session.outboundFrameCount * type(of: session).outboundFrameBytes)
  }

  /// Gives back memory that a quiet connection does not need.
  public func trimBuffers() { tls?.trimBuffers() }

  /// Sends what TLS has encrypted.
  private func send(_ tls: TLSSession) -> Bool {
    guard tls.hasOutgoing else { return true }
    return tls.takeOutgoing { send($0) }
  }

  private func noteSent(_ count: Int) {
    if count > 0, halfClosed != nil { quietSinceMilliseconds = loop.nowMilliseconds }
  }

  /// Sends bytes, and keeps those that the kernel does not take.
  /// - Returns: false when the connection is broken.
  private func send(_ bytes: RawSpan) -> Bool {
    guard unsent.isEmpty else {
      unsafe bytes.withUnsafeBytes { unsafe unsent.append(contentsOf: $0) }
      return true
    }
    guard let written = socket.write(bytes) else { return false }
    noteSent(written)
    if written < bytes.byteCount {
      unsafe bytes.extracting(written...).withUnsafeBytes { unsafe unsent.append(contentsOf: $0) }
      blockedSinceMilliseconds = loop.nowMilliseconds
    }
    return true
  }
}

/// Why a connection was closed.
public enum HTTPConnectionEnd: Sendable {
  /// The peer closed it, or the network broke it.
  case peerClosed
  /// Both sides had said that they were done.
  case finished
  case protocolError
  case flood(HTTPFlood)
  /// The handshake failed, or what followed was no TLS.
  case tls(TLSError)
  /// `close()` was called.
  case closedHere
}

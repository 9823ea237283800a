public import EventLoop
public import TLS

/// Told what happens on a connection and its streams.
public protocol HTTP2ConnectionDelegate: HTTP2SessionDelegate {
  /// The connection is closed and all its streams have been told so.
  func connectionClosed()
  /// More was received than the connection, or all those of its loop, may hold.
  func receivedTooMuch()
}

extension HTTP2ConnectionDelegate {
  public func receivedTooMuch() {}
}

/// A socket and the session that speaks over it. Loop-confined.
///
/// What a turn of the loop produces is written once, at its end. While the kernel takes no more,
/// nothing is produced.
public final class HTTP2Connection: SocketConnectionDelegate, EndOfTurnWork {
  public let session: HTTP2Session
  public let loop: EventLoop
  public var peerAddress: SocketAddress? { socket.peerAddress }
  /// Encrypted bytes that may wait for the kernel: two whole outputs. One is what a flush leaves at
  /// most; past both, the peer makes TLS answer (key updates, refused renegotiations) and reads
  /// none of it.
  static let unsentBytesMax = 2 * HTTP2OutputBuffer.capacityBytes
  private let socket: SocketConnection
  /// Nil: in cleartext.
  private let tls: TLSSession?
  private var delegate: (any HTTP2ConnectionDelegate)?
  /// Bytes the kernel did not take; nothing else is produced until it has.
  private var unsent: [UInt8] = []
  private var flushIsScheduled = false
  public private(set) var isClosed = false
  /// Why it is closed; meaningful once it is.
  public private(set) var end = HTTP2ConnectionEnd.closedHere
  /// When bytes came last, on the loop's clock.
  public private(set) var receivedAtMilliseconds: UInt64
  /// Since when the kernel has taken nothing although there is something, on the loop's clock; nil
  /// when there is nothing.
  public private(set) var blockedSinceMilliseconds: UInt64?

  /// Takes over a connected socket.
  public init(
    role: HTTP2Session.Role, socket: SocketConnection, loop: EventLoop, resources: HTTP2Resources,
    tls: TLSSession? = nil
  ) throws(HTTP2Error) {
    self.tls = tls
    self.socket = socket
    self.loop = loop
    receivedAtMilliseconds = loop.nowMilliseconds
    session = try HTTP2Session(role: role, resources: resources)
  }

  /// Starts reading and sends the SETTINGS. `delegate` is kept until the connection closes.
  public func start(delegate: any HTTP2ConnectionDelegate) {
    self.delegate = delegate
    session.delegate = delegate
    socket.delegate = self
    if let tls, session.role == .client { startHandshake(tls) }
    needsFlush()
    socket.startReading()
  }

  /// Asks for a write at the end of this turn: one for everything the turn produces.
  public func needsFlush() {
    guard !flushIsScheduled, !isClosed else { return }
    flushIsScheduled = true
    loop.atEndOfTurn(self)
  }

  /// Tells the peer that this side is about to stop; new streams are still served.
  public func announceShutdown() {
    session.submitShutdownNotice()
    needsFlush()
  }

  /// Refuses new streams; the connection closes after the last open one.
  public func refuseNewStreams() {
    session.submitGoAway()
    needsFlush()
  }

  /// Ends the connection and every stream on it.
  public func close() { close(.closedHere) }

  private func close(_ end: HTTP2ConnectionEnd) {
    guard !isClosed else { return }
    isClosed = true
    self.end = end
    if let tls, unsent.isEmpty {
      // The peer learns that nothing is missing, if the socket still takes it.
      tls.end()
      tls.takeOutgoing { _ = socket.write($0) }
    }
    session.abandon()
    socket.close()
    delegate?.connectionClosed()
    delegate = nil
  }

  // MARK: Socket

  public func received(_ bytes: RawSpan) {
    receivedAtMilliseconds = loop.nowMilliseconds
    guard let tls else {
      do throws(HTTP2Error) { try session.receive(bytes) } catch { failed() }
      return afterReceiving()
    }
    var isSpoken = true
    do throws(TLSError) {
      try tls.receive(bytes) { plain in
        do throws(HTTP2Error) { try session.receive(plain) } catch { isSpoken = false }
        // An event may have closed the connection: then the session takes no more, whatever else
        // was decrypted.
        return isSpoken && !isClosed
      }
    } catch {
      // What is left to send is an alert.
      tls.takeOutgoing { _ = socket.write($0) }
      return close(.tls(error))
    }
    if !isSpoken { failed() }
    if tls.receivedEnd { return close(.peerClosed) }
    afterReceiving()
  }

  /// The peer's bytes are not HTTP/2. A GOAWAY is queued where the protocol asks for one.
  private func failed() {
    flush()
    close(session.flood.map { .flood($0) } ?? .protocolError)
  }

  private func startHandshake(_ tls: TLSSession) {
    do throws(TLSError) { try tls.start() } catch { close(.tls(error)) }
  }

  private func afterReceiving() {
    guard !isClosed else { return }
    guard session.outboundFrameCount <= session.limits.outboundFramesMax else { return close(.flood(.frames)) }
    if session.role == .server {
      session.countHeaderBlock()
      if !unsent.isEmpty { countUnsent() }
      if session.holdsTooMuch { delegate?.receivedTooMuch() }
    }
    needsFlush()
  }

  public func receivedEnd() { close(.peerClosed) }

  public func becameWritable() {
    let written = unsafe unsent.withUnsafeBytes { unsafe socket.write($0.bytes) }
    guard let written else { return close(.peerClosed) }
    if written == unsent.count { unsent = [] } else { unsent.removeFirst(written) }
    if written > 0 { blockedSinceMilliseconds = loop.nowMilliseconds }
    if unsent.isEmpty { flush() }
  }

  public func endOfTurn() {
    flushIsScheduled = false
    flush()
  }

  private func flush() {
    guard !isClosed else { return }
    if let tls {
      guard send(tls) else { return close(.peerClosed) }
      guard unsent.count <= Self.unsentBytesMax else { return close(.flood(.frames)) }
      guard tls.isEstablished else { return }
    }
    let output = session.resources.output
    while unsent.isEmpty {
      output.removeAll()
      do throws(HTTP2Error) { try session.produce(into: output) } catch {
        return close(session.flood.map { .flood($0) } ?? .protocolError)
      }
      guard output.count > 0 else { break }
      let isOpen = output.withBytes { bytes in
        guard let tls else { return send(bytes) }
        do throws(TLSError) { try tls.write(bytes) } catch { return false }
        return send(tls)
      }
      guard isOpen else { return close(.peerClosed) }
    }
    countUnsent()
    guard unsent.isEmpty else { return }
    blockedSinceMilliseconds = nil
    if session.isFinished { close(.finished) }
  }

  /// What a frame that waits to be sent costs: nghttp2's item, and what it refers to where that is
  /// little.
  private static let frameBytes = 256

  private func countUnsent() {
    session.countUnsent(unsent.isEmpty ? 0 : unsent.capacity + session.outboundFrameCount * Self.frameBytes)
  }

  /// Gives back memory that a quiet connection does not need.
  public func trimBuffers() { tls?.trimBuffers() }

  /// Sends what TLS has encrypted.
  private func send(_ tls: TLSSession) -> Bool {
    guard tls.hasOutgoing else { return true }
    return tls.takeOutgoing { send($0) }
  }

  /// Sends bytes, and keeps those that the kernel does not take.
  /// - Returns: false when the connection is broken.
  private func send(_ bytes: RawSpan) -> Bool {
    guard unsent.isEmpty else {
      unsafe bytes.withUnsafeBytes { unsafe unsent.append(contentsOf: $0) }
      return true
    }
    guard let written = socket.write(bytes) else { return false }
    if written < bytes.byteCount {
      unsafe bytes.extracting(written...).withUnsafeBytes { unsafe unsent.append(contentsOf: $0) }
      blockedSinceMilliseconds = loop.nowMilliseconds
    }
    return true
  }
}

/// Why a connection was closed.
public enum HTTP2ConnectionEnd: Sendable {
  /// The peer closed it, or the network broke it.
  case peerClosed
  /// Both sides had said that they were done.
  case finished
  case protocolError
  case flood(HTTP2Flood)
  /// The handshake failed, or what followed was no TLS.
  case tls(TLSError)
  /// `close()` was called.
  case closedHere
}

public import EventLoop

/// Told what happens on a connection and its streams.
public protocol HTTP2ConnectionDelegate: HTTP2SessionDelegate {
  /// The connection is closed and all its streams have been told so.
  func connectionClosed()
}

/// A socket and the session that speaks over it. Loop-confined.
///
/// What a turn of the loop produces is written once, at its end. While the kernel takes no more, nothing is produced.
public final class HTTP2Connection: SocketConnectionDelegate, EndOfTurnWork {
  public let session: HTTP2Session
  public let loop: EventLoop
  public var peerAddress: SocketAddress? { socket.peerAddress }
  private let socket: SocketConnection
  private var delegate: (any HTTP2ConnectionDelegate)?
  /// Bytes the kernel did not take; nothing else is produced until it has.
  private var unsent: [UInt8] = []
  private var flushIsScheduled = false
  public private(set) var isClosed = false
  /// Why it is closed; meaningful once it is.
  public private(set) var end = HTTP2ConnectionEnd.closedHere
  /// When bytes came last, on the loop's clock.
  public private(set) var receivedAtMilliseconds: UInt64
  /// Since when the kernel has taken nothing although there is something, on the loop's clock; nil when there is nothing.
  public private(set) var blockedSinceMilliseconds: UInt64?

  /// Takes over a connected socket.
  public init(
    role: HTTP2Session.Role, socket: SocketConnection, loop: EventLoop, resources: HTTP2Resources
  ) throws(HTTP2Error) {
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
    session.abandon()
    socket.close()
    delegate?.connectionClosed()
    delegate = nil
  }

  // MARK: Socket

  public func received(_ bytes: RawSpan) {
    receivedAtMilliseconds = loop.nowMilliseconds
    do throws(HTTP2Error) {
      try session.receive(bytes)
    } catch {
      // A GOAWAY is queued where the protocol asks for one.
      flush()
      return close(session.flood.map { .flood($0) } ?? .protocolError)
    }
    guard session.outboundFrameCount <= session.limits.outboundFramesMax else { return close(.flood(.frames)) }
    needsFlush()
  }

  public func receivedEnd() { close(.peerClosed) }

  public func becameWritable() {
    let written = unsafe unsent.withUnsafeBytes { unsafe socket.write($0.bytes) }
    guard let written else { return close(.peerClosed) }
    unsent.removeFirst(written)
    if written > 0 { blockedSinceMilliseconds = loop.nowMilliseconds }
    if unsent.isEmpty { flush() }
  }

  public func endOfTurn() {
    flushIsScheduled = false
    flush()
  }

  private func flush() {
    guard !isClosed else { return }
    let output = session.resources.output
    while unsent.isEmpty {
      output.removeAll()
      do throws(HTTP2Error) { try session.produce(into: output) } catch {
        return close(session.flood.map { .flood($0) } ?? .protocolError)
      }
      guard output.count > 0 else { break }
      let isOpen = output.withBytes { bytes in
        guard let written = socket.write(bytes) else { return false }
        if written < bytes.byteCount {
          unsafe bytes.extracting(written...).withUnsafeBytes { unsafe unsent.append(contentsOf: $0) }
          blockedSinceMilliseconds = loop.nowMilliseconds
        }
        return true
      }
      guard isOpen else { return close(.peerClosed) }
    }
    guard unsent.isEmpty else { return }
    blockedSinceMilliseconds = nil
    if session.isFinished { close(.finished) }
  }
}

/// Why a connection was closed.
public enum HTTP2ConnectionEnd: Sendable, Equatable {
  /// The peer closed it, or the network broke it.
  case peerClosed
  /// Both sides had said that they were done.
  case finished
  case protocolError
  case flood(HTTP2Flood)
  /// `close()` was called.
  case closedHere
}

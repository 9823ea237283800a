internal import Glibc

/// Receives the events of a connection. Called on the loop's thread.
public protocol SocketConnectionDelegate: AnyObject {
  /// Bytes arrived; they are valid during the call.
  func received(_ bytes: RawSpan)
  /// The peer will send no more. It may still receive: `broke()` follows when it does not.
  func receivedEnd()
  /// The connection broke. No further call follows.
  func broke()
  /// The socket can take bytes again, after `write(_:)` took less than it was given.
  func becameWritable()
}

/// A connected stream socket of one loop. Loop-confined; it owns its descriptor.
@safe public final class SocketConnection {
  /// Nil for sockets without an IP address.
  public let peerAddress: SocketAddress?
  /// Receives all events; set it before `startReading()`. Kept until `close()`.
  public var delegate: (any SocketConnectionDelegate)?
  private let descriptor: Int32
  private let loop: EventLoop
  private var watcher: DescriptorWatcher?
  private var interest: Readiness = []
  /// Most receive buffers that one connection reads before other connections have their turn.
  static let readsPerTurnMax = 4

  /// Takes ownership of a connected, non-blocking descriptor.
  init(owning descriptor: Int32, loop: EventLoop, peerAddress: SocketAddress?) {
    self.descriptor = descriptor
    self.loop = loop
    self.peerAddress = peerAddress
    watcher = DescriptorWatcher(loop: loop, descriptor: descriptor) { [unowned self] in ready($0) }
    if watcher == nil { Glibc.close(descriptor) }
  }

  deinit { close() }

  /// Connects to `address` without blocking the loop. Loop thread only. Cancelling the task ends
  /// the attempt.
  public static func connect(loop: EventLoop, to address: SocketAddress) async throws(SocketError) -> SocketConnection {
    let descriptor = socket(
      address.kernelFamily, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw SocketError(call: "socket", number: errno) }
    if !address.isUnix {
      var one: Int32 = 1
      _ = unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }
    let code = unsafe address.withKernelForm { address, length in unsafe Glibc.connect(descriptor, address, length) }
    let connection = SocketConnection(owning: descriptor, loop: loop, peerAddress: address)
    guard code != 0 else { return connection }
    guard errno == EINPROGRESS else { throw SocketError(call: "connect", number: errno) }
    let bound = LoopBound(connection, loop: loop)
    await withTaskCancellationHandler {
      await connection.waitUntilWritable()
    } onCancel: {
      loop.execute { bound.value.stopConnecting() }
    }
    guard connection.watcher != nil else { throw SocketError(call: "connect", number: ECANCELED) }
    var failure: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    _ = unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &length)
    guard failure == 0 else { throw SocketError(call: "connect", number: failure) }
    return connection
  }

  /// Starts or resumes delivering received bytes.
  public func startReading() { setInterest(interest.union(.readable)) }

  /// Stops delivering bytes: the kernel's buffer fills, and TCP's flow control stops the peer.
  public func stopReading() { setInterest(interest.subtracting(.readable)) }

  /// Hands bytes to the kernel.
  /// - Returns: How many it took. Fewer than given: `becameWritable()` follows. nil: the connection
  ///   is broken.
  public func write(_ bytes: RawSpan) -> Int? {
    guard watcher != nil else { return nil }
    var offset = 0
    while offset < bytes.byteCount {
      let sent = unsafe bytes.withUnsafeBytes { bytes in
        unsafe send(descriptor, bytes.baseAddress?.advanced(by: offset), bytes.count - offset, Int32(MSG_NOSIGNAL))
      }
      if sent >= 0 {
        offset += sent
      } else if errno == EAGAIN {
        setInterest(interest.union(.writable))
        return offset
      } else if errno != EINTR {
        return nil
      }
    }
    return offset
  }

  /// Shuts down the writing direction; reading continues.
  public func endWriting() {
    guard watcher != nil else { return }
    _ = shutdown(descriptor, Int32(SHUT_WR))
  }

  /// Closes the socket; the delegate is not called any more.
  public func close() {
    guard let watcher else { return }
    watcher.close()
    self.watcher = nil
    delegate = nil
    Glibc.close(descriptor)
  }

  private func setInterest(_ wanted: Readiness) {
    interest = wanted
    watcher?.wait(for: wanted)
  }

  private var connectContinuation: UnsafeContinuation<Void, Never>?

  private func waitUntilWritable() async {
    guard !Task.isCancelled else { return close() }
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      unsafe connectContinuation = continuation
      setInterest(.writable)
    }
  }

  private func stopConnecting() {
    guard let continuation = unsafe connectContinuation else { return }
    unsafe connectContinuation = nil
    close()
    unsafe continuation.resume()
  }

  private func ready(_ readiness: Readiness) {
    if readiness.contains(.writable) {
      setInterest(interest.subtracting(.writable))
      if let continuation = unsafe connectContinuation {
        unsafe connectContinuation = nil
        unsafe continuation.resume()
        return
      }
      delegate?.becameWritable()
    }
    guard watcher != nil else { return }
    if readiness.contains(.broken) { return end(isBroken: true) }
    guard readiness.contains(.readable) else { return }
    var reads = 0
    // A full buffer means that more bytes wait. Reading them now lets one turn answer them
    // together.
    while watcher != nil, interest.contains(.readable), reads < Self.readsPerTurnMax {
      reads += 1
      let count = unsafe recv(descriptor, loop.receiveBuffer.baseAddress, loop.receiveBuffer.count, 0)
      if count > 0 {
        unsafe delegate?.received(UnsafeRawBufferPointer(rebasing: loop.receiveBuffer[..<count]).bytes)
        guard count == EventLoop.receiveBytesMax else { return }
      } else {
        guard count == 0 || (errno != EAGAIN && errno != EINTR) else { return }
        end(isBroken: count != 0)
      }
    }
  }

  private func end(isBroken: Bool) {
    guard !isBroken else {
      setInterest([])
      delegate?.broke()
      return
    }
    setInterest(interest.subtracting(.readable).union(.broken))
    delegate?.receivedEnd()
  }
}

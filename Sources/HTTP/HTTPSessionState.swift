/// What the sessions of every HTTP version keep: their open exchanges, and what they hold for their
/// peer. Loop-confined.
open class HTTPSessionState {
  /// What the sessions of the loop share.
  public final let sharedResources: HTTPResources
  public final var limits: HTTPLimits { sharedResources.limits }
  /// Receives every event. Kept until the connection is gone.
  public final var delegate: (any HTTPSessionDelegate)?
  /// The peer has shown that it speaks the protocol.
  public final var isEstablished = false
  /// When an exchange was opened last, on the session's clock; 0: never.
  public private(set) final var openedAtMilliseconds: UInt64 = 0
  /// What the connection holds for its peer.
  public internal(set) final var use = BufferUse()
  /// What a header list that has not ended counts for in `use`.
  private final var headerListHeldBytes = 0
  /// What the connection's unsent bytes count for in `use`.
  private final var unsentHeldBytes = 0
  /// Exchanges that are not over; each knows its place in here.
  private final var openExchanges: [HTTPExchange] = []

  public init(resources: HTTPResources) { sharedResources = resources }

  // MARK: Exchanges

  /// Exchanges that are open now.
  public final var openExchangeCount: Int { openExchanges.count }

  /// One that is open; nil: none.
  public final var lastExchange: HTTPExchange? { openExchanges.last }

  /// Visits every open exchange; `body` must not close any.
  public final func forEachExchange(_ body: (HTTPExchange) -> Void) {
    for exchange in openExchanges { body(exchange) }
  }

  public final func didOpen(_ exchange: HTTPExchange) {
    exchange.openIndex = openExchanges.count
    openedAtMilliseconds = sharedResources.now()
    exchange.openedAtMilliseconds = openedAtMilliseconds
    openExchanges.append(exchange)
    sharedResources.openExchangeCount += 1
  }

  public final func didClose(_ exchange: HTTPExchange, code: HTTP2ErrorCode) {
    let last = openExchanges.removeLast()
    if last !== exchange {
      openExchanges[exchange.openIndex] = last
      last.openIndex = exchange.openIndex
    }
    releaseHeld(exchange)
    sharedResources.openExchangeCount -= 1
    exchange.isClosed = true
    delegate?.closed(exchange, code: code)
  }

  // MARK: Memory held for the peer

  /// Notes what an exchange holds of what it has received.
  @inline(__always)
  public final func countReceived(_ exchange: HTTPExchange) {
    let bytes = exchange.receivedHeldBytes
    if bytes != exchange.held.receivedBytes { moveReceived(exchange, to: bytes) }
  }

  /// Notes what an exchange holds of what is to be sent.
  @inline(__always)
  public final func countSending(_ exchange: HTTPExchange) {
    let bytes = exchange.sendingHeldBytes
    if bytes != exchange.held.sendingBytes { moveSending(exchange, to: bytes) }
  }

  private final func moveReceived(_ exchange: HTTPExchange, to bytes: Int) {
    guard !exchange.isClosed else { return }
    addReceived(bytes - exchange.held.receivedBytes)
    exchange.held.receivedBytes = bytes
  }

  private final func moveSending(_ exchange: HTTPExchange, to bytes: Int) {
    guard !exchange.isClosed else { return }
    addSending(bytes - exchange.held.sendingBytes)
    exchange.held.sendingBytes = bytes
  }

  private final func addReceived(_ bytes: Int) {
    use.receivedBytes += bytes
    sharedResources.use.receivedBytes += bytes
  }

  private final func addSending(_ bytes: Int) {
    use.sendingBytes += bytes
    sharedResources.use.sendingBytes += bytes
  }

  /// The exchange is over: it holds nothing any more.
  private final func releaseHeld(_ exchange: HTTPExchange) {
    guard exchange.held != BufferUse() else { return }
    addReceived(-exchange.held.receivedBytes)
    addSending(-exchange.held.sendingBytes)
    exchange.held = BufferUse()
  }

  /// Notes what a header list that has not ended holds.
  public final func countHeaderList(_ bytes: Int) {
    guard bytes != headerListHeldBytes else { return }
    addReceived(bytes - headerListHeldBytes)
    headerListHeldBytes = bytes
  }

  /// Notes what the connection itself holds: bytes that the kernel does not take, and frames behind
  /// them.
  final func countUnsent(_ bytes: Int) {
    guard bytes != unsentHeldBytes else { return }
    addSending(bytes - unsentHeldBytes)
    unsentHeldBytes = bytes
  }

  /// The connection is gone: it holds nothing, and tells its delegate nothing.
  public final func releaseConnection() {
    countHeaderList(0)
    countUnsent(0)
    delegate = nil
  }

  /// The connection holds more than it may of what it has received.
  final var holdsTooMuch: Bool {
    use.receivedBytes > limits.receivedBytesPerConnectionMax || sharedResources.isOverLimit
  }

  /// Gives up what would have been sent on an exchange.
  public final func dropOutbound(_ exchange: HTTPExchange) {
    exchange.emptyOutbound()
    countSending(exchange)
  }
}

extension HTTPExchange {
  /// Bytes that count for what has been received.
  @inline(__always)
  final var receivedHeldBytes: Int {
    let body = body.count
    return max(0, (body > Self.keptBytesMax ? body : 0) - reservedBytes) + headers.heldBytes + trailers.heldBytes
  }

  /// Bytes that count for what is to be sent.
  @inline(__always)
  final var sendingHeldBytes: Int {
    let bytes = outbound.capacity
    return bytes > Self.keptBytesMax ? bytes : 0
  }
}

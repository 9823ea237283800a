public import HTTP

/// What the HTTP/1.1 sessions of one loop share beside `HTTPResources`: limits, exchanges to use
/// again, and the text of the field Date. Loop-confined.
public final class HTTP1Resources {
  /// Exchanges kept at most.
  static let freeExchangesMax = 512

  public let shared: HTTPResources
  let limits: HTTP1Limits
  /// Fields that every answer of the session's own has, found by what was read of the request; such
  /// as those that let pages of other origins read it.
  let answerFields: (ReceivedHeaders) -> HeaderBlock
  /// Filled and emptied while a head is written.
  var scratch: [UInt8] = []
  private let unixSeconds: () -> Int
  private var dateSeconds: Int?
  private var dateText = ""
  private var freeExchanges: [HTTP1Exchange] = []

  /// - Parameters:
  ///   - unixSeconds: The time in UTC.
  ///   - answerFields: Called with what was read of a refused request, which may be nothing.
  public init(
    shared: HTTPResources, unixSeconds: @escaping () -> Int,
    answerFields: @escaping (ReceivedHeaders) -> HeaderBlock = { _ in HeaderBlock() }
  ) {
    self.shared = shared
    self.unixSeconds = unixSeconds
    self.answerFields = answerFields
    var limits = HTTP1Limits()
    limits.headerListBytesMax = shared.limits.headerListBytesMax
    self.limits = limits
  }

  /// What the field Date says now.
  var date: String {
    let now = unixSeconds()
    if now != dateSeconds {
      dateSeconds = now
      dateText = HTTPDate.text(unixSeconds: now)
    }
    return dateText
  }

  func takeExchange() -> HTTP1Exchange {
    guard let exchange = freeExchanges.popLast() else { return HTTP1Exchange(resources: shared) }
    exchange.reset()
    return exchange
  }

  func give(_ exchange: HTTP1Exchange) {
    exchange.owner = nil
    exchange.response = nil
    exchange.dropBody()
    exchange.emptyOutbound()
    exchange.headers.removeAll()
    if freeExchanges.count < Self.freeExchangesMax { freeExchanges.append(exchange) }
  }
}

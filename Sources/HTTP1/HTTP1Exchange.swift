import HTTP

/// An exchange with what a session needs to know of it. Loop-confined.
final class HTTP1Exchange: HTTPExchange {
  enum Response {
    case fields(HeaderBlock)
    case constant(ConstantHeaders)
  }

  /// What the request's head says; meaningful once `hasHeaders`.
  var request = HTTP1RequestHead()
  /// The response's fields, as long as its head is not written; nil before they are submitted.
  var response: Response?
  /// Writes the response.
  var writer = HTTP1ResponseWriter.refusing
  /// The response is written to its end.
  var isAnswered = false
  /// How the exchange is to end at once; nil: it is not.
  var resetCode: HTTP2ErrorCode?
  /// What of the body had come when the sweep looked, and since when.
  var arrivalMark = (bytes: 0, milliseconds: UInt64(0))

  override init(resources: HTTPResources) { super.init(resources: resources) }

  /// A response was submitted.
  var hasResponse: Bool { response != nil || isSent }

  /// Bytes of the request's body that have not come; nil: not known.
  var missingBytes: Int? {
    if receivedEnd { return 0 }
    guard case .bytes(let count) = request.body else { return nil }
    return count - receivedBytes
  }

  override func reset() {
    request = HTTP1RequestHead()
    response = nil
    writer = .refusing
    isAnswered = false
    resetCode = nil
    arrivalMark = (0, 0)
    super.reset()
  }
}

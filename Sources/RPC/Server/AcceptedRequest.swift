internal import HTTP

/// A request whose header fields make it a call.
struct AcceptedRequest: ~Copyable {
  let route: Router.Route
  let format: CallFormat
  /// How compressed messages are compressed.
  let encoding: MessageEncoding
  /// The message of a Connect GET.
  var queryMessage: [UInt8]?
  /// Fields of every answer to a page in a browser; nil for other callers.
  let originFields: HeaderBlock?
  /// Nil: the caller waits for ever.
  let timeoutMilliseconds: UInt64?
  /// Bytes of the body, if the request says them.
  let announcedBytes: Int?
}

/// What a request's head says about the message and its connection, beside the fields for the
/// handler.
package struct HTTP1RequestHead: Equatable, Sendable {
  package enum Version: Sendable {
    case http10
    case http11
  }

  /// How the end of the body is found. Source: RFC 9112, section 6.3.
  package enum Body: Equatable, Sendable {
    case none
    /// So many bytes, at least one.
    case bytes(Int)
    case chunked
  }

  package var version = Version.http11
  package var body = Body.none
  /// The method is HEAD: the response has no body.
  package var isHead = false
  /// The connection may serve another request after this one. Source: RFC 9112, section 9.3.
  package var keepsAlive = true
  /// The client waits for a response of status 100 before it sends the body. Source: RFC 9110,
  /// section 10.1.1.
  package var expectsContinue = false

  package init() {}
}

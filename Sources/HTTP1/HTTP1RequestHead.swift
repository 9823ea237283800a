/// What a request's head says about the message and its connection, beside the fields for the
/// handler.
public struct HTTP1RequestHead: Equatable, Sendable {
  public enum Version: Sendable {
    case http10
    case http11
  }

  /// How the end of the body is found. Source: RFC 9112, section 6.3.
  public enum Body: Equatable, Sendable {
    case none
    /// So many bytes, at least one.
    case bytes(Int)
    case chunked
  }

  public var version = Version.http11
  public var body = Body.none
  /// The method is HEAD: the response has no body.
  public var isHead = false
  /// The connection may serve another request after this one. Source: RFC 9112, section 9.3.
  public var keepsAlive = true
  /// The client waits for a response of status 100 before it sends the body. Source: RFC 9110,
  /// section 10.1.1.
  public var expectsContinue = false

  public init() {}
}

/// Why a connection cannot go on.
public enum HTTPError: Error, Sendable {
  /// The peer broke the protocol so badly that the connection is given up (`bad client magic`, a
  /// flood).
  case fatal(reason: String)
  /// There is no memory left.
  case outOfMemory
}

/// Error codes of RST_STREAM and GOAWAY, and of the end of any exchange: HTTP/1.1, which has no
/// codes, closes the connection instead. Source: RFC 9113, section 7.
public struct HTTP2ErrorCode: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }
  public static let noError = HTTP2ErrorCode(rawValue: 0x0)
  public static let protocolError = HTTP2ErrorCode(rawValue: 0x1)
  public static let internalError = HTTP2ErrorCode(rawValue: 0x2)
  public static let refusedStream = HTTP2ErrorCode(rawValue: 0x7)
  public static let cancel = HTTP2ErrorCode(rawValue: 0x8)
  public static let enhanceYourCalm = HTTP2ErrorCode(rawValue: 0xb)
  public static let inadequateSecurity = HTTP2ErrorCode(rawValue: 0xc)
}

/// What one request may take from us.
public struct HTTP1Limits: Sendable {
  /// Bytes of a request line, without the CRLF at its end. Source: RFC 9112, section 3: at least
  /// 8,000.
  public var requestLineBytesMax = 8_192
  /// Bytes of a request's header list, counted as RFC 9113 section 6.5.2 counts them (name + value
  /// + 32 for each field, the pseudo fields included), and of its trailer list.
  public var headerListBytesMax = 16_384
  /// Field lines of a request's header section, and of its trailer section.
  public var fieldLinesMax = 100
  /// Empty lines in front of a request line. Source: RFC 9112, section 2.2: at least one.
  public var emptyLinesMax = 4
  /// Bytes of one chunk of a body.
  public var chunkBytesMax = 2_147_483_648
  /// Bytes of the chunk extensions of a whole body.
  public var chunkExtensionBytesMax = 1_024

  public init() {}

  /// Bytes of a request's head as it is sent. A header list within its limit needs more only if
  /// spaces fill its lines.
  var headBytesMax: Int { requestLineBytesMax + headerListBytesMax }

  /// Bytes of a trailer section as it is sent.
  var trailerBytesMax: Int { headerListBytesMax }

  /// Bytes of the line in front of a chunk, without its line end.
  var chunkLineBytesMax: Int { ChunkLine.digitsMax + chunkExtensionBytesMax }
}

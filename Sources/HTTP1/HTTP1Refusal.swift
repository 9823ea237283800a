/// Why a request is refused before it reaches its handler. The connection closes after the answer:
/// where the next request begins is not known.
public enum HTTP1Refusal: String, Error, Sendable, CaseIterable {
  // Source of the statuses: RFC 9110, section 15; RFC 9112, where a case names a section.

  /// A line ends with LF alone, or CR stands elsewhere than in front of LF (section 2.2).
  case lineEnd = "line_end"
  /// No request line: no method, single spaces, target and version (section 3).
  case requestLine = "request_line"
  /// The target has none of the forms that its method allows (section 3.2).
  case target
  /// Host is missing, repeated or malformed, or is another than the target's (section 3.2).
  case host
  /// A field line is malformed or folded (sections 5.1 and 5.2).
  case fieldLine = "field_line"
  /// Content-Length is repeated, or no number of 63 bits (section 6.3).
  case contentLength = "content_length"
  /// Both Content-Length and Transfer-Encoding (section 6.1).
  case twoLengths = "two_lengths"
  /// The last transfer coding is not `chunked`, or a version without transfer codings has one
  /// (sections 6.1 and 6.3).
  case transferCoding = "transfer_coding"
  /// A chunk, or what ends it, is malformed (section 7.1).
  case chunk
  /// A chunk is larger than `HTTP1Limits.chunkBytesMax`.
  case chunkTooLarge = "chunk_too_large"
  /// The extensions of a body's chunks are more than `HTTP1Limits.chunkExtensionBytesMax`.
  case chunkExtensionsTooLarge = "chunk_extensions_too_large"
  /// The request line is longer than `HTTP1Limits.requestLineBytesMax`.
  case requestLineTooLong = "request_line_too_long"
  /// An expectation other than `100-continue` (RFC 9110, section 10.1.1).
  case expectation
  /// Field lines, or their bytes, are more than the limits allow.
  case headersTooLarge = "headers_too_large"
  /// CONNECT, which only proxies serve (RFC 9110, section 9.3.6).
  case connectMethod = "connect_method"
  /// Transfer codings in front of `chunked` (section 6.1).
  case unknownTransferCoding = "unknown_transfer_coding"
  /// A version other than 1.0 and 1.1 (section 2.3).
  case version

  /// The status of the answer.
  public var status: Int {
    switch self {
    case .lineEnd, .requestLine, .target, .host, .fieldLine, .contentLength, .twoLengths, .transferCoding, .chunk,
      .chunkTooLarge, .chunkExtensionsTooLarge:
      400
    case .requestLineTooLong: 414
    case .expectation: 417
    case .headersTooLarge: 431
    case .connectMethod, .unknownTransferCoding: 501
    case .version: 505
    }
  }
}

public import HTTP

/// How a channel keeps its connection and repeats calls. Times in milliseconds.
public struct ChannelOptions: Sendable {
  /// From the first attempt of a round over all addresses to a server that has answered HTTP/2's
  /// handshake.
  public var connectMilliseconds: UInt64 = 20_000
  /// Head start of an address over the next one. Source: RFC 8305, section 5.
  public var nextAddressMilliseconds: UInt64 = 250
  /// Between two rounds: doubled from the first to the last, and drawn from the upper half. Source:
  /// gRPC "Connection Backoff Protocol".
  public var reconnectMillisecondsMin: UInt64 = 1_000
  public var reconnectMillisecondsMax: UInt64 = 120_000
  /// Quiet time after which the server is pinged while calls are open; 0: never. A server that
  /// complains doubles it.
  public var keepaliveMilliseconds: UInt64 = 60_000
  /// How long the answer to a ping may take before the connection is given up.
  public var keepaliveTimeoutMilliseconds: UInt64 = 20_000
  /// How long a connection without calls is kept; 0: for ever.
  public var idleMilliseconds: UInt64 = 1_800_000
  /// Times a call is sent at most: again only if the server is known not to have begun it, or if
  /// its method is declared idempotent and the answer was `.unavailable` before anything else came.
  public var attemptsMax = 5
  /// Between two attempts of an idempotent call: doubled from the first to the last, and drawn from
  /// the upper half.
  public var retryMillisecondsMin: UInt64 = 100
  public var retryMillisecondsMax: UInt64 = 5_000
  /// Failed attempts, less a tenth of the calls that succeeded, of which half stop the repeating of
  /// idempotent calls; 0: never stop.
  public var retryTokensMax = 10
  /// Bytes of one response, expanded.
  public var messageBytesMax = 64 * 1_024 * 1_024
  /// How calls are carried.
  public var rpcProtocol = ClientProtocol.grpc
  /// The version of HTTP that calls are sent with. HTTP/1.1 carries one call at a time on a
  /// connection, and neither gRPC nor bidirectional streams.
  public var httpVersion = HTTPVersion.http2
  /// The name that the server's certificate must be for, and the calls' authority; nil: the name or
  /// address in the target.
  public var serverName: String?

  public init() {}
}

/// What is said with one call.
public struct CallOptions: Sendable {
  /// Request headers: names of lower-case letters, digits, `-`, `_` and `.`; those ending in `-bin`
  /// take base64. Spaces around a value are not sent.
  public var metadata: [(name: String, value: String)]
  /// After this the call ends with `.deadlineExceeded`; sent to the server as well. Nil: never.
  public var timeoutMilliseconds: UInt64?
  /// Gzip compresses the requests. A server that cannot expand them refuses the call with
  /// `.unimplemented`.
  public var encoding: MessageEncoding
  /// Waits for a connection (until the call's deadline) where others fail with `.unavailable`.
  public var waitsForReady: Bool

  public init(
    metadata: [(name: String, value: String)] = [], timeoutMilliseconds: UInt64? = nil,
    encoding: MessageEncoding = .identity, waitsForReady: Bool = false
  ) {
    self.metadata = metadata
    self.timeoutMilliseconds = timeoutMilliseconds
    self.encoding = encoding
    self.waitsForReady = waitsForReady
  }

  /// A value as it may be sent: HTTP/2 takes none that begins or ends with a space (RFC 9113,
  /// section 8.2.1), and the server would end the call as malformed. Source: gRPC over HTTP/2,
  /// "ASCII-Value": white space around a value may be stripped.
  static func trimmed(_ value: String) -> String {
    guard value.utf8.first == 0x20 || value.utf8.last == 0x20 else { return value }
    let bytes = Array(value.utf8)
    guard let first = bytes.firstIndex(where: { $0 != 0x20 }), let last = bytes.lastIndex(where: { $0 != 0x20 }) else {
      return ""
    }
    return String(decoding: bytes[first...last], as: UTF8.self)
  }

  /// What is wrong with the metadata; nil when nothing is.
  var metadataRefusal: RPCStatus? {
    for (name, value) in metadata {
      let isName = name.utf8.allSatisfy { byte in
        switch UnicodeScalar(byte) {
        case "a"..."z", "0"..."9", "-", "_", ".": true
        default: false
        }
      }
      guard isName, !name.isEmpty, !name.hasPrefix("grpc-") else {
        return RPCStatus(.internal, "\(name) cannot be the name of request metadata.")
      }
      // The value may be a secret: it is not shown.
      guard value.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
        return RPCStatus(.internal, "The value of the request metadata \(name) is not printable ASCII.")
      }
    }
    return nil
  }
}

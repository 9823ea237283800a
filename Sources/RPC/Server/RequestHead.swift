internal import HTTP

/// What the header fields of a request say, read in one pass.
struct RequestHead: ~Copyable {
  enum Method: Equatable {
    case get
    case head
    case post
    case options
    case other
  }

  enum Timeout: Equatable {
    case none
    case milliseconds(UInt64)
    case malformed
  }

  private(set) var method = Method.other
  /// Nil: a content type that is not served, or none.
  private(set) var format: CallFormat?
  private(set) var route: Router.Route?
  /// The request comes from a page in a browser.
  private(set) var hasOrigin = false
  /// False: `connect-protocol-version` names another version than 1.
  private(set) var isKnownVersion = true
  /// Bytes of the body, where the request says them in a way that can be read.
  private(set) var announcedBytes: Int?
  private var grpcTimeout = Timeout.none
  private var connectTimeout = Timeout.none
  // Nil: a coding that is not served.
  private var grpcEncoding: MessageEncoding? = .identity
  private var connectEncoding: MessageEncoding? = .identity
  private var contentEncoding: MessageEncoding? = .identity

  /// How long the caller waits, by the header of the call's protocol.
  func timeout(of format: CallFormat) -> Timeout { format.isConnect ? connectTimeout : grpcTimeout }

  /// What compressed messages are; nil: a coding that is not served.
  func encoding(of format: CallFormat) -> MessageEncoding? {
    switch format.rpcProtocol {
    case .grpc, .grpcWeb: grpcEncoding
    case .connectUnary: contentEncoding
    case .connectStreaming: connectEncoding
    }
  }

  init(_ headers: ReceivedHeaders, router: Router) {
    for field in headers.fields {
      // A name's length tells nearly all fields apart.
      switch field.nameCount {
      case 5:
        headers.withBytes(of: field) { name, value in
          if name.equals(":path") { route = router.route(value) ?? router.route(value.extracting(0..<value.pathBytes)) }
        }
      case 6:
        headers.withBytes(of: field) { name, _ in
          if name.equals("origin") { hasOrigin = true }
        }
      case 7:
        headers.withBytes(of: field) { name, value in
          if name.equals(":method") { method = Method(value) }
        }
      case 12:
        headers.withBytes(of: field) { name, value in
          if name.equals("content-type") {
            format = CallFormat(contentType: value)
          } else if name.equals("grpc-timeout") {
            grpcTimeout = GRPCTimeout.milliseconds(headers.value(of: field)).map { .milliseconds($0) } ?? .malformed
          }
        }
      case 13:
        headers.withBytes(of: field) { name, value in
          if name.equals("grpc-encoding") { grpcEncoding = MessageEncoding(value) }
        }
      case 14:
        headers.withBytes(of: field) { name, value in
          if name.equals("content-length") { announcedBytes = value.decimalNumber }
        }
      case 16:
        headers.withBytes(of: field) { name, value in
          if name.equals("content-encoding") { contentEncoding = contentEncoding?.applying(contentCodings: value) }
        }
      case 18:
        headers.withBytes(of: field) { name, _ in
          guard name.equals("connect-timeout-ms") else { return }
          connectTimeout =
            ConnectTimeout.milliseconds(headers.value(of: field)).map { .milliseconds($0) } ?? .malformed
        }
      case 24:
        headers.withBytes(of: field) { name, value in
          if name.equals("connect-protocol-version") {
            isKnownVersion = value.equals("1")
          } else if name.equals("connect-content-encoding") {
            connectEncoding = connectEncoding?.applying(contentCodings: value)
          }
        }
      default: break
      }
    }
  }
}

extension RequestHead.Method {
  init(_ name: RawSpan) {
    if name.equals("POST") {
      self = .post
    } else if name.equals("GET") {
      self = .get
    } else if name.equals("HEAD") {
      self = .head
    } else if name.equals("OPTIONS") {
      self = .options
    } else {
      self = .other
    }
  }
}

extension RawSpan {
  /// Whether the bytes are exactly those of `text`.
  func equals(_ text: StaticString) -> Bool {
    guard byteCount == text.utf8CodeUnitCount else { return false }
    for index in 0..<byteCount
    where unsafe unsafeLoad(fromByteOffset: index, as: UInt8.self) != text.utf8Start[index] {
      return false
    }
    return true
  }

  /// Bytes before the query of a path.
  var pathBytes: Int {
    for index in 0..<byteCount
    where unsafe unsafeLoad(fromByteOffset: index, as: UInt8.self) == UInt8(ascii: "?") {
      return index
    }
    return byteCount
  }
}

internal import HTTP

/// How the messages of a call are carried, by the request's content type.
struct CallFormat: Equatable, Sendable {
  enum RPCProtocol: Sendable {
    /// gRPC over HTTP/2.
    case grpc
    /// gRPC-Web: the same frames, and the trailers in a frame of the body.
    case grpcWeb
    /// Connect: one message each way, without frames.
    case connectUnary
    /// Connect: messages in envelopes, and the end in an envelope.
    case connectStreaming
  }

  enum Codec: Sendable {
    case proto
    /// ProtoJSON.
    case json
  }

  var rpcProtocol: RPCProtocol
  var codec = Codec.proto
  /// The body is base64 (`application/grpc-web-text`).
  var isText = false

  /// The response's content type.
  let contentType: StaticString

  /// What a server tells a peer whose content type it does not take (RFC 9110, section 15.5.16).
  static let accepted = all.map { "\($0.name)" }.joined(separator: ", ")

  /// gRPC with protobuf.
  static let grpc = CallFormat(rpcProtocol: .grpc, contentType: "application/grpc")
  static let grpcWeb = CallFormat(rpcProtocol: .grpcWeb, contentType: "application/grpc-web+proto")
  static let grpcWebText = CallFormat(
    rpcProtocol: .grpcWeb, isText: true, contentType: "application/grpc-web-text+proto")

  /// Every content type that is served. Sources: gRPC over HTTP/2, "Content-Type"; gRPC-Web,
  /// "Protocol differences vs gRPC over HTTP2"; Connect protocol reference.
  private static let all: [(name: StaticString, format: CallFormat)] = [
    grpc,
    CallFormat(rpcProtocol: .grpc, contentType: "application/grpc+proto"),
    CallFormat(rpcProtocol: .grpc, codec: .json, contentType: "application/grpc+json"),
    CallFormat(rpcProtocol: .grpcWeb, contentType: "application/grpc-web"),
    grpcWeb,
    CallFormat(rpcProtocol: .grpcWeb, codec: .json, contentType: "application/grpc-web+json"),
    CallFormat(rpcProtocol: .grpcWeb, isText: true, contentType: "application/grpc-web-text"),
    grpcWebText,
    connectUnary(.proto), connectUnary(.json), connectStreaming(.proto), connectStreaming(.json),
  ].map { ($0.contentType, $0) }

  private init(
    rpcProtocol: RPCProtocol, codec: Codec = .proto, isText: Bool = false, contentType: StaticString
  ) {
    self.rpcProtocol = rpcProtocol
    self.codec = codec
    self.isText = isText
    self.contentType = contentType
  }

  /// One message each way, without frames.
  static func connectUnary(_ codec: Codec) -> CallFormat {
    switch codec {
    case .proto: CallFormat(rpcProtocol: .connectUnary, contentType: "application/proto")
    case .json: CallFormat(rpcProtocol: .connectUnary, codec: .json, contentType: "application/json")
    }
  }

  /// Messages in envelopes.
  static func connectStreaming(_ codec: Codec) -> CallFormat {
    switch codec {
    case .proto: CallFormat(rpcProtocol: .connectStreaming, contentType: "application/connect+proto")
    case .json: CallFormat(rpcProtocol: .connectStreaming, codec: .json, contentType: "application/connect+json")
    }
  }

  /// The format that a content type stands for, parameters ignored.
  /// - Returns: nil for types that are not served.
  init?(contentType value: RawSpan) {
    // The two that most calls have.
    if value.equals("application/grpc") {
      self = .grpc
      return
    }
    if value.equals("application/proto") {
      self = .connectUnary(.proto)
      return
    }
    for candidate in Self.all where value.equals(candidate.name) {
      self = candidate.format
      return
    }
    let text = unsafe value.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    let type = text.prefix { $0 != ";" }.trimmingSpace.lowercased()
    guard let found = Self.all.first(where: { "\($0.name)" == type }) else { return nil }
    self = found.format
  }

  static func == (left: CallFormat, right: CallFormat) -> Bool {
    left.rpcProtocol == right.rpcProtocol && left.codec == right.codec && left.isText == right.isText
  }

  /// Messages are protobuf and go as they are, in frames or without.
  var isPlain: Bool { codec == .proto && !isText }

  /// gRPC's own format, which is answered without building header fields.
  var isPlainGRPC: Bool { rpcProtocol == .grpc && codec == .proto }

  var isConnect: Bool { rpcProtocol == .connectUnary || rpcProtocol == .connectStreaming }

  /// Messages are in frames or envelopes of a flag byte and four bytes of length.
  var isFramed: Bool { rpcProtocol != .connectUnary }

  /// The status of a request whose compressed bytes are corrupt, or that ends within a message. In
  /// gRPC the library's own status is INTERNAL ("Status codes and their use in gRPC"); Connect
  /// names none, and its implementations blame the caller, as for any other malformed message.
  var malformedCode: RPCStatusCode { isConnect ? .invalidArgument : .internal }

  /// The header that says how messages are compressed.
  var encodingName: String {
    switch rpcProtocol {
    case .grpc, .grpcWeb: "grpc-encoding"
    case .connectUnary: "content-encoding"
    case .connectStreaming: "connect-content-encoding"
    }
  }

  /// The header that says which codings the caller takes.
  var acceptedEncodingsName: String {
    switch rpcProtocol {
    case .grpc, .grpcWeb: "grpc-accept-encoding"
    case .connectUnary: "accept-encoding"
    case .connectStreaming: "connect-accept-encoding"
    }
  }

  /// Whether the format can carry a method's calls: Connect has one format for unary methods and
  /// another for streams.
  func carries(_ kind: CallKind) -> Bool {
    switch rpcProtocol {
    case .grpc, .grpcWeb: true
    case .connectUnary: kind == .unary
    case .connectStreaming: kind != .unary
    }
  }
}

extension StringProtocol {
  /// Without spaces and tabs at both ends.
  var trimmingSpace: SubSequence {
    let start = drop { $0 == " " || $0 == "\t" }
    let end = start.lastIndex { $0 != " " && $0 != "\t" }.map { start.index(after: $0) } ?? start.startIndex
    return start[..<end]
  }
}

/// The fuzzed parts. Each takes any bytes, and traps if they violate an invariant.
public enum FuzzTarget: String, CaseIterable, Sendable {
  /// Protobuf to messages and back.
  case codec
  /// JSON to messages and back.
  case json
  /// An HTTP/2 session in memory, whose owner answers requests.
  case session
  /// HTTP/1.1's parser, and a session in memory, with an owner that answers.
  case http1
  /// HTTP/1.1's responses, as a client reads them.
  case response
  /// Queries of Connect, base64 of gRPC-Web, envelopes, and the ends of responses.
  case web
  /// The body of a call on a real server: gRPC's framing, and messages in it.
  case framing
  /// The body of a call by Connect or gRPC-Web on a real server, over HTTP/2 and HTTP/1.1.
  case call
  /// All bytes of a connection to a real server, after the preface.
  case connection
  /// All bytes of a connection to a real server.
  case opening

  public func run(_ bytes: [UInt8]) {
    switch self {
    case .codec: CodecFuzzing.run(bytes)
    case .json: JSONFuzzing.run(bytes)
    case .session: SessionFuzzing.run(bytes)
    case .http1: HTTP1Fuzzing.run(bytes)
    case .response: ResponseFuzzing.run(bytes)
    case .web: WebFuzzing.run(bytes)
    case .call: CallFuzzing.run(bytes)
    case .opening: OpeningFuzzing.run(bytes)
    case .framing: ServerFuzzing.shared.runBody(bytes)
    case .connection: ServerFuzzing.shared.runConnection(bytes)
    }
  }
}

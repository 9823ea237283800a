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
  /// The body of a call on a real server: gRPC's framing, and messages in it.
  case framing
  /// All bytes of a connection to a real server, after the preface.
  case connection

  public func run(_ bytes: [UInt8]) {
    switch self {
    case .codec: CodecFuzzing.run(bytes)
    case .json: JSONFuzzing.run(bytes)
    case .session: SessionFuzzing.run(bytes)
    case .http1: HTTP1Fuzzing.run(bytes)
    case .framing: ServerFuzzing.shared.runBody(bytes)
    case .connection: ServerFuzzing.shared.runConnection(bytes)
    }
  }
}

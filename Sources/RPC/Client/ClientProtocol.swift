/// How a channel's calls are carried.
public enum ClientProtocol: String, Sendable, CaseIterable {
  case grpc
  case grpcWeb = "grpc-web"
  /// gRPC-Web in base64.
  case grpcWebText = "grpc-web-text"
  /// Connect with protobuf.
  case connect
  /// Connect with ProtoJSON.
  case connectJSON = "connect-json"

  /// The format of a method's messages.
  func format(_ kind: CallKind) -> CallFormat {
    switch self {
    case .grpc: .grpc
    case .grpcWeb: .grpcWeb
    case .grpcWebText: .grpcWebText
    case .connect: kind == .unary ? .connectUnary(.proto) : .connectStreaming(.proto)
    case .connectJSON: kind == .unary ? .connectUnary(.json) : .connectStreaming(.json)
    }
  }
}

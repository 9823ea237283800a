internal import HTTP

/// The header fields that carry a call's status. Source: gRPC over HTTP/2, "Responses".
enum StatusTrailers {
  /// Bytes of a header list with a status, as RFC 9113 section 6.5.2 counts them; a peer that takes
  /// less gets less. Stock clients take 8,192 (Java refuses more, C-core some of it, whatever it
  /// announces); the rest is for fields that proxies add.
  static let listBytesMax = 7_680

  private static let grpcResponse = ConstantHeaders([(":status", "200"), ("content-type", "application/grpc")])
  private static let connectResponse = ConstantHeaders([(":status", "200"), ("content-type", "application/proto")])

  /// The header fields of a response with messages.
  static func response(_ format: CallFormat) -> ConstantHeaders {
    if format.isPlainGRPC { return grpcResponse }
    if format.rpcProtocol == .connectUnary && format.codec == .proto { return connectResponse }
    return ConstantHeaders([(":status", "200"), ("content-type", format.contentType)])
  }

  /// The fields after the last message of a call that succeeded.
  static let ok = ConstantHeaders([("grpc-status", "0")])

  /// The fields after the last message; nil is OK.
  static func fields(_ status: RPCStatus?, metadata: [HeaderBlock?], to connection: ServerConnection) -> HeaderBlock {
    var block = HeaderBlock()
    append(status, metadata, connection, to: &block)
    return block
  }

  /// The fields of a response that has no messages (Trailers-Only).
  static func only(
    _ status: RPCStatus, format: CallFormat, metadata: [HeaderBlock?] = [], to connection: ServerConnection
  ) -> HeaderBlock {
    var block = response(format).block
    append(status, metadata, connection, to: &block)
    return block
  }

  private static func append(
    _ status: RPCStatus?, _ metadata: [HeaderBlock?], _ connection: ServerConnection, to block: inout HeaderBlock
  ) {
    block.append(name: "grpc-status", value: "\((status?.code ?? .ok).rawValue)")
    var metadata = metadata
    if let status {
      let peerMax = connection.session?.peerHeaderListBytesMax ?? listBytesMax
      let room = min(listBytesMax, peerMax) - block.listBytes
      let metadataBytes = metadata.reduce(0) { $0 + ($1?.listBytes ?? 0) }
      var fitted = FittedStatus(status, bytesMax: room - metadataBytes)
      if fitted == nil {
        // The reason says more than any metadata.
        metadata = []
        fitted = FittedStatus(status, bytesMax: room)
      }
      if fitted?.isReduced ?? true { connection.server.metrics.reduceStatus() }
      if let message = fitted?.message { block.append(name: FittedStatus.messageName, value: message) }
      if let details = fitted?.details { block.append(name: FittedStatus.detailsName, value: details) }
    }
    for case let extra? in metadata { block.append(extra) }
  }
}

internal import GRPCSchema
internal import HTTP2
internal import ProtobufCodec

/// The header fields that carry a call's status. Source: gRPC over HTTP/2, "Responses".
enum StatusTrailers {
  /// Bytes of `grpc-message` before encoding; longer ones are cut: peers bound their header lists.
  static let messageBytesMax = 1_024
  /// Bytes of encoded details; larger ones are left out.
  static let detailsBytesMax = 6_144

  /// The fields after the last message; nil is OK.
  static func fields(_ status: RPCStatus?, metadata: [HeaderBlock?]) -> HeaderBlock {
    var block = HeaderBlock()
    append(status, metadata, to: &block)
    return block
  }

  /// The fields of a response that has no messages (Trailers-Only).
  static func only(_ status: RPCStatus, metadata: [HeaderBlock?] = []) -> HeaderBlock {
    var block = HeaderBlock()
    block.append(name: ":status", value: "200")
    block.append(name: "content-type", value: "application/grpc")
    append(status, metadata, to: &block)
    return block
  }

  private static func append(_ status: RPCStatus?, _ metadata: [HeaderBlock?], to block: inout HeaderBlock) {
    block.append(name: "grpc-status", value: "\((status?.code ?? .ok).rawValue)")
    if let status {
      if !status.message.isEmpty {
        let message = String(decoding: status.message.utf8.prefix(messageBytesMax), as: UTF8.self)
        block.append(name: "grpc-message", value: PercentEncoding.encode(message))
      }
      if !status.details.isEmpty {
        let bytes = GoogleRPCStatus(
          code: Int32(status.code.rawValue), message: status.message, details: status.details
        ).protobufBytes()
        if bytes.count <= detailsBytesMax {
          block.append(name: "grpc-status-details-bin", value: Base64.encode(bytes, padding: false))
        }
      }
    }
    for case let extra? in metadata { block.append(extra) }
  }
}

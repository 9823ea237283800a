internal import HTTP
internal import ProtobufCodec

/// The trailers of gRPC-Web: a frame of the body whose flag has its highest bit set. Source:
/// gRPC-Web, "HTTP/2 differences".
enum WebTrailers {
  static let flag: UInt8 = 0x80

  /// Appends the frame; nil is OK.
  static func append(_ status: RPCStatus?, _ metadata: HeaderBlock?, to output: inout [UInt8]) {
    let start = output.count
    MessageFraming.append(to: &output) { output in
      append("grpc-status", "\((status?.code ?? .ok).rawValue)", to: &output)
      if let status {
        if !status.message.isEmpty {
          let message = FittedStatus.prefix(status.message, FittedStatus.messageBytesMax)
          append(FittedStatus.messageName, PercentEncoding.encode(message), to: &output)
        }
        if !status.details.isEmpty {
          append(FittedStatus.detailsName, FittedStatus.encodedDetails(status), to: &output)
        }
      }
      metadata?.forEach { name, value in append(name, value, to: &output) }
    }
    output[start] = flag
  }

  private static func append(_ name: String, _ value: String, to output: inout [UInt8]) {
    output.append(contentsOf: name.utf8)
    output.append(contentsOf: ": ".utf8)
    output.append(contentsOf: value.utf8)
    output.append(contentsOf: "\r\n".utf8)
  }
}

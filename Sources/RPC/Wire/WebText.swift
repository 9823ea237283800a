internal import ProtobufCodec

/// The base64 of `application/grpc-web-text`. Each part that a sender flushes is padded by itself,
/// so padding may stand within a body. Source: gRPC-Web, "Protocol differences vs gRPC over HTTP2".
enum WebText {
  /// Characters of a group.
  static let groupBytes = 4

  /// - Throws: INVALID_ARGUMENT for what is not base64.
  static func decode(_ text: [UInt8]) throws(RPCStatus) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count / 4 * 3)
    var start = 0
    while start < text.count {
      // A part ends behind its padding.
      var end = text[start...].firstIndex(of: UInt8(ascii: "=")) ?? text.count
      while end < text.count, text[end] == UInt8(ascii: "=") { end += 1 }
      guard let part = Base64.decode(String(decoding: text[start..<end], as: UTF8.self)) else {
        throw RuntimeReason.malformedRequest.status(.invalidArgument, "The body is not base64.")
      }
      result += part
      start = end
    }
    return result
  }

  /// The bytes of the first whole groups of `text`, enough for a message's prefix; fewer while they
  /// have not come.
  static func prefix(of text: [UInt8]) throws(RPCStatus) -> [UInt8] {
    try decode(Array(text.prefix(text.count / groupBytes * groupBytes).prefix(2 * groupBytes)))
  }

  /// Replaces the bytes from `start` on by their base64.
  static func encode(_ buffer: inout [UInt8], from start: Int) {
    let text = Base64.encode(Array(buffer[start...]), padding: true)
    buffer.replaceSubrange(start..., with: text.utf8)
  }
}

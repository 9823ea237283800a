/// gRPC's message framing. Source: gRPC over HTTP/2, "Length-Prefixed-Message": flag byte, 4-byte
/// big-endian length, message.
enum MessageFraming {
  static let prefixBytes = 5
  /// The flag of the envelope that ends a stream of Connect's. Source: Connect protocol reference,
  /// "Streaming-Response".
  static let endOfStreamFlag: UInt8 = 2

  /// What the front of the received bytes holds.
  enum Front: Equatable {
    /// The prefix is not all there.
    case incomplete
    /// Some of the message's `count` bytes are missing.
    case begun(count: Int)
    /// A message of `count` bytes lies behind the prefix, all of it received.
    case message(count: Int, isCompressed: Bool)
    case tooLarge(count: Int)
    /// The message is compressed; no compression was agreed on.
    case compressed
    /// The flag byte is neither 0 nor 1.
    case badFlag
  }

  /// Looks at the prefix at `offset`, before anything behind it is waited for.
  /// - Parameter encoding: What the peer says a message flagged as compressed is.
  static func front(
    of bytes: [UInt8], from offset: Int, byteLimit: Int, encoding: MessageEncoding = .identity
  ) -> Front {
    guard bytes.count - offset >= prefixBytes else { return .incomplete }
    let flag = bytes[offset]
    guard flag <= 1 else { return .badFlag }
    guard flag == 0 || encoding == .gzip else { return .compressed }
    let count =
      Int(bytes[offset + 1]) << 24 | Int(bytes[offset + 2]) << 16 | Int(bytes[offset + 3]) << 8
      | Int(bytes[offset + 4])
    guard count <= byteLimit else { return .tooLarge(count: count) }
    return bytes.count - offset - prefixBytes >= count
      ? .message(count: count, isCompressed: flag == 1) : .begun(count: count)
  }

  /// Appends a prefix and the message that `body` appends.
  static func append(to buffer: inout [UInt8], _ body: (inout [UInt8]) -> Void) {
    let start = buffer.count
    buffer.append(contentsOf: [0, 0, 0, 0, 0])
    body(&buffer)
    let count = UInt32(truncatingIfNeeded: buffer.count - start - prefixBytes)
    buffer[start + 1] = UInt8(truncatingIfNeeded: count >> 24)
    buffer[start + 2] = UInt8(truncatingIfNeeded: count >> 16)
    buffer[start + 3] = UInt8(truncatingIfNeeded: count >> 8)
    buffer[start + 4] = UInt8(truncatingIfNeeded: count)
  }

  /// The status for a front that is no message.
  static func refusal(_ front: Front, byteLimit: Int) -> RPCStatus? {
    switch front {
    case .incomplete, .begun, .message: nil
    case .tooLarge(let count):
      RPCStatus(.resourceExhausted, "The message has \(count) bytes; at most \(byteLimit) are accepted.")
    case .compressed:
      RPCStatus(.internal, "The message is flagged as compressed, but the call names no grpc-encoding.")
    case .badFlag: RPCStatus(.internal, "The message's flag byte is neither 0 nor 1.")
    }
  }
}

internal import HTTP
public import ProtobufCodec

/// How the messages of a call's request are carried, and what they may be.
@usableFromInline
struct RequestForm: Sendable {
  let format: CallFormat
  let encoding: MessageEncoding
  /// Bytes of a message, expanded.
  let bytesMax: Int
  let decoding: DecodeLimits
  let descriptor: MessageDescriptor
  let types: MessageTypes

  /// Where a message lies, and whether it is compressed.
  struct Place {
    let range: Range<Int>
    let isCompressed: Bool
  }

  /// The place of a message without a frame.
  func wholeMessage(_ bytes: [UInt8]) throws(RPCStatus) -> Place {
    // The end may have come with the bytes past the limit.
    guard bytes.count <= bytesMax else {
      throw MessageFraming.refusal(.tooLarge(count: bytes.count), byteLimit: bytesMax) ?? .noRoom
    }
    return Place(range: 0..<bytes.count, isCompressed: encoding == .gzip)
  }

  /// The place of the one message that `bytes` must hold.
  func onlyMessage(in bytes: [UInt8]) throws(RPCStatus) -> Place {
    let front = MessageFraming.front(of: bytes, from: 0, byteLimit: bytesMax, encoding: encoding)
    if let refusal = MessageFraming.refusal(front, byteLimit: bytesMax) { throw refusal }
    guard case .message(let count, let isCompressed) = front else {
      guard !bytes.isEmpty else { throw Self.cardinality("The request holds no message; its method takes one.") }
      throw RuntimeReason.malformedRequest.status(format.malformedCode, "The request ended within its message.")
    }
    guard bytes.count == MessageFraming.prefixBytes + count else { throw Self.tooManyMessages }
    return Place(range: MessageFraming.prefixBytes..<MessageFraming.prefixBytes + count, isCompressed: isCompressed)
  }

  /// Source of the code: gRPC, "Status codes and their use in gRPC", "Request cardinality
  /// violation".
  private static func cardinality(_ message: String) -> RPCStatus { RPCStatus(.unimplemented, message) }

  static var tooManyMessages: RPCStatus {
    cardinality("The request holds more than the one message its method takes.")
  }

  /// The one message of a body, expanded.
  func message(in body: [UInt8]) throws(RPCStatus) -> ReceivedMessage {
    let bytes = format.isText ? try WebText.decode(body) : body
    let place = format.isFramed ? try onlyMessage(in: bytes) : try wholeMessage(bytes)
    guard place.isCompressed else {
      return ReceivedMessage(bytes: bytes, range: place.range, form: self, wasCompressed: false)
    }
    let expanded = try expand(bytes, place.range)
    return ReceivedMessage(bytes: expanded, range: 0..<expanded.count, form: self, wasCompressed: true)
  }

  /// A compressed message, expanded.
  func expand(_ bytes: [UInt8], _ range: Range<Int>) throws(RPCStatus) -> [UInt8] {
    try MessageEncoding.expand(bytes, range, byteLimit: bytesMax, corruptCode: format.malformedCode)
  }

  /// Lends a message as protobuf, whatever its codec.
  func lend(
    _ bytes: [UInt8], _ range: Range<Int>, _ body: (UnsafeRawBufferPointer, DecodeLimits) throws(DecodeError) -> Void
  ) throws(RPCStatus) {
    guard format.codec == .json else { return unsafe try decode(bytes, range, body) }
    let message = try JSONRequest.protobuf(
      unsafe bytes.span.bytes.extracting(range), descriptor, decoding, types: types)
    unsafe try decode(message, 0..<message.count, body)
  }

  private func decode(
    _ bytes: [UInt8], _ range: Range<Int>, _ body: (UnsafeRawBufferPointer, DecodeLimits) throws(DecodeError) -> Void
  ) throws(RPCStatus) {
    do throws(DecodeError) {
      let message = unsafe bytes.span.bytes.extracting(range)
      try unsafe message.withUnsafeBytes { message throws(DecodeError) in try unsafe body(message, decoding) }
    } catch {
      throw FieldRefusal.status(for: error)
    }
  }
}

/// A message that has arrived, expanded and in its codec.
@usableFromInline
struct ReceivedMessage: Sendable {
  let bytes: [UInt8]
  let range: Range<Int>
  let form: RequestForm
  let wasCompressed: Bool

  /// Lends the message as protobuf.
  @usableFromInline
  func lend(_ body: (UnsafeRawBufferPointer, DecodeLimits) throws(DecodeError) -> Void) throws(RPCStatus) {
    unsafe try form.lend(bytes, range, body)
  }

  /// The message, which follows the schema's rules.
  @inlinable
  func decoded<Message: ProtobufMessage>(_ type: Message.Type) throws(RPCStatus) -> Message {
    var message = Message()
    unsafe try lend { bytes, limits throws(DecodeError) in message = try unsafe Message.decode(bytes, limits: limits) }
    let violations = message.fieldViolations()
    guard violations.isEmpty else { throw FieldRefusal.status(for: violations) }
    return message
  }
}

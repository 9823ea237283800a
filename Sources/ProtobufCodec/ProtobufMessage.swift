internal import CProtobufC

/// A message as a Swift value. Conformances are generated.
public protocol ProtobufMessage: Sendable, Equatable {
  /// The empty message.
  init()
  /// The schema's description of the message.
  static var descriptor: MessageDescriptor { get }
  /// Reads protobuf-c's struct of this message.
  @unsafe init(cMessage: UnsafeRawPointer)
  /// Makes protobuf-c's struct of this message, in `arena`; nil when memory runs out.
  @unsafe func cMessage(in arena: inout Arena) -> UnsafeMutableRawPointer?
  /// Adds the message's violations of the schema's field rules.
  func collectViolations(_ violations: inout FieldViolations)
}

extension ProtobufMessage {
  /// Decodes one message.
  /// - Throws: `DecodeError` for bytes that the schema or `limits` do not allow. Unknown fields are
  ///   dropped.
  @inlinable
  public static func decode(_ bytes: UnsafeRawBufferPointer, limits: DecodeLimits) throws(DecodeError) -> Self {
    var message = Self()
    unsafe try MessageCoding.decode(bytes, descriptor, limits) { unsafe message = Self(cMessage: $0) }
    return message
  }

  /// Decodes one message.
  /// - Throws: `DecodeError` for bytes that the schema or `limits` do not allow. Unknown fields are
  ///   dropped.
  public init(protobufBytes bytes: [UInt8], limits: DecodeLimits = DecodeLimits()) throws(DecodeError) {
    self = unsafe try bytes.span.bytes.withUnsafeBytes { bytes throws(DecodeError) in
      try unsafe Self.decode(bytes, limits: limits)
    }
  }

  /// Appends the encoded message to `buffer`: fields in ascending order, defaults left out.
  @inlinable
  public func append(to buffer: inout [UInt8]) {
    unsafe MessageCoding.append(to: &buffer) { arena in unsafe cMessage(in: &arena) }
  }

  /// The encoded message.
  public func protobufBytes() -> [UInt8] {
    var buffer: [UInt8] = []
    append(to: &buffer)
    return buffer
  }

  /// All violations of the schema's field rules, up to `FieldViolations.countMax`.
  public func fieldViolations() -> [FieldViolation] {
    var violations = FieldViolations()
    collectViolations(&violations)
    return violations.all
  }
}

/// The part of encoding and decoding that is the same for all messages. Not generic: the generic
/// parts above are small, so that each caller gets them specialised.
@unsafe public enum MessageCoding {
  /// Checks `bytes` against the schema, unpacks them into an arena and lends the C struct to
  /// `body`.
  public static func decode(
    _ bytes: UnsafeRawBufferPointer, _ descriptor: MessageDescriptor, _ limits: DecodeLimits,
    _ body: (UnsafeRawPointer) -> Void
  ) throws(DecodeError) {
    guard bytes.count <= limits.messageBytesMax else { throw .messageTooLarge }
    var validator = unsafe WireValidator(bytes, elementsMax: limits.elementsMax)
    unsafe try validator.check(descriptor, 0..<bytes.count, nestingLeft: limits.nestingMax)
    guard unsafe validator.isIrregular else { return unsafe try unpack(bytes, descriptor, body) }
    var regular: [UInt8] = []
    unsafe try WireNormaliser(bytes, unreadableItems: validator.unreadableItems).append(
      descriptor, [0..<bytes.count], to: &regular, nestingLeft: limits.nestingMax)
    unsafe try regular.span.bytes.withUnsafeBytes { regular throws(DecodeError) in
      try unsafe unpack(regular, descriptor, body)
    }
  }

  private static func unpack(
    _ bytes: UnsafeRawBufferPointer, _ descriptor: MessageDescriptor, _ body: (UnsafeRawPointer) -> Void
  ) throws(DecodeError) {
    let isUnpacked = unsafe Arena.with { arena in
      let message = unsafe arena.withAllocator { allocator in
        unsafe protobuf_c_message_unpack(
          descriptor.table, allocator, bytes.count, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
      }
      guard let message = unsafe message else { return false }
      unsafe body(UnsafeRawPointer(message))
      return true
    }
    if !isUnpacked { throw .outOfMemory }
  }

  /// Appends the encoded form of the C struct that `make` builds in an arena to `buffer`.
  public static func append(to buffer: inout [UInt8], _ make: (inout Arena) -> UnsafeMutableRawPointer?) {
    unsafe Arena.with { arena in
      guard let made = unsafe make(&arena) else { preconditionFailure("no memory for a message to send") }
      let message = unsafe UnsafePointer(made.assumingMemoryBound(to: ProtobufCMessage.self))
      let count = unsafe protobuf_c_message_get_packed_size(message)
      guard count > 0 else { return }
      buffer.append(addingCapacity: count) { room in
        unsafe room.withUnsafeMutableBufferPointer { room, usedCount in
          guard let base = room.baseAddress else { return }
          usedCount = unsafe protobuf_c_message_pack(message, base)
        }
      }
    }
  }
}

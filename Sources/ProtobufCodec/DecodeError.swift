/// Why bytes cannot be decoded as a message.
public enum DecodeError: Error, Equatable, Sendable {
  /// A tag, varint, length or fixed-size value runs past the end, or a varint is longer than ten
  /// bytes.
  case truncated
  /// A tag with field number 0, a wire type that does not exist, or an end-group without its start.
  case malformedTag
  /// A string field that is not valid UTF-8.
  case invalidUTF8(field: String)
  /// A string field with a NUL character: C strings would end there, and PostgreSQL stores none.
  case containsNUL(field: String)
  /// More bytes than `DecodeLimits.messageBytesMax`.
  case messageTooLarge
  /// Messages nested deeper than `DecodeLimits.nestingMax`.
  case nestedTooDeeply
  /// More fields and list items than `DecodeLimits.elementsMax`.
  case tooManyElements
  /// A list with more items than its field rules allow.
  case breaksRule(FieldViolation)
  /// An `Any` of an unknown type, to be written as JSON.
  case unknownType(String)
  /// protobuf-c failed: memory ran out.
  case outOfMemory
}

extension DecodeError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .truncated: "it ends within a field"
    case .malformedTag: "it holds a malformed tag"
    case .invalidUTF8(let field): "\(field) is not valid UTF-8"
    case .containsNUL(let field): "\(field) contains a NUL character"
    case .messageTooLarge: "it is too large"
    case .nestedTooDeeply: "it is nested too deeply"
    case .tooManyElements: "it has too many fields and list items"
    case .breaksRule(let violation): "\(violation.path) \(violation.description)"
    case .unknownType(let url): "it holds an Any of the unknown type \(url)"
    case .outOfMemory: "there is no memory for it"
    }
  }
}

/// Limits of decoding one message, checked before memory is allocated.
public struct DecodeLimits: Sendable {
  /// Bytes of the encoded message.
  public var messageBytesMax = 64 * 1_024 * 1_024
  /// Levels of messages within messages (and groups of unknown fields).
  public var nestingMax = 32
  /// Fields and list items, over all levels: each costs memory, however few bytes it has. The
  /// default covers the largest request that the schema's rules and 4 MiB allow: a capture of
  /// 50,000 entries with 12 of them each. Lists whose rules have `max_items` have that limit as
  /// well.
  public var elementsMax = 655_360

  public init() {}
}

public import ProtobufCodec

/// Which sides of a call send one message and which send many.
public enum CallKind: Sendable, Hashable {
  case unary
  case serverStreaming
  case clientStreaming
  case bidirectionalStreaming
}

/// What a repeated call does. Source: google/protobuf/descriptor.proto, `IdempotencyLevel`.
public enum Idempotency: Sendable, Hashable {
  /// Not stated: a call is not retried, because it may have taken effect.
  case unknown
  /// The same request sent again has the effect of one: clients may retry it.
  case idempotent
  /// A call changes nothing: it may be retried, and be made by GET.
  case noSideEffects
}

/// What the schema says of one method. There is one of each, made when the program starts.
public final class MethodDescriptor: Sendable {
  /// The service's full name, such as `example.v1.NoteService`.
  public let service: String
  /// The method's name, such as `AddNote`.
  public let name: String
  public let kind: CallKind
  public let idempotency: Idempotency
  /// Bytes of the largest request message, if that is more than `RPCLimits.messageBytesMax`; 0: as
  /// for other methods.
  public let requestBytesMax: Int
  public let request: MessageDescriptor
  public let response: MessageDescriptor

  public init(
    service: String, name: String, kind: CallKind, idempotency: Idempotency = .unknown, requestBytesMax: Int = 0,
    request: MessageDescriptor, response: MessageDescriptor
  ) {
    self.service = service
    self.name = name
    self.kind = kind
    self.idempotency = idempotency
    self.requestBytesMax = requestBytesMax
    self.request = request
    self.response = response
  }

  /// Whether Connect's callers may use GET. Source: Connect protocol reference,
  /// "Unary-Get-Request".
  public var isGettable: Bool { kind == .unary && idempotency == .noSideEffects }

  /// The request's `:path`, such as `/example.v1.NoteService/AddNote`.
  public var path: String { "/\(service)/\(name)" }
}

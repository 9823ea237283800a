public import ProtobufCodec

/// Which sides of a call send one message and which send many.
public enum CallKind: Sendable, Hashable {
  case unary
  case serverStreaming
  case clientStreaming
  case bidirectionalStreaming
}

/// At most so many calls within any so many seconds.
public struct Rate: Sendable, Hashable {
  public var calls: Int
  public var seconds: Int

  public init(calls: Int, seconds: Int) {
    self.calls = calls
    self.seconds = seconds
  }
}

/// How often a method may be called.
public struct RateLimit: Sendable, Hashable {
  public var perPerson: Rate?
  public var perAddress: Rate?
  /// The method's own code counts the call: only it can tell the person, or a replay.
  public var isCountedByMethod: Bool

  public init(perPerson: Rate?, perAddress: Rate?, isCountedByMethod: Bool) {
    self.perPerson = perPerson
    self.perAddress = perAddress
    self.isCountedByMethod = isCountedByMethod
  }
}

/// What the schema says must hold for every call of a method.
public struct MethodPolicy: Sendable, Hashable {
  /// Whose credentials a call must carry.
  public enum Authentication: Sendable, Hashable {
    case none
    case session
    case user
    case admin
  }

  public var authentication: Authentication
  /// Every attempt leaves an audit event.
  public var isAudited: Bool
  /// The same request sent again has the effect of one: clients may retry it.
  public var isIdempotent: Bool
  /// A call changes nothing (`idempotency_level = NO_SIDE_EFFECTS`): it may be made by GET.
  public var hasNoSideEffects: Bool
  /// Nil: as often as the machine can answer.
  public var rateLimit: RateLimit?
  /// Bytes of the largest request message, if that is more than `RPCLimits.messageBytesMax`; 0: as
  /// for other methods.
  public var requestBytesMax: Int
  /// The call must come by Connect's POST with the header `connect-protocol-version`
  /// (`ServerContext.takesCookies`). The runtime does not check it: an interceptor of the service
  /// does, which has a reason for the refusal.
  public var isConnectOnly: Bool

  public init(
    authentication: Authentication = .none, isAudited: Bool = false, isIdempotent: Bool = false,
    hasNoSideEffects: Bool = false, rateLimit: RateLimit? = nil, requestBytesMax: Int = 0,
    isConnectOnly: Bool = false
  ) {
    self.authentication = authentication
    self.isAudited = isAudited
    self.isIdempotent = isIdempotent
    self.hasNoSideEffects = hasNoSideEffects
    self.rateLimit = rateLimit
    self.requestBytesMax = requestBytesMax
    self.isConnectOnly = isConnectOnly
  }
}

/// What the schema says of one method. There is one of each, made when the program starts.
public final class MethodDescriptor: Sendable {
  /// The service's full name, such as `streak.v1.AccountService`.
  public let service: String
  /// The method's name, such as `SignUp`.
  public let name: String
  public let kind: CallKind
  public let policy: MethodPolicy
  public let request: MessageDescriptor
  public let response: MessageDescriptor

  public init(
    service: String, name: String, kind: CallKind, policy: MethodPolicy = MethodPolicy(), request: MessageDescriptor,
    response: MessageDescriptor
  ) {
    self.service = service
    self.name = name
    self.kind = kind
    self.policy = policy
    self.request = request
    self.response = response
  }

  /// Whether Connect's callers may use GET. Source: Connect protocol reference,
  /// "Unary-Get-Request".
  public var isGettable: Bool { kind == .unary && policy.hasNoSideEffects }

  /// The request's `:path`, such as `/streak.v1.AccountService/SignUp`.
  public var path: String { "/\(service)/\(name)" }
}

public import ProtobufCodec
public import GRPCSchema

/// How a call ended. Source: gRPC, "Status codes and their use in gRPC".
public enum RPCStatusCode: Int, Sendable, CaseIterable {
  case ok = 0
  case cancelled = 1
  case unknown = 2
  case invalidArgument = 3
  case deadlineExceeded = 4
  case notFound = 5
  case alreadyExists = 6
  case permissionDenied = 7
  case resourceExhausted = 8
  case failedPrecondition = 9
  case aborted = 10
  case outOfRange = 11
  case unimplemented = 12
  case `internal` = 13
  case unavailable = 14
  case dataLoss = 15
  case unauthenticated = 16

  /// The name in the gRPC documentation, such as `INVALID_ARGUMENT`.
  public var name: String {
    switch self {
    case .ok: "OK"
    case .cancelled: "CANCELLED"
    case .unknown: "UNKNOWN"
    case .invalidArgument: "INVALID_ARGUMENT"
    case .deadlineExceeded: "DEADLINE_EXCEEDED"
    case .notFound: "NOT_FOUND"
    case .alreadyExists: "ALREADY_EXISTS"
    case .permissionDenied: "PERMISSION_DENIED"
    case .resourceExhausted: "RESOURCE_EXHAUSTED"
    case .failedPrecondition: "FAILED_PRECONDITION"
    case .aborted: "ABORTED"
    case .outOfRange: "OUT_OF_RANGE"
    case .unimplemented: "UNIMPLEMENTED"
    case .internal: "INTERNAL"
    case .unavailable: "UNAVAILABLE"
    case .dataLoss: "DATA_LOSS"
    case .unauthenticated: "UNAUTHENTICATED"
    }
  }
}

/// The status of a call that did not succeed: thrown by handlers, sent as trailers, and thrown by
/// clients.
public struct RPCStatus: Error, Sendable, Equatable {
  public var code: RPCStatusCode
  /// For a developer's eyes; never a secret and nothing about other people.
  public var message: String
  /// Typed details, sent in `grpc-status-details-bin`.
  public var details: [GoogleProtobufAny]

  public init(_ code: RPCStatusCode, _ message: String, details: [GoogleProtobufAny] = []) {
    self.code = code
    self.message = message
    self.details = details
  }

  /// The same status with one more detail.
  public func with<Detail: ProtobufMessage>(_ detail: Detail) -> RPCStatus {
    var status = self
    status.details.append(Self.packed(detail))
    return status
  }

  static func packed<Detail: ProtobufMessage>(_ detail: Detail) -> GoogleProtobufAny {
    GoogleProtobufAny(typeUrl: typeURL(of: Detail.self), value: detail.protobufBytes())
  }

  static func typeURL<Detail: ProtobufMessage>(of type: Detail.Type) -> String {
    "type.googleapis.com/" + Detail.descriptor.fullName
  }

  /// The first detail of the given type; nil when there is none or it cannot be decoded.
  public func detail<Detail: ProtobufMessage>(_ type: Detail.Type) -> Detail? {
    let url = Self.typeURL(of: type)
    return details.first { $0.typeUrl == url }.flatMap { try? Detail(protobufBytes: $0.value) }
  }
}

extension RPCStatus: CustomStringConvertible {
  public var description: String { "\(code.name): \(message)" }
}

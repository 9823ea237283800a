internal import GRPCSchema
internal import HTTP
internal import ProtobufCodec

/// A status as the Connect protocol says it. Source: Connect protocol reference, "Error codes" and
/// "Unary-Response".
enum ConnectError {
  /// The HTTP status of a unary call that failed.
  static func httpStatus(_ code: RPCStatusCode) -> Int {
    switch code {
    case .ok: 200
    case .cancelled: 499
    case .invalidArgument, .failedPrecondition, .outOfRange: 400
    case .unauthenticated: 401
    case .permissionDenied: 403
    case .notFound: 404
    case .alreadyExists, .aborted: 409
    case .resourceExhausted: 429
    case .unimplemented: 501
    case .unavailable: 503
    case .deadlineExceeded: 504
    case .unknown, .internal, .dataLoss: 500
    }
  }

  /// The code's name, such as `invalid_argument`.
  static func name(_ code: RPCStatusCode) -> String {
    code == .cancelled ? "canceled" : code.name.lowercased()
  }

  /// Types of details whose JSON is sent beside their bytes, for callers without protobuf.
  static let detailTypes = [
    GoogleRPCErrorInfo.descriptor, GoogleRPCRetryInfo.descriptor, GoogleRPCBadRequest.descriptor,
  ]
  private static let readable: [String: MessageDescriptor] = Dictionary(
    uniqueKeysWithValues: detailTypes.map { ($0.fullName, $0) })

  /// Appends the error as JSON.
  static func append(_ status: RPCStatus, to output: inout [UInt8]) {
    output.append(contentsOf: "{\"code\":\"\(name(status.code))\"".utf8)
    if !status.message.isEmpty {
      output.append(contentsOf: ",\"message\":".utf8)
      output.appendJSONString(FittedStatus.prefix(status.message, FittedStatus.messageBytesMax))
    }
    if !status.details.isEmpty {
      output.append(contentsOf: ",\"details\":[".utf8)
      for (index, detail) in status.details.enumerated() {
        if index > 0 { output.append(UInt8(ascii: ",")) }
        append(detail, to: &output)
      }
      output.append(UInt8(ascii: "]"))
    }
    output.append(UInt8(ascii: "}"))
  }

  private static func append(_ detail: GoogleProtobufAny, to output: inout [UInt8]) {
    let type = detail.typeUrl.split(separator: "/").last.map(String.init) ?? detail.typeUrl
    output.append(contentsOf: "{\"type\":".utf8)
    output.appendJSONString(type)
    output.append(contentsOf: ",\"value\":\"\(Base64.encode(detail.value, padding: false))\"".utf8)
    if let descriptor = readable[type], let json = try? descriptor.json(fromProtobuf: detail.value) {
      output.append(contentsOf: ",\"debug\":".utf8)
      output.append(contentsOf: json.utf8)
    }
    output.append(UInt8(ascii: "}"))
  }

  /// Appends the message that ends a stream: the error, if there is one, and the trailing metadata.
  static func appendEndOfStream(_ status: RPCStatus?, _ metadata: HeaderBlock?, to output: inout [UInt8]) {
    output.append(UInt8(ascii: "{"))
    if let status {
      output.append(contentsOf: "\"error\":".utf8)
      append(status, to: &output)
    }
    if let metadata, !metadata.isEmpty {
      if status != nil { output.append(UInt8(ascii: ",")) }
      output.append(contentsOf: "\"metadata\":{".utf8)
      var names: [String] = []
      var values: [String: [String]] = [:]
      metadata.forEach { name, value in
        if values[name] == nil { names.append(name) }
        values[name, default: []].append(value)
      }
      for (index, name) in names.enumerated() {
        if index > 0 { output.append(UInt8(ascii: ",")) }
        output.appendJSONString(name)
        output.append(contentsOf: ":[".utf8)
        for (place, value) in (values[name] ?? []).enumerated() {
          if place > 0 { output.append(UInt8(ascii: ",")) }
          output.appendJSONString(value)
        }
        output.append(UInt8(ascii: "]"))
      }
      output.append(UInt8(ascii: "}"))
    }
    output.append(UInt8(ascii: "}"))
  }

  /// The seconds after which the caller may try again, where the status says so; for `Retry-After`.
  static func retryAfterSeconds(_ status: RPCStatus) -> Int64? {
    guard let delay = status.detail(GoogleRPCRetryInfo.self)?.retryDelay else { return nil }
    return max(1, delay.seconds + (delay.nanos > 0 ? 1 : 0))
  }
}

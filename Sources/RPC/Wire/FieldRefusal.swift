internal import GRPCSchema
public import ProtobufCodec

/// The statuses of requests that cannot be decoded or break the schema's rules.
@usableFromInline
enum FieldRefusal {
  static func status(for error: DecodeError) -> RPCStatus {
    if case .breaksRule(let violation) = error { return status(for: [violation]) }
    return RuntimeReason.malformedRequest.status(.invalidArgument, "The request cannot be decoded: \(error).")
  }

  /// Bytes of field violations that are sent: with more, the details would not fit into the
  /// trailers, and none would be sent.
  static let violationBytesMax = 4_096

  @usableFromInline
  static func status(for violations: [FieldViolation]) -> RPCStatus {
    var bytes = 0
    let included = violations.prefix { violation in
      // 12: the tags and lengths around them.
      bytes += violation.path.utf8.count + violation.description.utf8.count + 12
      return bytes <= violationBytesMax
    }
    let details = included.map { violation in
      GoogleRPCBadRequest.FieldViolation(field: violation.path, description: violation.description)
    }
    let first = violations.first.map { "\($0.path): \($0.description)" } ?? ""
    return RuntimeReason.invalidField
      .status(.invalidArgument, "The request breaks \(violations.count) rule(s); first: \(first)")
      .with(GoogleRPCBadRequest(fieldViolations: details))
  }
}

internal import ProtobufCodec
internal import RPC

/// The reply that a call must get.
enum Expectation: Sendable {
  /// OK, and every item of a list that is judged item by item is accepted.
  case success
  /// OK, or a refusal that earlier calls explain: it has a reason, and no field rule is named.
  case successOrHistory
  /// OK, or any refusal with a reason.
  case anythingTyped
  /// INVALID_ARGUMENT, INVALID_FIELD, with the path.
  case brokenRule(String)
  /// OK, or a refusal with a reason that does not name the path: other limits may be reached before
  /// the rule's.
  case keptRule(String)
  /// OK, with this item of the list refused for INVALID_FIELD and the others accepted.
  case refusedItem(list: String, index: Int)
  /// INVALID_ARGUMENT, MALFORMED_REQUEST.
  case malformed
  /// UNAUTHENTICATED, with a reason.
  case unauthenticated
  /// FAILED_PRECONDITION, CONNECT_REQUIRED.
  case connectRequired

  var text: String {
    switch self {
    case .success: "OK"
    case .successOrHistory: "OK, or a refusal by what happened before"
    case .anythingTyped: "OK, or a refusal with a reason"
    case .brokenRule(let path): "INVALID_ARGUMENT INVALID_FIELD (\(path))"
    case .keptRule(let path): "OK, or a refusal for something else than \(path)"
    case .refusedItem(let list, let index): "OK, with \(list)[\(index)] refused for INVALID_FIELD and no other"
    case .malformed: "INVALID_ARGUMENT MALFORMED_REQUEST"
    case .unauthenticated: "UNAUTHENTICATED with a reason"
    case .connectRequired: "FAILED_PRECONDITION CONNECT_REQUIRED"
    }
  }

  static let invalidField = "INVALID_FIELD"

  /// The difference between a reply and the expectation; nil if there is none.
  func problem(_ reply: Reply, to request: DynamicMessage, of method: MethodSchema, _ schema: ServiceSchema) -> String?
  {
    switch self {
    case .success:
      guard reply.status == nil else { return reply.summary }
      return verdictProblem(reply, request, method, schema, refused: nil)
    case .successOrHistory:
      guard let status = reply.status else { return verdictProblem(reply, request, method, schema, refused: nil) }
      return isTyped(reply, status) && reply.reason != Self.invalidField ? nil : reply.summary
    case .anythingTyped:
      guard let status = reply.status else { return nil }
      return isTyped(reply, status) ? nil : reply.summary
    case .brokenRule(let path):
      return reply.status?.code == .invalidArgument && reply.reason == Self.invalidField
        && reply.fieldPaths.contains(path)
        ? nil : reply.summary
    case .keptRule(let path):
      guard let status = reply.status else { return nil }
      return isTyped(reply, status) && !reply.fieldPaths.contains(path) ? nil : reply.summary
    case .refusedItem(let list, let index):
      guard reply.status == nil else { return reply.summary }
      return verdictProblem(reply, request, method, schema, refused: (list, index))
    case .malformed:
      return reply.status?.code == .invalidArgument && reply.reason == "MALFORMED_REQUEST" ? nil : reply.summary
    case .unauthenticated:
      guard reply.status?.code == .unauthenticated, !reply.reason.isEmpty else { return reply.summary }
      return nil
    case .connectRequired:
      return reply.status?.code == .failedPrecondition && reply.reason == "CONNECT_REQUIRED" ? nil : reply.summary
    }
  }

  /// A refusal with a reason, and not an error of the server.
  private func isTyped(_ reply: Reply, _ status: RPCStatus) -> Bool {
    ![.internal, .unknown, .unavailable, .deadlineExceeded, .cancelled, .unimplemented, .dataLoss].contains(status.code)
      && !reply.reason.isEmpty
  }

  private func verdictProblem(
    _ reply: Reply, _ request: DynamicMessage, _ method: MethodSchema, _ schema: ServiceSchema,
    refused: (list: String, index: Int)?
  ) -> String? {
    for field in schema.message(method.response).fields where !field.meaning.judges.isEmpty {
      guard let list = schema.message(method.request).field(named: field.meaning.judges),
        let bytes = reply.messages.first,
        let response = try? DynamicMessage(method.response, bytes: bytes, schema)
      else { return "a reply that cannot be decoded" }
      let (items, verdicts) = (request.messages(list), response.messages(field))
      guard items.count == verdicts.count else {
        return "OK with \(verdicts.count) \(field.name) for \(items.count) \(list.name)"
      }
      guard let reasonField = schema.message(field.typeName).fields.first(where: { $0.meaning.source == .reason })
      else { continue }
      for (index, verdict) in verdicts.enumerated() {
        var reason: Int64 = 0
        if case .number(let number) = verdict[reasonField] { reason = number }
        let name = schema.name(of: reason, in: reasonField.typeName)
        let said = "OK with \(list.name)[\(index)] " + (reason == 0 ? "accepted" : "refused for \(name)")
        if let refused, refused.list == list.name, refused.index == index {
          if name != Self.invalidField { return said }
        } else if reason != 0, name == Self.invalidField || !dependsOnHistory(items[index], schema) {
          return said
        }
      }
    }
    return nil
  }

  /// Whether a message has fields whose validity depends on earlier calls.
  private func dependsOnHistory(_ message: DynamicMessage, _ schema: ServiceSchema) -> Bool {
    schema.message(message.type).fields.contains { field in
      guard message.fields[field.number] != nil else { return false }
      return field.meaning.source == .history
        || message.messages(field).contains { dependsOnHistory($0, schema) }
    }
  }
}

/// The page of refusals: each reason of the schema, with the advice for clients.
struct ReasonPage {
  private let reasons: [(name: String, number: Int32, documentation: String)]

  init(_ schema: ProtoEnum) { reasons = schema.values.filter { $0.number != 0 } }

  /// - Throws: If a reason has no advice, or an advice has no reason.
  func text() throws -> String {
    let unknown = Set(ReasonAdvice.all.keys).subtracting(reasons.map(\.name))
    guard unknown.isEmpty else { throw GeneratorError("ReasonAdvice names reasons that ErrorReason lacks: \(unknown)") }
    var text = """
      # Errors

      Every reason of a refusal: what to show, whether to repeat the call, and how to repair.

      This page is generated from `ErrorReason` in `proto/streak/v1/common.proto` and
      `codegen/protoc-gen-streak/ReasonAdvice.swift` by `codegen/generate`.

      A refused call has a gRPC status. The status' details (`google.rpc.Status` in the trailer
      `grpc-status-details-bin`) hold up to three messages:

      - `google.rpc.ErrorInfo`: `reason` is one of the names below, `domain` is `streak.v1`.
      - `google.rpc.BadRequest`: the path of each wrong field, such as `habit.name`.
      - `google.rpc.RetryInfo`: the time to wait before the same request can succeed.

      The domain `rpc` marks refusals of the transport: INVALID_FIELD for a request against a field rule,
      MALFORMED_REQUEST for bytes that are no message of the method or no request of the protocol,
      HEADERS_TOO_LARGE for header fields beyond the limit, REQUEST_LATE for a request that arrives too slowly,
      NO_ROOM when the server's memory for requests is used up (RESOURCE_EXHAUSTED with `RetryInfo`), and
      SERVER_STOPS for calls that are open when the server stops (UNAVAILABLE with `RetryInfo`).

      A status without `ErrorInfo` is the protocol's own, and its code is the reason. The server sends
      UNIMPLEMENTED for a method, a compression or a number of messages that it does not have, RESOURCE_EXHAUSTED
      for a message larger than the limit (repeating it does not help), INTERNAL for a message whose flags are
      wrong, and DEADLINE_EXCEEDED after the deadline of the call. A proxy or the client's own library sends
      others, such as UNAVAILABLE without a network.

      Rules for every client:

      - Repeat after UNAVAILABLE, ABORTED, UNKNOWN and DEADLINE_EXCEEDED only calls that the
        [API reference](API.md) marks as safe to repeat. Double the waiting time with each attempt, up to five minutes, with
        jitter. Obey `RetryInfo` where there is one.
      - An unknown reason is treated like its status code.
      - A reason never tells whether an email or a session exists, except SIGN_UP_REFUSED.

      """
    for reason in reasons {
      guard let advice = ReasonAdvice.all[reason.name] else {
        throw GeneratorError("ReasonAdvice has no text for \(reason.name)")
      }
      text += "\n## \(reason.name)\n\n\(Markdown.paragraphs(reason.documentation))\n"
      text += "- Show: \(advice.show)\n- Repeat: \(advice.retry)\n- Repair: \(advice.repair)\n"
    }
    return text
  }
}

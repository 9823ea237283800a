import EventLoop
import GRPCSchema
import ProtobufCodec
import RPC
import TestSchema

/// The suite's service: each call's first request defines the answer, and the answer reports the
/// call as the server received it.
struct ConformanceService: ConnectrpcConformanceV1ConformanceService {
  /// The most requests that a half-duplex call may send before it is answered.
  static let heldRequestsMax = 10_000

  func unary(_ request: UnaryRequest, context: ServerContext) async throws(RPCStatus) -> UnaryResponse {
    UnaryResponse(
      payload: try await payload(request.responseDefinition, [GoogleProtobufAny(packing: request)], context))
  }

  func idempotentUnary(
    _ request: IdempotentUnaryRequest, context: ServerContext
  ) async throws(RPCStatus) -> IdempotentUnaryResponse {
    IdempotentUnaryResponse(
      payload: try await payload(request.responseDefinition, [GoogleProtobufAny(packing: request)], context))
  }

  func clientStream(
    requests: RequestStream<ClientStreamRequest>, context: ServerContext
  ) async throws(RPCStatus) -> ClientStreamResponse {
    var definition: UnaryResponseDefinition?
    var seen: [GoogleProtobufAny] = []
    while let request = try await requests.next() {
      if seen.isEmpty { definition = request.responseDefinition }
      try hold(request, in: &seen)
    }
    return ClientStreamResponse(payload: try await payload(definition, seen, context))
  }

  func serverStream(
    _ request: ServerStreamRequest, responses: ResponseWriter<ServerStreamResponse>, context: ServerContext
  ) async throws(RPCStatus) {
    guard let definition = request.responseDefinition else { return }
    addMetadata(definition, context)
    var seen = [GoogleProtobufAny(packing: request)]
    for (place, data) in definition.responseData.enumerated() {
      await delay(definition.responseDelayMs, context)
      let response = next(data, isFirst: place == 0, &seen, context)
      try await responses.write(ServerStreamResponse(payload: response))
    }
    try fail(definition, seen, context)
  }

  func bidiStream(
    requests: RequestStream<BidiStreamRequest>, responses: ResponseWriter<BidiStreamResponse>, context: ServerContext
  ) async throws(RPCStatus) {
    var definition: StreamResponseDefinition?
    var isFullDuplex = false
    var hasRequest = false
    // Requests that no response has reported yet.
    var seen: [GoogleProtobufAny] = []
    var sentCount = 0
    while let request = try await requests.next() {
      try hold(request, in: &seen)
      if !hasRequest {
        hasRequest = true
        definition = request.responseDefinition
        isFullDuplex = request.fullDuplex
        if let definition { addMetadata(definition, context) }
      }
      guard isFullDuplex else { continue }
      guard let definition, sentCount < definition.responseData.count else { break }
      await delay(definition.responseDelayMs, context)
      let response = next(definition.responseData[sentCount], isFirst: sentCount == 0, &seen, context)
      try await responses.write(BidiStreamResponse(payload: response))
      sentCount += 1
    }
    guard let definition else { return }
    for data in definition.responseData.dropFirst(sentCount) {
      await delay(definition.responseDelayMs, context)
      let response = next(data, isFirst: sentCount == 0, &seen, context)
      try await responses.write(BidiStreamResponse(payload: response))
      sentCount += 1
    }
    try fail(definition, seen, context)
  }

  func unimplemented(
    _ request: UnimplementedRequest, context: ServerContext
  ) async throws(RPCStatus) -> UnimplementedResponse {
    throw RPCStatus(.unimplemented, "The suite wants it so.")
  }

  // MARK: One response

  /// The payload of a call's only response.
  private func payload(
    _ definition: UnaryResponseDefinition?, _ seen: [GoogleProtobufAny], _ context: ServerContext
  ) async throws(RPCStatus) -> ConformancePayload {
    let info = ConformancePayload.RequestInfo(context, requests: seen)
    guard let definition else { return ConformancePayload(requestInfo: info) }
    add(definition.responseHeaders, definition.responseTrailers, context)
    await delay(definition.responseDelayMs, context)
    switch definition.response {
    case .error(let error): throw status(error, info)
    case .responseData(let data): return ConformancePayload(data: data, requestInfo: info)
    case nil: return ConformancePayload(requestInfo: info)
    }
  }

  // MARK: Many responses

  /// The payload of the next response: the first reports the call and its first request, the others
  /// the requests since the response before.
  private func next(
    _ data: [UInt8], isFirst: Bool, _ seen: inout [GoogleProtobufAny], _ context: ServerContext
  ) -> ConformancePayload {
    defer { seen = [] }
    guard isFirst || !seen.isEmpty else { return ConformancePayload(data: data) }
    let info =
      isFirst
      ? ConformancePayload.RequestInfo(context, requests: seen) : ConformancePayload.RequestInfo(requests: seen)
    return ConformancePayload(data: data, requestInfo: info)
  }

  private func addMetadata(_ definition: StreamResponseDefinition, _ context: ServerContext) {
    add(definition.responseHeaders, definition.responseTrailers, context)
  }

  /// Throws the error of the definition, with the requests if no response has reported them.
  private func fail(
    _ definition: StreamResponseDefinition, _ seen: [GoogleProtobufAny], _ context: ServerContext
  ) throws(RPCStatus) {
    guard let error = definition.error else { return }
    let info =
      definition.responseData.isEmpty ? ConformancePayload.RequestInfo(context, requests: seen) : nil
    throw status(error, info)
  }

  // MARK: Parts

  private func hold<Request: ProtobufMessage>(
    _ request: Request, in seen: inout [GoogleProtobufAny]
  ) throws(RPCStatus) {
    guard seen.count < Self.heldRequestsMax else {
      throw RPCStatus(.resourceExhausted, "A call may send \(Self.heldRequestsMax) requests before it is answered.")
    }
    seen.append(GoogleProtobufAny(packing: request))
  }

  private func add(_ headers: [Header], _ trailers: [Header], _ context: ServerContext) {
    for header in headers {
      for value in header.value { context.addInitialMetadata(header.name.lowercased(), value) }
    }
    for trailer in trailers {
      for value in trailer.value { context.addTrailingMetadata(trailer.name.lowercased(), value) }
    }
  }

  private func delay(_ milliseconds: UInt32, _ context: ServerContext) async {
    if milliseconds > 0 { await context.loop.sleep(milliseconds: UInt64(milliseconds)) }
  }

  private func status(_ error: ErrorDefinition, _ info: ConformancePayload.RequestInfo?) -> RPCStatus {
    var message = ""
    if case .message(let text) = error.optionalMessage { message = text }
    let code = RPCStatusCode(rawValue: Int(error.code.rawValue)) ?? .unknown
    return RPCStatus(
      code == .ok ? .unknown : code, message,
      details: error.details + (info.map { [GoogleProtobufAny(packing: $0)] } ?? []))
  }
}

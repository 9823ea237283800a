import EventLoop
import Glibc
import RPC
import TestSchema

/// The service that gRPC's interop test descriptions require.
struct InteropService: TestService {
  /// Most bytes of a payload that a caller may request.
  static let payloadBytesMax: Int32 = 16 << 20
  /// Different in each process: a client of several servers sees which one answers.
  static let serverID = "interop-server-\(getpid())"
  /// Most responses that a half-duplex call may request before it gets the first.
  static let heldParametersMax = 10_000

  func emptyCall(_ request: Empty, context: ServerContext) async throws(RPCStatus) -> Empty { Empty() }

  func unaryCall(_ request: SimpleRequest, context: ServerContext) async throws(RPCStatus) -> SimpleResponse {
    try check(request.responseType)
    try check(request.expectCompressed, context)
    if request.responseCompressed?.value == true { context.offerCompression() }
    try answer(request.responseStatus)
    return SimpleResponse(
      payload: try payload(request.responseSize), serverId: request.fillServerId ? Self.serverID : "")
  }

  /// Ignores the request and answers with nanoseconds since 1970 in decimal, so that a caller can
  /// tell a cached answer from a new one.
  func cacheableUnaryCall(_ request: SimpleRequest, context: ServerContext) async throws(RPCStatus) -> SimpleResponse {
    context.addInitialMetadata("cache-control", "max-age=60, public")
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    let nanoseconds = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    return SimpleResponse(payload: Payload(body: Array("\(nanoseconds)".utf8)))
  }

  func streamingOutputCall(
    _ request: StreamingOutputCallRequest, responses: ResponseWriter<StreamingOutputCallResponse>,
    context: ServerContext
  ) async throws(RPCStatus) {
    try check(request.responseType)
    if request.responseParameters.contains(where: { $0.compressed?.value == true }) { context.offerCompression() }
    try await write(request.responseParameters, responses, context)
    try answer(request.responseStatus)
  }

  func streamingInputCall(
    requests: RequestStream<StreamingInputCallRequest>, context: ServerContext
  ) async throws(RPCStatus) -> StreamingInputCallResponse {
    var total = 0
    while let request = try await requests.next() {
      try check(request.expectCompressed, context)
      total += request.payload?.body.count ?? 0
    }
    return StreamingInputCallResponse(aggregatedPayloadSize: Int32(clamping: total))
  }

  func fullDuplexCall(
    requests: RequestStream<StreamingOutputCallRequest>, responses: ResponseWriter<StreamingOutputCallResponse>,
    context: ServerContext
  ) async throws(RPCStatus) {
    while let request = try await requests.next() {
      try check(request.responseType)
      try answer(request.responseStatus)
      try await write(request.responseParameters, responses, context)
    }
  }

  /// Takes all requests before it answers the first.
  func halfDuplexCall(
    requests: RequestStream<StreamingOutputCallRequest>, responses: ResponseWriter<StreamingOutputCallResponse>,
    context: ServerContext
  ) async throws(RPCStatus) {
    var parameters: [ResponseParameters] = []
    while let request = try await requests.next() {
      try check(request.responseType)
      try answer(request.responseStatus)
      parameters += request.responseParameters
      guard parameters.count <= Self.heldParametersMax else {
        throw RPCStatus(.resourceExhausted, "A call may ask for \(Self.heldParametersMax) responses at once.")
      }
    }
    try await write(parameters, responses, context)
  }

  func unimplementedCall(_ request: Empty, context: ServerContext) async throws(RPCStatus) -> Empty {
    throw RPCStatus(.unimplemented, "The protocol wants it so.")
  }

  private func write(
    _ parameters: [ResponseParameters], _ responses: ResponseWriter<StreamingOutputCallResponse>,
    _ context: ServerContext
  ) async throws(RPCStatus) {
    for wanted in parameters {
      if wanted.intervalUs > 0 { await context.loop.sleep(milliseconds: (UInt64(wanted.intervalUs) + 999) / 1_000) }
      context.compressesResponses = wanted.compressed?.value == true
      try await responses.write(StreamingOutputCallResponse(payload: try payload(wanted.size)))
    }
  }

  private func payload(_ size: Int32) throws(RPCStatus) -> Payload {
    guard (0...Self.payloadBytesMax).contains(size) else {
      throw RPCStatus(.invalidArgument, "A payload has 0 to \(Self.payloadBytesMax) bytes.")
    }
    return Payload(body: [UInt8](repeating: 0, count: Int(size)))
  }

  private func check(_ type: PayloadType) throws(RPCStatus) {
    guard type == .compressable else { throw RPCStatus(.invalidArgument, "There is no payload of type \(type).") }
  }

  private func check(_ expected: BoolValue?, _ context: ServerContext) throws(RPCStatus) {
    guard let expected, expected.value != context.requestWasCompressed else { return }
    throw RPCStatus(.invalidArgument, "The request's compression is not what it says.")
  }

  private func answer(_ status: EchoStatus?) throws(RPCStatus) {
    guard let status, status.code != 0 else { return }
    throw RPCStatus(RPCStatusCode(rawValue: Int(status.code)) ?? .unknown, status.message)
  }
}

internal import EventLoop
internal import GRPCSchema
internal import HTTP2
internal import ProtobufCodec

/// One call on the client, from request to status. Loop-confined.
///
/// `@unchecked Sendable`: made and used on its loop's thread only; the cancellation handler goes there first.
@safe final class ClientCall: @unchecked Sendable {
  /// Bytes of one response message.
  static let messageBytesMax = 64 * 1_024 * 1_024

  private var stream: HTTP2Stream?
  private let connection: HTTP2Connection
  private var encoding = MessageEncoding.identity
  private let onResponse: @Sendable ([UInt8]) -> Void
  private var result: Result<[(name: String, value: String)], RPCStatus>?
  private var waiter: UnsafeContinuation<Void, Never>?

  init(stream: HTTP2Stream, connection: HTTP2Connection, onResponse: @escaping @Sendable ([UInt8]) -> Void) {
    self.stream = stream
    self.connection = connection
    self.onResponse = onResponse
  }

  /// Suspends until the call has ended.
  func outcome() async throws(RPCStatus) -> [(name: String, value: String)] {
    let loop = connection.loop
    await withTaskCancellationHandler {
      guard result == nil else { return }
      unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
        unsafe waiter = continuation
      }
    } onCancel: {
      loop.execute { self.abandon(RPCStatus(.cancelled, "The call was cancelled.")) }
    }
    guard let result else { throw RPCStatus(.internal, "The call ended without a result.") }
    return try result.get()
  }

  /// Gives the call up.
  func abandon(_ status: RPCStatus) {
    if let stream { connection.session.reset(stream, code: .cancel) }
    connection.needsFlush()
    end(.failure(status))
  }

  /// The connection is gone, and the stream with it.
  func lost(_ status: RPCStatus) {
    stream = nil
    end(.failure(status))
  }

  func receivedHeaders(_ stream: HTTP2Stream) {
    let httpStatus = stream.headers.firstValue(":status") ?? ""
    guard httpStatus == "200" else {
      return abandon(RPCStatus(.unknown, "The server answered HTTP \(httpStatus)."))
    }
    switch stream.headers.firstValue("grpc-encoding") {
    case nil, "identity": break
    case "gzip": encoding = .gzip
    case let other?: abandon(RPCStatus(.internal, "The server compresses with \(other), which was not offered."))
    }
  }

  func receivedBody(_ stream: HTTP2Stream) {
    while true {
      let front = MessageFraming.front(
        of: stream.body, from: 0, byteLimit: Self.messageBytesMax, encoding: encoding)
      if let refusal = MessageFraming.refusal(front, byteLimit: Self.messageBytesMax) { return abandon(refusal) }
      guard case .message(let count, let isCompressed) = front else { break }
      let end = MessageFraming.prefixBytes + count
      var message = Array(stream.body[MessageFraming.prefixBytes..<end])
      if isCompressed {
        do throws(RPCStatus) {
          message = try MessageEncoding.expand(message, 0..<message.count, byteLimit: Self.messageBytesMax)
        } catch {
          return abandon(error)
        }
      }
      onResponse(message)
      stream.body.removeFirst(end)
    }
    connection.session.consumeReceived(stream)
  }

  func closed(_ stream: HTTP2Stream, code: HTTP2ErrorCode) {
    self.stream = nil
    let block = stream.trailers.fields.isEmpty ? stream.headers : stream.trailers
    guard let text = block.firstValue("grpc-status"), let number = Int(text) else {
      return end(.failure(Self.status(resetWith: code)))
    }
    guard number != 0 else {
      return end(.success(block.fields.map { (block.name(of: $0), block.value(of: $0)) }))
    }
    let message = PercentEncoding.decode(block.firstValue("grpc-message") ?? "")
    var status = RPCStatus(RPCStatusCode(rawValue: number) ?? .unknown, message)
    if let bytes = block.firstValue("grpc-status-details-bin").flatMap(Base64.decode),
      let full = try? GoogleRPCStatus(protobufBytes: bytes)
    {
      status.details = full.details
    }
    end(.failure(status))
  }

  /// The status of a stream that ended without one. Source: gRPC over HTTP/2, "HTTP2 Transport Mapping", Errors.
  private static func status(resetWith code: HTTP2ErrorCode) -> RPCStatus {
    switch code {
    case .refusedStream: RPCStatus(.unavailable, "The server refused the stream unprocessed.")
    case .cancel: RPCStatus(.unavailable, "The connection was lost.")
    case .enhanceYourCalm: RPCStatus(.resourceExhausted, "The server asks for fewer calls.")
    default: RPCStatus(.internal, "The stream ended without a status (HTTP/2 error \(code.rawValue)).")
    }
  }

  private func end(_ result: Result<[(name: String, value: String)], RPCStatus>) {
    guard self.result == nil else { return }
    self.result = result
    unsafe waiter?.resume()
    unsafe waiter = nil
  }
}

internal import EventLoop
internal import HTTP
internal import HTTP2
internal import ProtobufCodec
internal import RPC

/// A running call, and its waiting caller. Loop-confined; reused for the next call when it is over.
@safe final class LoadCall {
  /// Most bytes of one response message.
  static let messageBytesMax = 64 * 1_024 * 1_024

  /// Resumed at the end, or at the next message of a stream.
  private var waiter: UnsafeContinuation<Void, Never>?
  private(set) var outcome: CallOutcome?
  private(set) var stream: HTTPExchange?
  private(set) var beganNanoseconds: UInt64 = 0
  /// Received messages of a stream, not yet taken.
  private var messages: [[UInt8]] = []
  private var isStreaming = false
  /// Nil: plain gRPC.
  private var wire: ClientWire?

  func begin(on stream: HTTPExchange, _ method: LoadMethod, atNanoseconds now: UInt64) {
    self.stream = stream
    isStreaming = method.isStreaming
    wire = method.wire
    beganNanoseconds = now
    outcome = nil
    stream.owner = self
  }

  /// Resumes `continuation` when the call is over, or at once if it is.
  func wait(_ continuation: UnsafeContinuation<Void, Never>) {
    guard outcome == nil else { return unsafe continuation.resume() }
    unsafe waiter = continuation
  }

  /// The next message of a stream; nil after the last one, when there is an outcome.
  func next() async -> [UInt8]? {
    while true {
      if !messages.isEmpty { return messages.removeFirst() }
      guard outcome == nil else { return nil }
      await change()
    }
  }

  private func change() async {
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      unsafe waiter = continuation
    }
  }

  private func wake() {
    guard let waiter = unsafe waiter else { return }
    unsafe self.waiter = nil
    unsafe waiter.resume()
  }

  /// Takes complete messages off a stream's body.
  func received(_ stream: HTTPExchange) {
    guard isStreaming, wire == nil else { return }
    while let message = Self.takeMessage(stream) { messages.append(message) }
    if !messages.isEmpty { wake() }
  }

  /// The call is over.
  func end(_ outcome: CallOutcome) {
    guard self.outcome == nil else { return }
    self.outcome = outcome
    stream?.owner = nil
    stream = nil
    wake()
  }

  /// The stream was closed in order; its trailers have the status.
  func closed(_ stream: HTTPExchange, code: HTTP2ErrorCode) {
    if let wire { return end(outcome(stream, wire, code: code)) }
    if isStreaming { received(stream) }
    end(Self.outcome(stream, code: code, isStreaming: isStreaming))
  }

  /// The outcome of a response in another protocol than gRPC. A stream's messages are delivered at
  /// its end.
  private func outcome(_ stream: HTTPExchange, _ wire: ClientWire, code: HTTP2ErrorCode) -> CallOutcome {
    let httpStatus = stream.headers.firstValue(":status") ?? "0"
    guard code == .noError, stream.receivedEnd else { return .failed(.reset(code)) }
    guard wire.isFramed else {
      if let status = ClientWire.connectStatus(httpStatus, stream.body) { return .failed(.refused(status)) }
      guard let message = try? wire.protobuf(stream.body) else {
        return .failed(.wrong("The response is not one whole message."))
      }
      return .reply(message)
    }
    guard httpStatus == "200" else { return .failed(.http(httpStatus)) }
    wire.decodeText(&stream.body)
    switch wire.takeEnd(from: &stream.body, after: stream.bodyOffset) {
    case .failed(let status): return .failed(.refused(status))
    case nil: return .failed(.wrong("The response ended without a status."))
    case .succeeded: break
    }
    while let message = Self.takeMessage(stream), let plain = try? wire.protobuf(message) { messages.append(plain) }
    guard stream.bodyBytes == 0 else { return .failed(.wrong("The response ended within a message.")) }
    if isStreaming { return .reply([]) }
    guard messages.count == 1 else { return .failed(.wrong("The response is not one whole message.")) }
    return .reply(messages.removeFirst())
  }

  private static func outcome(_ stream: HTTPExchange, code: HTTP2ErrorCode, isStreaming: Bool) -> CallOutcome {
    let block = stream.trailers.fields.isEmpty ? stream.headers : stream.trailers
    guard let number = status(block) else {
      let httpStatus = stream.headers.firstValue(":status") ?? "200"
      return .failed(httpStatus == "200" ? .reset(code) : .http(httpStatus))
    }
    guard number == 0 else {
      return .failed(
        .refused(
          number, message: block.firstValue("grpc-message") ?? "",
          packedDetails: block.firstValue("grpc-status-details-bin").flatMap { Base64.decode($0) }))
    }
    guard !isStreaming else {
      return stream.bodyBytes == 0 ? .reply([]) : .failed(.wrong("The response ended within a message."))
    }
    guard let message = takeMessage(stream), stream.bodyBytes == 0 else {
      return .failed(.wrong("The response is not one whole message."))
    }
    return .reply(message)
  }

  /// The number in `grpc-status`. Its 11 bytes are compared as two overlapping words, because this
  /// runs for every call.
  private static func status(_ block: ReceivedHeaders) -> Int? {
    for field in block.fields where field.nameCount == 11 && field.valueCount <= 2 {
      let number = block.withBytes(of: field) { name, value -> Int? in
        guard name.bigEndianWord(at: 0) == 0x6772_7063_2D73_7461, name.bigEndianWord(at: 3) == 0x632D_7374_6174_7573
        else {
          return nil
        }
        return (0..<value.byteCount).reduce(0) { $0 * 10 + Int(value.unsafeByte($1) &- UInt8(ascii: "0")) }
      }
      if let number { return number }
    }
    return nil
  }

  /// The next message; nil while it is incomplete, or if it cannot be read.
  private static func takeMessage(_ stream: HTTPExchange) -> [UInt8]? {
    let start = stream.bodyOffset
    guard stream.bodyBytes >= 5, stream.body[start] == 0 else { return nil }
    let count = stream.body[(start + 1)..<(start + 5)].reduce(0) { $0 << 8 | Int($1) }
    guard count <= messageBytesMax, stream.bodyBytes >= 5 + count else { return nil }
    let message = Array(stream.body[(start + 5)..<(start + 5 + count)])
    stream.useBody(first: 5 + count)
    return message
  }
}

extension RawSpan {
  /// Eight bytes at an offset that is known to be in range.
  fileprivate func bigEndianWord(at offset: Int) -> UInt64 {
    unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self).bigEndian
  }

  /// A byte at an index that is known to be in range.
  fileprivate func unsafeByte(_ index: Int) -> UInt8 { unsafe unsafeLoad(fromByteOffset: index, as: UInt8.self) }
}

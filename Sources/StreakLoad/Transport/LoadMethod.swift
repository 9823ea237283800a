internal import HTTP2
internal import RPC

/// A method prepared for many calls: its header fields are encoded once.
final class LoadMethod {
  let label: String
  let template: RequestTemplate
  let isStreaming: Bool
  /// The index of its figures.
  let index: Int

  /// The protocol; nil: plain gRPC by a faster path of its own.
  let wire: ClientWire?

  init(
    _ method: MethodDescriptor, index: Int, _ rpcProtocol: ClientProtocol, authority: String, scheme: String,
    timeoutMilliseconds: UInt64
  ) {
    label = "\(method.service.split(separator: ".").last ?? "")/\(method.name)"
    self.index = index
    isStreaming = method.kind == .serverStreaming
    let wire = ClientWire(method, rpcProtocol)
    self.wire = rpcProtocol == .grpc ? nil : wire
    template = RequestTemplate(
      wire.fields(scheme: scheme, authority: authority, timeoutMilliseconds: timeoutMilliseconds),
      varyingName: "authorization")
  }

  /// Appends a request in the method's format.
  func append(to buffer: inout [UInt8], _ message: (inout [UInt8]) -> Void) {
    guard let wire else { return Self.frame(into: &buffer, message) }
    var plain: [UInt8] = []
    message(&plain)
    // The message is the program's own, so it can be written as JSON; it is not compressed.
    try? wire.append(plain, .identity, to: &buffer)
  }

  /// gRPC's Length-Prefixed-Message.
  private static func frame(into buffer: inout [UInt8], _ message: (inout [UInt8]) -> Void) {
    buffer.append(0)
    for _ in 0..<4 { buffer.append(0) }
    message(&buffer)
    let count = UInt32(truncatingIfNeeded: buffer.count - 5)
    for place in 0..<4 { buffer[1 + place] = UInt8(truncatingIfNeeded: count >> (24 - 8 * UInt32(place))) }
  }
}

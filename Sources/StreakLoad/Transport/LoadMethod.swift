internal import HTTP2
internal import RPC

/// A method prepared for many calls: its header fields are encoded once.
final class LoadMethod {
  let label: String
  let template: RequestTemplate
  let isStreaming: Bool
  /// The index of its figures.
  let index: Int

  init(_ method: MethodDescriptor, index: Int, authority: String, scheme: String, timeoutMilliseconds: UInt64) {
    label = "\(method.service.split(separator: ".").last ?? "")/\(method.name)"
    self.index = index
    isStreaming = method.kind == .serverStreaming
    template = RequestTemplate(
      [
        (":method", "POST"), (":scheme", scheme), (":path", method.path), (":authority", authority),
        ("te", "trailers"), ("content-type", "application/grpc"), ("user-agent", "streak-load/1"),
        ("grpc-timeout", "\(timeoutMilliseconds)m"),
      ], varyingName: "authorization")
  }
}

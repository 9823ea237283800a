internal import HTTP2
internal import RPC

/// A method as it is called again and again: its header fields are laid out once.
final class LoadMethod {
  let label: String
  let template: RequestTemplate
  let isStreaming: Bool
  /// Where its figures are counted.
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

// A server of gRPC's public interop protocol on our runtime, for the interop clients of any
// language: `interop-server --port=N [--tls-certificate=FILE --tls-key=FILE]`.
import EventLoop
import Glibc
import ProtobufCodec
import RPC
import TLS
import TestSchema

@main
struct InteropServer {
  struct UsageError: Error {}

  static func main() async throws {
    guard let port = value("--port"), let address = SocketAddress(parsing: "127.0.0.1:\(port)") else {
      print("usage: interop-server --port=N [--tls-certificate=FILE --tls-key=FILE]")
      throw UsageError()
    }
    var tls: TLSContext?
    if let certificate = value("--tls-certificate"), let key = value("--tls-key") {
      tls = try TLSContext(server: TLSServerFiles(certificateChain: String(certificate), privateKey: String(key)))
    }
    let thread = EventLoopThread()
    let server = try await RPCServer.start(
      address: address, loops: [thread.loop], tls: tls, interceptors: { _ in [MetadataEcho()] }
    ) { _ in InteropService().methods.filter { $0.descriptor.name != "UnimplementedCall" } }
    print("listening on \(server.address)")
    fflush(nil)  // the parent process waits for this line
    await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }  // until it is killed
  }
}

extension InteropServer {
  /// The value of an option: the next argument or, as gRPC's own runners write it, the text after
  /// an equals sign.
  private static func value(_ option: String) -> Substring? {
    let arguments = CommandLine.arguments
    if let joined = arguments.first(where: { $0.hasPrefix("\(option)=") }) {
      return joined.dropFirst(option.utf8.count + 1)
    }
    guard let flag = arguments.firstIndex(of: option), arguments.indices.contains(flag + 1) else { return nil }
    return arguments[flag + 1][...]
  }
}

/// Sends back the metadata of the protocol's `custom_metadata` case.
struct MetadataEcho: ServerInterceptor {
  func intercept(
    _ context: ServerContext, _ next: (ServerContext) async throws(RPCStatus) -> Void
  ) async throws(RPCStatus) {
    if let value = context.metadata("x-grpc-test-echo-initial") {
      context.addInitialMetadata("x-grpc-test-echo-initial", value)
    }
    if let bytes = context.metadata("x-grpc-test-echo-trailing-bin").flatMap(Base64.decode) {
      context.addTrailingMetadata("x-grpc-test-echo-trailing-bin", bytes: bytes)
    }
    try await next(context)
  }
}

// The benchmark's program: the echo service on one loop, with the ordinary generated code.
// `echo-server --port N`.
import EventLoop
import RPC
import TestSchema

guard let flag = CommandLine.arguments.firstIndex(of: "--port"), CommandLine.arguments.indices.contains(flag + 1),
  let address = SocketAddress(parsing: "127.0.0.1:\(CommandLine.arguments[flag + 1])")
else {
  print("usage: echo-server --port N")
  throw ExitFailure()
}
struct ExitFailure: Error {}

let thread = EventLoopThread()
let server = try await RPCServer.start(address: address, loops: [thread.loop]) { _ in EchoService().methods }
print("listening on \(server.address)")
await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }  // until it is killed

internal import EventLoop
internal import GRPCSchema
internal import ProtobufCodec
internal import RPC
internal import Schema

/// Makes calls of methods that are known only by descriptors.
final class Caller: Sendable {
  private let channel: RPCChannel
  /// A call without a reply within this time fails.
  static let timeoutMilliseconds: UInt64 = 20_000

  /// The methods of this build, by path: only their messages can be sent as JSON. Other protocols
  /// carry a message's bytes as they are.
  private static let known = Dictionary(SchemaCatalog.methods.map { ($0.path, $0) }) { first, _ in first }

  init(_ channel: RPCChannel) { self.channel = channel }

  /// Whether a client that knows the schema can write a request as JSON: not with a list beyond its
  /// limit.
  func canWriteJSON(_ request: [UInt8], of method: MethodSchema) -> Bool {
    guard let known = Self.known[method.path] else { return false }
    return (try? known.request.json(fromProtobuf: request)) != nil
  }

  /// Sends one request and returns the reply; of an endless stream, the first reply.
  /// - Parameter token: The credentials, without `Bearer `.
  func call(_ method: MethodSchema, _ request: [UInt8], token: String?) async -> Reply {
    await call(method, request, authorization: token.map { "Bearer " + $0 })
  }

  func call(_ method: MethodSchema, _ request: [UInt8], authorization: String?) async -> Reply {
    // The last reply may contain provided values; other streams need not end.
    let takesAll = !method.effects.provides.isEmpty
    return await call(method, [request], authorization: authorization, takesAll: takesAll)
  }

  /// Sends requests; only a request stream has several.
  /// - Parameter takesAll: Whether to read a stream of replies to its end.
  func call(_ method: MethodSchema, _ requests: [[UInt8]], authorization: String?, takesAll: Bool) async -> Reply {
    let known = Self.known[method.path]
    let descriptor = MethodDescriptor(
      service: method.service, name: method.name,
      kind: method.clientStreams ? .bidirectionalStreaming : method.serverStreams ? .serverStreaming : .unary,
      request: known?.request ?? GoogleProtobufAny.descriptor,
      response: known?.response ?? GoogleProtobufAny.descriptor)
    let call = channel.start(
      descriptor, request: method.clientStreams ? nil : requests.first ?? [],
      options: CallOptions(
        metadata: authorization.map { [("authorization", $0)] } ?? [], timeoutMilliseconds: Self.timeoutMilliseconds))
    var reply = Reply()
    do throws(RPCStatus) {
      if method.clientStreams {
        do throws(RPCStatus) {
          for request in requests { try await call.send(request) }
          await call.finishSending()
        } catch {
          // The server has answered before the last request: what it said is read below.
        }
      }
      while let message = try await call.next() {
        reply.messages.append(message)
        if method.serverStreams && !method.clientStreams && !takesAll {
          call.cancel()
          return reply
        }
      }
    } catch {
      reply.status = error.code == .ok ? nil : error
    }
    return reply
  }
}

/// The result of a call.
struct Reply: Sendable {
  var messages: [[UInt8]] = []
  /// Nil: OK.
  var status: RPCStatus?

  var reason: String { status?.detail(GoogleRPCErrorInfo.self)?.reason ?? "" }
  var domain: String { status?.detail(GoogleRPCErrorInfo.self)?.domain ?? "" }
  var fieldPaths: [String] { status?.detail(GoogleRPCBadRequest.self)?.fieldViolations.map(\.field) ?? [] }

  /// For example `INVALID_ARGUMENT INVALID_FIELD (habit.name)`.
  var summary: String {
    guard let status else { return "OK" }
    var parts = [status.code.name]
    if !reason.isEmpty { parts.append(reason) }
    if !fieldPaths.isEmpty { parts.append("(" + fieldPaths.prefix(8).joined(separator: ", ") + ")") }
    if reason.isEmpty { parts.append(status.message) }
    return parts.joined(separator: " ")
  }
}

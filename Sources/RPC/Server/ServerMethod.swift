public import ProtobufCodec

/// A method bound to the code that answers it.
///
/// What is generic here is inlinable, so that it is specialised where the message types are known:
/// in generated code.
public final class ServerMethod: Sendable {
  public let descriptor: MethodDescriptor
  let invoke: @Sendable (ServerContext) async throws(RPCStatus) -> Void

  @usableFromInline
  init(descriptor: MethodDescriptor, invoke: @escaping @Sendable (ServerContext) async throws(RPCStatus) -> Void) {
    self.descriptor = descriptor
    self.invoke = invoke
  }

  /// One request, one response.
  @inlinable
  public static func unary<Request: ProtobufMessage, Response: ProtobufMessage>(
    _ descriptor: MethodDescriptor,
    _ handler: @escaping @Sendable (Request, ServerContext) async throws(RPCStatus) -> Response
  ) -> ServerMethod {
    ServerMethod(descriptor: descriptor) { context throws(RPCStatus) in
      let request =
        context.holdsLargeRequest ? try await context.largeRequest(Request.self) : try context.onlyRequest(Request.self)
      try context.setResponse(try await handler(request, context))
    }
  }

  /// One request, many responses.
  @inlinable
  public static func serverStreaming<Request: ProtobufMessage, Response: ProtobufMessage>(
    _ descriptor: MethodDescriptor,
    _ handler: @escaping @Sendable (Request, ResponseWriter<Response>, ServerContext) async throws(RPCStatus) -> Void
  ) -> ServerMethod {
    ServerMethod(descriptor: descriptor) { context throws(RPCStatus) in
      let request =
        context.holdsLargeRequest ? try await context.largeRequest(Request.self) : try context.onlyRequest(Request.self)
      try await handler(request, ResponseWriter(context: context), context)
    }
  }

  /// Many requests, one response.
  @inlinable
  public static func clientStreaming<Request: ProtobufMessage, Response: ProtobufMessage>(
    _ descriptor: MethodDescriptor,
    _ handler: @escaping @Sendable (RequestStream<Request>, ServerContext) async throws(RPCStatus) -> Response
  ) -> ServerMethod {
    ServerMethod(descriptor: descriptor) { context throws(RPCStatus) in
      try context.setResponse(try await handler(RequestStream(context: context), context))
    }
  }

  /// Many requests, many responses, in any interleaving.
  @inlinable
  public static func bidirectionalStreaming<Request: ProtobufMessage, Response: ProtobufMessage>(
    _ descriptor: MethodDescriptor,
    _ handler:
      @escaping @Sendable (RequestStream<Request>, ResponseWriter<Response>, ServerContext) async throws(RPCStatus) ->
      Void
  ) -> ServerMethod {
    ServerMethod(descriptor: descriptor) { context throws(RPCStatus) in
      try await handler(RequestStream(context: context), ResponseWriter(context: context), context)
    }
  }
}

/// Sends the responses of a streaming call. To be used from the handler's own task.
public struct ResponseWriter<Response: ProtobufMessage>: Sendable {
  @usableFromInline let context: ServerContext

  @usableFromInline
  init(context: ServerContext) { self.context = context }

  /// Sends one response; suspends while the peer's window is full.
  /// - Throws: `.cancelled` or `.deadlineExceeded` once the caller does not wait any more.
  @inlinable
  public func write(_ response: Response) async throws(RPCStatus) {
    if try context.append({ response.append(to: &$0) }) { try await context.waitForRoom() }
  }
}

/// The requests of a streaming call, in order. To be used from the handler's own task.
public struct RequestStream<Request: ProtobufMessage>: Sendable {
  @usableFromInline let context: ServerContext

  @usableFromInline
  init(context: ServerContext) { self.context = context }

  /// The next request, or nil after the last; suspends until there is one.
  /// - Throws: `.cancelled` when the peer gave up, and the refusals of framing, decoding and field
  ///   rules.
  @inlinable
  public func next() async throws(RPCStatus) -> Request? {
    while true {
      var request = Request()
      let next = unsafe try context.withNextRequest { bytes, limits throws(DecodeError) in
        request = try unsafe Request.decode(bytes, limits: limits)
      }
      switch next {
      case .taken:
        let violations = request.fieldViolations()
        guard violations.isEmpty else { throw FieldRefusal.status(for: violations) }
        return request
      case .ended: return nil
      case .nothingYet: await context.waitForRequest()
      }
    }
  }
}

/// Code around every call: authentication, logging, metrics. Call `next` to go on, throw to refuse.
public protocol ServerInterceptor: Sendable {
  func intercept(_ context: ServerContext, _ next: (ServerContext) async throws(RPCStatus) -> Void)
    async throws(RPCStatus)

  /// What stands around the calls of one method: asked once for each method, on the loop, when the
  /// server starts, so that what the schema says of the method need not be looked up in each call.
  /// Nil: its calls pass by. Without it: the interceptor itself.
  func bound(to method: MethodDescriptor) -> (any ServerInterceptor)?
}

extension ServerInterceptor {
  public func bound(to method: MethodDescriptor) -> (any ServerInterceptor)? { self }
}

import EventLoop
import GRPCSchema
import ProtobufCodec
import RPC
import TestSchema

extension ConformancePayload.RequestInfo {
  /// The call as the server received it, with the requests so far.
  init(_ context: ServerContext, requests: [GoogleProtobufAny]) {
    self.init(
      requestHeaders: Self.grouped(context.allMetadata), requests: requests,
      connectGetInfo: context.queryParameters.isEmpty
        ? nil : ConformancePayload.ConnectGetInfo(queryParams: Self.grouped(context.queryParameters)),
      optionalTimeoutMs: context.deadlineMilliseconds.map { deadline in
        .timeoutMs(max(0, Int64(deadline) - Int64(context.loop.nowMilliseconds)))
      })
  }

  /// One header for each name, with its values in order.
  private static func grouped(_ fields: [(name: String, value: String)]) -> [Header] {
    var headers: [Header] = []
    for field in fields {
      if let place = headers.firstIndex(where: { $0.name == field.name }) {
        headers[place].value.append(field.value)
      } else {
        headers.append(Header(name: field.name, value: [field.value]))
      }
    }
    return headers
  }
}

extension GoogleProtobufAny {
  init<Message: ProtobufMessage>(packing message: Message) {
    self.init(
      typeUrl: "type.googleapis.com/\(Message.descriptor.fullName)", value: message.protobufBytes())
  }
}

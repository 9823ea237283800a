internal import GRPCSchema
internal import HTTP
internal import ProtobufCodec

/// What a call looks like on the wire: its request's fields and messages, and what its response's
/// bytes say.
package struct ClientWire: Sendable {
  package let method: MethodDescriptor
  let format: CallFormat

  package init(_ method: MethodDescriptor, _ rpcProtocol: ClientProtocol) {
    self.method = method
    format = rpcProtocol.format(method.kind)
  }

  // MARK: The request

  /// The header fields of a request that is sent without compression.
  package func fields(
    scheme: String, authority: String, timeoutMilliseconds: UInt64?
  ) -> [(name: String, value: String)] {
    var list: [(name: String, value: String)] = []
    fields(scheme: scheme, authority: authority, CallOptions(), timeoutMilliseconds: timeoutMilliseconds)
      .forEach { if $0 != format.acceptedEncodingsName { list.append(($0, $1)) } }
    return list
  }

  /// Whether messages are in frames; else the response's body is the one message.
  package var isFramed: Bool { format.isFramed }

  /// The status that a unary response of Connect's carries.
  package static func connectStatus(_ httpStatus: String, _ body: [UInt8]) -> RPCStatus? {
    guard httpStatus != "200" else { return nil }
    let json = try? JSONValue(parsing: String(decoding: body, as: UTF8.self))
    return json.flatMap { RPCStatus(connect: $0) } ?? RPCStatus(httpStatus: httpStatus)
  }

  /// The header fields of a request.
  func fields(
    scheme: String, authority: String, _ options: CallOptions, timeoutMilliseconds: UInt64?
  ) -> HeaderBlock {
    var fields = HeaderBlock()
    fields.append(name: ":method", value: "POST")
    fields.append(name: ":scheme", value: scheme)
    fields.append(name: ":path", value: method.path)
    fields.append(name: ":authority", value: authority)
    if format.rpcProtocol == .grpc { fields.append(name: "te", value: "trailers") }
    fields.append(name: "content-type", value: "\(format.contentType)")
    fields.append(name: "user-agent", value: "swift-rpc/1")
    switch format.rpcProtocol {
    case .grpc: break
    case .grpcWeb:
      fields.append(name: "x-grpc-web", value: "1")
      fields.append(name: "accept", value: "\(format.contentType)")
    case .connectUnary, .connectStreaming: fields.append(name: "connect-protocol-version", value: "1")
    }
    fields.append(name: format.acceptedEncodingsName, value: MessageEncoding.accepted)
    if options.encoding == .gzip { fields.append(name: format.encodingName, value: "gzip") }
    if let timeoutMilliseconds {
      if format.isConnect {
        fields.append(name: "connect-timeout-ms", value: ConnectTimeout.text(milliseconds: timeoutMilliseconds))
      } else {
        fields.append(name: "grpc-timeout", value: GRPCTimeout.text(milliseconds: timeoutMilliseconds))
      }
    }
    for (name, value) in options.metadata { fields.append(name: name, value: CallOptions.trimmed(value)) }
    return fields
  }

  /// Appends a request message in the call's format.
  package func append(_ message: [UInt8], _ encoding: MessageEncoding, to buffer: inout [UInt8]) throws(RPCStatus) {
    var message = message
    if format.codec == .json {
      do throws(DecodeError) { message = Array(try method.request.json(fromProtobuf: message).utf8) } catch {
        throw RPCStatus(.internal, "The request cannot be written as JSON.")
      }
    }
    let start = buffer.count
    switch encoding {
    case .identity where format.isFramed: MessageFraming.append(to: &buffer) { $0.append(contentsOf: message) }
    case .identity: buffer.append(contentsOf: message)
    case .gzip where format.isFramed:
      MessageFraming.appendCompressed(to: &buffer, always: true) { $0.append(contentsOf: message) }
    case .gzip:
      guard MessageEncoding.compress(message, appendingTo: &buffer) else {
        throw RPCStatus(.resourceExhausted, "There is no memory to compress the request.")
      }
    }
    if format.isText { WebText.encode(&buffer, from: start) }
  }

  // MARK: The response

  /// A response message as protobuf.
  package func protobuf(_ message: [UInt8]) throws(RPCStatus) -> [UInt8] {
    guard format.codec == .json else { return message }
    guard let text = String(validating: message, as: UTF8.self) else {
      throw RPCStatus(.internal, "The response is not UTF-8.")
    }
    do throws(JSONError) { return try method.response.protobuf(fromJSON: text, ignoresUnknownFields: true) } catch {
      throw RPCStatus(.internal, "The response is not the JSON of its message: \(error).")
    }
  }

  /// Decodes a whole response that came as base64; leaves any other as it is.
  package func decodeText(_ body: inout [UInt8]) {
    guard format.isText, let plain = try? WebText.decode(body) else { return }
    body = plain
  }

  /// Whether a frame's flag says that the frame is the response's end.
  package func endsResponse(_ flag: UInt8) -> Bool {
    switch format.rpcProtocol {
    case .grpcWeb: flag & WebTrailers.flag != 0
    case .connectStreaming: flag & MessageFraming.endOfStreamFlag != 0
    case .grpc, .connectUnary: false
    }
  }

  /// Takes the frame that ends a response from the end of `bytes`.
  /// - Returns: nil when there is none.
  package func takeEnd(from bytes: inout [UInt8], after offset: Int) -> ClientCallEnd? {
    var start = offset
    while bytes.count - start >= MessageFraming.prefixBytes {
      let flag = bytes[start]
      let count = bytes[start + 1..<start + MessageFraming.prefixBytes].reduce(0) { $0 << 8 | Int($1) }
      let end = start + MessageFraming.prefixBytes + count
      guard end <= bytes.count else { return nil }
      if endsResponse(flag) {
        let content = Array(bytes[start + MessageFraming.prefixBytes..<end])
        guard end == bytes.count, flag & 1 == 0 else { return nil }
        bytes.removeSubrange(start...)
        return format.rpcProtocol == .grpcWeb ? Self.webTrailers(content) : Self.endOfStream(content)
      }
      start = end
    }
    return nil
  }

  /// The trailers of gRPC-Web.
  private static func webTrailers(_ content: [UInt8]) -> ClientCallEnd? {
    var fields: [(name: String, value: String)] = []
    for line in String(decoding: content, as: UTF8.self).split(separator: "\r\n") {
      guard let colon = line.firstIndex(of: ":") else { return nil }
      fields.append((line[..<colon].lowercased(), String(line[line.index(after: colon)...].trimmingSpace)))
    }
    func first(_ name: String) -> String? { fields.first { $0.name == name }?.value }
    guard let number = first("grpc-status").flatMap(Int.init) else { return nil }
    guard number != 0 else { return .succeeded(fields) }
    return .failed(RPCStatus(number: number, message: first("grpc-message"), details: first("grpc-status-details-bin")))
  }

  /// The end of a stream of Connect's.
  private static func endOfStream(_ content: [UInt8]) -> ClientCallEnd? {
    guard case .object(let members)? = try? JSONValue(parsing: String(decoding: content, as: UTF8.self)) else {
      return nil
    }
    if let error = members.first(where: { $0.name == "error" }) {
      return RPCStatus(connect: error.value).map { .failed($0) }
    }
    var fields: [(name: String, value: String)] = []
    if case .object(let names)? = members.first(where: { $0.name == "metadata" })?.value {
      for member in names {
        guard case .array(let values) = member.value else { continue }
        for case .string(let value) in values { fields.append((member.name.lowercased(), value)) }
      }
    }
    return .succeeded(fields)
  }
}

/// How a response's last bytes say that the call ended.
package enum ClientCallEnd {
  case succeeded([(name: String, value: String)])
  case failed(RPCStatus)
}

extension RPCStatus {
  /// The status in gRPC's trailers.
  init(number: Int, message: String?, details: String?) {
    self.init(RPCStatusCode(rawValue: number) ?? .unknown, PercentEncoding.decode(message ?? ""))
    if let bytes = details.flatMap(Base64.decode), let full = try? GoogleRPCStatus(protobufBytes: bytes) {
      self.details = full.details
    }
  }

  /// The status for an answer that is none of the call's protocol. Source: gRPC, "HTTP to gRPC
  /// Status Code Mapping".
  init(httpStatus: String) {
    let code: RPCStatusCode =
      switch httpStatus {
      case "400": .internal
      case "401": .unauthenticated
      case "403": .permissionDenied
      case "404": .unimplemented
      case "429", "502", "503", "504": .unavailable
      default: .unknown
      }
    self.init(code, "The server answered HTTP \(httpStatus).")
  }

  /// The status in Connect's JSON.
  /// - Returns: nil when the JSON is not an error.
  init?(connect json: JSONValue) {
    guard case .object(let members) = json else { return nil }
    func member(_ name: String) -> JSONValue? { members.first { $0.name == name }?.value }
    guard case .string(let name)? = member("code"),
      let code = RPCStatusCode.allCases.first(where: { $0 != .ok && ConnectError.name($0) == name })
    else { return nil }
    var message = ""
    if case .string(let text)? = member("message") { message = text }
    self.init(code, message)
    guard case .array(let items)? = member("details") else { return }
    for case .object(let parts) in items {
      guard case .string(let type)? = parts.first(where: { $0.name == "type" })?.value,
        case .string(let text)? = parts.first(where: { $0.name == "value" })?.value, let value = Base64.decode(text)
      else { continue }
      details.append(GoogleProtobufAny(typeUrl: "type.googleapis.com/" + type, value: value))
    }
  }
}

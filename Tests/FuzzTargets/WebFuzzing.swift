import HTTP
import ProtobufCodec
import TestSchema

@testable import RPC

/// What the protocols of browsers put into queries and bodies, read and written without a server:
/// the queries of Connect's GET, the base64 of gRPC-Web, envelopes, and the ends of responses.
enum WebFuzzing {
  /// The first byte chooses the part.
  static func run(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let rest = Array(bytes.dropFirst())
    switch first & 3 {
    case 0: query(rest)
    case 1: text(rest)
    case 2: envelopes(rest)
    default: end(rest)
    }
  }

  // MARK: Queries

  private struct Query: Equatable {
    let message: [UInt8]
    let codec: CallFormat.Codec
    let encoding: MessageEncoding?

    init(_ query: String) throws(RPCStatus) {
      let query = try ConnectQuery(path: "/bench.Echo/Get?" + query)
      (message, codec, encoding) = (query.message, query.codec, query.encoding)
    }
  }

  /// An accepted query means the same in another order, with every byte escaped, and when its
  /// values are written anew; and a refused one is refused by INVALID_ARGUMENT.
  private static func query(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    let query: Query
    do throws(RPCStatus) { query = try Query(text) } catch {
      precondition(error.code == .invalidArgument, "a query is refused by \(error)")
      return
    }
    precondition(query.message.count <= text.utf8.count, "a message is larger than its query")
    let pairs = text.utf8.split(separator: UInt8(ascii: "&")).map { (pair: Substring.UTF8View) in
      let name = pair.prefix { $0 != UInt8(ascii: "=") }
      return (name: Substring(name), value: Substring(pair.dropFirst(name.count + 1)))
    }
    // Of two parameters with one name, which only those that the protocol does not know may have,
    // neither counts.
    let reversed = pairs.reversed().map { "\($0.name)=\($0.value)" }.joined(separator: "&")
    precondition((try? Query(reversed)) == query, "the order of parameters matters")
    let another = pairs.map { "\(escape($0.name))=\(escape($0.value))" }.joined(separator: "&")
    precondition((try? Query(another)) == query, "escapes matter")
    guard let encoding = query.encoding else { return }
    for isBase64 in [false, true] {
      let message =
        isBase64 ? Base64.encode(query.message, padding: false) : query.message.map(escaped).joined()
      let written =
        "encoding=\(query.codec == .json ? "json" : "proto")&compression=\(encoding == .gzip ? "gzip" : "identity")"
        + "&message=\(message.replacing("+", with: "%2B"))" + (isBase64 ? "&base64=1" : "")
      precondition((try? Query(written)) == query, "a query that is written anew has changed")
    }
  }

  /// Escapes what is not escaped.
  private static func escape(_ text: Substring) -> String {
    var result = ""
    var digits = 0
    for byte in text.utf8 {
      if digits > 0 || byte == UInt8(ascii: "%") || byte == UInt8(ascii: "+") {
        digits = byte == UInt8(ascii: "%") ? 2 : max(0, digits - 1)
        result.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        result += escaped(byte)
      }
    }
    return result
  }

  private static func escaped(_ byte: UInt8) -> String { (byte < 16 ? "%0" : "%") + String(byte, radix: 16) }

  // MARK: Base64 in pieces

  /// Bytes come back from pieces that are padded one by one, whatever the pieces; and of any text
  /// that is accepted, the beginning is read as the whole is.
  private static func text(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let step = Int(first & 31) + 1
    let payload = Array(bytes.dropFirst())
    var pieces: [UInt8] = []
    for start in stride(from: 0, to: payload.count, by: step) {
      let place = pieces.count
      pieces += payload[start..<min(start + step, payload.count)]
      WebText.encode(&pieces, from: place)
    }
    precondition((try? WebText.decode(pieces)) == payload, "bytes in pieces of base64 have changed")
    guard let whole = try? WebText.decode(payload) else { return }
    precondition(whole.count <= payload.count, "base64 makes bytes more")
    for count in 0...min(payload.count, 4 * WebText.groupBytes) {
      guard let prefix = try? WebText.prefix(of: Array(payload.prefix(count))) else {
        fatalError("the beginning of a text that is accepted is refused")
      }
      precondition(whole.starts(with: prefix), "the beginning of a text is read otherwise")
    }
    var again = whole
    WebText.encode(&again, from: 0)
    precondition((try? WebText.decode(again)) == whole, "what was decoded has changed")
  }

  // MARK: Envelopes

  private struct Envelopes: Equatable {
    var messages: [[UInt8]] = []
    var refusal: RPCStatusCode?
    var leftOver = 0
  }

  private static let messageBytesMax = 1_024

  /// Envelopes are read alike in any division, and what was read is written as it was.
  private static func envelopes(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let body = Array(bytes.dropFirst())
    let encoding: MessageEncoding = first & 0x80 == 0 ? .identity : .gzip
    let whole = read(body, step: max(1, body.count), encoding)
    precondition(read(body, step: Int(first & 0x7F) + 1, encoding) == whole, "pieces are read otherwise")
    guard encoding == .identity, whole.refusal == nil else { return }
    var written: [UInt8] = []
    for message in whole.messages { MessageFraming.append(to: &written) { $0 += message } }
    precondition(Array(body.dropLast(whole.leftOver)) == written, "what was read is written otherwise")
  }

  private static func read(_ body: [UInt8], step: Int, _ encoding: MessageEncoding) -> Envelopes {
    var envelopes = Envelopes()
    var held: [UInt8] = []
    for start in stride(from: 0, to: body.count, by: step) {
      held += body[start..<min(start + step, body.count)]
      var offset = 0
      while true {
        let front = MessageFraming.front(of: held, from: offset, byteLimit: messageBytesMax, encoding: encoding)
        if let refusal = MessageFraming.refusal(front, byteLimit: messageBytesMax) {
          envelopes.refusal = refusal.code
          return envelopes
        }
        guard case .message(let count, _) = front else { break }
        offset += MessageFraming.prefixBytes
        envelopes.messages.append(Array(held[offset..<offset + count]))
        offset += count
      }
      held.removeFirst(offset)
      precondition(held.count < MessageFraming.prefixBytes + messageBytesMax + step, "too much is held")
    }
    envelopes.leftOver = held.count
    return envelopes
  }

  // MARK: The ends of responses

  private static let wires = [ClientProtocol.grpcWeb, .connect].map { ClientWire(EchoMethods.repeat, $0) }

  /// Any bytes as the end of a response; and the end that a status makes, which is read back.
  private static func end(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let rest = Array(bytes.dropFirst())
    for wire in wires {
      var body = rest
      _ = wire.takeEnd(from: &body, after: 0)
      precondition(rest.starts(with: body), "taking the end changes what is before it")
    }
    let code = RPCStatusCode(rawValue: Int(first) % 16 + 1) ?? .unknown
    let text = String(decoding: rest, as: UTF8.self)
    let status = RPCStatus(code, FittedStatus.prefix(text, FittedStatus.messageBytesMax))
      .with(EchoMessage(payload: rest))
    var body: [UInt8] = [0, 0, 0, 0, 0]
    WebTrailers.append(status, nil, to: &body)
    check(wires[0].takeEnd(from: &body, after: 0), status, body)
    body = [0, 0, 0, 0, 0]
    let start = body.count
    MessageFraming.append(to: &body) { ConnectError.appendEndOfStream(status, nil, to: &$0) }
    body[start] = MessageFraming.endOfStreamFlag
    check(wires[1].takeEnd(from: &body, after: 0), status, body)
  }

  private static func check(_ end: ClientCallEnd?, _ status: RPCStatus, _ body: [UInt8]) {
    guard case .failed(let read)? = end else { fatalError("the end of a response cannot be read") }
    precondition(read == status, "a status has changed: \(read), not \(status)")
    precondition(body == [0, 0, 0, 0, 0], "a message was taken with the end")
  }
}

import HTTP

@testable import HTTP1

/// Responses of HTTP/1.1 as a client reads them: alike in any division and within bounded memory;
/// and what our writer writes is one response, which comes back.
enum ResponseFuzzing {
  private struct Reading: Equatable {
    struct Response: Equatable {
      var fields: [[UInt8]] = []
      var body: [UInt8] = []
      var keepsAlive: Bool?
    }

    var responses: [Response] = []
    var isRefused = false
    /// Bytes behind the last response.
    var rest: [UInt8] = []
  }

  /// The first byte gives the size of the pieces, and how the written response is framed.
  static func run(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let all = Array(bytes.dropFirst())
    let whole = read(all, step: max(1, all.count))
    precondition(read(all, step: max(1, Int(first))) == whole, "pieces are read otherwise")
    for response in whole.responses {
      precondition(response.body.count <= all.count, "a body is larger than its connection's bytes")
    }
    write(all, first)
  }

  private static func read(_ bytes: [UInt8], step: Int) -> Reading {
    var reading = Reading()
    var parser = HTTP1ResponseParser()
    var headers = ReceivedHeaders()
    do throws(HTTPError) {
      for start in stride(from: 0, to: bytes.count, by: step) {
        var rest = bytes[start..<min(start + step, bytes.count)]
        while let event = try parser.next(&rest, headers) {
          switch event {
          case .head: reading.responses.append(.init(fields: fields(headers)))
          case .body(let part): reading.responses[reading.responses.count - 1].body += part
          case .end(let keepsAlive):
            reading.responses[reading.responses.count - 1].keepsAlive = keepsAlive
            guard keepsAlive else {
              reading.rest = Array(rest) + bytes[min(start + step, bytes.count)...]
              return reading
            }
            parser = HTTP1ResponseParser()
            headers = ReceivedHeaders()
          }
        }
        precondition(rest.isEmpty, "bytes are left over")
        precondition(parser.heldBytes <= HTTP1ResponseParser.headBytesMax, "too much is held")
        precondition(headers.listBytes <= 2 * HTTP1ResponseParser.headBytesMax, "too many fields are held")
      }
    } catch {
      reading.isRefused = true
    }
    return reading
  }

  private static func fields(_ headers: ReceivedHeaders) -> [[UInt8]] {
    headers.fields.map { Array("\(headers.name(of: $0)): \(headers.value(of: $0))".utf8) }
  }

  // MARK: Written responses

  /// The bytes become a status, a field, and a body in pieces.
  private static func write(_ bytes: [UInt8], _ first: UInt8) {
    guard bytes.count >= 4 else { return }
    let status = 200 + (Int(bytes[0]) << 8 | Int(bytes[1])) % 400
    let parts = bytes.dropFirst(2).split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
    var fields = HeaderBlock()
    fields.append(name: ":status", value: "\(status)")
    for part in parts.dropLast() {
      let name = part.prefix { $0 != UInt8(ascii: ":") }
      fields.append(
        name: String(decoding: name, as: UTF8.self),
        value: String(decoding: part.dropFirst(name.count + 1), as: UTF8.self))
    }
    let body = Array(parts.last ?? [])
    var writer = HTTP1ResponseWriter(to: HTTP1RequestHead())
    var written: [UInt8] = []
    let isCounted = first & 1 == 0
    writer.appendHead(
      fields, bodyBytes: isCounted ? body.count : nil, date: HTTPDate.text(unixSeconds: 0), to: &written)
    let output = HTTPOutputBuffer()
    let step = isCounted ? max(1, body.count) : Int(first >> 1) + 1
    for start in stride(from: 0, to: body.count, by: step) {
      let piece = Array(body[start..<min(start + step, body.count)])
      precondition(writer.appendBody(piece.span.bytes, to: output) == piece.count, "there is room")
    }
    precondition(writer.appendEnd(to: output), "there is room")
    output.withBytes { bytes in
      for index in 0..<bytes.byteCount { written.append(bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self)) }
    }
    let reading = read(written, step: max(1, written.count))
    precondition(!reading.isRefused && reading.responses.count == 1, "what was written is not one response")
    precondition(reading.rest.isEmpty, "what was written is more than one response")
    let response = reading.responses[0]
    precondition(response.keepsAlive == !writer.closes, "the end of the connection is read otherwise")
    precondition(response.body == (status == 204 || status == 304 ? [] : body), "the body has changed")
    precondition(response.fields.first == Array(":status: \(status)".utf8), "the status has changed")
  }
}

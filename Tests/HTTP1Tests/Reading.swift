import HTTP
import HTTP1

/// A parser's reading of a connection's bytes.
struct Reading: Equatable {
  struct Request: Equatable {
    var head: HTTP1RequestHead
    /// As `name: value`.
    var fields: [String]
    var body: [UInt8] = []
    var isWhole = false

    var text: String { String(decoding: body, as: UTF8.self) }
  }

  var requests: [Request] = []
  var refusal: HTTP1Refusal?
  /// The value of `Origin` in a refused head.
  var origin: String?
  var isClosed = false

  /// - Parameter cuts: Where the bytes are cut, ascending; empty: the bytes come in one piece.
  init(_ bytes: [UInt8], cuts: [Int] = [], limits: HTTP1Limits = HTTP1Limits(), isSecure: Bool = false) {
    var parser = HTTP1RequestParser(limits: limits, isSecure: isSecure)
    let headers = ReceivedHeaders()
    var start = 0
    for end in cuts + [bytes.count] {
      take(Array(bytes[start..<end]), &parser, headers)
      start = end
      if refusal != nil { break }
    }
    isClosed = parser.isClosed
  }

  init(_ text: String, cuts: [Int] = [], limits: HTTP1Limits = HTTP1Limits(), isSecure: Bool = false) {
    self.init(Array(text.utf8), cuts: cuts, limits: limits, isSecure: isSecure)
  }

  private mutating func take(_ bytes: [UInt8], _ parser: inout HTTP1RequestParser, _ headers: ReceivedHeaders) {
    var offset = 0
    do throws(HTTP1Refusal) {
      while let event = try parser.next(in: bytes.span.bytes, from: &offset, headers: headers) {
        switch event {
        case .head(let head):
          let fields = headers.fields.map { "\(headers.name(of: $0)): \(headers.value(of: $0))" }
          requests.append(Request(head: head, fields: fields))
        case .body(let range): requests[requests.count - 1].body += bytes[range]
        case .end:
          requests[requests.count - 1].isWhole = true
          headers.removeAll()
        }
      }
    } catch {
      refusal = error
      origin = headers.firstValue("origin")
    }
  }
}

/// Requests by their parts.
enum Wire {
  static func request(
    _ line: String = "POST /x HTTP/1.1", _ fields: [String] = ["Host: a"], body: String = ""
  ) -> String {
    ([line] + fields).map { $0 + "\r\n" }.joined() + "\r\n" + body
  }

  static func chunked(_ body: String) -> String { request(["Host: a", "Transfer-Encoding: chunked"], body) }

  static func request(_ fields: [String], _ body: String) -> String { request("POST /x HTTP/1.1", fields, body: body) }
}

/// What a path is answered with.
public struct AdminPage: Sendable {
  public var status: Status
  public var contentType: String
  public var text: String

  public enum Status: Int, Sendable {
    case ok = 200
    case badRequest = 400
    case notFound = 404
    case methodNotAllowed = 405
    case misdirectedRequest = 421
    case requestTooLarge = 431
    case unavailable = 503

    var reason: String {
      switch self {
      case .ok: "OK"
      case .badRequest: "Bad Request"
      case .notFound: "Not Found"
      case .methodNotAllowed: "Method Not Allowed"
      case .misdirectedRequest: "Misdirected Request"
      case .requestTooLarge: "Request Header Fields Too Large"
      case .unavailable: "Service Unavailable"
      }
    }
  }

  public init(_ status: Status, contentType: String = "text/plain; charset=utf-8", _ text: String) {
    self.status = status
    self.contentType = contentType
    self.text = text
  }

  /// The response that carries it; the connection ends with it. Source: RFC 9112.
  var response: [UInt8] {
    let body = Array(text.utf8)
    var head = "HTTP/1.1 \(status.rawValue) \(status.reason)\r\n"
    if status == .methodNotAllowed { head += "Allow: GET\r\n" }
    head += "Content-Type: \(contentType)\r\nContent-Length: \(body.count)\r\n"
    head += "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    return Array(head.utf8) + body
  }
}

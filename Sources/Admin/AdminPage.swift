internal import HTTP

/// What a path is answered with.
package struct AdminPage: Sendable {
  package var status: Status
  package var contentType: String
  package var text: String

  package enum Status: Int, Sendable {
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

  package init(_ status: Status, contentType: String = "text/plain; charset=utf-8", _ text: String) {
    self.status = status
    self.contentType = contentType
    self.text = text
  }

  /// The header fields of the response that carries it.
  var fields: HeaderBlock {
    var fields = HeaderBlock()
    fields.append(name: ":status", value: "\(status.rawValue)")
    if status == .methodNotAllowed { fields.append(name: "allow", value: "GET") }
    fields.append(name: "content-type", value: contentType)
    fields.append(name: "cache-control", value: "no-store")
    return fields
  }
}

/// What the front of a connection's bytes is. Source: RFC 9112.
enum AdminRequest: Equatable {
  /// More must come.
  case incomplete
  /// GET of a path, without its query.
  case get(path: String)
  /// To be answered without looking further.
  case refused(AdminPage.Status)

  /// Bytes of the request line and the header fields.
  static let bytesMax = 8_192

  init(_ bytes: [UInt8], hosts: AdminHosts = AdminHosts()) {
    let end = Array("\r\n\r\n".utf8)
    let head = bytes.prefix(Self.bytesMax)
    guard let length = head.indices.first(where: { head[$0...].starts(with: end) }) else {
      self = bytes.count < Self.bytesMax ? .incomplete : .refused(.requestTooLarge)
      return
    }
    let lines = String(decoding: head[..<length], as: UTF8.self).split(
      separator: "\r\n", omittingEmptySubsequences: false)
    let parts = lines[0].split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[2] == "HTTP/1.1" || parts[2] == "HTTP/1.0", parts[1].hasPrefix("/") else {
      self = .refused(.badRequest)
      return
    }
    // RFC 9112, 3.2: a request of HTTP/1.1 names its host, once.
    let named = lines.dropFirst().filter { $0.lowercased().hasPrefix("host:") }
    guard named.count == 1 || (named.isEmpty && parts[2] == "HTTP/1.0") else {
      self = .refused(.badRequest)
      return
    }
    guard named.allSatisfy({ hosts.allows($0.dropFirst(5).filter { $0 != " " && $0 != "\t" }) }) else {
      self = .refused(.misdirectedRequest)
      return
    }
    guard parts[0] == "GET" else {
      self = .refused(.methodNotAllowed)
      return
    }
    self = .get(path: String(parts[1].prefix { $0 != "?" }))
  }
}

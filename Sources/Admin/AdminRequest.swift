internal import HTTP

/// What a request asks for.
enum AdminRequest: Equatable {
  /// GET of a path, without its query.
  case get(path: String)
  /// To be answered without looking further.
  case refused(AdminPage.Status)

  init(_ headers: ReceivedHeaders, areTooLarge: Bool, hosts: AdminHosts) {
    // Version 1.0 may name no host.
    if let host = headers.firstValue(":authority"), !hosts.allows(host) {
      self = .refused(.misdirectedRequest)
    } else if areTooLarge {
      self = .refused(.requestTooLarge)
    } else if headers.firstValue(":method") != "GET" {
      self = .refused(.methodNotAllowed)
    } else {
      self = .get(path: String((headers.firstValue(":path") ?? "").prefix { $0 != "?" }))
    }
  }
}

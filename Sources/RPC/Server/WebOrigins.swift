internal import HTTP

/// The origins whose pages may read this server's answers (CORS). Source: Fetch standard, "HTTP
/// extensions".
public struct WebOrigins: Sendable, Equatable {
  /// Such as `https://app.example.com`; `*` stands for every origin.
  public var origins: Set<String>
  /// Request headers of the service that pages may send, beside those of the protocols.
  public var requestHeaders: [String]
  /// Response headers of the service that pages may read, beside those of the protocols.
  public var responseHeaders: [String]

  /// Seconds for which a browser may keep a preflight's answer: Chromium's maximum.
  static let preflightSeconds = 7_200

  public init(_ origins: Set<String> = [], requestHeaders: [String] = [], responseHeaders: [String] = []) {
    self.origins = origins
    self.requestHeaders = requestHeaders
    self.responseHeaders = responseHeaders
  }

  /// Whether text is `*`, or a scheme and a host as browsers write them in `Origin`: in lower case,
  /// with a port where it is not the scheme's own, without a path.
  public static func isOrigin(_ text: String) -> Bool {
    guard text != "*" else { return true }
    guard let scheme = ["https://", "http://"].first(where: { text.hasPrefix($0) }) else { return false }
    let host = text.dropFirst(scheme.count)
    return !host.isEmpty
      && host.utf8.allSatisfy { byte in
        (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || ".-:[]".utf8.contains(byte)
      }
  }

  /// The origin of a request, if its pages may read answers. Browsers send one: several are none.
  private func allowedOrigin(_ headers: ReceivedHeaders) -> String? {
    guard let origin = headers.onlyValue("origin"), origins.contains("*") || origins.contains(origin) else {
      return nil
    }
    return origin
  }

  /// The fields that go with every answer to a page.
  /// - Returns: nil when there are none: the server answers no pages.
  func responseFields(for headers: ReceivedHeaders) -> HeaderBlock? {
    guard !origins.isEmpty else { return nil }
    var fields = HeaderBlock()
    fields.append(name: "vary", value: "origin")
    guard let origin = allowedOrigin(headers) else { return fields }
    fields.append(name: "access-control-allow-origin", value: origin)
    fields.append(name: "access-control-expose-headers", value: exposed)
    return fields
  }

  /// What a preflight is answered with; nil when the request is none, or its origin is not allowed.
  func preflightFields(for headers: ReceivedHeaders) -> HeaderBlock? {
    guard let origin = allowedOrigin(headers), headers.firstValue("access-control-request-method") != nil
    else { return nil }
    var fields = HeaderBlock()
    fields.append(name: ":status", value: "204")
    fields.append(name: "access-control-allow-origin", value: origin)
    fields.append(name: "access-control-allow-methods", value: "POST, GET")
    fields.append(name: "access-control-allow-headers", value: allowed)
    fields.append(name: "access-control-max-age", value: "\(Self.preflightSeconds)")
    if headers.firstValue("access-control-request-private-network") == "true" {
      fields.append(name: "access-control-allow-private-network", value: "true")
    }
    fields.append(
      name: "vary", value: "origin, access-control-request-method, access-control-request-headers")
    return fields
  }

  private static let protocolRequestHeaders = [
    "content-type", "content-encoding", "accept-encoding", "connect-protocol-version", "connect-timeout-ms",
    "connect-content-encoding", "connect-accept-encoding", "grpc-timeout", "grpc-encoding", "grpc-accept-encoding",
    "x-grpc-web", "x-user-agent", "authorization",
  ]

  private static let protocolResponseHeaders = [
    "grpc-status", "grpc-message", "grpc-status-details-bin", "grpc-encoding", "content-encoding",
    "connect-content-encoding", "retry-after", "allow", "accept-post",
  ]

  private var allowed: String { (Self.protocolRequestHeaders + requestHeaders).joined(separator: ", ") }

  /// Connect sends trailing metadata as headers with a prefix.
  private var exposed: String {
    (Self.protocolResponseHeaders + responseHeaders + responseHeaders.map { ConnectFields.trailerPrefix + $0 })
      .joined(separator: ", ")
  }
}

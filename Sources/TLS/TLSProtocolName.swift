/// The protocols over TLS, by their names in ALPN. Source: RFC 7301, and IANA's registry "TLS
/// Application-Layer Protocol Negotiation (ALPN) Protocol IDs".
public enum TLSProtocolName: String, Sendable, CaseIterable {
  case http2 = "h2"
  case http1 = "http/1.1"

  /// - Returns: nil for a name that this library does not know, and without a name.
  init?(_ bytes: UnsafeRawBufferPointer) {
    guard let name = Self.allCases.first(where: { unsafe bytes.elementsEqual($0.rawValue.utf8) }) else { return nil }
    self = name
  }
}

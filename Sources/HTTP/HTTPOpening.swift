/// Tells the versions of HTTP apart by a cleartext connection's first bytes: those of HTTP/2 begin
/// with the preface `PRI * HTTP/2.0` (RFC 9113, section 3.4), and no request of HTTP/1.1 has the
/// method `PRI`.
struct HTTPOpening {
  /// What has come so far, as long as that decides nothing: at most three bytes.
  private(set) var bytes: [UInt8] = []

  private static let preface = Array("PRI ".utf8)

  /// - Returns: nil when more bytes are needed; these are in `bytes` then.
  mutating func version(with more: RawSpan) -> HTTPVersion? {
    for index in 0..<min(more.byteCount, Self.preface.count - bytes.count) {
      let byte = unsafe more.unsafeLoad(fromByteOffset: index, as: UInt8.self)
      guard byte == Self.preface[bytes.count + index] else { return .http1 }
    }
    guard bytes.count + more.byteCount < Self.preface.count else { return .http2 }
    unsafe more.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    return nil
  }
}

@testable import HTTP

/// The first bytes of a cleartext connection: which version of HTTP they are depends on the bytes
/// alone, and a real server takes them.
enum OpeningFuzzing {
  /// The first byte gives the size of the pieces.
  static func run(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let all = Array(bytes.dropFirst())
    let step = Int(first & 7) + 1
    let expected: HTTPVersion? =
      all.starts(with: "PRI ".utf8) ? .http2 : "PRI ".utf8.starts(with: all) ? nil : .http1
    precondition(version(all, step: max(1, all.count)) == expected, "the version is not that of the bytes")
    precondition(version(all, step: step) == expected, "pieces are another version")
    ServerFuzzing.shared.runOpening(all)
  }

  private static func version(_ bytes: [UInt8], step: Int) -> HTTPVersion? {
    var opening = HTTPOpening()
    for start in stride(from: 0, to: bytes.count, by: step) {
      let piece = Array(bytes[start..<min(start + step, bytes.count)])
      let held = opening.bytes
      if let version = opening.version(with: piece.span.bytes) {
        precondition(opening.bytes == held, "the piece that decides is held as well")
        return version
      }
      precondition(opening.bytes == held + piece && opening.bytes.count < 4, "what is held is not what has come")
    }
    return nil
  }
}

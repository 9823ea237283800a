import SplitMix
import TestSupport

/// Requests, and texts that are almost requests.
enum AlteredRequests {
  static let samples = [
    Wire.request(),
    "\r\n" + Wire.request(["Host: a", "X-Name: some value ", "Content-Length: 11"], "hello\r\nbody"),
    Wire.chunked("5;x=\"y\"\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nX: 1\r\nY: 2\r\n\r\n"),
    Wire.request("GET http://a?q HTTP/1.0", ["Connection: close"]),
    Wire.request("GET https://example.com:80/p%20q?r=s&t HTTP/1.1", ["Host: example.com:80", "Accept: */*, x;q=0.5"]),
    Wire.request("OPTIONS * HTTP/1.1", ["Host: [::1]:80", "Connection: keep-alive, Upgrade", "Upgrade: h2c"]),
    Wire.request(["Host: a", "Expect: 100-continue", "Connection: Close", "Content-Length: 0"], ""),
    Wire.request(
      ["Transfer-Encoding: Chunked", "Host: a", "Cookie: a=b; c=d"], "00000a\r\n0123456789\r\n0;last\r\n\r\n"),
    Wire.request(["Host: a", "Transfer-Encoding: gzip, chunked"], "0\r\n\r\n"),
    Wire.chunked("5\r\nhelloX"), "GET /\r\n\r\n", "\r\rGET",
  ]

  /// Pieces that line parsers treat differently.
  private static let pieces = [
    "\r\n", "\n", "\r", " ", "\t", ":", ";", ",", "\0", "0", "5", "a", "A", "chunked", "Content-Length: 3\r\n",
    "Content-Length: 5\r\n", "Host: b\r\n", "Transfer-Encoding: chunked\r\n", "Connection: close\r\n", "HTTP/1.0",
    "\r\n\r\n", "http://a", "\u{7f}", "\u{e9}", "X: y\r\n", " folded\r\n", "\"", "+", "-", "0x", "%", "#", "?", "@",
    "[",
  ]

  /// Some of the samples in a row, with pieces inserted, and bytes changed or removed.
  static func make(using random: inout SplitMix64) -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0...Int.random(in: 0...2, using: &random) {
      bytes += Array((random.choice(of: samples)).utf8)
    }
    for _ in 0..<Int.random(in: 0...3, using: &random) {
      let place = Int.random(in: 0...bytes.count, using: &random)
      switch Int.random(in: 0...3, using: &random) {
      case 0, 1: bytes.insert(contentsOf: (random.choice(of: pieces)).utf8, at: place)
      case 2 where place < bytes.count: bytes.remove(at: place)
      case 3 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &random)
      default: break
      }
    }
    return bytes
  }
}

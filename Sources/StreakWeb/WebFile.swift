/// A file of the page, as it lies under `Page/`.
struct WebFile: Sendable {
  /// Its path below `Page/`, and below the server's root.
  let path: String
  let bytes: [UInt8]

  /// The value of `content-type`, by the path's ending.
  var contentType: String {
    let ending = path.lastIndex(of: ".").map { path[path.index(after: $0)...] } ?? ""
    return Self.contentTypes[String(ending)] ?? "application/octet-stream"
  }

  /// Whether compressing it makes it smaller.
  var isText: Bool { contentType.hasSuffix("charset=utf-8") || contentType == "image/svg+xml" }

  private static let contentTypes = [
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "json": "application/json; charset=utf-8",
    "webmanifest": "application/manifest+json; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "ico": "image/x-icon",
  ]
}

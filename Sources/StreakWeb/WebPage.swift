internal import Cryptography
internal import Gzip
package import RPC

/// The app as one page: its files, as resources of a server.
package enum WebPage {
  /// Where a page may load from and connect to: this server only, without inline scripts and
  /// styles. Source: Content Security Policy Level 3.
  static let contentSecurityPolicy = [
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
    "manifest-src 'self'", "worker-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
  ].joined(separator: "; ")

  /// Features that the page never asks for.
  static let permissionsPolicy = [
    "camera", "display-capture", "geolocation", "microphone", "payment", "usb",
  ].map { $0 + "=()" }.joined(separator: ", ")

  /// The service worker keeps the files; the browser asks each time whether they have changed.
  private static let fields = [
    (name: "cache-control", value: "no-cache"),
    (name: "content-security-policy", value: contentSecurityPolicy),
    (name: "cross-origin-opener-policy", value: "same-origin"),
    (name: "permissions-policy", value: permissionsPolicy),
    (name: "referrer-policy", value: "no-referrer"),
    (name: "x-content-type-options", value: "nosniff"),
  ]

  /// Every file at its path, and `index.html` also at `/`. Made once, when the program starts: it
  /// compresses them.
  package static func resources() -> [StaticResource] { resources(of: WebFile.all) }

  static func resources(of files: [WebFile]) -> [StaticResource] {
    files.flatMap { file in
      let paths = file.path == "index.html" ? ["/", "/index.html"] : ["/" + file.path]
      let made = resource(file)
      return paths.map {
        StaticResource(path: $0, fields: made.fields, plain: made.plain, gzip: made.gzip)
      }
    }
  }

  private static func resource(_ file: WebFile) -> StaticResource {
    // 128 bits of the hash tell all versions of a file apart.
    let hash = Base64URL.encode(Array(SHA256.digest(of: file.bytes).prefix(16)))
    var gzip: StaticResource.Representation?
    var packed: [UInt8] = []
    if file.isText, (try? unsafe Gzip.compress(file.bytes.span.bytes, level: .smallest, appendingTo: &packed)) != nil,
      packed.count < file.bytes.count
    {
      gzip = StaticResource.Representation(body: packed, entityTag: "\"\(hash)-gzip\"")
    }
    return StaticResource(
      path: "/" + file.path, fields: [(name: "content-type", value: file.contentType)] + fields,
      plain: StaticResource.Representation(body: file.bytes, entityTag: "\"\(hash)\""), gzip: gzip)
  }
}

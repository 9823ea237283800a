/// A request line, taken apart. Source: RFC 9112, section 3.
struct RequestLine {
  /// Where the method and the target lie in the line.
  let method: Range<Int>
  let target: Range<Int>
  let version: HTTP1RequestHead.Version

  /// Bytes of a version, such as `HTTP/1.1`.
  private static let versionBytes = 8

  /// - Parameter line: Without its line end.
  init(_ line: Bytes) throws(HTTP1Refusal) {
    guard let methodEnd = unsafe line.place(of: 0x20), unsafe FieldSyntax.isToken(line.part(0..<methodEnd)),
      let targetEnd = unsafe line.place(of: 0x20, from: methodEnd + 1), targetEnd > methodEnd + 1
    else { throw .requestLine }
    method = 0..<methodEnd
    target = methodEnd + 1..<targetEnd
    version = unsafe try Self.version(line.part(targetEnd + 1..<line.count))
  }

  /// Source: RFC 9112, section 2.3.
  private static func version(_ bytes: Bytes) throws(HTTP1Refusal) -> HTTP1RequestHead.Version {
    if unsafe bytes.equals("HTTP/1.1") { return .http11 }
    if unsafe bytes.equals("HTTP/1.0") { return .http10 }
    guard bytes.count == versionBytes, unsafe bytes.part(0..<5).equals("HTTP/"), unsafe bytes[5].isDigit,
      unsafe bytes[6] == UInt8(ascii: "."), unsafe bytes[7].isDigit
    else { throw .requestLine }
    throw .version
  }
}

/// A request's target, taken apart. Source: RFC 9112, section 3.2.
struct RequestTarget {
  enum Scheme {
    /// The connection's.
    case connection
    case http
    case https
  }

  /// The target in absolute form: its scheme.
  private(set) var scheme = Scheme.connection
  /// The target in absolute form: where its host and port lie.
  private(set) var authority: Range<Int>?
  /// Where the path with its query lies.
  private(set) var path: Range<Int>
  /// The target in absolute form has no path: one is to be put in front of its query.
  private(set) var lacksPath = false

  init(_ target: Bytes, isOptions: Bool) throws(HTTP1Refusal) {
    guard unsafe Self.isVisible(target) else { throw .target }
    path = 0..<target.count
    let first = unsafe target[0]
    if first == UInt8(ascii: "/") { return }
    if first == UInt8(ascii: "*") {
      guard isOptions, target.count == 1 else { throw .target }
      return
    }
    let start: Int
    if unsafe target.beginsIgnoringCase("http://") {
      scheme = .http
      start = 7
    } else if unsafe target.beginsIgnoringCase("https://") {
      scheme = .https
      start = 8
    } else {
      throw .target
    }
    var end = start
    while end < target.count, unsafe target[end] != UInt8(ascii: "/"), unsafe target[end] != UInt8(ascii: "?") {
      end += 1
    }
    guard unsafe Authority.isValid(target.part(start..<end)) else { throw .target }
    authority = start..<end
    path = end..<target.count
    lacksPath = unsafe end == target.count || target[end] == UInt8(ascii: "?")
  }

  /// Whether there are visible ASCII characters alone, and no fragment, which is not sent (RFC
  /// 9110, section 4.2.5).
  private static func isVisible(_ bytes: Bytes) -> Bool {
    guard !bytes.isEmpty else { return false }
    for index in bytes.indices {
      let byte = unsafe bytes[index]
      guard byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "#") else { return false }
    }
    return true
  }
}

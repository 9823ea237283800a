internal import CNghttp2
internal import Glibc
internal import HTTP

/// Checks that a request is well-formed: its field lines one by one, then the whole list, then the
/// length of its body.
///
/// nghttp2 has such checks. They are off on a server, because they refuse an `:authority` that is
/// empty, absent or the path of a Unix socket, which gRPC clients send. Source: RFC 9113, sections
/// 8.1 to 8.3 and 8.5.
struct RequestCheck {
  /// What a list of fields has held so far.
  private struct Seen: OptionSet {
    let rawValue: UInt8
    static let method = Seen(rawValue: 1)
    static let scheme = Seen(rawValue: 2)
    static let path = Seen(rawValue: 4)
    static let authority = Seen(rawValue: 8)
    static let regular = Seen(rawValue: 16)
    static let connect = Seen(rawValue: 32)
    static let options = Seen(rawValue: 64)
    /// The path is `*`, which only OPTIONS may ask for.
    static let asterisk = Seen(rawValue: 128)
  }

  private var seen = Seen()
  /// The value of content-length; nil: none has come.
  private var announcedBytes: Int?

  /// Takes one field line of the request's header fields.
  /// - Returns: false when the request is malformed.
  mutating func take(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) -> Bool {
    guard unsafe name.first != UInt8(ascii: ":") else { return unsafe takePseudo(name, value) }
    seen.insert(.regular)
    return unsafe takeRegular(name, value)
  }

  /// Takes one field line of the trailers.
  /// - Returns: false when the request is malformed.
  mutating func takeTrailer(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) -> Bool {
    unsafe name.first != UInt8(ascii: ":") && takeRegular(name, value)
  }

  /// Whether the header fields, which are complete, are those of a request.
  var isWhole: Bool {
    let target: Seen = [.method, .scheme, .path]
    guard !seen.contains(.connect) else { return seen.isDisjoint(with: [.scheme, .path]) && seen.contains(.authority) }
    return seen.isSuperset(of: target) && (!seen.contains(.asterisk) || seen.contains(.options))
  }

  /// Whether a body of which `count` bytes have come agrees with the content-length.
  func allows(bodyBytes count: Int, isWhole: Bool) -> Bool {
    guard let announcedBytes else { return true }
    return isWhole ? count == announcedBytes : count <= announcedBytes
  }

  private mutating func takePseudo(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) -> Bool {
    let field: Seen
    switch name.count {
    case 5 where unsafe name.equals(":path"):
      field = .path
      guard unsafe nghttp2_check_path(value.baseAddress, value.count) != 0, !value.isEmpty else { return false }
      if unsafe value.count == 1 && value[0] == UInt8(ascii: "*") {
        seen.insert(.asterisk)
      } else if unsafe value[0] != UInt8(ascii: "/") {
        return false
      }
    case 7 where unsafe name.equals(":method"):
      field = .method
      if unsafe value.equals("POST") { break }
      guard unsafe nghttp2_check_method(value.baseAddress, value.count) != 0 else { return false }
      if unsafe value.equals("CONNECT") { seen.insert(.connect) }
      if unsafe value.equals("OPTIONS") { seen.insert(.options) }
    case 7 where unsafe name.equals(":scheme"):
      field = .scheme
      guard unsafe value.equals("http") || Self.isScheme(value) else { return false }
    case 10 where unsafe name.equals(":authority"):
      field = .authority
      // Nearly always nghttp2's rule, which is quick.
      guard unsafe nghttp2_check_authority(value.baseAddress, value.count) != 0 || Self.isVisible(value) else {
        return false
      }
    default: return false
    }
    return seen.isDisjoint(with: [field, .regular]) && seen.insert(field).inserted
  }

  private mutating func takeRegular(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) -> Bool {
    guard unsafe nghttp2_check_header_name(name.baseAddress, name.count) != 0,
      unsafe nghttp2_check_header_value(value.baseAddress, value.count) != 0
    else { return false }
    switch name.count {
    case 2: return unsafe !name.equals("te") || value.equals("trailers")
    case 7: return unsafe !name.equals("upgrade")
    case 10: return unsafe !(name.equals("connection") || name.equals("keep-alive"))
    case 14:
      guard unsafe name.equals("content-length") else { return true }
      guard announcedBytes == nil else { return false }
      announcedBytes = unsafe UnsafeRawBufferPointer(value).bytes.decimalNumber
      return announcedBytes != nil
    case 16: return unsafe !name.equals("proxy-connection")
    case 17: return unsafe !name.equals("transfer-encoding")
    default: return true
    }
  }

  private static func isVisible(_ value: UnsafeBufferPointer<UInt8>) -> Bool {
    unsafe value.allSatisfy { (0x21...0x7E).contains($0) }
  }

  /// Source: RFC 3986, section 3.1.
  private static func isScheme(_ value: UnsafeBufferPointer<UInt8>) -> Bool {
    guard let first = unsafe value.first, isLetter(first) else { return false }
    return unsafe value.allSatisfy { byte in
      isLetter(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-")
        || byte == UInt8(ascii: ".")
    }
  }

  private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }
}

extension UnsafeBufferPointer<UInt8> {
  /// Whether the bytes are exactly those of `text`.
  @inline(__always)
  func equals(_ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount, let bytes = baseAddress else { return false }
    return unsafe memcmp(bytes, text.utf8Start, count) == 0
  }

  /// The bytes without spaces and tabs around them.
  @inline(__always)
  var trimmed: UnsafeBufferPointer<UInt8> {
    guard let first = unsafe first, let last = unsafe last, first.isSpaceOrTab || last.isSpaceOrTab else {
      return unsafe self
    }
    var range = indices
    while let index = range.first, unsafe self[index].isSpaceOrTab { range.removeFirst() }
    while let index = range.last, unsafe self[index].isSpaceOrTab { range.removeLast() }
    return unsafe UnsafeBufferPointer(rebasing: self[range])
  }
}

extension UInt8 {
  fileprivate var isSpaceOrTab: Bool { self == 0x20 || self == 0x09 }
}

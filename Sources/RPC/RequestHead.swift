internal import HTTP

/// What the header fields of a request say, read in one pass.
struct RequestHead {
  private(set) var isPost = false
  private(set) var isGRPC = false
  private(set) var timeout: Timeout = .none
  /// What compressed messages are; nil: a coding that we do not have.
  private(set) var encoding: MessageEncoding? = .identity
  private(set) var route: Router.Route?

  enum Timeout: Equatable {
    case none
    case milliseconds(UInt64)
    case malformed
  }

  init(_ headers: ReceivedHeaders, router: Router) {
    for field in headers.fields {
      switch field.nameCount {
      case 5:
        headers.withBytes(of: field) { name, value in
          if name.equals(":path") { route = router.route(value) }
        }
      case 7:
        headers.withBytes(of: field) { name, value in
          if name.equals(":method") { isPost = value.equals("POST") }
        }
      case 12:
        headers.withBytes(of: field) { name, value in
          if name.equals("content-type") {
            isGRPC = Self.isGRPC(value)
          } else if name.equals("grpc-timeout") {
            timeout = GRPCTimeout.milliseconds(headers.value(of: field)).map { .milliseconds($0) } ?? .malformed
          }
        }
      case 13:
        headers.withBytes(of: field) { name, value in
          if name.equals("grpc-encoding") { encoding = MessageEncoding(value) }
        }
      default: break
      }
    }
  }

  /// `application/grpc`, alone or followed by `+proto` or parameters.
  private static func isGRPC(_ value: RawSpan) -> Bool {
    let plain: StaticString = "application/grpc"
    if value.byteCount == plain.utf8CodeUnitCount { return value.equals(plain) }
    guard value.byteCount > plain.utf8CodeUnitCount,
      value.extracting(0..<plain.utf8CodeUnitCount).equals(plain)
    else { return false }
    let rest = value.extracting(plain.utf8CodeUnitCount..<value.byteCount)
    if unsafe rest.unsafeLoad(fromByteOffset: 0, as: UInt8.self) == UInt8(ascii: ";") { return true }
    return rest.byteCount >= 6 && rest.extracting(0..<6).equals("+proto")
  }
}

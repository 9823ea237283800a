internal import ProtobufCodec

/// The query of a unary call by GET. Source: Connect protocol reference, "Unary-Get-Request".
struct ConnectQuery {
  /// The message, decoded from the query, perhaps compressed.
  let message: [UInt8]
  let codec: CallFormat.Codec
  /// Nil: a coding that is not served.
  let encoding: MessageEncoding?

  /// The parameters that mean something; callers and proxies may add others.
  private enum Name: String {
    case message, encoding, base64, compression, connect
  }

  /// - Parameter path: The request's `:path`, query and all.
  /// - Throws: INVALID_ARGUMENT for a query that is not one of Connect's.
  init(path: String) throws(RPCStatus) {
    var values: [Name: [UInt8]] = [:]
    for (encodedName, encodedValue) in Self.pairs(of: path) {
      guard let name = PercentEncoding.decodeQuery(encodedName).flatMap(Self.name) else { continue }
      guard values[name] == nil else { throw Self.refusal("The parameter \(name.rawValue) stands twice.") }
      guard let value = PercentEncoding.decodeQuery(encodedValue) else {
        throw Self.refusal("The parameter \(name.rawValue) is malformed.")
      }
      values[name] = value
    }
    func text(_ name: Name) -> String? { values[name].map { String(decoding: $0, as: UTF8.self) } }
    switch text(.encoding) {
    case "proto": codec = .proto
    case "json": codec = .json
    case nil: throw Self.refusal("The query has no parameter encoding.")
    default: throw Self.refusal("The parameter encoding is neither proto nor json.")
    }
    if let version = text(.connect), version != "v1" {
      throw Self.refusal("The parameter connect is not v1.")
    }
    let compression = values[.compression] ?? []
    encoding = unsafe MessageEncoding.identity.applying(contentCodings: compression.span.bytes)
    guard let bytes = values[.message] else { throw Self.refusal("The query has no parameter message.") }
    switch text(.base64) {
    case nil, "0": message = bytes
    case "1":
      guard let decoded = Base64.decode(String(decoding: bytes, as: UTF8.self)) else {
        throw Self.refusal("The parameter message is not base64.")
      }
      message = decoded
    default: throw Self.refusal("The parameter base64 is not 1.")
    }
  }

  private static func name(_ bytes: [UInt8]) -> Name? { Name(rawValue: String(decoding: bytes, as: UTF8.self)) }

  /// The names and values of a path's query, as they stand.
  private static func pairs(of path: String) -> [(Substring, Substring)] {
    path.utf8.drop { $0 != UInt8(ascii: "?") }.dropFirst().split(separator: UInt8(ascii: "&")).map { pair in
      let name = pair.prefix { $0 != UInt8(ascii: "=") }
      return (Substring(name), Substring(pair.dropFirst(name.count + 1)))
    }
  }

  /// Every parameter of a path's query, decoded; a malformed one as it stands.
  static func parameters(of path: String) -> [(name: String, value: String)] {
    pairs(of: path).map { (text($0), text($1)) }
  }

  private static func text(_ encoded: Substring) -> String {
    PercentEncoding.decodeQuery(encoded).map { String(decoding: $0, as: UTF8.self) } ?? String(encoded)
  }

  /// The refusal of a body, which GET has no use for: what it is meant to say is not known. Source:
  /// RFC 9110, section 9.3.1.
  static let bodyRefusal = refusal("A call by GET has no body.")

  private static func refusal(_ message: String) -> RPCStatus {
    RuntimeReason.malformedRequest.status(.invalidArgument, message)
  }
}

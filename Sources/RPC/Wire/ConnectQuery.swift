internal import ProtobufCodec

/// The query of a unary call by GET. Source: Connect protocol reference, "Unary-Get-Request".
struct ConnectQuery {
  /// The message, decoded from the query, perhaps compressed.
  let message: [UInt8]
  let codec: CallFormat.Codec
  /// Nil: a coding that is not served.
  let encoding: MessageEncoding?

  /// - Parameter path: The request's `:path`, query and all.
  /// - Throws: INVALID_ARGUMENT for a query that is not one of Connect's.
  init(path: String) throws(RPCStatus) {
    var values: [Substring: Substring] = [:]
    let query = path.drop { $0 != "?" }.dropFirst()
    for pair in query.split(separator: "&") {
      let name = pair.prefix { $0 != "=" }
      guard values[name] == nil else { throw Self.refusal("The parameter \(name) stands twice.") }
      values[name] = pair.dropFirst(name.count + 1)
    }
    switch values["encoding"] {
    case "proto": codec = .proto
    case "json": codec = .json
    case nil: throw Self.refusal("The query has no parameter encoding.")
    default: throw Self.refusal("The parameter encoding is neither proto nor json.")
    }
    if let version = values["connect"], version != "v1" {
      throw Self.refusal("The parameter connect is not v1.")
    }
    if let compression = values["compression"] {
      guard let name = PercentEncoding.decodeQuery(compression) else {
        throw Self.refusal("The parameter compression is malformed.")
      }
      encoding = unsafe MessageEncoding(name.span.bytes)
    } else {
      encoding = .identity
    }
    guard let text = values["message"] else { throw Self.refusal("The query has no parameter message.") }
    guard let bytes = PercentEncoding.decodeQuery(text) else {
      throw Self.refusal("The parameter message is malformed.")
    }
    switch values["base64"] {
    case nil, "0": message = bytes
    case "1":
      guard let decoded = Base64.decode(String(decoding: bytes, as: UTF8.self)) else {
        throw Self.refusal("The parameter message is not base64.")
      }
      message = decoded
    default: throw Self.refusal("The parameter base64 is not 1.")
    }
  }

  /// Every parameter of a path's query, decoded; a malformed one as it stands.
  static func parameters(of path: String) -> [(name: String, value: String)] {
    path.drop { $0 != "?" }.dropFirst().split(separator: "&").map { pair in
      let name = pair.prefix { $0 != "=" }
      return (text(name), text(pair.dropFirst(name.count + 1)))
    }
  }

  private static func text(_ encoded: Substring) -> String {
    PercentEncoding.decodeQuery(encoded).map { String(decoding: $0, as: UTF8.self) } ?? String(encoded)
  }

  private static func refusal(_ message: String) -> RPCStatus { RPCStatus(.invalidArgument, message) }
}

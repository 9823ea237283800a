internal import HTTP

/// Header fields of Connect's unary responses.
enum ConnectFields {
  /// What stands before the names of trailing metadata. Source: Connect protocol reference,
  /// "Trailers".
  static let trailerPrefix = "trailer-"

  /// Appends trailing metadata as header fields.
  static func appendTrailing(_ metadata: HeaderBlock?, to fields: inout HeaderBlock) {
    metadata?.forEach { name, value in fields.append(name: trailerPrefix + name, value: value) }
  }
}

/// A JSON document as a tree; numbers keep their text. Source: RFC 8259.
public indirect enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  case number(String)
  case string(String)
  case array([JSONValue])
  /// Members in order; names are distinct.
  case object([Member])

  public struct Member: Sendable, Equatable {
    public let name: String
    public let value: JSONValue

    public init(name: String, value: JSONValue) {
      self.name = name
      self.value = value
    }
  }
}

/// Why text is not the JSON of a message.
public struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A byte offset for malformed JSON, a field path for JSON that does not fit the schema.
  public let place: String
  public let reason: String

  public var description: String { "\(place): \(reason)" }
}

/// The values that a mail's template shows, by name, and their bytes in the outbox.
struct MailValues: Equatable {
  /// The longest value, in characters: a device's name is the person's own text.
  static let charactersMax = 512

  enum Name: String, CaseIterable {
    /// The service's name, as the sender's.
    case service
    /// Eight digits.
    case code
    case link
    case device
    /// When it happened, or will.
    case time
  }

  private(set) var values: [Name: String] = [:]

  subscript(name: Name) -> String? {
    get { values[name] }
    set {
      // On one line, and without what would end it.
      let line = newValue?.unicodeScalars.map { scalar -> Character in
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: " "
        default: Character(scalar)
        }
      }
      values[name] = line.map { String(String($0).prefix(Self.charactersMax)) }
    }
  }

  init() {}

  init(bytes: [UInt8]) {
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, let name = Name(rawValue: String(parts[0])) else { continue }
      self[name] = String(parts[1])
    }
  }

  var bytes: [UInt8] {
    Array(values.map { "\($0.key.rawValue)=\($0.value)\n" }.sorted().joined().utf8)
  }
}

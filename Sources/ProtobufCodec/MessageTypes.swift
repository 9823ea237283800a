/// The messages that a `google.protobuf.Any` may hold when it is read from or written as JSON, by
/// name.
public struct MessageTypes: Sendable {
  private var byName: [String: MessageDescriptor] = [:]

  /// No message at all.
  public static let none = MessageTypes([])

  /// Some messages and all that they contain.
  public init(_ roots: some Sequence<MessageDescriptor>) {
    var waiting = Array(roots)
    while let next = waiting.popLast() {
      guard byName.updateValue(next, forKey: next.fullName) == nil else { continue }
      for child in next.children { if let child { waiting.append(child) } }
    }
  }

  /// The message that a type URL such as `type.googleapis.com/NAME` names.
  func message(of url: String) -> MessageDescriptor? {
    guard let slash = url.lastIndex(of: "/") else { return nil }
    return byName[String(url[url.index(after: slash)...])]
  }
}

extension MessageTypes {
  /// The most levels of `Any` within `Any`: each level's text is read once more than that of the
  /// level around it.
  static let nestingMax = 8
}

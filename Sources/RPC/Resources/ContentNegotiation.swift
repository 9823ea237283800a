/// What request headers say about the wanted form of a resource. Source: RFC 9110, sections 12.5.3
/// and 13.1.2.
enum ContentNegotiation {
  /// Whether `Accept-Encoding` names gzip, and not with a weight of zero.
  static func takesGzip(_ values: [String]) -> Bool {
    for item in values.joined(separator: ",").split(separator: ",") {
      let parts = item.split(separator: ";").map { $0.trimmingSpace.lowercased() }
      guard parts.first == "gzip" else { continue }
      let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) }
      return weight ?? 1 > 0
    }
    return false
  }

  /// Whether `If-None-Match` holds an entity tag, or is `*`.
  static func holds(_ entityTag: String, _ values: [String]) -> Bool {
    values.joined(separator: ",").split(separator: ",").contains { item in
      let tag = item.trimmingSpace
      return tag == "*" || (tag.hasPrefix("W/") ? tag.dropFirst(2) : tag) == entityTag
    }
  }
}

extension Set where Element: Comparable {
  /// Calls `body` with each element, ascending. Most changes touch one cell of one habit: then no
  /// sorting is needed.
  @inlinable
  package func forEachInOrder(_ body: (Element) -> Void) {
    guard count > 1 else {
      for element in self { body(element) }
      return
    }
    for element in sorted() { body(element) }
  }
}

extension Dictionary where Key: Comparable {
  /// Calls `body` with each key and its value, by ascending key. Most changes touch one cell: then
  /// no sorting is needed.
  @inlinable
  package func forEachInOrder(_ body: (Key, Value) -> Void) {
    guard count > 1 else {
      for (key, value) in self { body(key, value) }
      return
    }
    for (key, value) in sorted(by: { $0.key < $1.key }) { body(key, value) }
  }
}

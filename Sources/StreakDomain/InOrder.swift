extension Set where Element: Comparable {
  /// Calls `body` with each element, ascending. Most changes touch one cell of one habit: then nothing is sorted.
  package func forEachInOrder(_ body: (Element) -> Void) {
    if count > 1 { sorted().forEach(body) } else { forEach(body) }
  }
}

extension Dictionary where Key: Comparable {
  /// Calls `body` with each key and its value, by ascending key. Most changes touch one cell: then nothing is sorted.
  package func forEachInOrder(_ body: (Key, Value) -> Void) {
    if count > 1 {
      for (key, value) in sorted(by: { $0.key < $1.key }) { body(key, value) }
    } else {
      for (key, value) in self { body(key, value) }
    }
  }
}

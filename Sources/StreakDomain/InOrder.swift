extension Set where Element: Comparable {
  /// Calls `body` with each element, ascending. Most changes touch one cell of one habit: then nothing is sorted.
  package func forEachInOrder(_ body: (Element) -> Void) {
    if count > 1 { sorted().forEach(body) } else { forEach(body) }
  }
}

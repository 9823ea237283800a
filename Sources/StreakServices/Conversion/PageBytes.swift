/// Limits pages by bytes besides their number of items: the server holds a response until the peer
/// has read it.
enum PageBytes {
  /// Most bytes of text in one page, 1 MiB; a page has at least one item.
  static let bytesMax = 1 << 20

  /// The first items that fit into a page.
  static func cut<Items: Collection>(
    _ items: Items, countMax: Int, bytes: (Items.Element) -> Int
  ) -> Items.SubSequence {
    var (count, sum) = (0, 0)
    for item in items.prefix(countMax) {
      sum += bytes(item)
      guard sum <= bytesMax || count == 0 else { break }
      count += 1
    }
    return items.prefix(count)
  }
}

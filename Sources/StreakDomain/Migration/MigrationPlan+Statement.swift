extension MigrationPlan {
  /// An entry of a capture with its place. Several may speak about one habit and day.
  struct Statement {
    let index: Int
    let entry: CapturedSession.Entry

    /// What one device's statements about one habit and day come to: the one made last holds, done wins a tie, then the
    /// later place. Every different note stays, the latest first, one below the other.
    /// - Returns: The statement that holds (nil for none), the note, and the places of the statements whose note no longer
    ///   fits: they go to the inbox, where it can be read.
    static func merged(
      _ statements: [Statement]
    ) -> (latest: CapturedSession.Entry?, note: String, unmergeable: [Int]) {
      let sorted = statements.sorted { $0.rank > $1.rank }
      var note = ""
      var notes: Set<String> = [""]
      var unmergeable: [Int] = []
      for statement in sorted where notes.insert(statement.entry.note).inserted {
        let separator = note.isEmpty ? "" : "\n"
        if note.utf8.count + separator.utf8.count + statement.entry.note.utf8.count <= CapturedSession.noteBytesMax {
          note += separator + statement.entry.note
        } else {
          unmergeable.append(statement.index)
        }
      }
      return (sorted.first?.entry, note, unmergeable)
    }

    private var rank: (Int64, Int, Int) { (entry.made.occurredAtMilliseconds, entry.done ? 1 : 0, index) }
  }
}

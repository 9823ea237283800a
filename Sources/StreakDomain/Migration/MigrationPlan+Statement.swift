extension MigrationPlan {
  /// An entry of a capture with its index. Several may be about one habit and day.
  struct Statement {
    let index: Int
    let entry: CapturedSession.Entry

    /// Most notes of one day that are kept besides the shown one; each becomes a notice.
    static let otherNotesMax = 8

    /// Merges one device's statements about one habit and day: the one made last wins; of equal
    /// times done wins, then the later index. Of different notes the latest is shown, the others
    /// are kept.
    /// - Returns: The winning statement (nil for none), the notes, the latest first, and the
    ///   indexes of the statements whose notes exceed the limit: they go to the inbox, where they
    ///   can be read.
    static func merged(
      _ statements: [Statement]
    ) -> (latest: CapturedSession.Entry?, notes: [MigrationPlan.Note], tooMany: [Int]) {
      let sorted = statements.sorted { $0.rank > $1.rank }
      var notes: [MigrationPlan.Note] = []
      var texts: Set<String> = [""]
      var tooMany: [Int] = []
      for statement in sorted where texts.insert(statement.entry.note).inserted {
        if notes.count <= otherNotesMax {
          notes.append(
            MigrationPlan.Note(
              text: statement.entry.note, madeAt: statement.entry.clientTime.occurredAt,
              index: statement.index))
        } else {
          tooMany.append(statement.index)
        }
      }
      return (sorted.first?.entry, notes, tooMany)
    }

    private var rank: (Instant, Int, Int) { (entry.clientTime.occurredAt, entry.done ? 1 : 0, index) }
  }
}

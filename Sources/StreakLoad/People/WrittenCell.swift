/// What this client has written into one day of a habit: the audit's side of the ledger.
struct WrittenCell: Equatable, Sendable {
  /// Day number.
  let day: Int32
  /// The number of the last write that was acknowledged; 0 for none.
  var acknowledged: UInt32 = 0
  /// Numbers of writes of which nobody knows whether they took effect, since any of them may come
  /// last.
  var uncertain: [UInt32] = []
}

/// A habit of somebody's, and what is known of it for certain.
struct LoadHabit: Sendable {
  let id: [UInt8]
  /// Days that count, without those written in this run.
  var countedBefore: Int32
  /// Days that are held, also those that do not count, without those written in this run.
  var heldBefore: Int32
  /// The last day of those.
  var lastDayBefore: Int32
  /// Days written in this run, the latest last: one, or two around midnight.
  var written: [WrittenCell] = []

  init(id: [UInt8], counted: Int32, held: Int32, lastDay: Int32) {
    self.id = id
    heldBefore = held
    countedBefore = counted
    lastDayBefore = lastDay
  }

  /// How many days count, at least and at most.
  var counted: ClosedRange<Int32> {
    var least = countedBefore
    var most = countedBefore
    for cell in written where cell.day > lastDayBefore {
      if cell.acknowledged > 0 { least += 1 }
      if cell.acknowledged > 0 || !cell.uncertain.isEmpty { most += 1 }
    }
    return least...most
  }

  /// Where a day's writes are noted.
  mutating func place(ofDay day: Int32) -> Int {
    if let place = written.firstIndex(where: { $0.day == day }) { return place }
    written.append(WrittenCell(day: day))
    return written.count - 1
  }
}

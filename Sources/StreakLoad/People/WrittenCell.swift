/// The writes of this client to one day of a habit, for the audit.
struct WrittenCell: Equatable, Sendable {
  /// Day number.
  let day: Int32
  /// The number of the last acknowledged write; 0 for none.
  var acknowledged: UInt32 = 0
  /// Numbers of writes of unknown outcome; any of them may take effect last.
  var uncertain: [UInt32] = []
}

/// A person's habit, and what is certain about it.
struct LoadHabit: Sendable {
  let id: [UInt8]
  /// Days that count, without those written by this run.
  var countedBefore: Int32
  /// Stored days, including those that do not count, without those written by this run.
  var heldBefore: Int32
  /// The last of these days.
  var lastDayBefore: Int32
  /// Days written by this run, the latest last: one, or two around midnight.
  var written: [WrittenCell] = []

  init(id: [UInt8], counted: Int32, held: Int32, lastDay: Int32) {
    self.id = id
    heldBefore = held
    countedBefore = counted
    lastDayBefore = lastDay
  }

  /// The number of days that count, at least and at most.
  var counted: ClosedRange<Int32> {
    var least = countedBefore
    var most = countedBefore
    for cell in written where cell.day > lastDayBefore {
      if cell.acknowledged > 0 { least += 1 }
      if cell.acknowledged > 0 || !cell.uncertain.isEmpty { most += 1 }
    }
    return least...most
  }

  /// The index of a day's entry in `written`; adds one if it is missing.
  mutating func place(ofDay day: Int32) -> Int {
    if let place = written.firstIndex(where: { $0.day == day }) { return place }
    written.append(WrittenCell(day: day))
    return written.count - 1
  }
}
